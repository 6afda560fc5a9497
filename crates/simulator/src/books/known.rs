//! Reference data as the bookkeeper keeps it: by name, looked through from the end.

use super::Books;
use model::currency::exponent;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::limit::LimitKind;
use model::reference::{
    Account, AccountKind, Domain, DomainKind, Instrument, NamedCalendar, Parameters, PriceSet, Reference, Ssi,
    Tolerance,
};
use model::rejection::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// What is defined.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub parties: BTreeSet<Identifier>,
    /// With their owners.
    pub books: BTreeMap<Identifier, Identifier>,
    pub accounts: BTreeMap<Identifier, Account>,
    pub domains: BTreeMap<Identifier, Domain>,
    pub domain_order: Vec<Identifier>,
    pub instruments: BTreeMap<Identifier, Instrument>,
    /// In how many decimals each is counted; of what was only named, six.
    pub scales: BTreeMap<Identifier, u8>,
    /// In the order in which they were first named.
    pub named: Vec<Identifier>,
    pub isins: Vec<(String, Date, Identifier)>,
    pub calendars: BTreeMap<Identifier, NamedCalendar>,
    pub currencies: BTreeMap<CurrencyCode, Identifier>,
    pub cycles: BTreeMap<(Identifier, Date), u8>,
    /// With the record that set each.
    pub ssis: Vec<(u64, Ssi)>,
    pub tolerances: BTreeMap<(CurrencyCode, Date), Tolerance>,
    pub limits: BTreeMap<(Identifier, CurrencyCode, Date), i64>,
    pub price_sets: BTreeMap<(Date, Identifier, Identifier), PriceSet>,
    pub parameters: Parameters,
}

/// An amount of money in minor units.
pub(super) fn minor(amount: Decimal, currency: CurrencyCode) -> Result<i64, Reason> {
    let places = exponent(currency).ok_or(Reason::UnknownCurrency)?;
    units(amount, places).ok_or(Reason::AmountTooFine)
}

/// A quantity in smallest units; nothing when it has more decimals than that.
pub(super) fn units(quantity: Decimal, places: u8) -> Option<i64> {
    let (mut value, mut scale) = (i128::from(quantity.unscaled), quantity.scale);
    while scale < u32::from(places) {
        (value, scale) = (value * 10, scale + 1);
    }
    while scale > u32::from(places) {
        if value % 10 != 0 {
            return None;
        }
        (value, scale) = (value / 10, scale - 1);
    }
    i64::try_from(value).ok()
}

impl Known {
    /// An instrument is named: in what it is counted was said when it first was.
    pub fn name(&mut self, instrument: &Identifier, places: u8) {
        if !self.scales.contains_key(instrument) {
            self.named.push(instrument.clone());
            self.scales.insert(instrument.clone(), places);
        }
    }

    pub fn scale(&self, instrument: &Identifier) -> u8 {
        self.scales.get(instrument).copied().unwrap_or(6)
    }

    /// The instrument that a name or an ISIN stands for on a date.
    pub fn instrument_named(&self, text: &str, on: Date) -> Option<Identifier> {
        let latest = self.isins.iter().filter(|(isin, from, _)| isin == text && *from <= on).max_by_key(|row| row.1);
        latest.map(|(_, _, name)| name.clone())
    }

    pub fn is_external(&self, domain: &Identifier) -> bool {
        self.domains.get(domain).is_some_and(|domain| domain.kind == DomainKind::External)
    }

    /// Our account of this name at an agent.
    pub fn mirror(&self, name: &str) -> Option<&Account> {
        self.accounts.get(name).filter(|account| self.is_external(&account.domain))
    }

    fn tolerance(&self, currency: CurrencyCode, on: Date) -> Option<&Tolerance> {
        self.tolerances.range((currency, Date::MIN)..=(currency, on)).next_back().map(|(_, row)| row)
    }

    /// How far a deliverer's amount allows the other to be away.
    pub fn matching_tolerance(&self, currency: CurrencyCode, on: Date, amount: i64) -> i64 {
        let money = |value| minor(value, currency).expect("it was checked when it was set");
        let band = self
            .tolerance(currency, on)
            .and_then(|row| row.bands.iter().find(|band| band.up_to.is_none_or(|up_to| amount <= money(up_to))));
        band.map_or(0, |band| money(band.tolerance))
    }

    pub fn recompute_tolerance(&self, currency: CurrencyCode, on: Date) -> i64 {
        self.tolerance(currency, on).map_or(0, |row| minor(row.recompute, currency).expect("it was checked"))
    }

    pub fn limit(&self, account: &Identifier, currency: CurrencyCode, on: Date) -> i64 {
        let first = (account.clone(), currency, Date::MIN);
        self.limits.range(first..=(account.clone(), currency, on)).next_back().map_or(0, |(_, amount)| *amount)
    }

    pub fn cycle(&self, market: &Identifier, on: Date) -> Option<u8> {
        self.cycles.range((market.clone(), Date::MIN)..=(market.clone(), on)).next_back().map(|(_, days)| *days)
    }
}

