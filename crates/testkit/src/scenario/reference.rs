//! The verbs that set reference data. Every option has a default, so that a line says only what matters.

use super::words::{Words, currency, date, decimal, minutes, name};
use model::calendar::{Calendar, SHIPPED};
use model::date::Date;
use model::identifier::{Bic, Cfi, Identifier, Isin, Lei};
use model::reference::*;
use model::trade::{Method, QuantityType};

/// The domain that lines mean when they name none.
pub(super) const DOMAIN: &str = "QCSD";
/// When data begins to hold when a line does not say.
const SINCE: &str = "2020-01-01";

/// The piece of reference data a line sets; `None` when the verb is another's.
pub(super) fn reference(words: &mut Words, today: Date) -> Result<Option<Reference>, String> {
    Ok(Some(match &*words.verb {
        "party" => Reference::Party(party(words)?),
        "book" => {
            let id = words.name("the book")?;
            let owner = words.name("the owner")?;
            Reference::Book(Book { name: id.to_string(), id, owner })
        }
        "account" => Reference::Account(account(words)?),
        "domain" => Reference::Domain(domain(words)?),
        "instrument" => Reference::Instrument(instrument(words, today)?),
        "calendar" => Reference::Calendar(Box::new(calendar(words, today)?)),
        "currency" => {
            let code = currency(&words.word("the currency")?)?;
            Reference::Currency(Currency { code, calendar: words.name("the calendar")? })
        }
        "cycle" => {
            let market = words.name("the market")?;
            let days = words.word("the days")?;
            let days = days.parse().map_err(|_| format!("{days} is not a number of days"))?;
            Reference::Cycle(Cycle { market, valid_from: since(words, today)?, days })
        }
        "ssi" => Reference::Ssi(ssi(words, today)?),
        "tolerance" => Reference::Tolerance(tolerance(words, today)?),
        "limit" => {
            let account = words.name("the account")?;
            let currency = currency(&words.word("the currency")?)?;
            let amount = decimal(&words.word("the amount")?)?;
            Reference::CreditLimit(CreditLimit { account, currency, valid_from: since(words, today)?, amount })
        }
        "prices" => Reference::PriceSet(prices(words, today)?),
        "parameters" => Reference::Parameters(parameters(words)?),
        "policy" => Reference::BookPolicy(policy(words, today)?),
        "exposure-limit" => Reference::CounterpartyLimit(super::limits::limit(words, today)?),
        "margin-account" => Reference::MarginAccount(super::margin::account(words, today)?),
        "clearing-terms" => Reference::ClearingTerms(super::margin::terms(words, today)?),
        "add-on" => Reference::AddOn(super::limits::add_on(words, today)?),
        "issuer" => {
            let instrument = words.name("the instrument")?;
            let lei = words.option("lei").map(|lei| Lei::parse(&lei).map_err(|error| error.to_string())).transpose()?;
            Reference::Issuer(Issuer { instrument, issuer: words.name("the issuer")?, lei })
        }
        "grant" => Reference::Grant(super::grants::grant(words, today)?),
        _ => return Ok(None),
    }))
}

pub(super) fn since(words: &mut Words, today: Date) -> Result<Date, String> {
    date(&words.option("from").unwrap_or_else(|| SINCE.to_owned()), today)
}

fn domain_option(words: &mut Words) -> Result<Identifier, String> {
    name(&words.option("domain").unwrap_or_else(|| DOMAIN.to_owned()))
}

/// `party ALPHA [roles=entity,counterparty] [name=] [lei=] [bic=]`
fn party(words: &mut Words) -> Result<Party, String> {
    let id = words.name("the party")?;
    let roles = words.option("roles").unwrap_or_else(|| "entity,counterparty".to_owned());
    let role = |text: &str| {
        Ok(match text {
            "entity" => Role::LegalEntity,
            "counterparty" => Role::Counterparty,
            "client" => Role::Client,
            "agent" => Role::Agent,
            "ccp" => Role::Ccp,
            "csd" => Role::Csd,
            other => return Err(format!("{other} is not a role")),
        })
    };
    Ok(Party {
        name: words.option("name").unwrap_or_else(|| id.to_string()),
        lei: words.option("lei").map(|text| Lei::parse(&text)).transpose().map_err(|error| error.to_string())?,
        bic: words.option("bic").map(|text| Bic::parse(&text)).transpose().map_err(|error| error.to_string())?,
        roles: roles.split(',').map(role).collect::<Result<_, String>>()?,
        id,
    })
}

