//! Limits on counterparties and issuers, in the words of a scenario.

use super::reference::since;
use super::view::View;
use super::words::{Words, currency, decimal};
use model::date::Date;
use model::event::Event;
use model::identifier::CurrencyCode;
use model::index::{Asset, Kind};
use model::limit::{AddOn, CounterpartyLimit, LimitKind, LimitLine, OnBreach};

/// `exposure-limit ALPHA BETA pre-settlement|delivery|issuer 100000.00 EUR warn|hold [from=]`
pub(super) fn limit(words: &mut Words, today: Date) -> Result<CounterpartyLimit, String> {
    let entity = words.name("the entity")?;
    let counterparty = words.name("the counterparty")?;
    let kind = match &*words.expect(&["pre-settlement", "delivery", "issuer"])? {
        "delivery" => LimitKind::Delivery,
        "issuer" => LimitKind::Issuer,
        _ => LimitKind::PreSettlement,
    };
    let amount = decimal(&words.word("the amount")?)?;
    let currency = currency(&words.word("the currency")?)?;
    let on_breach = match &*words.expect(&["warn", "hold"])? {
        "hold" => OnBreach::Hold,
        _ => OnBreach::Warn,
    };
    let valid_from = since(words, today)?;
    Ok(CounterpartyLimit { entity, counterparty, kind, currency, valid_from, amount, on_breach })
}

/// `add-on 0.08 [cfi=ES] [from=]`
pub(super) fn add_on(words: &mut Words, today: Date) -> Result<AddOn, String> {
    let rate = decimal(&words.word("the rate")?)?;
    Ok(AddOn { cfi_prefix: words.option("cfi").unwrap_or_default(), valid_from: since(words, today)?, rate })
}

pub(super) fn set(limit: &CounterpartyLimit) -> String {
    let CounterpartyLimit { entity, counterparty, kind, currency, valid_from, amount, on_breach } = limit;
    let then = if *on_breach == OnBreach::Hold { "hold" } else { "warn" };
    format!("set {} limit of {entity} with {counterparty}: {amount} {currency} from {valid_from}, {then}", kind.name())
}

pub(super) fn set_add_on(add_on: &AddOn) -> String {
    let of = if add_on.cfi_prefix.is_empty() { "everything" } else { &add_on.cfi_prefix };
    format!("set add-on of {of}: {} from {}", add_on.rate, add_on.valid_from)
}

/// `pre-settlement ALPHA/BETA`, of a delivery limit with its value date.
fn line(view: &View, line: &LimitLine) -> String {
    let name = |index: u32| view.named(Kind::Party, index);
    let date = line.value_date.map_or(String::new(), |date| format!(" {date}"));
    format!("{} {}/{}{date}", line.kind.name(), name(line.entity.0), name(line.counterparty.0))
}

/// An event of these in words; `None` when it is another's.
pub(super) fn tell(view: &View, event: &Event) -> Option<String> {
    let money = |currency: CurrencyCode, units: i64| view.amount(Asset::currency(currency), i128::from(units));
    Some(match event {
        Event::LimitReserved(reserved) => {
            let (line, trade) = (line(view, &reserved.line), &view.trades[&reserved.trade].id);
            match &reserved.lacks {
                Some(lacks) => format!("reserved by {trade} of {line}: cannot be measured, {lacks} is lacking"),
                None => format!("reserved by {trade} of {line}: {}", money(reserved.currency, reserved.amount)),
            }
        }
        Event::HoldingReserved(reserved) => {
            let instrument = Asset::instrument(reserved.instrument);
            let owned = view.amount(instrument, i128::from(reserved.quantity));
            let line = line(view, &reserved.line);
            match &reserved.lacks {
                Some(lacks) => format!("owned {owned}, of {line}: cannot be measured, {lacks} is lacking"),
                None => format!("owned {owned}, of {line}: {}", money(reserved.currency, reserved.amount)),
            }
        }
        Event::LimitBreached(breach) => {
            let by = breach.trade.map_or("passively".to_owned(), |trade| format!("by {}", view.trades[&trade].id));
            let money = |units| money(breach.currency, units);
            let unmeasured = match breach.unmeasured {
                0 => String::new(),
                count => format!(", {count} not measured"),
            };
            format!(
                "limit {} breached {by}: {} of {}, {} too much{unmeasured}",
                line(view, &breach.line),
                money(breach.used),
                money(breach.limit),
                money(breach.excess)
            )
        }
        Event::LimitCured(cure) => {
            let (line, used) = (line(view, &cure.line), money(cure.currency, cure.used));
            format!("limit {line} kept again: {used}")
        }
        _ => return None,
    })
}
