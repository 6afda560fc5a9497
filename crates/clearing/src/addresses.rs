//! What a message to an agent says of parties and instruments beyond our own names for them, and which domains are
//! external. Kept beside the other reference data, which the internal seat alone needs.

use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use model::date::Date;
use model::identifier::{Bic, Identifier, Isin, Lei};
use model::index::{AccountIx, DomainIx, InstrumentIx, Kind, PartyIx};
use model::outbound::PartyReference;
use model::reference::{Domain, DomainKind, Reference};
use model::rejection::{Reason, Rejection};
use model::trade::QuantityType;

/// Codes by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    /// External domains, with who settles there where that is said.
    pub external: BTreeMap<u32, Option<Identifier>>,
    pub parties: BTreeMap<u32, (Option<Lei>, Option<Bic>)>,
    pub instruments: BTreeMap<u32, (QuantityType, Vec<(Date, Isin)>)>,
}

impl Addresses {
    /// The ISIN of an instrument on a date, and what its quantity counts.
    pub fn instrument(&self, instrument: InstrumentIx, on: Date) -> (Option<Isin>, QuantityType) {
        match self.instruments.get(&instrument.0) {
            None => (None, QuantityType::Unit),
            Some((counts, isins)) => {
                (isins.iter().filter(|(from, _)| *from <= on).max_by_key(|(from, _)| *from).map(|row| row.1), *counts)
            }
        }
    }
}

impl State {
    /// A CSD or custodian settles there.
    pub(crate) fn is_external(&self, domain: DomainIx) -> bool {
        self.addresses.external.contains_key(&domain.0)
    }

    /// Our account of this name at an agent, whose movements we only mirror.
    pub(crate) fn mirror(&self, name: &str) -> Option<AccountIx> {
        let index = AccountIx(self.names.find(Kind::Account, name)?);
        self.is_mirror(index).then_some(index)
    }

    /// Whether an account lies in an external domain.
    pub fn is_mirror(&self, account: AccountIx) -> bool {
        self.reference.account(account).is_some_and(|entry| self.is_external(entry.domain))
    }

    pub(crate) fn party_reference(&self, party: PartyIx) -> PartyReference {
        let id = self.names.name(Kind::Party, party.0).expect("a party of an instruction has its name").clone();
        let (lei, bic) = self.addresses.parties.get(&party.0).copied().unwrap_or_default();
        PartyReference { id, lei, bic }
    }

    /// What is instructed there would lie in nobody's hands if a domain changed its kind.
    pub(crate) fn check_kind(&self, domain: &Domain) -> Result<(), Rejection> {
        let index = self.names.find(Kind::Domain, domain.id.as_str()).map(DomainIx);
        let defined = index.filter(|index| self.reference.domain(*index).is_some());
        if defined.is_some_and(|index| self.is_external(index) != (domain.kind == DomainKind::External)) {
            return Err(Rejection::new(Reason::ReferenceInUse, "kind"));
        }
        Ok(())
    }

    /// Keeps what of a piece of reference data belongs here.
    pub(crate) fn note_addresses(&mut self, reference: &Reference) {
        let index = |kind: Kind, id: &Identifier| self.names.find(kind, id.as_str()).expect("what is set has a number");
        match reference {
            Reference::Party(party) => {
                let at = index(Kind::Party, &party.id);
                self.addresses.parties.insert(at, (party.lei, party.bic));
            }
            Reference::Domain(domain) if domain.kind == DomainKind::External => {
                let at = index(Kind::Domain, &domain.id);
                self.addresses.external.insert(at, domain.agent.clone());
            }
            Reference::Instrument(instrument) => {
                let at = index(Kind::Instrument, &instrument.id);
                let new = instrument.isins.iter().map(|row| (row.valid_from, row.isin));
                let entry = self.addresses.instruments.entry(at).or_insert((instrument.quantity_type, Vec::new()));
                entry.0 = instrument.quantity_type;
                entry.1.retain(|(from, _)| !instrument.isins.iter().any(|row| row.valid_from == *from));
                entry.1.extend(new);
            }
            _ => {}
        }
    }
}