/// `account ALPHA-DEPOT depot ALPHA [client=FUND] [omnibus=yes] [short=yes]`
fn account(words: &mut Words) -> Result<Account, String> {
    let id = words.name("the account")?;
    let kind = match &*words.expect(&["depot", "nostro", "internal"])? {
        "depot" => AccountKind::Depot,
        "nostro" => AccountKind::Nostro,
        _ => AccountKind::Internal,
    };
    let holder = words.name("the holder")?;
    let capacity = match (words.name_option("client")?, words.is_set("omnibus")?) {
        (Some(client), _) => Capacity::Segregated(client),
        (None, true) => Capacity::Omnibus,
        (None, false) => Capacity::Own,
    };
    Ok(Account { id, kind, holder, domain: domain_option(words)?, capacity, may_go_short: words.is_set("short")? })
}

/// `domain QCSD TARGET [zone=Europe/Paris] [external=yes] [agent=CUSTODIAN] [opens=07:00 closes=18:00] [EUR=16:00] [free=18:00]`
fn domain(words: &mut Words) -> Result<Domain, String> {
    let id = words.name("the domain")?;
    let calendar = words.name("the calendar")?;
    let zone = words.option("zone").unwrap_or_else(|| "Europe/Paris".to_owned());
    let kind = if words.is_set("external")? { DomainKind::External } else { DomainKind::Internal };
    let schedule = match (words.option("opens"), words.option("closes")) {
        (None, None) => None,
        (Some(opens), Some(closes)) => {
            Some(DaySchedule { opens: minutes(&opens)?.into(), closes: minutes(&closes)?.into() })
        }
        _ => return Err("opens= and closes= come together".to_owned()),
    };
    let agent = words.name_option("agent")?;
    let rule = |(key, value): (String, String)| {
        let currency = if key == "free" { None } else { Some(currency(&key)?) };
        Ok(CutOffRule { currency, minute_of_day: minutes(&value)? })
    };
    let cut_offs = words.rest().into_iter().map(rule).collect::<Result<_, String>>()?;
    Ok(Domain { id, kind, calendar, zone, cut_offs, schedule, agent })
}

/// `instrument SAP DE0007164600 [XETR] [ccy=EUR] [cfi=ESVUFR] [face=yes] [decimals=0] [min=1] [multiple=1]`
fn instrument(words: &mut Words, today: Date) -> Result<Instrument, String> {
    let id = words.name("the instrument")?;
    let isin = Isin::parse(&words.word("the ISIN")?).map_err(|error| error.to_string())?;
    let market = name(&words.next().unwrap_or_else(|| "XETR".to_owned()))?;
    let face = words.is_set("face")?;
    let cfi = words.option("cfi").unwrap_or_else(|| if face { "DBFTFB" } else { "ESVUFR" }.to_owned());
    Ok(Instrument {
        id,
        isins: vec![IsinFrom { valid_from: since(words, today)?, isin }],
        cfi: Cfi::parse(&cfi).map_err(|error| error.to_string())?,
        currency: currency(&words.option("ccy").unwrap_or_else(|| "EUR".to_owned()))?,
        quantity_type: if face { QuantityType::Face } else { QuantityType::Unit },
        decimals: words.number_option("decimals")?.unwrap_or(0),
        minimum_unit: decimal(&words.option("min").unwrap_or_else(|| "1".to_owned()))?,
        multiple: decimal(&words.option("multiple").unwrap_or_else(|| "1".to_owned()))?,
        market,
    })
}

/// `calendar TARGET` (shipped), or `calendar HERE to=2026-12-31 [from=] [holidays=2026-11-24,2026-11-25]`
fn calendar(words: &mut Words, today: Date) -> Result<NamedCalendar, String> {
    let id = words.name("the calendar")?;
    if let Some(last) = words.option("to") {
        let holidays = words.option("holidays").unwrap_or_default();
        let holidays =
            holidays.split(',').filter(|day| !day.is_empty()).map(|day| date(day, today)).collect::<Result<_, _>>()?;
        let (first, last) = (since(words, today)?, date(&last, today)?);
        let calendar =
            Calendar::new(first, last, Calendar::SATURDAY_SUNDAY, holidays).map_err(|error| error.to_string())?;
        return Ok(NamedCalendar { id, calendar });
    }
    let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == id.as_str()).ok_or("no such calendar is shipped")?;
    let calendar = Calendar::from_text(text).map_err(|error| error.to_string())?;
    Ok(NamedCalendar { id, calendar })
}

