//! Any control totals, any step of an accounting day, and what comes of them.

use super::*;
use model::accounting::{AccountingDay, AccountingStep, FrozenSet, SetName};
use model::control::{ControlTotals, SignOff, Totals};
use model::event::Event;
use model::index::{PartyIx, SourceIx};

fn totals() -> impl Strategy<Value = Totals> {
    (natural(), decimal(), decimal(), decimal(), decimal()).prop_map(|(count, bought, sold, paid, received)| Totals {
        count,
        bought,
        sold,
        paid,
        received,
    })
}

pub fn control_totals() -> impl Strategy<Value = ControlTotals> {
    (identifier(), date(), currency(), totals()).prop_map(|(source, trade_date, currency, totals)| ControlTotals {
        source,
        trade_date,
        currency,
        totals,
    })
}

pub fn sign_off() -> impl Strategy<Value = SignOff> {
    (identifier(), date(), currency()).prop_map(|(source, trade_date, currency)| SignOff {
        source,
        trade_date,
        currency,
    })
}

pub fn accounting_day() -> impl Strategy<Value = AccountingDay> {
    let set = (date(), identifier(), identifier()).prop_map(|(date, snap, source)| SetName { date, snap, source });
    let step = prop_oneof![
        date().prop_map(|date| AccountingStep::Open { date }),
        (date(), some(set)).prop_map(|(date, sets)| AccountingStep::Close { date, sets }),
    ];
    (identifier(), step).prop_map(|(entity, step)| AccountingDay { entity, step })
}

pub fn events() -> Vec<BoxedStrategy<Event>> {
    let set = (date(), identifier(), identifier(), small()).prop_map(|(date, snap, source, version)| FrozenSet {
        date,
        snap,
        source,
        version,
    });
    let key = || (small().prop_map(SourceIx), date(), currency());
    vec![
        (natural(), small(), any::<bool>(), code())
            .prop_map(|(trade, version, cancel, reason)| Event::TradeChangeLapsed { trade, version, cancel, reason })
            .boxed(),
        (key(), totals(), totals(), any::<bool>())
            .prop_map(|((source, trade_date, currency), stated, counted, agreed)| Event::ControlTotalsCompared {
                source,
                trade_date,
                currency,
                stated,
                counted,
                agreed,
            })
            .boxed(),
        (key(), totals())
            .prop_map(|((source, trade_date, currency), counted)| Event::ControlSignedOff {
                source,
                trade_date,
                currency,
                counted,
            })
            .boxed(),
        (small(), date())
            .prop_map(|(entity, date)| Event::AccountingDayOpened { entity: PartyIx(entity), date })
            .boxed(),
        (small(), date(), any::<bool>(), some(set))
            .prop_map(|(entity, date, clean, sets)| Event::AccountingDayClosed {
                entity: PartyIx(entity),
                date,
                clean,
                sets,
            })
            .boxed(),
        (small(), natural(), date(), maybe(date()))
            .prop_map(|(entity, trade, belongs_to, shows_on)| Event::PriorDay {
                entity: PartyIx(entity),
                trade,
                belongs_to,
                shows_on,
            })
            .boxed(),
    ]
}
