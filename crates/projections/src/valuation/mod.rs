//! The valuation view: what figures stand on – prices and rates as they were recorded, the closes that froze them, and by
//! which method each book counts.
//!
//! Nothing is valued here. Sets stay in the database and are read when somebody asks; their names are in memory.

mod prices;
mod sets;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::accounting::FrozenSet;
use model::date::Date;
use model::event::Event;
use model::identifier::{Cfi, CurrencyCode, Identifier};
use model::index::PartyIx;
use model::margin::ClearingTerms;
use model::record::Facts;
use model::reference::{BookPolicy, LotMethod, Reference, Role};
use model::trade::QuantityType;
use risk::lots::{Fees, Method, Policies, Policy};

pub(crate) use prices::{Prices, Unpriced, Wanted};
pub(crate) use sets::{SetName, Sets};

#[derive(Default)]
pub(crate) struct Valuation {
    /// Shared with those who ask just now.
    pub(crate) grounds: Arc<Grounds>,
    dirty: Vec<Dirty>,
}

/// What is not written yet.
enum Dirty {
    /// As the command that set it.
    Reference(Vec<u8>, Box<Reference>),
    Set(FrozenSet),
    Close(PartyIx, Date),
}

/// What figures stand on.
#[derive(Clone, Default)]
pub(crate) struct Grounds {
    owners: BTreeMap<Identifier, Identifier>,
    /// By first trade date.
    policies: BTreeMap<Identifier, BTreeMap<Date, BookPolicy>>,
    instruments: BTreeMap<Identifier, Priceable>,
    issuers: BTreeMap<Identifier, Identifier>,
    /// Central counterparties, and what each asks from which day on.
    ccps: BTreeSet<Identifier>,
    clearing: BTreeMap<Identifier, BTreeMap<Date, ClearingTerms>>,
    pub(crate) sets: Sets,
    closes: BTreeMap<(PartyIx, Date), Close>,
}

/// What a price of an instrument means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Priceable {
    pub(crate) currency: CurrencyCode,
    pub(crate) counted: QuantityType,
    pub(crate) cfi: Cfi,
}

/// By what an entity's books were closed for a day.
#[derive(Clone, Debug)]
pub(crate) struct Close {
    pub(crate) sequence: u64,
    pub(crate) sets: Vec<FrozenSet>,
}

impl Grounds {
    /// The legal entity that owns a book.
    pub(crate) fn owner(&self, book: &Identifier) -> Option<&Identifier> {
        self.owners.get(book)
    }

    pub(crate) fn instrument(&self, instrument: &Identifier) -> Option<Priceable> {
        self.instruments.get(instrument).copied()
    }

    pub(crate) fn issuer(&self, instrument: &Identifier) -> Option<&Identifier> {
        self.issuers.get(instrument)
    }

    /// Whether a party is a central counterparty.
    pub(crate) fn is_ccp(&self, party: &Identifier) -> bool {
        self.ccps.contains(party)
    }

    /// What a central counterparty asks on a day.
    pub(crate) fn clearing_terms(&self, ccp: &Identifier, on: Date) -> Option<&ClearingTerms> {
        self.clearing.get(ccp)?.range(..=on).next_back().map(|(_, terms)| terms)
    }

    /// How a book counts: FIFO with fees expensed until something else was set.
    pub(crate) fn policies(&self, book: &Identifier) -> Policies {
        let standard = Policy { from: Date::MIN, method: Method::Fifo, fees: Fees::Expensed };
        let set = self.policies.get(book).into_iter().flatten().map(|(from, policy)| Policy {
            from: *from,
            method: match policy.method {
                LotMethod::Fifo => Method::Fifo,
                LotMethod::Average => Method::Average,
            },
            fees: if policy.fees_in_cost { Fees::Capitalised } else { Fees::Expensed },
        });
        Policies::new(std::iter::once(standard).chain(set).collect()).expect("there is one at least")
    }