/// `ssi S-1 ALPHA ALPHA-DEPOT [ALPHA-CASH] [ccy=] [cfi=] [method=dvp|fop] [client=] [domain=] [from=]`
fn ssi(words: &mut Words, today: Date) -> Result<Ssi, String> {
    Ok(Ssi {
        id: words.name("the instruction")?,
        party: words.name("the party")?,
        depot: words.name("the depot")?,
        nostro: words.next().map(|text| name(&text)).transpose()?,
        valid_from: since(words, today)?,
        domain: words.name_option("domain")?,
        currency: words.option("ccy").map(|text| currency(&text)).transpose()?,
        cfi_prefix: words.option("cfi"),
        method: words.option("method").map(|text| method(&text)).transpose()?,
        client: words.name_option("client")?,
    })
}

pub(super) fn method(text: &str) -> Result<Method, String> {
    match text {
        "dvp" => Ok(Method::Dvp),
        "fop" => Ok(Method::Fop),
        other => Err(format!("{other} is not a method: dvp or fop")),
    }
}

/// `tolerance EUR 100000.00=2.00 above=25.00 [recompute=0.01] [from=]`
fn tolerance(words: &mut Words, today: Date) -> Result<Tolerance, String> {
    let currency = currency(&words.word("the currency")?)?;
    let recompute = decimal(&words.option("recompute").unwrap_or_else(|| "0.01".to_owned()))?;
    let valid_from = since(words, today)?;
    let band = |(key, value): (String, String)| {
        let up_to = if key == "above" { None } else { Some(decimal(&key)?) };
        Ok(Band { up_to, tolerance: decimal(&value)? })
    };
    let bands = words.rest().into_iter().map(band).collect::<Result<_, String>>()?;
    Ok(Tolerance { currency, valid_from, bands, recompute })
}

/// `policy ALPHA-EQ fifo|average [from=] [ccy=EUR] [fees-in-cost=yes]`
fn policy(words: &mut Words, today: Date) -> Result<BookPolicy, String> {
    let book = words.name("the book")?;
    let method = match &*words.expect(&["fifo", "average"])? {
        "fifo" => LotMethod::Fifo,
        _ => LotMethod::Average,
    };
    let code = words.option("ccy").map(|code| currency(&code)).transpose()?;
    let fees_in_cost = words.is_set("fees-in-cost")?;
    Ok(BookPolicy { book, valid_from: since(words, today)?, method, fees_in_cost, currency: code })
}

/// `prices 2026-11-20 [v=1] [snap=CLOSE] [source=QUOTES] [ccy=EUR] SAP=241.50 USD=0.8642`
fn prices(words: &mut Words, today: Date) -> Result<PriceSet, String> {
    let day = date(&words.word("the date")?, today)?;
    let version = words.number_option("v")?.unwrap_or(1);
    let snap = name(&words.option("snap").unwrap_or_else(|| "CLOSE".to_owned()))?;
    let source = name(&words.option("source").unwrap_or_else(|| "QUOTES".to_owned()))?;
    let in_currency = currency(&words.option("ccy").unwrap_or_else(|| "EUR".to_owned()))?;
    let price = |(key, value): (String, String)| {
        let of = match super::trades::what(&key)? {
            model::command::What::Currency(code) => Priced::Currency(code),
            model::command::What::Instrument(id) => Priced::Instrument(id),
        };
        Ok(Price { of, currency: in_currency, value: decimal(&value)?, accrued: None })
    };
    let prices = words.rest().into_iter().map(price).collect::<Result<_, String>>()?;
    Ok(PriceSet { date: day, snap, source, version, prices })
}

/// `parameters [four-eyes=ssi,limit] [lapse=60] [attempts=64] [examined=2048] [compared=64]`
fn parameters(words: &mut Words) -> Result<Parameters, String> {
    let standard = Parameters::default();
    let kind = |text: &str| {
        Ok(match text {
            "ssi" => FourEyes::Ssi,
            "limit" => FourEyes::CreditLimit,
            "opening" => FourEyes::Opening,
            "transfer" => FourEyes::Transfer,
            "adjustment" => FourEyes::Adjustment,
            "parameters" => FourEyes::Parameters,
            "prices" => FourEyes::PriceSet,
            "sign-off" => FourEyes::SignOff,
            "grant" => FourEyes::Grant,
            other => return Err(format!("nothing called {other} needs four eyes")),
        })
    };
    let watched = words.option("four-eyes").unwrap_or_default();
    Ok(Parameters {
        four_eyes: watched.split(',').filter(|text| !text.is_empty()).map(kind).collect::<Result<_, String>>()?,
        proposal_minutes: words.number_option("lapse")?.unwrap_or(standard.proposal_minutes),
        attempts_per_step: words.number_option("attempts")?.unwrap_or(standard.attempts_per_step),
        examined_per_step: words.number_option("examined")?.unwrap_or(standard.examined_per_step),
        candidates_compared: words.number_option("compared")?.unwrap_or(standard.candidates_compared),
    })
}
