//! The verbs of the front office: a trade as a sentence, and what an amendment changes of it.

use super::reference::{DOMAIN, method};
use super::words::{Words, code, currency, date, decimal, name};
use model::command::What;
use model::date::Date;
use model::decimal::{Decimal, Rounding, div_round};
use model::identifier::Identifier;
use model::instruction::code::TRAD;
use model::timestamp::Timestamp;
use model::trade::{Charge, CumEx, Details, Method, PriceType, QuantityType, Side};

/// `100 SAP` or `12.50 EUR`: a currency is what ISO 4217 knows, all else an instrument.
pub(super) fn what(text: &str) -> Result<What, String> {
    match currency(text) {
        Ok(code) if model::currency::exponent(code).is_some() => Ok(What::Currency(code)),
        _ => Ok(What::Instrument(name(text)?)),
    }
}

/// `ALPHA buys 100 SAP from BETA @ 120.00 [EUR]`, or `ALPHA delivers 100 SAP to BETA free`, and options.
pub(super) fn sentence(words: &mut Words, today: Date) -> Result<Details, String> {
    let party = words.name("the party")?;
    let verb = words.expect(&["buys", "sells", "receives", "delivers"])?;
    let quantity = decimal(&words.word("the quantity")?)?;
    let instrument = words.name("the instrument")?;
    let side = if matches!(&*verb, "buys" | "receives") { Side::Buy } else { Side::Sell };
    words.expect(&[if side == Side::Buy { "from" } else { "to" }])?;
    let counterparty = words.name("the counterparty")?;
    let free = matches!(&*verb, "receives" | "delivers");
    let mut details = Details {
        book: name(&format!("{party}-EQ"))?,
        party,
        counterparty,
        side,
        instrument,
        quantity,
        quantity_type: QuantityType::Unit,
        price: Decimal::ZERO,
        price_type: PriceType::Amount,
        trade_date: today,
        traded_at: None,
        intended_settlement_date: None,
        currency: currency("EUR")?,
        gross: Decimal::ZERO,
        accrued: Decimal::ZERO,
        charges: Vec::new(),
        net: Decimal::ZERO,
        method: if free { Method::Fop } else { Method::Dvp },
        domain: name(DOMAIN)?,
        place_of_trade: None,
        transaction_type: TRAD,
        cum_ex: None,
        opt_out: false,
        common_reference: None,
        delivering_client: None,
        receiving_client: None,
        depot: None,
        nostro: None,
        hold: false,
        priority: 4,
        uti: None,
        order_reference: None,
        capacity: None,
    };
    if free {
        words.expect(&["free"])?;
    } else {
        words.expect(&["@"])?;
        price(&mut details, &words.word("the price")?)?;
        if let Some(code) = words.next() {
            details.currency = currency(&code)?;
        }
    }
    change(&mut details, words, today)?;
    settle_amounts(&mut details, words)?;
    Ok(details)
}

/// `120.00` a piece, or `99.50%` of the face amount.
fn price(details: &mut Details, text: &str) -> Result<(), String> {
    match text.strip_suffix('%') {
        Some(percent) => {
            details.price = decimal(percent)?;
            (details.price_type, details.quantity_type) = (PriceType::Percent, QuantityType::Face);
        }
        None => details.price = decimal(text)?,
    }
    Ok(())
}

/// What an amendment or a repair changes; what was said of the trade before stays. Amounts follow quantity and price.
pub(super) fn amended(before: &Details, words: &mut Words, today: Date) -> Result<Details, String> {
    let mut details = before.clone();
    if let Some(text) = words.option("price") {
        price(&mut details, &text)?;
    }
    if let Some(text) = words.option("qty") {
        details.quantity = decimal(&text)?;
    }
    change(&mut details, words, today)?;
    settle_amounts(&mut details, words)?;
    Ok(details)
}

