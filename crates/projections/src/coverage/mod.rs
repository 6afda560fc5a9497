//! Coverage: whether what a depot must deliver is there or will come, and whose failure is the cause when it is not.
//!
//! A question, not a view: everything open is in the status view and every balance in the ledger view, so nothing is folded
//! for it and nothing can disagree with them ([decision 53](../../../docs/decisions/0053-coverage-is-a-question.md)).
//! What lies in a depot serves its deliveries by due date, priority and number, as the engine does; receipts serve what is
//! left by intended date. A delivery that depends on a late receipt is followed to the depot it should come from, and on.

mod answer;
mod chain;
mod plan;

use std::collections::BTreeMap;
use std::rc::Rc;

use model::date::Date;
use model::index::{AccountIx, Asset, DomainIx, InstrumentIx};
use model::ledger::LedgerAccount;

use crate::ledger::Ledger;
use crate::status::{Open, Status};

pub(crate) use answer::CoverageFilter;
use plan::Plan;

/// An instrument in a depot.
type Place = (InstrumentIx, AccountIx);

/// Everything open that moves securities, by instrument and depot, with the plans made so far.
pub(crate) struct Coverages<'a> {
    status: &'a Status,
    ledger: &'a Ledger,
    open: Vec<(Place, Open<'a>)>,
    plans: BTreeMap<Place, Rc<Plan<'a>>>,
    /// Causes that may still be told in this answer.
    budget: u32,
}

/// Causes told in one answer; chains beyond are cut, and say so.
const BUDGET: u32 = 20_000;

impl<'a> Coverages<'a> {
    /// Of one instrument, or of all. A trade in repair whose depot is not known is in no depot's coverage.
    pub(crate) fn new(status: &'a Status, ledger: &'a Ledger, instrument: Option<InstrumentIx>) -> Coverages<'a> {
        let wanted = |open: &Open<'_>| instrument.is_none_or(|only| open.outline.instrument == only);
        let placed = |open: Open<'a>| Some(((open.outline.instrument, open.outline.depot?), open));
        let mut open: Vec<_> = status.open().filter(wanted).filter_map(placed).collect();
        open.sort_unstable_by_key(|(place, open)| (*place, open.instruction.is_none(), open.number));
        Coverages { status, ledger, open, plans: BTreeMap::new(), budget: BUDGET }
    }

    /// Instruments and depots after a place, in order.
    fn places_after(&self, after: Option<Place>) -> Vec<Place> {
        let from = after.map_or(0, |after| self.open.partition_point(|(place, _)| *place <= after));
        let mut places: Vec<Place> = self.open[from..].iter().map(|(place, _)| *place).collect();
        places.dedup();
        places
    }

    fn today(&self, domain: DomainIx) -> Option<Date> {
        self.status.days.get(&domain).copied()
    }

    /// Who gets what from where in a depot.
    fn plan(&mut self, place: Place) -> Rc<Plan<'a>> {
        if let Some(plan) = self.plans.get(&place) {
            return plan.clone();
        }
        let from = self.open.partition_point(|(each, _)| *each < place);
        let ours: Vec<Open<'a>> =
            self.open[from..].iter().take_while(|(each, _)| *each == place).map(|each| each.1).collect();
        let (stock, today) = ours.first().map_or((0, None), |first| {
            let account = LedgerAccount::Location { entity: first.outline.party, account: place.1 };
            (self.ledger.balance(account, Asset::instrument(place.0)), self.today(first.outline.domain))
        });
        let plan = Rc::new(Plan::new(stock, today, ours));
        self.plans.insert(place, plan.clone());
        plan
    }
}
