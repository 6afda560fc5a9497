//! The verbs of control totals and of the accounting day, and what is told of them.

use super::view::View;
use super::words::{Words, currency, date, decimal, name};
use model::accounting::{AccountingDay, AccountingStep, FrozenSet, SetName};
use model::command::Command;
use model::control::{ControlTotals, SignOff, Totals};
use model::date::Date;
use model::decimal::Decimal;
use model::event::Event;
use model::index::Kind;

/// The command of a line; `None` when the verb is another's.
pub(super) fn command(words: &mut Words, today: Date) -> Result<Option<Command>, String> {
    Ok(Some(match &*words.verb {
        "totals" => Command::ControlTotals(Box::new(totals(words, today)?)),
        "sign-off" => {
            let source = words.name("the source")?;
            let currency = currency(&words.word("the currency")?)?;
            let trade_date = date(&words.option("td").unwrap_or_else(|| "today".to_owned()), today)?;
            Command::SignOff(SignOff { source, trade_date, currency })
        }
        "accounting" => Command::Accounting(Box::new(accounting(words, today)?)),
        _ => return Ok(None),
    }))
}

/// `totals FO-ALPHA EUR count=2 [bought=100] [sold=] [paid=12000.00] [received=] [td=2026-11-23]`
fn totals(words: &mut Words, today: Date) -> Result<ControlTotals, String> {
    let source = words.name("the source")?;
    let currency = currency(&words.word("the currency")?)?;
    let trade_date = date(&words.option("td").unwrap_or_else(|| "today".to_owned()), today)?;
    let count = words.number_option("count")?.unwrap_or(0);
    let mut amount = |key: &str| words.option(key).map_or(Ok(Decimal::ZERO), |text| decimal(&text));
    let totals = Totals {
        count,
        bought: amount("bought")?,
        sold: amount("sold")?,
        paid: amount("paid")?,
        received: amount("received")?,
    };
    Ok(ControlTotals { source, trade_date, currency, totals })
}

/// `accounting ALPHA open 2026-11-23` · `accounting ALPHA close 2026-11-23 [sets=2026-11-23/CLOSE/QUOTES,…]`
fn accounting(words: &mut Words, today: Date) -> Result<AccountingDay, String> {
    let entity = words.name("the entity")?;
    let opens = words.expect(&["open", "close"])? == "open";
    let day = words.next().map_or(Ok(today), |text| date(&text, today))?;
    let set = |text: &str| {
        let parts: Vec<&str> = text.split('/').collect();
        let [on, snap, source] = parts[..] else { return Err(format!("{text} is not date/snap/source")) };
        Ok(SetName { date: date(on, today)?, snap: name(snap)?, source: name(source)? })
    };
    let sets = words.option("sets").unwrap_or_default();
    let sets = sets.split(',').filter(|text| !text.is_empty()).map(set).collect::<Result<_, String>>()?;
    let step = if opens { AccountingStep::Open { date: day } } else { AccountingStep::Close { date: day, sets } };
    Ok(AccountingDay { entity, step })
}

/// An event of these in words; `None` when it is another's.
pub(super) fn tell(view: &View, event: &Event) -> Option<String> {
    Some(match event {
        Event::ControlTotalsCompared { source, trade_date, currency, stated, counted, agreed } => {
            let source = view.named(Kind::Source, source.0);
            let heading = format!("totals of {source} {trade_date} {currency}");
            if *agreed {
                format!("{heading} agree: {}", figures(counted))
            } else {
                format!("{heading} differ: stated {}; the log has {}", figures(stated), figures(counted))
            }
        }
        Event::ControlSignedOff { source, trade_date, currency, .. } => {
            format!("totals of {} {trade_date} {currency} signed off", view.named(Kind::Source, source.0))
        }
        Event::AccountingDayOpened { entity, date } => {
            format!("{} opens accounting day {date}", view.named(Kind::Party, entity.0))
        }
        Event::AccountingDayClosed { entity, date, clean, sets } => {
            let set = |set: &FrozenSet| format!("{} {} {} version {}", set.date, set.snap, set.source, set.version);
            let sets: Vec<String> = sets.iter().map(set).collect();
            let sets = if sets.is_empty() { "no prices".to_owned() } else { sets.join(", ") };
            let clean = if *clean { "clean" } else { "not clean" };
            format!("{} closes accounting day {date}, {clean}, with {sets}", view.named(Kind::Party, entity.0))
        }
        Event::PriorDay { entity, trade, belongs_to, shows_on } => {
            let shows = shows_on.map_or("the next day".to_owned(), |date| date.to_string());
            let (entity, trade) = (view.named(Kind::Party, entity.0), &view.trades[trade].id);
            format!("trade {trade}: prior day {belongs_to} of {entity}, shows on {shows}")
        }
        Event::TradeChangeLapsed { trade, version, cancel, reason } => {
            let what = if *cancel { "cancel" } else { "amendment" };
            format!("trade {} v{version}: {what} lapsed {reason}", view.trades[trade].id)
        }
        _ => return None,
    })
}

fn figures(totals: &Totals) -> String {
    let Totals { count, bought, sold, paid, received } = totals;
    format!("{count} trades, bought {bought} for {paid}, sold {sold} for {received}")
}
