//! Who gets what from where: what lies in a depot first, then what is to come.

use std::collections::BTreeMap;

use model::date::Date;
use model::instruction::code;

use crate::status::Open;
use wire::pb::view::CoverageState as State;

/// The open business of one instrument in one depot.
pub(super) struct Plan<'a> {
    pub(super) stock: i128,
    pub(super) today: Option<Date>,
    /// In the order in which they are served.
    pub(super) deliveries: Vec<Delivery<'a>>,
    /// By intended date.
    pub(super) receipts: Vec<Open<'a>>,
}

/// A delivery and what serves it, in the instrument's smallest unit.
pub(super) struct Delivery<'a> {
    pub(super) open: Open<'a>,
    /// What lies in the depot does not suffice for so much of it.
    pub(super) missing: i128,
    /// Receipts (their places) that should bring it, and how much each.
    pub(super) from: Vec<(usize, i128)>,
    /// What nothing open would bring.
    pub(super) unmet: i128,
}

/// What comes and goes on a date.
#[derive(Clone, Copy, Default)]
pub(super) struct Due {
    pub(super) receipts: i128,
    pub(super) deliveries: i128,
}

fn quantity(open: &Open<'_>) -> i128 {
    i128::from(open.outline.quantity)
}

impl<'a> Plan<'a> {
    pub(super) fn new(stock: i128, today: Option<Date>, open: Vec<Open<'a>>) -> Plan<'a> {
        let (mut receipts, mut deliveries): (Vec<_>, Vec<_>) = open.into_iter().partition(|open| open.outline.receives);
        let due = |open: &Open<'_>| today.map_or(open.outline.intended, |today| today.max(open.outline.intended));
        deliveries.sort_by_key(|open| (due(open), open.outline.priority, open.outline.intended, open.number));
        receipts.sort_by_key(|open| (open.outline.intended, open.number));

        let mut there = stock.max(0);
        let mut left: Vec<i128> = receipts.iter().map(quantity).collect();
        let mut next = 0;
        let serve = |open: Open<'a>| {
            let served = there.min(quantity(&open));
            there -= served;
            let missing = quantity(&open) - served;
            let (mut unmet, mut from) = (missing, Vec::new());
            while unmet > 0 && next < left.len() {
                let brings = unmet.min(left[next]);
                if brings > 0 {
                    from.push((next, brings));
                    (unmet, left[next]) = (unmet - brings, left[next] - brings);
                }
                next += usize::from(left[next] == 0);
            }
            Delivery { open, missing, from, unmet }
        };
        let deliveries = deliveries.into_iter().map(serve).collect();
        Plan { stock, today, deliveries, receipts }
    }

    /// The date on which it moves at the earliest: what was due before today is due today.
    pub(super) fn due(&self, open: &Open<'_>) -> Date {
        self.today.map_or(open.outline.intended, |today| today.max(open.outline.intended))
    }

    pub(super) fn state(&self, delivery: &Delivery<'_>) -> State {
        if delivery.missing == 0 {
            return State::Covered;
        }
        if delivery.unmet > 0 {
            return State::Short;
        }
        let late = |(receipt, _): &(usize, i128)| self.is_late(&self.receipts[*receipt], &delivery.open);
        if delivery.from.iter().any(late) { State::Late } else { State::Expected }
    }

    /// Whether a receipt does not come in time for a delivery, as far as is known now.
    fn is_late(&self, receipt: &Open<'_>, delivery: &Open<'_>) -> bool {
        let overdue = self.today.is_some_and(|today| receipt.outline.intended < today);
        let failing = receipt.instruction.is_some_and(|(_, row)| row.failing || row.reasons.contains(&code::CLAC));
        overdue || failing || self.due(receipt) > self.due(delivery)
    }

    /// What deliveries lack that depend on a late receipt or on none.
    pub(super) fn uncovered(&self) -> i128 {
        let uncovered = self.deliveries.iter().filter(|each| matches!(self.state(each), State::Late | State::Short));
        uncovered.map(|each| each.missing).sum()
    }

    /// Receipts and deliveries by the date on which they move at the earliest.
    pub(super) fn dates(&self) -> BTreeMap<Date, Due> {
        let mut dates = BTreeMap::<Date, Due>::new();
        for receipt in &self.receipts {
            dates.entry(self.due(receipt)).or_default().receipts += quantity(receipt);
        }
        for delivery in &self.deliveries {
            dates.entry(self.due(&delivery.open)).or_default().deliveries += quantity(&delivery.open);
        }
        dates
    }
}
