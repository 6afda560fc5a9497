//! Reference data in force: how a piece is checked and set, and how it is found by date.

use crate::Map;
use crate::draft::Draft;
use crate::state::State;
use alloc::{collections::BTreeMap, string::String, string::ToString, vec::Vec};
use model::calendar::Calendar;
use model::currency::exponent;
use model::date::Date;
use model::decimal::Decimal;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, BookIx, CalendarIx, DomainIx, InstrumentIx, Kind, PartyIx};
use model::reference::{
    AccountKind, Capacity, CutOffRule, DaySchedule, Instrument, PROVISIONAL_SCALE, Parameters, Reference,
};
use model::rejection::{Reason, Rejection};
use model::trade::{Method, QuantityType};

/// Reference data, by number, effective-dated where it can change.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReferenceData {
    pub parties: Vec<bool>,
    pub books: Vec<Option<BookEntry>>,
    pub accounts: Vec<Option<AccountEntry>>,
    pub domains: Vec<Option<DomainEntry>>,
    pub instruments: Vec<Option<InstrumentEntry>>,
    /// In what each instrument is counted; fixed at first use.
    pub scales: Vec<Option<u8>>,
    pub isins: Map<[u8; 12], Vec<(Date, InstrumentIx)>>,
    pub calendars: Vec<Option<Calendar>>,
    pub currencies: BTreeMap<CurrencyCode, CalendarIx>,
    pub cycles: BTreeMap<Identifier, Vec<(Date, u8)>>,
    pub ssis: Map<u32, Vec<SsiEntry>>,
    pub tolerances: BTreeMap<CurrencyCode, Vec<ToleranceEntry>>,
    pub limits: BTreeMap<(u32, CurrencyCode), Vec<(Date, i64)>>,
    /// The version that holds, and the record that set it.
    pub price_sets: BTreeMap<(Date, Identifier, Identifier), (u32, u64)>,
    pub parameters: Parameters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BookEntry {
    pub owner: PartyIx,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountEntry {
    pub kind: AccountKind,
    pub holder: PartyIx,
    pub domain: DomainIx,
    pub capacity: Capacity,
    pub may_go_short: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DomainEntry {
    pub calendar: CalendarIx,
    pub zone: String,
    pub cut_offs: Vec<CutOffRule>,
    pub schedule: Option<DaySchedule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstrumentEntry {
    pub cfi: String,
    /// In the instrument's smallest unit.
    pub minimum_unit: i64,
    pub multiple: i64,
    pub market: Identifier,
    pub quantity_type: QuantityType,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SsiEntry {
    pub id: Identifier,
    pub valid_from: Date,
    /// The record that set it.
    pub sequence: u64,
    pub domain: Option<DomainIx>,
    pub currency: Option<CurrencyCode>,
    pub cfi_prefix: Option<String>,
    pub method: Option<Method>,
    pub client: Option<Identifier>,
    pub depot: AccountIx,
    pub nostro: Option<AccountIx>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToleranceEntry {
    pub valid_from: Date,
    /// Upper end (inclusive) and tolerance, in minor units.
    pub bands: Vec<(Option<i64>, i64)>,
    pub recompute: i64,
}

/// What SSI is wanted.
pub(crate) struct SsiWanted<'a> {
    pub party: PartyIx,
    pub on: Date,
    pub domain: DomainIx,
    pub currency: CurrencyCode,
    pub cfi: &'a str,
    pub method: Method,
    pub client: Option<&'a Identifier>,
}

/// What holds on a day, of rows in order of the days from which they hold.
pub(crate) fn in_force<T>(rows: &[(Date, T)], on: Date) -> Option<&T> {
    rows.iter().rev().find(|(from, _)| *from <= on).map(|(_, value)| value)
}

/// Sets a row from a date on, in order of dates; the same date is replaced.
pub(crate) fn set_from<T>(rows: &mut Vec<(Date, T)>, from: Date, value: T) {
    match rows.binary_search_by_key(&from, |(date, _)| *date) {
        Ok(at) => rows[at].1 = value,
        Err(at) => rows.insert(at, (from, value)),
    }
}

fn place<T>(rows: &mut Vec<Option<T>>, at: usize, value: T) {
    if rows.len() <= at {
        rows.resize_with(at + 1, || None);
    }
    rows[at] = Some(value);
}

impl ReferenceData {
    pub fn book(&self, book: BookIx) -> Option<&BookEntry> {
        self.books.get(book.at())?.as_ref()
    }
    pub fn account(&self, account: AccountIx) -> Option<&AccountEntry> {
        self.accounts.get(account.at())?.as_ref()
    }
    pub fn domain(&self, domain: DomainIx) -> Option<&DomainEntry> {
        self.domains.get(domain.at())?.as_ref()
    }
    pub fn instrument(&self, instrument: InstrumentIx) -> Option<&InstrumentEntry> {
        self.instruments.get(instrument.at())?.as_ref()
    }
    pub fn calendar(&self, calendar: CalendarIx) -> Option<&Calendar> {
        self.calendars.get(calendar.at())?.as_ref()
    }
    pub fn knows_party(&self, party: PartyIx) -> bool {
        self.parties.get(party.at()).copied().unwrap_or(false)
    }
    pub fn scale(&self, instrument: InstrumentIx) -> u8 {
        self.scales.get(instrument.at()).copied().flatten().unwrap_or(PROVISIONAL_SCALE)
    }

    /// The instrument an ISIN stood for on a date.
    pub fn by_isin(&self, text: &str, on: Date) -> Option<InstrumentIx> {
        let isin: [u8; 12] = text.as_bytes().try_into().ok()?;
        in_force(self.isins.get(&isin)?, on).copied()
    }

    pub fn cycle(&self, market: &Identifier, trade_date: Date) -> Option<u8> {
        in_force(self.cycles.get(market)?, trade_date).copied()
    }

    /// The most specific SSI that fits; of equals the one that began last, then the one set last.
    pub fn ssi(&self, wanted: &SsiWanted<'_>) -> Option<&SsiEntry> {
        fn fits<T: PartialEq>(rule: &Option<T>, value: &T) -> bool {
            rule.as_ref().is_none_or(|rule| rule == value)
        }
        self.ssis
            .get(&wanted.party.0)?
            .iter()
            .filter(|ssi| ssi.valid_from <= wanted.on)
            .filter(|ssi| fits(&ssi.domain, &wanted.domain) && fits(&ssi.currency, &wanted.currency))
            .filter(|ssi| fits(&ssi.method, &wanted.method))
            .filter(|ssi| ssi.cfi_prefix.as_ref().is_none_or(|prefix| wanted.cfi.starts_with(prefix.as_str())))
            // The house's own accounts never serve a client, nor a client's the house.
            .filter(|ssi| ssi.client.as_ref() == wanted.client)
            .max_by_key(|ssi| {
                let given =
                    [ssi.domain.is_some(), ssi.cfi_prefix.is_some(), ssi.currency.is_some(), ssi.method.is_some()];
                (given, ssi.cfi_prefix.as_ref().map_or(0, String::len), ssi.valid_from, ssi.sequence)
            })
    }

    fn tolerance(&self, currency: CurrencyCode, on: Date) -> Option<&ToleranceEntry> {
        self.tolerances.get(&currency)?.iter().rev().find(|entry| entry.valid_from <= on)
    }

    /// How far two amounts may be apart, given the deliverer's. None defined: not at all.
    pub fn matching_tolerance(&self, currency: CurrencyCode, on: Date, amount: i64) -> i64 {
        self.tolerance(currency, on)
            .and_then(|entry| entry.bands.iter().find(|(up_to, _)| up_to.is_none_or(|up_to| amount <= up_to)))
            .map_or(0, |(_, tolerance)| *tolerance)
    }

    /// The widest any band allows: beyond it no candidate need be looked at.
    pub fn widest_tolerance(&self, currency: Option<CurrencyCode>, on: Date) -> u64 {
        let entry = currency.and_then(|currency| self.tolerance(currency, on));
        entry.and_then(|entry| entry.bands.iter().map(|(_, tolerance)| tolerance.unsigned_abs()).max()).unwrap_or(0)
    }

    /// How far a trade's own figures may be from what is recomputed.
    pub fn recompute_tolerance(&self, currency: CurrencyCode, on: Date) -> i64 {
        self.tolerance(currency, on).map_or(0, |entry| entry.recompute)
    }

    pub fn limit(&self, account: AccountIx, currency: CurrencyCode, on: Date) -> i64 {
        self.limits.get(&(account.0, currency)).and_then(|rows| in_force(rows, on)).copied().unwrap_or(0)
    }
}

/// Checks a piece of reference data and says what setting it makes true.
pub(crate) fn decide_set(draft: &mut Draft<'_>, reference: &Reference) -> Result<(), Rejection> {
    let scale = check(draft, reference)?;
    if let Some((kind, name)) = names_in(reference) {
        draft.intern(kind, name);
    }
    draft.push(Event::ReferenceSet { reference: alloc::boxed::Box::new(reference.clone()), scale });
    Ok(())
}

pub(crate) fn invalid(subject: impl Into<String>) -> Rejection {
    Rejection::new(Reason::ReferenceInvalid, subject)
}

pub(crate) fn known(draft: &Draft<'_>, kind: Kind, name: &Identifier) -> Result<u32, Rejection> {
    let index = draft.state.names.find(kind, name.as_str());
    let reference = &draft.state.reference;
    let defined = |index: u32| match kind {
        Kind::Party => reference.knows_party(PartyIx(index)),
        Kind::Book => reference.book(BookIx(index)).is_some(),
        Kind::Account => reference.account(AccountIx(index)).is_some(),
        Kind::Instrument => reference.instrument(InstrumentIx(index)).is_some(),
        Kind::Domain => reference.domain(DomainIx(index)).is_some(),
        Kind::Calendar => reference.calendar(CalendarIx(index)).is_some(),
        Kind::Source => true,
    };
    index.filter(|index| defined(*index)).ok_or_else(|| Rejection::new(Reason::UnknownName, name.as_str()))
}

/// A decimal in minor units; an excess digit or an unknown currency is the caller's mistake.
pub(crate) fn minor(amount: Decimal, currency: CurrencyCode) -> Result<i64, Rejection> {
    let exponent = exponent(currency).ok_or_else(|| Rejection::new(Reason::UnknownCurrency, currency.as_str()))?;
    units(amount, exponent).ok_or_else(|| Rejection::new(Reason::AmountTooFine, amount.to_string()))
}

pub(crate) fn units(amount: Decimal, scale: u8) -> Option<i64> {
    amount.to_scale(u32::from(scale)).ok().and_then(|units| i64::try_from(units).ok())
}

fn check(draft: &Draft<'_>, reference: &Reference) -> Result<Option<u8>, Rejection> {
    let state = draft.state;
    match reference {
        Reference::Party(_) | Reference::Calendar(_) | Reference::Cycle(_) => {}
        Reference::Parameters(parameters) => parameters.check_budgets().map_err(invalid)?,
        Reference::Grant(grant) => state.check_grant(grant, draft.today())?,
        Reference::Book(book) => {
            let owner = PartyIx(known(draft, Kind::Party, &book.owner)?);
            let index = state.names.find(Kind::Book, book.id.as_str()).map(BookIx);
            if index.and_then(|index| state.reference.book(index)).is_some_and(|before| before.owner != owner) {
                return Err(Rejection::new(Reason::ReferenceInUse, book.id.as_str()));
            }
        }
        Reference::Account(account) => {
            let holder = PartyIx(known(draft, Kind::Party, &account.holder)?);
            let domain = DomainIx(known(draft, Kind::Domain, &account.domain)?);
            let index = state.names.find(Kind::Account, account.id.as_str()).map(AccountIx);
            if let Some(before) = index.and_then(|index| state.reference.account(index))
                && (&before.capacity, before.holder, before.domain, before.kind)
                    != (&account.capacity, holder, domain, account.kind)
            {
                return Err(Rejection::new(Reason::ReferenceInUse, account.id.as_str()));
            }
        }
        Reference::Domain(domain) => {
            known(draft, Kind::Calendar, &domain.calendar)?;
            state.check_kind(domain)?;
            domain.check_times().map_err(invalid)?;
        }
        Reference::BookPolicy(policy) => crate::accounting::check_policy(draft, policy)?,
        Reference::Issuer(issuer) => _ = known(draft, Kind::Instrument, &issuer.instrument)?,
        Reference::Instrument(instrument) => return check_instrument(state, instrument).map(Some),
        Reference::Currency(currency) => {
            exponent(currency.code).ok_or_else(|| Rejection::new(Reason::UnknownCurrency, currency.code.as_str()))?;
            known(draft, Kind::Calendar, &currency.calendar)?;
        }
        Reference::Ssi(ssi) => {
            let party = PartyIx(known(draft, Kind::Party, &ssi.party)?);
            for account in [Some(&ssi.depot), ssi.nostro.as_ref()].into_iter().flatten() {
                let index = AccountIx(known(draft, Kind::Account, account)?);
                let holder = state.reference.account(index).map(|entry| entry.holder);
                if holder != Some(party) {
                    return Err(Rejection::new(Reason::AccountNotAllowed, account.as_str()));
                }
            }
            ssi.domain.as_ref().map(|domain| known(draft, Kind::Domain, domain)).transpose()?;
        }
        Reference::Tolerance(tolerance) => crate::tolerance::check_tolerance(tolerance)?,
        Reference::CounterpartyLimit(limit) => crate::limits::check_limit(draft, limit)?,
        Reference::AddOn(add_on) => crate::limits::check_add_on(add_on)?,
        Reference::MarginAccount(account) => crate::margin::check_account(draft, account)?,
        Reference::ClearingTerms(terms) => crate::margin::check_terms(draft, terms)?,
        Reference::CreditLimit(limit) => {
            let account = AccountIx(known(draft, Kind::Account, &limit.account)?);
            if state.reference.account(account).is_some_and(|entry| entry.kind == AccountKind::Depot) {
                return Err(Rejection::new(Reason::AccountNotAllowed, limit.account.as_str()));
            }
            if minor(limit.amount, limit.currency)? < 0 {
                return Err(invalid("amount: a credit limit is not below zero"));
            }
        }
        Reference::PriceSet(set) => {
            let key = (set.date, set.snap.clone(), set.source.clone());
            if state.reference.price_sets.get(&key).is_some_and(|(version, _)| *version >= set.version) {
                return Err(invalid("version: a correction of a price set has a higher version"));
            }
        }
    }
    Ok(None)
}

fn check_instrument(state: &State, instrument: &Instrument) -> Result<u8, Rejection> {
    if instrument.decimals > 9 {
        return Err(invalid("decimals: at most 9"));
    }
    let index = state.names.find(Kind::Instrument, instrument.id.as_str()).map(InstrumentIx);
    let scale = match index {
        None => instrument.decimals,
        Some(index) => state.reference.scale(index),
    };
    if instrument.decimals > scale {
        return Err(Rejection::new(Reason::ReferenceInUse, "decimals"));
    }
    for (amount, name) in [(instrument.minimum_unit, "minimum_unit"), (instrument.multiple, "multiple")] {
        if units(amount, scale).is_none_or(|units| units <= 0) {
            return Err(invalid(name));
        }
    }
    for from in &instrument.isins {
        let other = state.reference.by_isin(from.isin.as_str(), from.valid_from);
        if other.is_some() && other != index {
            return Err(Rejection::new(Reason::ReferenceInUse, from.isin.as_str()));
        }
    }
    Ok(scale)
}

/// The names a piece defines: they get their numbers in the same record.
fn names_in(reference: &Reference) -> Option<(Kind, &Identifier)> {
    match reference {
        Reference::Party(party) => Some((Kind::Party, &party.id)),
        Reference::Book(book) => Some((Kind::Book, &book.id)),
        Reference::Account(account) => Some((Kind::Account, &account.id)),
        Reference::Domain(domain) => Some((Kind::Domain, &domain.id)),
        Reference::Instrument(instrument) => Some((Kind::Instrument, &instrument.id)),
        Reference::Calendar(calendar) => Some((Kind::Calendar, &calendar.id)),
        Reference::CounterpartyLimit(limit) => crate::limits::named(limit).map(|issuer| (Kind::Party, issuer)),
        _ => None,
    }
}

impl State {
    fn index(&self, kind: Kind, name: &Identifier) -> u32 {
        self.names.find(kind, name.as_str()).expect("a checked piece names only what has a number")
    }

    pub(crate) fn apply_reference(&mut self, sequence: u64, reference: &Reference, scale: Option<u8>) {
        match reference {
            Reference::Party(party) => {
                let at = self.index(Kind::Party, &party.id) as usize;
                let known = &mut self.reference.parties;
                known.resize(known.len().max(at + 1), false);
                known[at] = true;
            }
            Reference::Book(book) => {
                let owner = PartyIx(self.index(Kind::Party, &book.owner));
                let at = self.index(Kind::Book, &book.id) as usize;
                place(&mut self.reference.books, at, BookEntry { owner });
            }
            Reference::Account(account) => {
                let at = self.index(Kind::Account, &account.id) as usize;
                let entry = AccountEntry {
                    kind: account.kind,
                    holder: PartyIx(self.index(Kind::Party, &account.holder)),
                    domain: DomainIx(self.index(Kind::Domain, &account.domain)),
                    capacity: account.capacity.clone(),
                    may_go_short: account.may_go_short,
                };
                place(&mut self.reference.accounts, at, entry);
            }
            Reference::Domain(domain) => {
                let at = self.index(Kind::Domain, &domain.id) as usize;
                let entry = DomainEntry {
                    calendar: CalendarIx(self.index(Kind::Calendar, &domain.calendar)),
                    zone: domain.zone.clone(),
                    cut_offs: domain.cut_offs.clone(),
                    schedule: domain.schedule,
                };
                place(&mut self.reference.domains, at, entry);
            }
            Reference::Instrument(instrument) => self.apply_instrument(instrument, scale),
            Reference::Calendar(named) => {
                let at = self.index(Kind::Calendar, &named.id) as usize;
                place(&mut self.reference.calendars, at, named.calendar.clone());
            }
            Reference::Currency(currency) => {
                let calendar = CalendarIx(self.index(Kind::Calendar, &currency.calendar));
                self.reference.currencies.insert(currency.code, calendar);
            }
            Reference::Cycle(cycle) => {
                let rows = self.reference.cycles.entry(cycle.market.clone()).or_default();
                set_from(rows, cycle.valid_from, cycle.days);
            }
            Reference::Ssi(ssi) => self.apply_ssi(sequence, ssi),
            Reference::Tolerance(tolerance) => self.apply_tolerance(tolerance),
            Reference::CounterpartyLimit(limit) => self.apply_limit(limit),
            Reference::AddOn(add_on) => self.apply_add_on(add_on),
            Reference::MarginAccount(account) => self.apply_margin_account(account),
            Reference::CreditLimit(limit) => {
                let account = self.index(Kind::Account, &limit.account);
                let amount = minor(limit.amount, limit.currency).expect("checked when it was set");
                set_from(self.reference.limits.entry((account, limit.currency)).or_default(), limit.valid_from, amount);
                self.wake_cash(AccountIx(account), limit.currency);
            }
            Reference::PriceSet(set) => {
                let key = (set.date, set.snap.clone(), set.source.clone());
                self.reference.price_sets.insert(key, (set.version, sequence));
                self.take_prices(set);
            }
            Reference::Parameters(parameters) => self.reference.parameters = parameters.clone(),
            Reference::Grant(grant) => self.grants.set(grant.clone()),
            Reference::BookPolicy(_) | Reference::ClearingTerms(_) => {}
            Reference::Issuer(issuer) => self.apply_issuer(issuer),
        }
        if !self.repairs.is_empty() {
            self.repairing = Some(0);
        }
    }

    fn apply_instrument(&mut self, instrument: &Instrument, scale: Option<u8>) {
        let index = InstrumentIx(self.index(Kind::Instrument, &instrument.id));
        let scale = scale.expect("an instrument's record says in what it is counted");
        let counted = |amount| units(amount, scale).expect("checked when it was set");
        let entry = InstrumentEntry {
            cfi: instrument.cfi.as_str().to_string(),
            minimum_unit: counted(instrument.minimum_unit),
            multiple: counted(instrument.multiple),
            market: instrument.market.clone(),
            quantity_type: instrument.quantity_type,
        };
        place(&mut self.reference.instruments, index.at(), entry);
        place(&mut self.reference.scales, index.at(), scale);
        for from in &instrument.isins {
            let isin: [u8; 12] = from.isin.as_str().as_bytes().try_into().expect("an ISIN has twelve characters");
            set_from(self.reference.isins.entry(isin).or_default(), from.valid_from, index);
        }
    }

    fn apply_ssi(&mut self, sequence: u64, ssi: &model::reference::Ssi) {
        let party = self.index(Kind::Party, &ssi.party);
        let entry = SsiEntry {
            id: ssi.id.clone(),
            valid_from: ssi.valid_from,
            sequence,
            domain: ssi.domain.as_ref().map(|domain| DomainIx(self.index(Kind::Domain, domain))),
            currency: ssi.currency,
            cfi_prefix: ssi.cfi_prefix.clone(),
            method: ssi.method,
            client: ssi.client.clone(),
            depot: AccountIx(self.index(Kind::Account, &ssi.depot)),
            nostro: ssi.nostro.as_ref().map(|nostro| AccountIx(self.index(Kind::Account, nostro))),
        };
        let rows = self.reference.ssis.entry(party).or_default();
        rows.retain(|row| (&row.id, row.valid_from) != (&entry.id, entry.valid_from));
        rows.push(entry);
    }
}