    /// What a book reports in on a date.
    pub(crate) fn reporting(&self, book: &Identifier, on: Date) -> Option<CurrencyCode> {
        self.policies.get(book)?.range(..=on).next_back()?.1.currency
    }

    /// The close of a day.
    pub(crate) fn close(&self, entity: PartyIx, date: Date) -> Option<&Close> {
        self.closes.get(&(entity, date))
    }

    /// The last close before a day.
    pub(crate) fn last_close(&self, entity: PartyIx, before: Date) -> Option<(Date, &Close)> {
        let earlier = self.closes.range((entity, Date::MIN)..(entity, before)).next_back();
        earlier.map(|((_, date), close)| (*date, close))
    }

    /// The first close after a day.
    pub(crate) fn next_close(&self, entity: PartyIx, after: Date) -> Option<&Close> {
        let later = (std::ops::Bound::Excluded((entity, after)), std::ops::Bound::Included((entity, Date::MAX)));
        self.closes.range(later).next().map(|(_, close)| close)
    }

    /// Takes a piece in; its key among the rows, where it is one that is kept.
    fn set(&mut self, reference: &Reference) -> Option<Vec<u8>> {
        let name = |kind: u8, id: &Identifier| [&[kind], id.as_str().as_bytes()].concat();
        match reference {
            Reference::Book(book) => {
                self.owners.insert(book.id.clone(), book.owner.clone());
                Some(name(b'B', &book.id))
            }
            Reference::Instrument(each) => {
                let priceable = Priceable { currency: each.currency, counted: each.quantity_type, cfi: each.cfi };
                self.instruments.insert(each.id.clone(), priceable);
                Some(name(b'I', &each.id))
            }
            Reference::Issuer(each) => {
                self.issuers.insert(each.instrument.clone(), each.issuer.clone());
                Some(name(b'U', &each.instrument))
            }
            Reference::Party(party) => {
                let (is, was) = (party.roles.contains(&Role::Ccp), self.ccps.remove(&party.id));
                if is {
                    self.ccps.insert(party.id.clone());
                }
                // Of the others there is no row: most parties never were one.
                (is || was).then(|| name(b'C', &party.id))
            }
            Reference::ClearingTerms(terms) => {
                let rows = self.clearing.entry(terms.ccp.clone()).or_default();
                rows.insert(terms.valid_from, terms.clone());
                let from = crate::positions::date_bytes(terms.valid_from);
                Some([&name(b'T', &terms.ccp)[..], &[0], &from].concat())
            }
            Reference::BookPolicy(policy) => {
                let policies = self.policies.entry(policy.book.clone()).or_default();
                policies.insert(policy.valid_from, policy.clone());
                let from = crate::positions::date_bytes(policy.valid_from);
                Some([&name(b'P', &policy.book)[..], &[0], &from].concat())
            }
            _ => None,
        }
    }
}

impl Valuation {
    fn event(&mut self, facts: &Facts, event: &Event) {
        match event {
            Event::ReferenceSet { reference, .. } => match &**reference {
                Reference::PriceSet(set) => {
                    let name = Arc::make_mut(&mut self.grounds).sets.add(set.clone());
                    self.dirty.push(Dirty::Set(name));
                }
                Reference::Book(_)
                | Reference::Instrument(_)
                | Reference::BookPolicy(_)
                | Reference::Issuer(_)
                | Reference::Party(_)
                | Reference::ClearingTerms(_) => {
                    if let Some(key) = Arc::make_mut(&mut self.grounds).set(reference) {
                        self.dirty.push(Dirty::Reference(key, reference.clone()));
                    }
                }
                _ => {}
            },
            Event::AccountingDayClosed { entity, date, sets, .. } => {
                let close = Close { sequence: facts.sequence, sets: sets.clone() };
                Arc::make_mut(&mut self.grounds).closes.insert((*entity, *date), close);
                self.dirty.push(Dirty::Close(*entity, *date));
            }
            _ => {}
        }
    }
}
