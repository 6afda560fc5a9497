//! `quittance submit trade`: one trade from flags, its amounts worked out from quantity and price.

use anyhow::Result;
use clap::Args;
use model::currency;
use model::decimal::{Decimal, Rounding, div_round};
use model::identifier::CurrencyCode;
use wire::pb::service::SubmitTradeRequest;
use wire::pb::trade::{self as pb, Action, Details, Method, PriceType, QuantityType, Side};
use wire::pb::typ;

use crate::connection::{Caller, Signed, print_receipt};
use crate::dates;
use crate::fault::usage;
use crate::paging::answer;

/// One trade, described by flags. Everything else a trade may say goes in a file: `quittance submit FILE`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    quittance submit trade --source FO-ALPHA --id T-1 --party ALPHA --counterparty BRAVO --book ALPHA-EQ \\\n    \
    --buy 300 --instrument FR0000120271 --price 61.07 --currency EUR --domain QCSD\n  \
    quittance submit trade --source FO-ALPHA --id T-1 --version 2 --cancel")]
pub struct Trade {
    /// The system that owns the trade
    #[arg(long)]
    source: String,
    /// Its id there
    #[arg(long)]
    id: String,
    /// Higher replaces lower
    #[arg(long, default_value_t = 1)]
    version: u32,
    /// The trade is no more
    #[arg(long)]
    cancel: bool,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Args, Debug)]
struct Terms {
    /// Executing entity
    #[arg(long, required_unless_present = "cancel")]
    party: Option<String>,
    /// With whom
    #[arg(long, required_unless_present = "cancel")]
    counterparty: Option<String>,
    /// Who owns it and earns the P&L
    #[arg(long, required_unless_present = "cancel")]
    book: Option<String>,
    /// Bought so much
    #[arg(long, value_name = "QUANTITY", required_unless_present_any = ["sell", "cancel"], value_parser = decimal)]
    buy: Option<Decimal>,
    /// Sold so much
    #[arg(long, value_name = "QUANTITY", conflicts_with = "buy", value_parser = decimal)]
    sell: Option<Decimal>,
    /// Our instrument id, or an ISIN
    #[arg(long, required_unless_present = "cancel")]
    instrument: Option<String>,
    /// An amount for one piece; with --percent in percent of par
    #[arg(long, required_unless_present = "cancel", value_parser = decimal)]
    price: Option<Decimal>,
    /// Quantity is a face amount and the price is clean, in percent of it
    #[arg(long)]
    percent: bool,
    /// Settlement currency
    #[arg(long, required_unless_present = "cancel")]
    currency: Option<String>,
    /// Accrued interest
    #[arg(long, value_parser = decimal)]
    accrued: Option<Decimal>,
    /// Settlement domain
    #[arg(long, required_unless_present = "cancel")]
    domain: Option<String>,
    /// YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = dates::parse)]
    trade_date: Option<u32>,
    /// Intended settlement date [default: by the market's cycle]
    #[arg(long, value_name = "DATE", value_parser = dates::parse)]
    settles: Option<u32>,
    /// Free of payment
    #[arg(long)]
    free: bool,
    /// Issue the instruction on hold
    #[arg(long)]
    hold: bool,
}

fn decimal(text: &str) -> Result<Decimal, String> {
    Decimal::parse(text).map_err(|error| error.to_string())
}

pub async fn run(trade: Trade, caller: &Caller) -> Result<()> {
    let action = match (trade.cancel, trade.version) {
        (true, _) => Action::Cancel,
        (false, 1) => Action::New,
        (false, _) => Action::Amend,
    };
    let details = if trade.cancel { None } else { Some(details(&trade.terms)?) };
    let message =
        pb::Trade { source: trade.source, id: trade.id, version: Some(trade.version), action: action as i32, details };
    let request = SubmitTradeRequest {
        trade: Some(message),
        // Absent unless given: a trade is safe to repeat by its own version and content.
        request_id: trade.signed.request_id.clone().unwrap_or_default(),
        reason: trade.signed.reason.clone(),
    };
    let request = trade.signed.sign(request)?;
    let connection = caller.connect().await?;
    print_receipt(caller.output, answer(connection.trades().submit_trade(request).await)?.receipt)
}

