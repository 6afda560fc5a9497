//! Resolves a trade once, at a named place: names to numbers, decimals to minor units, cycle and calendars to a date,
//! SSI to accounts. What cannot be resolved is a defect (the trade goes to repair); what makes no sense is a refusal.

use crate::draft::Draft;
use crate::reference::{SsiWanted, minor, units};
use alloc::string::ToString;
use alloc::vec::Vec;
use model::calendar::{Calendar, advance};
use model::currency::exponent;
use model::date::Date;
use model::decimal::{Rounding, div_round};
use model::identifier::Identifier;
use model::index::{AccountIx, BookIx, DomainIx, InstrumentIx, Kind, PartyIx};
use model::instruction::PRIORITIES;
use model::reference::{AccountKind, Capacity};
use model::rejection::{Reason, Rejection};
use model::trade::{Defect, DefectKind, Details, Method, PriceType, Side, Terms};

/// No trade may be further than this from the day it is told, nor settle further from its trade date.
const TEN_YEARS: i32 = 3_653;

struct Defects(Vec<Defect>);

impl Defects {
    fn add(&mut self, kind: DefectKind, subject: &str) {
        let subject = Identifier::parse(subject).unwrap_or_else(|_| Identifier::parse("unnamed").expect("is one"));
        self.0.push(Defect { kind, subject });
    }
}

/// The terms of a trade and what is wrong with them.
pub(crate) fn resolve(
    draft: &mut Draft<'_>,
    details: &Details,
    amounts_accepted: bool,
) -> Result<(Terms, Vec<Defect>), Rejection> {
    if !draft.state.owns(&details.domain) {
        return Err(Rejection::new(Reason::NotOurDomain, details.domain.as_str()));
    }
    check_sense(draft, details)?;
    let state = draft.state;
    let mut defects = Defects(Vec::new());

    let domain = DomainIx(draft.intern(Kind::Domain, &details.domain));
    let party = PartyIx(draft.intern(Kind::Party, &details.party));
    let counterparty = PartyIx(draft.intern(Kind::Party, &details.counterparty));
    let book = BookIx(draft.intern(Kind::Book, &details.book));
    let instrument = match state.reference.by_isin(details.instrument.as_str(), details.trade_date) {
        Some(instrument) => instrument,
        None => InstrumentIx(draft.intern(Kind::Instrument, &details.instrument)),
    };
    for (known, kind, name) in [
        (state.reference.knows_party(party), DefectKind::UnknownParty, &details.party),
        (state.reference.knows_party(counterparty), DefectKind::UnknownCounterparty, &details.counterparty),
        (state.reference.book(book).is_some(), DefectKind::UnknownBook, &details.book),
        (state.reference.instrument(instrument).is_some(), DefectKind::UnknownInstrument, &details.instrument),
        (state.reference.domain(domain).is_some(), DefectKind::UnknownDomain, &details.domain),
    ] {
        if !known {
            defects.add(kind, name.as_str());
        }
    }
    if state.reference.book(book).is_some_and(|entry| entry.owner != party) {
        defects.add(DefectKind::BookNotOwned, details.book.as_str());
    }

    let scale = draft.instrument_scale(instrument.0);
    let quantity = units(details.quantity, scale)
        .ok_or_else(|| Rejection::new(Reason::QuantityTooFine, details.quantity.to_string()))?;
    if let Some(entry) = state.reference.instrument(instrument)
        && (quantity < entry.minimum_unit || quantity % entry.multiple != 0)
    {
        defects.add(DefectKind::OddLot, &details.quantity.to_string());
    }
    if state.reference.instrument(instrument).is_some_and(|entry| entry.quantity_type != details.quantity_type) {
        defects.add(DefectKind::QuantityTypeDiffers, "quantity_type");
    }

    let gross = minor(details.gross, details.currency)?;
    let accrued = minor(details.accrued, details.currency)?;
    let net = minor(details.net, details.currency)?;
    let mut charges = 0i64;
    for charge in &details.charges {
        let amount = minor(charge.amount, details.currency)?;
        charges = charges.checked_add(amount).ok_or(Reason::AmountTooLarge)?;
    }
    if details.method == Method::Dvp && !amounts_accepted {
        recompute(draft, details, (gross, accrued, charges, net), &mut defects)?;
    }

    let date = settlement_date(draft, details, domain, instrument, &mut defects);
    if date < details.trade_date {
        return Err(Rejection::new(Reason::SettlesBeforeTrade, date.to_string()));
    }
    let business_date = state.day(domain).and_then(|day| day.date).unwrap_or_else(|| draft.today());
    let (depot, nostro, ssi) = accounts(draft, details, party, domain, instrument, &mut defects);

    let terms = Terms {
        party,
        counterparty,
        book,
        domain,
        instrument,
        side: details.side,
        method: details.method,
        quantity,
        currency: details.currency,
        gross,
        accrued,
        charges,
        net,
        trade_date: details.trade_date,
        intended_settlement_date: date,
        late: date < business_date,
        depot,
        nostro,
        ssi,
        transaction_type: details.transaction_type,
        cum_ex: details.cum_ex,
        opt_out: details.opt_out,
        common_reference: details.common_reference.clone(),
        delivering_client: details.delivering_client.clone(),
        receiving_client: details.receiving_client.clone(),
        hold: details.hold,
        priority: details.priority,
    };
    Ok((terms, defects.0))
}

