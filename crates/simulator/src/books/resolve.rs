//! A trade's details against reference data: what it comes to, and what is wrong with it.

use super::known::{minor, units};
use super::{Books, Deal};
use model::calendar::Calendar;
use model::currency::exponent;
use model::date::Date;
use model::identifier::Identifier;
use model::reference::{AccountKind, Capacity, Ssi};
use model::rejection::Reason;
use model::trade::{DefectKind, Details, Method, PriceType, Side};

/// Terms with what is wrong, and the names to be remembered once the command is accepted.
pub(super) struct Resolved {
    pub deal: Deal,
    pub defects: Vec<DefectKind>,
}

impl Books {
    pub(super) fn resolve(&self, details: &Details, amounts_accepted: bool) -> Result<Resolved, Reason> {
        let known = &self.known;
        if !self.owned.is_empty() && !self.owned.contains(&details.domain) {
            return Err(Reason::NotOurDomain);
        }
        self.check_sense(details)?;
        let mut defects = Vec::new();
        let mut wrong = |is: bool, kind| {
            if is {
                defects.push(kind);
            }
        };
        let named = known.instrument_named(details.instrument.as_str(), details.trade_date);
        let instrument = named.unwrap_or_else(|| details.instrument.clone());
        let paper = known.instruments.get(&instrument);
        let owner = known.books.get(&details.book);
        wrong(!known.parties.contains(&details.party), DefectKind::UnknownParty);
        wrong(!known.parties.contains(&details.counterparty), DefectKind::UnknownCounterparty);
        wrong(owner.is_none(), DefectKind::UnknownBook);
        wrong(paper.is_none(), DefectKind::UnknownInstrument);
        wrong(!known.domains.contains_key(&details.domain), DefectKind::UnknownDomain);
        wrong(owner.is_some_and(|owner| *owner != details.party), DefectKind::BookNotOwned);
        let scale = known.scale(&instrument);
        let quantity = units(details.quantity, scale).ok_or(Reason::QuantityTooFine)?;
        if let Some(paper) = paper {
            let least = |amount| units(amount, scale).expect("it was checked when it was set");
            let odd = quantity < least(paper.minimum_unit) || quantity % least(paper.multiple) != 0;
            wrong(odd, DefectKind::OddLot);
            wrong(paper.quantity_type != details.quantity_type, DefectKind::QuantityTypeDiffers);
        }
        let gross = minor(details.gross, details.currency)?;
        let accrued = minor(details.accrued, details.currency)?;
        let net = minor(details.net, details.currency)?;
        let mut charges = 0;
        for charge in &details.charges {
            charges += minor(charge.amount, details.currency)?;
        }
        if details.method == Method::Dvp && !amounts_accepted {
            let near = known.recompute_tolerance(details.currency, details.trade_date);
            wrong((expected_gross(details) - i128::from(gross)).abs() > i128::from(near), DefectKind::GrossDiffers);
            let cost = if details.side == Side::Buy { charges } else { -charges };
            wrong((gross + accrued + cost - net).abs() > near, DefectKind::NetDiffers);
        }
        let date = self.settlement_date(details, &instrument).unwrap_or_else(|kind| {
            defects.extend(kind);
            details.trade_date
        });
        if date < details.trade_date {
            return Err(Reason::SettlesBeforeTrade);
        }
        let (depot, nostro) = self.accounts(details, &instrument, &mut defects);
        let deal = Deal {
            party: details.party.clone(),
            counterparty: details.counterparty.clone(),
            book: details.book.clone(),
            domain: details.domain.clone(),
            instrument,
            side: details.side,
            method: details.method,
            quantity,
            currency: details.currency,
            net,
            trade_date: details.trade_date,
            date,
            depot,
            nostro,
            transaction_type: details.transaction_type,
            cum_ex: details.cum_ex,
            opt_out: details.opt_out,
            common_reference: details.common_reference.clone(),
            delivering_client: details.delivering_client.clone(),
            receiving_client: details.receiving_client.clone(),
            hold: details.hold,
            priority: details.priority,
        };
        Ok(Resolved { deal, defects })
    }

    fn check_sense(&self, details: &Details) -> Result<(), Reason> {
        let far = |one: Date, other: Date| one.days_since(other).abs() > 3_653;
        if details.quantity.unscaled <= 0 {
            return Err(Reason::QuantityNotPositive);
        }
        if details.gross.is_negative() || details.net.is_negative() {
            return Err(Reason::AmountNegative);
        }
        if exponent(details.currency).is_none() {
            return Err(Reason::UnknownCurrency);
        }
        if far(details.trade_date, self.today()) {
            return Err(Reason::DateOutOfRange);
        }
        if let Some(date) = details.intended_settlement_date {
            if date < details.trade_date {
                return Err(Reason::SettlesBeforeTrade);
            }
            if far(date, details.trade_date) {
                return Err(Reason::DateOutOfRange);
            }
        }
        if (1..=4).contains(&details.priority) { Ok(()) } else { Err(Reason::PriorityOutOfRange) }
    }

