//! The trade decoder again, written plainly upon the generated message: the judge of the fast one.

use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::Code;
use model::timestamp::Timestamp;
use model::trade::{Action, Charge, CumEx, Details, Method, PriceType, QuantityType, Side, TradeMessage};
use wire::pb::trade as pb;

/// The trade, or nothing.
pub fn trade(message: &pb::Trade) -> Option<TradeMessage> {
    let action = match message.action() {
        pb::Action::Unspecified => return None,
        pb::Action::New => Action::New,
        pb::Action::Amend => Action::Amend,
        pb::Action::Cancel => Action::Cancel,
    };
    let details = match &message.details {
        Some(found) => Some(details(found)?),
        None => None,
    };
    if details.is_some() == (action == Action::Cancel) {
        return None;
    }
    Some(TradeMessage {
        source: identifier(&message.source)?,
        id: identifier(&message.id)?,
        version: message.version?,
        action,
        details,
    })
}

fn details(found: &pb::Details) -> Option<Details> {
    if found.charges.len() > 64 {
        return None;
    }
    Some(Details {
        party: identifier(&found.party)?,
        counterparty: identifier(&found.counterparty)?,
        book: identifier(&found.book)?,
        side: match pb::Side::try_from(found.side).ok()? {
            pb::Side::Unspecified => return None,
            pb::Side::Buy => Side::Buy,
            pb::Side::Sell => Side::Sell,
        },
        instrument: identifier(&found.instrument)?,
        quantity: decimal(found.quantity.as_ref()?)?,
        quantity_type: match pb::QuantityType::try_from(found.quantity_type).ok()? {
            pb::QuantityType::Unspecified => return None,
            pb::QuantityType::Unit => QuantityType::Unit,
            pb::QuantityType::Face => QuantityType::Face,
        },
        price: decimal(found.price.as_ref()?)?,
        price_type: match pb::PriceType::try_from(found.price_type).ok()? {
            pb::PriceType::Unspecified => return None,
            pb::PriceType::Amount => PriceType::Amount,
            pb::PriceType::Percent => PriceType::Percent,
        },
        trade_date: date(found.trade_date)?,
        traded_at: optional(found.traded_at.as_ref(), instant)?,
        intended_settlement_date: match found.intended_settlement_date {
            None | Some(0) => None,
            Some(number) => Some(date(number)?),
        },
        currency: CurrencyCode::parse(&found.currency).ok()?,
        gross: decimal(found.gross.as_ref()?)?,
        accrued: optional(found.accrued.as_ref(), decimal)?.unwrap_or(Decimal::ZERO),
        charges: found
            .charges
            .iter()
            .map(|charge| Some(Charge { kind: Code::parse(&charge.kind)?, amount: decimal(charge.amount.as_ref()?)? }))
            .collect::<Option<_>>()?,
        net: decimal(found.net.as_ref()?)?,
        method: match pb::Method::try_from(found.method).ok()? {
            pb::Method::Unspecified => return None,
            pb::Method::Dvp => Method::Dvp,
            pb::Method::Fop => Method::Fop,
        },
        domain: identifier(&found.domain)?,
        place_of_trade: name(&found.place_of_trade)?,
        transaction_type: short(&found.transaction_type)?.unwrap_or(Code::of("TRAD")),
        cum_ex: match pb::CumEx::try_from(found.cum_ex).ok()? {
            pb::CumEx::Unspecified => None,
            pb::CumEx::Cum => Some(CumEx::Cum),
            pb::CumEx::Ex => Some(CumEx::Ex),
        },
        opt_out: found.opt_out,
        common_reference: name(&found.common_reference)?,
        delivering_client: name(&found.delivering_client)?,
        receiving_client: name(&found.receiving_client)?,
        depot: name(&found.depot)?,
        nostro: name(&found.nostro)?,
        hold: found.hold,
        priority: u8::try_from(found.priority.unwrap_or(4)).ok()?,
        uti: name(&found.uti)?,
        order_reference: name(&found.order_reference)?,
        capacity: short(&found.capacity)?,
    })
}

fn optional<A, B>(value: Option<A>, read: impl Fn(A) -> Option<B>) -> Option<Option<B>> {
    match value {
        None => Some(None),
        Some(value) => read(value).map(Some),
    }
}

fn identifier(text: &str) -> Option<Identifier> {
    Identifier::parse(text).ok()
}

fn name(text: &str) -> Option<Option<Identifier>> {
    optional((!text.is_empty()).then_some(text), identifier)
}

fn short(text: &str) -> Option<Option<Code>> {
    optional((!text.is_empty()).then_some(text), Code::parse)
}

fn decimal(message: &wire::pb::typ::Decimal) -> Option<Decimal> {
    Decimal::new(message.unscaled, message.scale).ok()
}

fn date(number: u32) -> Option<Date> {
    Date::parse(&format!("{:04}-{:02}-{:02}", number / 10_000, number / 100 % 100, number % 100)).ok()
}

fn instant(message: &pbjson_types::Timestamp) -> Option<Timestamp> {
    if !(0..1_000_000_000).contains(&message.nanos) || message.nanos % 1_000 != 0 {
        return None;
    }
    let micros = message.seconds.checked_mul(1_000_000)?.checked_add(i64::from(message.nanos / 1_000))?;
    Timestamp::from_micros(micros).ok()
}