/// What no reference data could ever mend.
fn check_sense(draft: &Draft<'_>, details: &Details) -> Result<(), Rejection> {
    if details.quantity.unscaled <= 0 {
        return Err(Rejection::new(Reason::QuantityNotPositive, details.quantity.to_string()));
    }
    if details.gross.is_negative() || details.net.is_negative() {
        return Err(Rejection::new(Reason::AmountNegative, details.net.to_string()));
    }
    if exponent(details.currency).is_none() {
        return Err(Rejection::new(Reason::UnknownCurrency, details.currency.as_str()));
    }
    let far = |one: Date, other: Date| one.days_since(other).abs() > TEN_YEARS;
    if far(details.trade_date, draft.today()) {
        return Err(Rejection::new(Reason::DateOutOfRange, details.trade_date.to_string()));
    }
    if let Some(date) = details.intended_settlement_date {
        if date < details.trade_date {
            return Err(Rejection::new(Reason::SettlesBeforeTrade, date.to_string()));
        }
        if far(date, details.trade_date) {
            return Err(Rejection::new(Reason::DateOutOfRange, date.to_string()));
        }
    }
    if !PRIORITIES.contains(&details.priority) {
        return Err(Reason::PriorityOutOfRange.into());
    }
    Ok(())
}

/// Gross from quantity and price, net from gross, interest and charges (domain notes 1.1), each rounded half up to the
/// minor unit; the source's own figure stands when it is near enough, else the trade goes to repair.
fn recompute(
    draft: &Draft<'_>,
    details: &Details,
    (gross, accrued, charges, net): (i64, i64, i64, i64),
    defects: &mut Defects,
) -> Result<(), Rejection> {
    let exponent = u32::from(exponent(details.currency).expect("checked before"));
    let percent = if details.price_type == PriceType::Percent { 2 } else { 0 };
    let digits = details.quantity.scale + details.price.scale + percent;
    let product = i128::from(details.quantity.unscaled) * i128::from(details.price.unscaled);
    let expected = if digits >= exponent {
        10i128.checked_pow(digits - exponent).and_then(|power| div_round(product, power, Rounding::HalfUp))
    } else {
        10i128.checked_pow(exponent - digits).and_then(|power| product.checked_mul(power))
    };
    let expected = expected.ok_or(Reason::AmountTooLarge)?;
    let tolerance = i128::from(draft.state.reference.recompute_tolerance(details.currency, details.trade_date));
    if (expected - i128::from(gross)).abs() > tolerance {
        defects.add(DefectKind::GrossDiffers, "gross");
    }
    let charges = match details.side {
        Side::Buy => i128::from(charges),
        Side::Sell => -i128::from(charges),
    };
    if (i128::from(gross) + i128::from(accrued) + charges - i128::from(net)).abs() > tolerance {
        defects.add(DefectKind::NetDiffers, "net");
    }
    Ok(())
}