impl Books {
    pub(super) fn set(&mut self, reference: &Reference) -> Result<(), Reason> {
        self.check(reference)?;
        let known = &mut self.known;
        match reference.clone() {
            Reference::Party(party) => _ = known.parties.insert(party.id),
            Reference::Book(book) => _ = known.books.insert(book.id, book.owner),
            Reference::Account(account) => _ = known.accounts.insert(account.id.clone(), account),
            Reference::Domain(domain) => {
                if !known.domain_order.contains(&domain.id) {
                    known.domain_order.push(domain.id.clone());
                }
                known.domains.insert(domain.id.clone(), domain);
            }
            Reference::Instrument(paper) => {
                known.name(&paper.id, paper.decimals);
                for row in &paper.isins {
                    let text = row.isin.as_str().to_owned();
                    known.isins.retain(|(isin, from, _)| (isin, *from) != (&text, row.valid_from));
                    known.isins.push((text, row.valid_from, paper.id.clone()));
                }
                known.instruments.insert(paper.id.clone(), paper);
            }
            Reference::Calendar(named) => _ = known.calendars.insert(named.id.clone(), *named),
            Reference::Currency(currency) => _ = known.currencies.insert(currency.code, currency.calendar),
            Reference::Cycle(cycle) => _ = known.cycles.insert((cycle.market, cycle.valid_from), cycle.days),
            Reference::Ssi(ssi) => {
                known
                    .ssis
                    .retain(|(_, row)| (&row.id, row.valid_from, &row.party) != (&ssi.id, ssi.valid_from, &ssi.party));
                known.ssis.push((self.sequence, ssi));
            }
            Reference::Tolerance(row) => _ = known.tolerances.insert((row.currency, row.valid_from), row),
            Reference::CreditLimit(limit) => {
                let amount = minor(limit.amount, limit.currency).expect("it was checked");
                known.limits.insert((limit.account.clone(), limit.currency, limit.valid_from), amount);
                self.wake_cash(&limit.account, limit.currency);
            }
            Reference::PriceSet(set) => {
                self.set_prices(&set);
                let known = &mut self.known;
                _ = known.price_sets.insert((set.date, set.snap.clone(), set.source.clone()), set);
            }
            Reference::Parameters(parameters) => known.parameters = parameters,
            // Results are the views' affair.
            Reference::BookPolicy(_) => {}
            Reference::CounterpartyLimit(limit) => {
                let amount = minor(limit.amount, limit.currency).expect("it was checked");
                self.set_limit(&limit, amount);
            }
            Reference::AddOn(row) => _ = self.limits.add_ons.insert((row.cfi_prefix, row.valid_from), row.rate),
            Reference::Issuer(row) => self.set_issuer(row.instrument, row.issuer),
            // What a CCP will ask is forecast by the views.
            Reference::ClearingTerms(_) => {}
            Reference::MarginAccount(row) => {
                let rows = self.margin.accounts.entry(row.id.clone()).or_default();
                rows.insert(row.valid_from, row);
            }
            Reference::Grant(grant) => {
                _ = self.grants.insert((grant.actor.clone(), grant.valid_from), grant);
            }
        }
        if self.trades.values().any(|trade| trade.in_repair) {
            self.repairing = Some(0);
        }
        Ok(())
    }