    /// The date given, or so many days on which both the domain and the currency settle; an error is a defect, if there is
    /// one that was not said already.
    fn settlement_date(&self, details: &Details, instrument: &Identifier) -> Result<Date, Option<DefectKind>> {
        if let Some(date) = details.intended_settlement_date {
            return Ok(date);
        }
        let known = &self.known;
        let (Some(domain), Some(paper)) = (known.domains.get(&details.domain), known.instruments.get(instrument))
        else {
            return Err(None);
        };
        let days = known.cycle(&paper.market, details.trade_date).ok_or(Some(DefectKind::MissingCycle))?;
        let missing = Some(DefectKind::MissingCalendar);
        let calendar = |name: &Identifier| known.calendars.get(name).map(|named| &named.calendar).ok_or(missing);
        let mut calendars = vec![calendar(&domain.calendar)?];
        if details.method == Method::Dvp {
            calendars.push(calendar(known.currencies.get(&details.currency).ok_or(missing)?)?);
        }
        let open = |date: Date| -> Result<bool, Option<DefectKind>> {
            let day = |calendar: &&Calendar| calendar.is_business_day(date).map_err(|_| missing);
            calendars.iter().map(day).try_fold(true, |all, one| Ok(all && one?))
        };
        let mut date = details.trade_date;
        for _ in 0..days {
            date = date.add_days(1).map_err(|_| missing)?;
            while !open(date)? {
                date = date.add_days(1).map_err(|_| missing)?;
            }
        }
        Ok(date)
    }

    /// The accounts the trade names, else those of the standing instruction that says most about it.
    fn accounts(
        &self,
        details: &Details,
        instrument: &Identifier,
        defects: &mut Vec<DefectKind>,
    ) -> (Option<Identifier>, Option<Identifier>) {
        let client = match details.side {
            Side::Buy => details.receiving_client.as_ref(),
            Side::Sell => details.delivering_client.as_ref(),
        };
        let cash = details.method == Method::Dvp;
        let mut named = |name: &Option<Identifier>| {
            let name = name.clone()?;
            let there = self.known.accounts.contains_key(&name);
            if !there {
                defects.push(DefectKind::UnknownAccount);
            }
            there.then_some(name)
        };
        let (mut depot, mut nostro) = (named(&details.depot), named(&details.nostro).filter(|_| cash));
        if details.depot.is_none() || (cash && details.nostro.is_none()) {
            let ssi = self.standing(details, instrument, client);
            match ssi.filter(|ssi| !cash || details.nostro.is_some() || ssi.nostro.is_some()) {
                None => defects.push(DefectKind::MissingSsi),
                Some(ssi) => {
                    if details.depot.is_none() {
                        depot = Some(ssi.depot.clone());
                    }
                    if cash && details.nostro.is_none() {
                        nostro = ssi.nostro.clone();
                    }
                }
            }
        }
        for (name, is_depot) in [(&depot, true), (&nostro, false)] {
            let Some(account) = name.as_ref().and_then(|name| self.known.accounts.get(name)) else { continue };
            let kind = match account.kind {
                AccountKind::Depot => is_depot,
                AccountKind::Nostro => !is_depot,
                AccountKind::Internal => true,
            };
            let capacity = match &account.capacity {
                Capacity::Own => client.is_none() || !is_depot,
                Capacity::Omnibus => client.is_some() || !is_depot,
                Capacity::Segregated(owner) => Some(owner) == client,
            };
            if !(kind && capacity && account.holder == details.party && account.domain == details.domain) {
                defects.push(DefectKind::AccountNotAllowed);
            }
        }
        (depot, nostro)
    }

    fn standing(&self, details: &Details, instrument: &Identifier, client: Option<&Identifier>) -> Option<&Ssi> {
        let cfi = self.known.instruments.get(instrument).map_or("", |paper| paper.cfi.as_str());
        let fits = |ssi: &Ssi| {
            ssi.party == details.party
                && ssi.valid_from <= details.trade_date
                && ssi.domain.as_ref().is_none_or(|domain| *domain == details.domain)
                && ssi.currency.is_none_or(|currency| currency == details.currency)
                && ssi.method.is_none_or(|method| method == details.method)
                && ssi.cfi_prefix.as_ref().is_none_or(|prefix| cfi.starts_with(prefix.as_str()))
                && ssi.client.as_ref() == client
        };
        let says = |(sequence, ssi): &&(u64, Ssi)| {
            let given = (ssi.domain.is_some(), ssi.cfi_prefix.is_some(), ssi.currency.is_some(), ssi.method.is_some());
            (given, ssi.cfi_prefix.as_ref().map_or(0, String::len), ssi.valid_from, *sequence)
        };
        self.known.ssis.iter().filter(|(_, ssi)| fits(ssi)).max_by_key(says).map(|(_, ssi)| ssi)
    }

    /// A name that an accepted record used is counted in six decimals until it is defined, and then for ever.
    pub(super) fn note_names(&mut self, deal: &Deal) {
        self.known.name(&deal.instrument, 6);
    }
}

/// Quantity times price, rounded half up to the minor unit.
fn expected_gross(details: &Details) -> i128 {
    let places = u32::from(exponent(details.currency).expect("it was checked"));
    let percent = if details.price_type == PriceType::Percent { 2 } else { 0 };
    let digits = details.quantity.scale + details.price.scale + percent;
    let product = i128::from(details.quantity.unscaled) * i128::from(details.price.unscaled);
    if digits <= places {
        return product * 10i128.pow(places - digits);
    }
    let power = 10i128.pow(digits - places);
    (product * 2 + power).div_euclid(power * 2)
}