/// The date given, or so many settlement days after the trade date in the domain's and the currency's calendars.
/// While that cannot be told it is the trade date, with a defect.
fn settlement_date(
    draft: &Draft<'_>,
    details: &Details,
    domain: DomainIx,
    instrument: InstrumentIx,
    defects: &mut Defects,
) -> Date {
    if let Some(date) = details.intended_settlement_date {
        return date;
    }
    let reference = &draft.state.reference;
    let (Some(domain), Some(entry)) = (reference.domain(domain), reference.instrument(instrument)) else {
        // Said already: the domain or the instrument is unknown.
        return details.trade_date;
    };
    let Some(days) = reference.cycle(&entry.market, details.trade_date) else {
        defects.add(DefectKind::MissingCycle, entry.market.as_str());
        return details.trade_date;
    };
    let own = reference.calendar(domain.calendar);
    let cash = reference.currencies.get(&details.currency).and_then(|calendar| reference.calendar(*calendar));
    let calendars: Vec<&Calendar> = match (details.method, own, cash) {
        (Method::Dvp, Some(own), Some(cash)) => alloc::vec![own, cash],
        (Method::Fop, Some(own), _) => alloc::vec![own],
        _ => {
            defects.add(DefectKind::MissingCalendar, details.currency.as_str());
            return details.trade_date;
        }
    };
    advance(details.trade_date, u32::from(days), &calendars).unwrap_or_else(|_| {
        defects.add(DefectKind::MissingCalendar, &details.trade_date.to_string());
        details.trade_date
    })
}

type Accounts = (Option<AccountIx>, Option<AccountIx>, Option<u64>);

/// The accounts the trade names, else the SSI's; checked to be the party's own, of the domain, and no other client's.
fn accounts(
    draft: &mut Draft<'_>,
    details: &Details,
    party: PartyIx,
    domain: DomainIx,
    instrument: InstrumentIx,
    defects: &mut Defects,
) -> Accounts {
    let reference = &draft.state.reference;
    let client = match details.side {
        Side::Buy => details.receiving_client.as_ref(),
        Side::Sell => details.delivering_client.as_ref(),
    };
    let wants_cash = details.method == Method::Dvp;
    let mut found: Accounts = (None, None, None);
    let named = |name: &Option<Identifier>, defects: &mut Defects| {
        let name = name.as_ref()?;
        let index = draft.state.names.find(Kind::Account, name.as_str()).map(AccountIx);
        let index = index.filter(|index| reference.account(*index).is_some());
        if index.is_none() {
            defects.add(DefectKind::UnknownAccount, name.as_str());
        }
        index
    };
    found.0 = named(&details.depot, defects);
    found.1 = named(&details.nostro, defects).filter(|_| wants_cash);
    if details.depot.is_none() || (wants_cash && details.nostro.is_none()) {
        let cfi = reference.instrument(instrument).map_or("", |entry| entry.cfi.as_str());
        let wanted = SsiWanted {
            party,
            on: details.trade_date,
            domain,
            currency: details.currency,
            cfi,
            method: details.method,
            client,
        };
        let ssi = reference.ssi(&wanted).filter(|ssi| !wants_cash || details.nostro.is_some() || ssi.nostro.is_some());
        match ssi {
            None => defects.add(DefectKind::MissingSsi, details.party.as_str()),
            Some(ssi) => {
                if details.depot.is_none() {
                    found.0 = Some(ssi.depot);
                }
                if wants_cash && details.nostro.is_none() {
                    found.1 = ssi.nostro;
                }
                found.2 = Some(ssi.sequence);
            }
        }
    }
    let allowed = |account: AccountIx, depot: bool| {
        reference.account(account).is_some_and(|entry| {
            let kind = match entry.kind {
                AccountKind::Depot => depot,
                AccountKind::Nostro => !depot,
                AccountKind::Internal => true,
            };
            // No client's asset covers a delivery of anyone else, and the house's own covers no client's.
            let capacity = match &entry.capacity {
                Capacity::Own => client.is_none() || !depot,
                Capacity::Omnibus => client.is_some() || !depot,
                Capacity::Segregated(owner) => Some(owner) == client,
            };
            kind && capacity && entry.holder == party && entry.domain == domain
        })
    };
    for (account, is_depot) in [(found.0, true), (found.1, false)] {
        if let Some(account) = account
            && !allowed(account, is_depot)
        {
            let name = draft.state.names.name(Kind::Account, account.0).map_or("account", |name| name.as_str());
            defects.add(DefectKind::AccountNotAllowed, name);
        }
    }
    found
}
