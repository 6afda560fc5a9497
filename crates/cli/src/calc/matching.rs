//! `quittance calc match`: two sides in a market of their own, matched by the same engine that `quittance fold` runs.

use std::path::Path;

use anyhow::Result;
use model::date::Date;
use model::event::Event;
use model::identifier::Identifier;
use model::record::Genesis;
use model::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testkit::memory::Shard;

use super::answer;
use super::input::{Currency, Day, Name, Number, read, wrong};
use crate::codes;
use crate::fault::{failed, usage};
use crate::output::{Cell, Column, Format, column};

pub const HELP: &str = "\
Amounts are the net amounts of the sides. Tolerance bands as in reference data (\"upTo\" inclusive, the last without);
the deliverer's amount chooses the band and is what settles. None: amounts must agree. Optional in a side: reference,
method (DVP, FOP), currency and instrument of its own.

Example:
  echo '{\"currency\": \"EUR\", \"instrument\": \"TTE\",
   \"tolerance\": [{\"upTo\": \"100000.00\", \"tolerance\": \"2.00\"}, {\"tolerance\": \"25.00\"}],
   \"sides\": [{\"party\": \"ALPHA\", \"side\": \"SELL\", \"quantity\": \"300\", \"amount\": \"18321.00\",
      \"tradeDate\": \"2026-11-19\", \"settlementDate\": \"2026-11-23\"},
     {\"party\": \"BRAVO\", \"side\": \"BUY\", \"quantity\": \"300\", \"amount\": \"18323.01\",
      \"tradeDate\": \"2026-11-19\", \"settlementDate\": \"2026-11-24\"}]}' |
    quittance calc match";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    currency: Currency,
    instrument: Name,
    #[serde(default)]
    quantity_decimals: u32,
    #[serde(default)]
    tolerance: Vec<Band>,
    sides: [Side; 2],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Band {
    up_to: Option<Number>,
    tolerance: Number,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Side {
    party: Name,
    side: Direction,
    quantity: Number,
    amount: Number,
    trade_date: Day,
    settlement_date: Day,
    reference: Option<Name>,
    #[serde(default)]
    method: Settlement,
    currency: Option<Currency>,
    instrument: Option<Name>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Direction {
    Buy,
    Sell,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Settlement {
    #[default]
    Dvp,
    Fop,
}

/// A field that keeps the sides apart, as the side sees it.
#[derive(Clone, Debug, Serialize)]
struct Reason {
    party: String,
    code: String,
    meaning: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    matched: bool,
    /// What settles: the deliverer's amount.
    amount: Option<Number>,
    reasons: Vec<Reason>,
}

const ROWS: &[Column<Reason>] = &[
    column("party", |reason| Cell::text(reason.party.clone())),
    column("code", |reason| Cell::text(reason.code.clone())),
    column("meaning", |reason| Cell::text(reason.meaning.clone())),
];

const WHOLE: &[Column<Answer>] = &[
    column("matched", |answer| Cell::text(if answer.matched { "yes" } else { "no" })),
    column("amount", |answer| answer.amount.map_or(Cell::Blank, |amount| amount.cell())),
];

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: Input = read(file)?;
    if input.sides[0].party == input.sides[1].party {
        return Err(usage("sides: both are of one party"));
    }
    let at = at(&input);
    let mut shard = Shard::new(genesis(at));
    for command in reference(&input)? {
        submit(&mut shard, at, &command)?;
    }
    for (side, other) in [(0, 1), (1, 0)] {
        submit(&mut shard, at, &trade(&input, &input.sides[side], &input.sides[other]))?;
    }
    let answer_of = outcome(&shard, &input)?;
    if format == Format::Table && answer_of.matched {
        return crate::output::one(format, WHOLE, &answer_of);
    }
    answer(format, (answer_of.reasons.clone(), ROWS), (&answer_of, WHOLE))
}

fn genesis(at: Timestamp) -> Genesis {
    let house = Identifier::parse("CALC").expect("a name");
    Genesis { format: 1, house, shard: 0, domains: Vec::new(), cluster: None, at }
}

/// The later trade date: a trade of tomorrow would be refused.
fn at(input: &Input) -> Timestamp {
    let [one, other] = input.sides.each_ref().map(|side| side.trade_date.0);
    Timestamp::start_of(one.max(other))
}

/// What the engine must know: the currencies, the place, the parties with their accounts, the instruments.
fn reference(input: &Input) -> Result<Vec<Value>> {
    let exponent = input.currency.exponent()?;
    let days = input.sides.each_ref().map(|side| [side.trade_date.0, side.settlement_date.0]);
    let days = days.as_flattened();
    let (first, last) = (days.iter().min().expect("four days"), days.iter().max().expect("four days"));
    let valid = number(*first);
    let set = |definition: Value| json!({ "setReference": definition });
    let mut commands = vec![set(json!({"calendar": {
        "id": "EVERY-DAY", "firstDay": valid, "lastDay": number(*last), "weekend": 0, "holidays": []
    }}))];
    let mut bands = Vec::new();
    for band in &input.tolerance {
        let tolerance = Number::of(band.tolerance.units("tolerance", exponent)?, exponent)?;
        bands.push(json!({ "upTo": band.up_to, "tolerance": tolerance }));
    }
    if bands.is_empty() {
        bands.push(json!({ "tolerance": Number::of(0, exponent)? }));
    }
    let mut currencies = vec![input.currency];
    currencies.extend(input.sides.iter().filter_map(|side| side.currency).filter(|other| *other != input.currency));
    for currency in currencies {
        let code = currency.0.to_string();
        commands.push(set(json!({"currency": {"code": code, "calendar": "EVERY-DAY"}})));
        // The sides say what they agreed on; whether that is quantity times price is not asked here.
        let recompute = i64::MAX.to_string();
        let recompute = &recompute[..recompute.len() - 4];
        commands.push(set(json!({"tolerance": {
            "currency": code, "validFrom": valid, "bands": bands, "recompute": recompute
        }})));
    }
    commands.push(set(json!({"domain": {"id": "PLACE", "kind": "DOMAIN_KIND_INTERNAL", "calendar": "EVERY-DAY",
        "zone": "UTC", "cutOffs": [{"minuteOfDay": 1080}]}})));
    for side in &input.sides {
        let party = side.party.0.as_str();
        let account = |id: &str, kind: &str| {
            set(json!({"account": {"id": id, "kind": kind, "holder": party, "domain": "PLACE",
                "capacity": "ACCOUNT_CAPACITY_OWN"}}))
        };
        let (depot, nostro) = (format!("{party}-DEPOT"), format!("{party}-CASH"));
        commands.extend([
            set(json!({"party": {"id": party, "name": party, "roles": ["ROLE_LEGAL_ENTITY", "ROLE_COUNTERPARTY"]}})),
            set(json!({"book": {"id": format!("{party}-BOOK"), "name": party, "owner": party}})),
            account(&depot, "ACCOUNT_KIND_DEPOT"),
            account(&nostro, "ACCOUNT_KIND_NOSTRO"),
            set(json!({"ssi": {"id": format!("{party}-SSI"), "party": party, "validFrom": valid, "depot": depot,
                "nostro": nostro}})),
        ]);
    }
    let mut instruments: Vec<&Name> = vec![&input.instrument];
    instruments.extend(input.sides.iter().filter_map(|side| side.instrument.as_ref()));
    instruments.dedup();
    let smallest = Number::of(1, input.quantity_decimals)?;
    for instrument in instruments {
        commands.push(set(json!({"instrument": {"id": instrument, "isins": [], "cfi": "ESVUFR",
            "currency": input.currency.0.to_string(), "quantityType": "QUANTITY_TYPE_UNIT",
            "decimals": input.quantity_decimals, "minimumUnit": smallest, "multiple": smallest, "market": "PLACE"}})));
    }
    Ok(commands)
}

/// YYYYMMDD.
fn number(date: Date) -> u32 {
    let (year, month, day) = date.ymd();
    year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day)
}

fn trade(input: &Input, side: &Side, other: &Side) -> Value {
    let party = side.party.0.as_str();
    let method = match side.method {
        Settlement::Dvp => "METHOD_DVP",
        Settlement::Fop => "METHOD_FOP",
    };
    let direction = match side.side {
        Direction::Buy => "SIDE_BUY",
        Direction::Sell => "SIDE_SELL",
    };
    let instrument = side.instrument.as_ref().unwrap_or(&input.instrument);
    let mut details = json!({
        "party": party, "counterparty": other.party, "book": format!("{party}-BOOK"), "side": direction,
        "instrument": instrument, "quantity": side.quantity, "quantityType": "QUANTITY_TYPE_UNIT",
        "price": "1", "priceType": "PRICE_TYPE_AMOUNT", "tradeDate": number(side.trade_date.0),
        "intendedSettlementDate": number(side.settlement_date.0),
        "currency": side.currency.unwrap_or(input.currency), "gross": side.amount, "net": side.amount,
        "method": method, "domain": "PLACE",
    });
    if let Some(reference) = &side.reference {
        details["commonReference"] = json!(reference);
    }
    json!({"trade": {"source": party, "id": "SIDE", "version": 1, "action": "ACTION_NEW", "details": details}})
}

/// A command that must be accepted: what is refused is wrong in the input.
fn submit(shard: &mut Shard, at: Timestamp, command: &Value) -> Result<()> {
    let line = json!({"at": at.to_string(), "actor": "calc", "reason": "calc", "command": command}).to_string();
    let inbound = wrong("the input", wire::json::inbound_from_line(&line, 1))?;
    let record = shard.submit(inbound);
    match &record.content {
        model::record::Content::Decided { outcome: model::record::Outcome::Accepted(_), .. } => Ok(()),
        _ => Err(usage(format!("the engine refused {command}: {}", wire::json::record_to_json(record)))),
    }
}

fn outcome(shard: &Shard, input: &Input) -> Result<Answer> {
    let matched = shard.records().iter().flat_map(|record| record.events()).find_map(|event| match event {
        Event::InstructionsMatched { amount, .. } => Some(*amount),
        _ => None,
    });
    if let Some(amount) = matched {
        let amount = Number::of(i128::from(amount), input.currency.exponent()?)?;
        return Ok(Answer { matched: true, amount: Some(amount), reasons: Vec::new() });
    }
    let mut reasons = Vec::new();
    let name = Identifier::parse("SIDE").expect("a name");
    for side in &input.sides {
        let party = &side.party.0;
        let number = shard.state().instruction_of(party, &name);
        let number = number.ok_or_else(|| failed(format!("{party}: the engine could not instruct this side")))?;
        for code in shard.state().why_unmatched(number).unwrap_or_default() {
            let code = code.to_string();
            let meaning = codes::meaning(&code).to_owned();
            reasons.push(Reason { party: party.to_string(), code, meaning });
        }
    }
    Ok(Answer { matched: false, amount: None, reasons })
}
