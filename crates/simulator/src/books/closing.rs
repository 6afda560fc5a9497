//! The accounting day of a legal entity: what is closed does not move, and what comes later is said to come later.

use super::{Books, Deal, Fact};
use model::accounting::{AccountingDay, AccountingStep, FrozenSet, SetName};
use model::date::Date;
use model::identifier::Identifier;
use model::rejection::Reason;

/// Where an entity's books stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    pub date: Date,
    pub open: bool,
    pub closed: Option<Date>,
    pub sets: Vec<FrozenSet>,
}

impl Closing {
    pub fn is_closed(&self, date: Date) -> bool {
        self.closed.is_some_and(|closed| date <= closed)
    }
}

impl Books {
    pub(super) fn accounting(&mut self, day: &AccountingDay) -> Result<(), Reason> {
        if !self.known.parties.contains(&day.entity) {
            return Err(Reason::UnknownName);
        }
        let stands = self.closings.get(&day.entity).cloned();
        match &day.step {
            AccountingStep::Open { date } => {
                if let Some(stands) = &stands {
                    if stands.open {
                        return Err(Reason::AccountingDayOpen);
                    }
                    if *date <= stands.date {
                        return Err(Reason::AccountingDayNotAfter);
                    }
                }
                let (closed, sets) = stands.map_or((None, Vec::new()), |stands| (stands.closed, stands.sets));
                self.closings.insert(day.entity.clone(), Closing { date: *date, open: true, closed, sets });
            }
            AccountingStep::Close { date, sets } => {
                if !stands.is_some_and(|stands| stands.open && stands.date == *date) {
                    return Err(Reason::AccountingDayNotOpen);
                }
                let twice = (1..sets.len()).any(|place| sets[..place].contains(&sets[place]));
                if twice || sets.len() > 64 {
                    return Err(Reason::ReferenceInvalid);
                }
                let clean = self.control_allows(&day.entity, *date)?;
                let frozen: Vec<FrozenSet> = sets.iter().map(|set| self.frozen(set)).collect::<Result<_, _>>()?;
                let entry = self.closings.get_mut(&day.entity).expect("it is open");
                (entry.open, entry.closed, entry.sets) = (false, Some(*date), frozen);
                self.facts.push(Fact::Closed { entity: day.entity.clone(), date: *date, clean });
                self.forget_control(*date);
            }
        }
        Ok(())
    }

    /// A set of prices in the highest version there is.
    pub(super) fn frozen(&self, set: &SetName) -> Result<FrozenSet, Reason> {
        let SetName { date, snap, source } = set.clone();
        let found = self.known.price_sets.get(&(date, snap.clone(), source.clone()));
        let version = found.map(|set| set.version).ok_or(Reason::UnknownPriceSet)?;
        Ok(FrozenSet { date, snap, source, version })
    }

    /// What happened to a trade, as it was before this record and as it is now; `moves`: the ledger moved by it. Where the earlier
    /// of its dates is closed, it is told to come later.
    pub(super) fn tell_prior_day(&mut self, trade: u64, before: Option<&Deal>, after: Option<&Deal>, moves: bool) {
        let dated = |deal: &Deal| (deal.party.clone(), deal.trade_date);
        let (before, after) = (before.map(dated), after.map(dated));
        let redated = matches!((&before, &after), (Some(before), Some(after)) if before != after);
        if !moves && !redated {
            return;
        }
        self.tell_closed(trade, before.into_iter().chain(after).collect());
    }

    /// What happened to a trade of these dates comes later than the earliest of them that is closed, if one is.
    pub(super) fn tell_closed(&mut self, trade: u64, mut dated: Vec<(Identifier, Date)>) {
        dated.retain(|(entity, date)| self.closings.get(entity).is_some_and(|day| day.is_closed(*date)));
        dated.sort_by_key(|(_, date)| *date);
        let Some((entity, belongs_to)) = dated.into_iter().next() else { return };
        let day = &self.closings[&entity];
        let shows_on = day.open.then_some(day.date);
        self.facts.push(Fact::PriorDay { entity, trade, belongs_to, shows_on });
    }

    /// Whether a trade was captured before the present record.
    pub(super) fn was_there(&self, trade: u64) -> bool {
        trade < self.first_trade
    }
}
