//! Any trade.

use super::*;
use model::trade::{Action, Charge, CumEx, Details, Method, PriceType, QuantityType, Side, TradeMessage};

pub fn trade() -> impl Strategy<Value = TradeMessage> {
    let action = prop_oneof![Just(Action::New), Just(Action::Amend), Just(Action::Cancel)];
    (identifier(), identifier(), small(), action, details()).prop_map(|(source, id, version, action, details)| {
        let details = (action != Action::Cancel).then_some(details);
        TradeMessage { source, id, version, action, details }
    })
}

pub fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

pub fn method() -> impl Strategy<Value = Method> {
    prop_oneof![Just(Method::Dvp), Just(Method::Fop)]
}

pub fn quantity_type() -> impl Strategy<Value = QuantityType> {
    prop_oneof![Just(QuantityType::Unit), Just(QuantityType::Face)]
}

pub fn cum_ex() -> impl Strategy<Value = Option<CumEx>> {
    maybe(prop_oneof![Just(CumEx::Cum), Just(CumEx::Ex)])
}

fn charge() -> impl Strategy<Value = Charge> {
    (code(), decimal()).prop_map(|(kind, amount)| Charge { kind, amount })
}

pub fn details() -> impl Strategy<Value = Details> {
    let names = (identifier(), identifier(), identifier(), identifier(), identifier());
    let economics =
        (side(), decimal(), quantity_type(), decimal(), prop_oneof![Just(PriceType::Amount), Just(PriceType::Percent)]);
    let dates = (date(), maybe(timestamp()), maybe(date()));
    let money = (currency(), decimal(), decimal(), some(charge()), decimal());
    let kind = (method(), code(), cum_ex(), any::<bool>(), any::<bool>(), prop_oneof![Just(4u8), any::<u8>()]);
    let parties = (maybe(identifier()), maybe(identifier()), maybe(identifier()), maybe(identifier()));
    let references =
        (maybe(identifier()), maybe(identifier()), maybe(identifier()), maybe(identifier()), maybe(code()));
    (names, economics, dates, money, kind, parties, references).prop_map(
        |(names, economics, dates, money, kind, parties, references)| Details {
            party: names.0,
            counterparty: names.1,
            book: names.2,
            instrument: names.3,
            domain: names.4,
            side: economics.0,
            quantity: economics.1,
            quantity_type: economics.2,
            price: economics.3,
            price_type: economics.4,
            trade_date: dates.0,
            traded_at: dates.1,
            intended_settlement_date: dates.2,
            currency: money.0,
            gross: money.1,
            accrued: money.2,
            charges: money.3,
            net: money.4,
            method: kind.0,
            transaction_type: kind.1,
            cum_ex: kind.2,
            opt_out: kind.3,
            hold: kind.4,
            priority: kind.5,
            delivering_client: parties.0,
            receiving_client: parties.1,
            depot: parties.2,
            nostro: parties.3,
            place_of_trade: references.0,
            common_reference: references.1,
            uti: references.2,
            order_reference: references.3,
            capacity: references.4,
        },
    )
}
