//! Any limit on a counterparty, and what comes of it.

use super::*;
use model::event::Event;
use model::index::{InstrumentIx, PartyIx};
use model::limit::{
    AddOn, CounterpartyLimit, HoldingReservation, LimitBreach, LimitCure, LimitKind, LimitLine, OnBreach, Reservation,
};
use proptest::sample::select;

fn on_breach() -> impl Strategy<Value = OnBreach> {
    prop_oneof![Just(OnBreach::Warn), Just(OnBreach::Hold)]
}

pub fn counterparty_limit() -> impl Strategy<Value = CounterpartyLimit> {
    (identifier(), identifier(), select(&LimitKind::ALL[..]), currency(), date(), decimal(), on_breach()).prop_map(
        |(entity, counterparty, kind, currency, valid_from, amount, on_breach)| CounterpartyLimit {
            entity,
            counterparty,
            kind,
            currency,
            valid_from,
            amount,
            on_breach,
        },
    )
}

pub fn add_on() -> impl Strategy<Value = AddOn> {
    ("[A-Z]{0,6}", date(), decimal()).prop_map(|(cfi_prefix, valid_from, rate)| AddOn { cfi_prefix, valid_from, rate })
}

fn line() -> impl Strategy<Value = LimitLine> {
    (small(), small(), select(&LimitKind::ALL[..]), maybe(date())).prop_map(
        |(entity, counterparty, kind, value_date)| LimitLine {
            entity: PartyIx(entity),
            counterparty: PartyIx(counterparty),
            kind,
            value_date,
        },
    )
}

pub fn events() -> Vec<BoxedStrategy<Event>> {
    vec![
        (line(), natural(), currency(), any::<i64>(), maybe("[A-Z]{3}/[A-Z]{3}"))
            .prop_map(|(line, trade, currency, amount, lacks)| {
                Event::LimitReserved(Reservation { line, trade, currency, amount, lacks })
            })
            .boxed(),
        (line(), small(), currency(), any::<[i64; 2]>(), maybe("[A-Z]{3}/[A-Z]{3}"))
            .prop_map(|(line, instrument, currency, [quantity, amount], lacks)| {
                let instrument = InstrumentIx(instrument);
                Event::HoldingReserved(HoldingReservation { line, instrument, quantity, currency, amount, lacks })
            })
            .boxed(),
        (line(), maybe(natural()), currency(), any::<[i64; 3]>(), small(), on_breach())
            .prop_map(|(line, trade, currency, [limit, used, excess], unmeasured, on_breach)| {
                Event::LimitBreached(LimitBreach { line, trade, currency, limit, used, excess, unmeasured, on_breach })
            })
            .boxed(),
        (line(), currency(), any::<[i64; 2]>(), natural())
            .prop_map(|(line, currency, [limit, used], since)| {
                Event::LimitCured(LimitCure { line, currency, limit, used, since })
            })
            .boxed(),
    ]
}