/// The options that replace a field.
fn change(details: &mut Details, words: &mut Words, today: Date) -> Result<(), String> {
    for (key, field) in [
        ("party", &mut details.party),
        ("cpty", &mut details.counterparty),
        ("book", &mut details.book),
        ("instrument", &mut details.instrument),
        ("domain", &mut details.domain),
    ] {
        if let Some(value) = words.name_option(key)? {
            *field = value;
        }
    }
    for (key, field) in [
        ("common", &mut details.common_reference),
        ("dclient", &mut details.delivering_client),
        ("rclient", &mut details.receiving_client),
        ("depot", &mut details.depot),
        ("nostro", &mut details.nostro),
        ("uti", &mut details.uti),
        ("order", &mut details.order_reference),
        ("venue", &mut details.place_of_trade),
    ] {
        match words.option(key).as_deref() {
            None => {}
            Some("none") => *field = None,
            Some(value) => *field = Some(name(value)?),
        }
    }
    if let Some(text) = words.option("td") {
        details.trade_date = date(&text, today)?;
    }
    match words.option("isd").as_deref() {
        None => {}
        Some("none") => details.intended_settlement_date = None,
        Some(text) => details.intended_settlement_date = Some(date(text, today)?),
    }
    if let Some(text) = words.option("ccy") {
        details.currency = currency(&text)?;
    }
    if let Some(text) = words.option("method") {
        details.method = method(&text)?;
    }
    if let Some(text) = words.option("executed") {
        details.traded_at = Some(Timestamp::parse(&text).map_err(|error| format!("{text}: {error}"))?);
    }
    match words.option("side").as_deref() {
        None => {}
        Some("buy") => details.side = Side::Buy,
        Some("sell") => details.side = Side::Sell,
        Some(other) => return Err(format!("side={other}: say buy or sell")),
    }
    details.cum_ex = match words.option("traded").as_deref() {
        None => details.cum_ex,
        Some("cum") => Some(CumEx::Cum),
        Some("ex") => Some(CumEx::Ex),
        Some("none") => None,
        Some(other) => return Err(format!("traded={other}: say cum, ex or none")),
    };
    if let Some(text) = words.option("type") {
        details.transaction_type = code(&text)?;
    }
    if let Some(text) = words.option("capacity") {
        details.capacity = Some(code(&text)?);
    }
    if let Some(number) = words.number_option("prio")? {
        details.priority = number;
    }
    details.hold |= words.is_set("hold")?;
    details.opt_out |= words.is_set("optout")?;
    Ok(())
}

/// Gross, accrued, charges and net: as the line says, else as the rules say.
fn settle_amounts(details: &mut Details, words: &mut Words) -> Result<(), String> {
    if let Some(text) = words.option("accrued") {
        details.accrued = decimal(&text)?;
    }
    if let Some(text) = words.option("fees") {
        // `fees=COMM:10.00,STAM:5.00`
        let charge = |text: &str| {
            let (kind, amount) = text.split_once(':').ok_or_else(|| format!("{text} is not a kind and an amount"))?;
            Ok(Charge { kind: code(kind)?, amount: decimal(amount)? })
        };
        details.charges = text.split(',').map(charge).collect::<Result<_, String>>()?;
    }
    let free = details.method == Method::Fop;
    details.gross = match words.option("gross") {
        Some(text) => decimal(&text)?,
        None if free => Decimal::ZERO,
        None => gross(details)?,
    };
    details.net = match words.option("net") {
        Some(text) => decimal(&text)?,
        None if free => Decimal::ZERO,
        None => net(details)?,
    };
    Ok(())
}

fn places(details: &Details) -> u32 {
    // A currency nobody knows is the scenario's own affair; two decimals will do.
    u32::from(model::currency::exponent(details.currency).unwrap_or(2))
}

fn gross(details: &Details) -> Result<Decimal, String> {
    let percent = if details.price_type == PriceType::Percent { 2 } else { 0 };
    let places = places(details);
    let digits = details.quantity.scale + details.price.scale + percent;
    let product = i128::from(details.quantity.unscaled) * i128::from(details.price.unscaled);
    let units = match digits.checked_sub(places) {
        Some(excess) => {
            div_round(product, 10i128.pow(excess), Rounding::HalfUp).ok_or("the gross amount is too large")?
        }
        None => product * 10i128.pow(places - digits),
    };
    Decimal::from_units(units, places).map_err(|error| error.to_string())
}

fn net(details: &Details) -> Result<Decimal, String> {
    let scale = details
        .charges
        .iter()
        .map(|charge| charge.amount.scale)
        .chain([places(details), details.gross.scale, details.accrued.scale])
        .max();
    let scale = scale.expect("one scale at least");
    let units = |amount: Decimal| amount.to_scale(scale).map_err(|error| error.to_string());
    let mut total = units(details.gross)? + units(details.accrued)?;
    for charge in &details.charges {
        // What it costs us: a buyer pays it on top, a seller gets so much less.
        total += if details.side == Side::Buy { units(charge.amount)? } else { -units(charge.amount)? };
    }
    Decimal::from_units(total, scale).map_err(|error| error.to_string())
}

/// The source system a party's trades come from when a line does not say.
pub(super) fn source_of(party: &Identifier) -> Result<Identifier, String> {
    name(&format!("FO-{party}"))
}

/// The other side of a trade as its own front office writes it.
pub(super) fn mirrored(details: &Details) -> Result<Details, String> {
    let side = if details.side == Side::Buy { Side::Sell } else { Side::Buy };
    Ok(Details {
        book: name(&format!("{}-EQ", details.counterparty))?,
        party: details.counterparty.clone(),
        counterparty: details.party.clone(),
        side,
        charges: details
            .charges
            .iter()
            .map(|charge| Charge { amount: negated(charge.amount), ..charge.clone() })
            .collect(),
        depot: None,
        nostro: None,
        ..details.clone()
    })
}

/// What one side pays in fees the other gets.
fn negated(amount: Decimal) -> Decimal {
    Decimal { unscaled: -amount.unscaled, ..amount }
}
