//! Which instructions a question is about: names turned into numbers once, then compared row by row.

use std::collections::BTreeMap;

use model::date::Date;
use model::identifier::Identifier;
use model::index::{BookIx, DomainIx, InstrumentIx, Kind, PartyIx, SourceIx};
use model::instruction::Code;
use prost::Message;
use wire::pb::view as pb;

use super::instruction::Instruction;
use crate::Error;
use crate::names::Names;
use crate::token;
use crate::values;

#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    party: Option<PartyIx>,
    counterparty: Option<PartyIx>,
    book: Option<BookIx>,
    instrument: Option<InstrumentIx>,
    domain: Option<DomainIx>,
    intended_from: Option<Date>,
    intended_to: Option<Date>,
    /// A bit for each status; none: all.
    statuses: u8,
    reason: Option<Code>,
    pub(crate) trade: Option<(SourceIx, Identifier)>,
    min_age: Option<u32>,
    hash: u64,
}

/// The latest intended date, by domain, that makes an instruction old enough.
pub(crate) type OldEnough = BTreeMap<DomainIx, Date>;

impl Filter {
    pub(crate) fn parse(filter: &pb::InstructionFilter, names: &Names) -> Result<Filter, Error> {
        let index = |kind: Kind, id: &str| match id {
            "" => Ok(None),
            id => names.index(kind, id).map(Some),
        };
        let mut statuses = 0;
        for status in &filter.statuses {
            match pb::InstructionStatus::try_from(*status) {
                Ok(pb::InstructionStatus::Unspecified) | Err(_) => {
                    return Err(Error::Filter { field: "statuses", reason: format!("{status} is no status") });
                }
                Ok(known) => statuses |= bit(known),
            }
        }
        let reason = match filter.reason.as_str() {
            "" => None,
            text => Some(Code::parse(text).ok_or_else(|| Error::Filter {
                field: "reason",
                reason: format!("{text:?} is no code of four capital letters or digits"),
            })?),
        };
        let trade = match (filter.trade_source.as_str(), filter.trade_id.as_str()) {
            ("", "") => None,
            ("", _) | (_, "") => {
                let reason = "a trade is named by its source and its id".to_owned();
                return Err(Error::Filter { field: "trade_id", reason });
            }
            (source, id) => {
                let wrong = |error: model::identifier::CodeError| Error::Filter {
                    field: "trade_id",
                    reason: error.to_string(),
                };
                Some((SourceIx(names.index(Kind::Source, source)?), Identifier::parse(id).map_err(wrong)?))
            }
        };
        Ok(Filter {
            party: index(Kind::Party, &filter.party)?.map(PartyIx),
            counterparty: index(Kind::Party, &filter.counterparty)?.map(PartyIx),
            book: index(Kind::Book, &filter.book)?.map(BookIx),
            instrument: match filter.instrument.as_str() {
                "" => None,
                id => Some(names.instrument(id)?),
            },
            domain: index(Kind::Domain, &filter.domain)?.map(DomainIx),
            intended_from: values::from_number("intended_from", filter.intended_from)?,
            intended_to: values::from_number("intended_to", filter.intended_to)?,
            statuses,
            reason,
            trade,
            min_age: filter.min_age,
            hash: canonical_hash(filter),
        })
    }

    /// The same for the same filter, however it was written down.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Could an instruction that has ended pass?
    pub(crate) fn admits_ended(&self) -> bool {
        let ended = bit(pb::InstructionStatus::Settled) | bit(pb::InstructionStatus::Cancelled);
        self.min_age.is_none() && (self.statuses == 0 || self.statuses & ended != 0)
    }

    /// The dates from which on an instruction is too young, as of the current days; nothing when age does not matter.
    pub(crate) fn old_enough(&self, names: &Names, days: &BTreeMap<DomainIx, Date>) -> OldEnough {
        let Some(min_age) = self.min_age else { return OldEnough::new() };
        let latest = |domain: DomainIx, today: Date| {
            let (mut date, mut age) = (today, 0);
            while age < min_age {
                age += u32::from(names.is_business_day(domain, date));
                date = date.add_days(-1).ok()?;
            }
            Some((domain, date))
        };
        days.iter().filter_map(|(domain, today)| latest(*domain, *today)).collect()
    }

    /// Does it pass?
    pub(crate) fn admits(&self, row: &Instruction, old_enough: &OldEnough) -> bool {
        self.concerns(row)
            && self.book.is_none_or(|book| row.outline.book == book)
            && (self.statuses == 0 || self.statuses & bit(row.status()) != 0)
            && self.reason.is_none_or(|reason| row.reasons.contains(&reason))
            && self.min_age.is_none_or(|_| {
                let latest = old_enough.get(&row.outline.domain);
                !row.has_ended() && latest.is_some_and(|latest| row.outline.intended <= *latest)
            })
    }

    /// Does it pass, or may it have passed before it changed? What an instruction never changes decides.
    pub(crate) fn concerns(&self, row: &Instruction) -> bool {
        let outline = &row.outline;
        self.party.is_none_or(|party| outline.party == party)
            && self.counterparty.is_none_or(|party| outline.counterparty == party)
            && self.book.is_none_or(|book| outline.book == book || row.former_book == Some(book))
            && self.instrument.is_none_or(|instrument| outline.instrument == instrument)
            && self.domain.is_none_or(|domain| outline.domain == domain)
            && self.intended_from.is_none_or(|from| outline.intended >= from)
            && self.intended_to.is_none_or(|to| outline.intended <= to)
            && self.trade.as_ref().is_none_or(|(source, id)| {
                row.links.iter().any(|link| link.key.source == *source && link.key.id == *id)
            })
    }
}

fn bit(status: pb::InstructionStatus) -> u8 {
    1 << status as i32
}

fn canonical_hash(filter: &pb::InstructionFilter) -> u64 {
    let mut canonical = filter.clone();
    canonical.statuses.sort_unstable();
    canonical.statuses.dedup();
    token::hash(&canonical.encode_to_vec())
}