fn details(terms: &Terms) -> Result<Details> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (side, quantity) = match (terms.buy, terms.sell) {
        (Some(quantity), _) => (Side::Buy, quantity),
        (None, quantity) => (Side::Sell, quantity.unwrap_or(Decimal::ZERO)),
    };
    let price = terms.price.unwrap_or(Decimal::ZERO);
    let code = CurrencyCode::parse(&text(&terms.currency)).map_err(|error| usage(format!("--currency: {error}")))?;
    let decimals =
        currency::exponent(code).ok_or_else(|| usage(format!("--currency: {code} is no currency of ISO 4217")))?;
    let (gross, net) = if terms.free {
        (Decimal::ZERO, Decimal::ZERO)
    } else {
        amounts(quantity, price, terms.percent, terms.accrued, u32::from(decimals))
            .ok_or_else(|| usage("quantity times price is too large"))?
    };
    Ok(Details {
        party: text(&terms.party),
        counterparty: text(&terms.counterparty),
        book: text(&terms.book),
        side: side as i32,
        instrument: text(&terms.instrument),
        quantity: Some(on_wire(quantity)),
        price: Some(on_wire(price)),
        trade_date: terms.trade_date.unwrap_or_else(dates::today),
        intended_settlement_date: terms.settles,
        currency: code.to_string(),
        gross: Some(on_wire(gross)),
        net: Some(on_wire(net)),
        domain: text(&terms.domain),
        quantity_type: if terms.percent { QuantityType::Face } else { QuantityType::Unit } as i32,
        price_type: if terms.percent { PriceType::Percent } else { PriceType::Amount } as i32,
        method: if terms.free { Method::Fop } else { Method::Dvp } as i32,
        accrued: terms.accrued.map(on_wire),
        hold: terms.hold,
        ..Details::default()
    })
}

/// Gross, half up to the currency's minor unit, and net; `None` when they do not fit.
fn amounts(
    quantity: Decimal,
    price: Decimal,
    percent: bool,
    accrued: Option<Decimal>,
    decimals: u32,
) -> Option<(Decimal, Decimal)> {
    let exact = i128::from(quantity.unscaled).checked_mul(i128::from(price.unscaled))?;
    let scale = quantity.scale + price.scale + if percent { 2 } else { 0 };
    let units = match scale.checked_sub(decimals) {
        Some(extra) => div_round(exact, 10i128.checked_pow(extra)?, Rounding::HalfUp)?,
        None => exact.checked_mul(10i128.checked_pow(decimals - scale)?)?,
    };
    let gross = Decimal::from_units(units, decimals).ok()?;
    let net = units.checked_add(accrued.unwrap_or(Decimal::ZERO).to_scale(decimals).ok()?)?;
    Some((gross, Decimal::from_units(net, decimals).ok()?))
}

fn on_wire(decimal: Decimal) -> typ::Decimal {
    typ::Decimal { unscaled: decimal.unscaled, scale: decimal.scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_from_quantity_and_price() {
        let amounts = |quantity, price, percent, accrued: Option<&str>| {
            let read = |text| Decimal::parse(text).unwrap();
            let (gross, net) = super::amounts(read(quantity), read(price), percent, accrued.map(read), 2).unwrap();
            (gross.to_string(), net.to_string())
        };
        assert_eq!(amounts("300", "61.07", false, None), ("18321.00".into(), "18321.00".into()));
        assert_eq!(amounts("3", "0.125", false, None), ("0.38".into(), "0.38".into()));
        assert_eq!(amounts("100000", "98.625", true, Some("120.50")), ("98625.00".into(), "98745.50".into()));
    }
}