    fn check(&self, reference: &Reference) -> Result<(), Reason> {
        let known = &self.known;
        let must = |there: bool, reason| if there { Ok(()) } else { Err(reason) };
        let is_party = |name| must(known.parties.contains(name), Reason::UnknownName);
        let is_calendar = |name| must(known.calendars.contains_key(name), Reason::UnknownName);
        match reference {
            Reference::Party(_) | Reference::Calendar(_) | Reference::Cycle(_) => Ok(()),
            Reference::Parameters(parameters) => parameters.check_budgets().map_err(|_| Reason::ReferenceInvalid),
            Reference::Book(book) => {
                is_party(&book.owner)?;
                let before = known.books.get(&book.id);
                must(before.is_none_or(|owner| *owner == book.owner), Reason::ReferenceInUse)
            }
            Reference::Account(account) => {
                is_party(&account.holder)?;
                must(known.domains.contains_key(&account.domain), Reason::UnknownName)?;
                let same = |before: &Account| {
                    (&before.capacity, &before.holder, &before.domain, before.kind)
                        == (&account.capacity, &account.holder, &account.domain, account.kind)
                };
                must(known.accounts.get(&account.id).is_none_or(same), Reason::ReferenceInUse)
            }
            Reference::Domain(domain) => {
                is_calendar(&domain.calendar)?;
                let before = known.domains.get(&domain.id);
                must(before.is_none_or(|before| before.kind == domain.kind), Reason::ReferenceInUse)?;
                must(domain.check_times().is_ok(), Reason::ReferenceInvalid)
            }
            Reference::Instrument(paper) => self.check_instrument(paper),
            Reference::Currency(currency) => {
                must(exponent(currency.code).is_some(), Reason::UnknownCurrency)?;
                is_calendar(&currency.calendar)
            }
            Reference::Ssi(ssi) => {
                is_party(&ssi.party)?;
                for name in [Some(&ssi.depot), ssi.nostro.as_ref()].into_iter().flatten() {
                    let account = known.accounts.get(name).ok_or(Reason::UnknownName)?;
                    must(account.holder == ssi.party, Reason::AccountNotAllowed)?;
                }
                must(ssi.domain.as_ref().is_none_or(|name| known.domains.contains_key(name)), Reason::UnknownName)
            }
            Reference::Tolerance(row) => {
                minor(row.recompute, row.currency)?;
                let ends = row.bands.iter().map(|band| band.up_to.map(|up_to| minor(up_to, row.currency)).transpose());
                let ends = ends.collect::<Result<Vec<_>, _>>()?;
                for band in &row.bands {
                    must(minor(band.tolerance, row.currency)? >= 0, Reason::ReferenceInvalid)?;
                }
                let rises = ends.windows(2).all(|two| two[0].is_some_and(|end| two[1].is_none_or(|next| next > end)));
                must(rises, Reason::ReferenceInvalid)
            }
            Reference::CreditLimit(limit) => {
                let account = known.accounts.get(&limit.account).ok_or(Reason::UnknownName)?;
                must(account.kind != AccountKind::Depot, Reason::AccountNotAllowed)?;
                must(minor(limit.amount, limit.currency)? >= 0, Reason::ReferenceInvalid)
            }
            Reference::PriceSet(set) => {
                let before = known.price_sets.get(&(set.date, set.snap.clone(), set.source.clone()));
                must(before.is_none_or(|before| before.version < set.version), Reason::ReferenceInvalid)
            }
            Reference::BookPolicy(policy) => {
                let owner = known.books.get(&policy.book).ok_or(Reason::UnknownName)?;
                must(policy.currency.is_none_or(|code| exponent(code).is_some()), Reason::UnknownCurrency)?;
                let closed = self.closings.get(owner).is_some_and(|day| day.is_closed(policy.valid_from));
                must(!closed, Reason::ReferenceInvalid)
            }
            Reference::CounterpartyLimit(limit) => {
                is_party(&limit.entity)?;
                // An issuer need not be a party.
                if limit.kind != LimitKind::Issuer {
                    is_party(&limit.counterparty)?;
                }
                must(minor(limit.amount, limit.currency)? >= 0, Reason::ReferenceInvalid)?;
                let key = (limit.entity.clone(), limit.counterparty.clone(), limit.kind);
                let before = self.limits.rows.get(&key);
                must(before.is_none_or(|(currency, _)| *currency == limit.currency), Reason::ReferenceInUse)
            }
            Reference::AddOn(row) => {
                let letters = row.cfi_prefix.len() <= 6 && row.cfi_prefix.chars().all(|one| one.is_ascii_uppercase());
                must(letters && row.rate.unscaled >= 0, Reason::ReferenceInvalid)
            }
            Reference::Issuer(row) => must(known.instruments.contains_key(&row.instrument), Reason::UnknownName),
            Reference::ClearingTerms(terms) => {
                is_party(&terms.ccp)?;
                let billion = |share: Decimal| units(share, 9).unwrap_or(i64::MAX);
                let shares = [terms.gap_threshold, terms.gap_rate, terms.fails_rate, terms.least_haircut];
                let shares = shares.into_iter().all(|share| (0..=1_000_000_000).contains(&billion(share)));
                let confidence = billion(terms.confidence);
                let counted = (250..=5_000).contains(&terms.scenarios) && (1..=20).contains(&terms.horizon);
                let sourced = !terms.jurisdiction.is_empty() && !terms.source.is_empty();
                let prefix =
                    |text: &String| (1..=6).contains(&text.len()) && text.chars().all(|one| one.is_ascii_uppercase());
                let sound = shares && confidence > 500_000_000 && confidence < 1_000_000_000 && counted && sourced;
                must(sound && terms.index_cfi.iter().all(prefix), Reason::ReferenceInvalid)
            }
            Reference::MarginAccount(row) => self.check_margin_account(row),
            Reference::Grant(grant) => self.check_grant(grant),
        }
    }

    fn check_instrument(&self, paper: &Instrument) -> Result<(), Reason> {
        if paper.decimals > 9 {
            return Err(Reason::ReferenceInvalid);
        }
        let counted = self.known.scales.get(&paper.id).copied().unwrap_or(paper.decimals);
        if paper.decimals > counted {
            return Err(Reason::ReferenceInUse);
        }
        if [paper.minimum_unit, paper.multiple].into_iter().any(|least| units(least, counted).is_none_or(|n| n <= 0)) {
            return Err(Reason::ReferenceInvalid);
        }
        let other = |row: &model::reference::IsinFrom| {
            self.known.instrument_named(row.isin.as_str(), row.valid_from).is_some_and(|name| name != paper.id)
        };
        if paper.isins.iter().any(other) { Err(Reason::ReferenceInUse) } else { Ok(()) }
    }
}
