//! What rows are rendered with: the names behind the log's numbers, and the little reference data an answer shows.
//!
//! Rows hold numbers, since a number costs a byte or two, never changes and needs no look-up when it is written. This view is
//! folded before the others, so a number in their rows always has its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::calendar::Calendar;
use model::currency;
use model::date::Date;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier, Isin};
use model::index::{AccountIx, Asset, DomainIx, InstrumentIx, Kind};
use model::permission::{Grant, Grants};
use model::record::{FactContent, Facts, Outcome};
use model::reference::{PROVISIONAL_SCALE, Reference};
use store::{Batch, Views};
use wire::pb::view as pb;

use crate::Error;
use crate::grants;
use crate::rows::{self, Rows};
use crate::view::{View, table};

/// The names. Also the shard and the house, from the genesis.
#[derive(Default)]
pub(crate) struct Names {
    genesis: Option<pb::GenesisRow>,
    ids: [Vec<Option<Identifier>>; Kind::ALL.len()],
    indexes: BTreeMap<(Kind, Identifier), u32>,
    instruments: BTreeMap<Identifier, Instrument>,
    by_isin: BTreeMap<Isin, Identifier>,
    accounts: BTreeMap<Identifier, Account>,
    /// The calendar of each domain.
    domains: BTreeMap<Identifier, Identifier>,
    calendars: BTreeMap<Identifier, Calendar>,
    /// Who may do what; shared with those who ask just now.
    pub(crate) grants: Arc<Grants>,
    dirty: Vec<Dirty>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Instrument {
    scale: Option<u8>,
    /// From the earliest.
    isins: Vec<(Date, Isin)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) holder: Identifier,
    pub(crate) domain: Identifier,
}

/// A row to be written.
enum Dirty {
    Genesis,
    Name(Kind, u32),
    Instrument(Identifier),
    Account(Identifier),
    Domain(Identifier),
    Calendar(Identifier),
    Grant(Box<Grant>),
}

impl Names {
    /// The shard that the log is of.
    pub(crate) fn shard(&self) -> u32 {
        self.genesis.as_ref().map_or(0, |genesis| genesis.shard)
    }

    /// The name of a number.
    pub(crate) fn id(&self, kind: Kind, index: u32) -> Result<&Identifier, Error> {
        let name = self.ids[slot(kind)].get(index as usize).and_then(Option::as_ref);
        name.ok_or_else(|| Error::NotFound { what: kind.name(), id: format!("number {index}") })
    }

    /// The same as text for an answer.
    pub(crate) fn text(&self, kind: Kind, index: u32) -> Result<String, Error> {
        self.id(kind, index).map(|id| id.as_str().to_owned())
    }

    /// The number of a name, for filters.
    pub(crate) fn index(&self, kind: Kind, id: &str) -> Result<u32, Error> {
        let unknown = || Error::UnknownName { kind: kind.name(), id: id.to_owned() };
        let id = Identifier::parse(id).map_err(|_| unknown())?;
        self.indexes.get(&(kind, id)).copied().ok_or_else(unknown)
    }

    /// The number of an instrument by our id or by any of its ISINs.
    pub(crate) fn instrument(&self, id: &str) -> Result<InstrumentIx, Error> {
        let by_isin = Isin::parse(id).ok().and_then(|isin| self.by_isin.get(&isin));
        match by_isin {
            Some(id) => self.index(Kind::Instrument, id.as_str()),
            None => self.index(Kind::Instrument, id),
        }
        .map(InstrumentIx)
    }

    /// A currency or instrument by name.
    pub(crate) fn asset(&self, name: &str) -> Result<Asset, Error> {
        match CurrencyCode::parse(name) {
            Ok(code) if self.index(Kind::Instrument, name).is_err() => Ok(Asset::currency(code)),
            _ => self.instrument(name).map(Asset::instrument),
        }
    }

    /// The ISIN in force on a date.
    pub(crate) fn isin(&self, instrument: InstrumentIx, on: Date) -> Option<Isin> {
        let known = self.instruments.get(self.id(Kind::Instrument, instrument.0).ok()?)?;
        known.isins.iter().rev().find(|(from, _)| *from <= on).map(|(_, isin)| *isin)
    }

    /// Decimals of an asset's smallest unit.
    pub(crate) fn scale(&self, asset: Asset) -> u32 {
        u32::from(match (asset.as_currency(), asset.as_instrument()) {
            (Some(code), _) => currency::exponent(code).unwrap_or(0),
            (None, Some(index)) => {
                let id = self.id(Kind::Instrument, index.0).ok();
                let defined = id.and_then(|id| self.instruments.get(id)).and_then(|instrument| instrument.scale);
                defined.unwrap_or(PROVISIONAL_SCALE)
            }
            (None, None) => 0,
        })
    }

    pub(crate) fn account(&self, account: AccountIx) -> Option<&Account> {
        self.accounts.get(self.id(Kind::Account, account.0).ok()?)
    }

    /// The number of the domain an account settles in.
    pub(crate) fn domain_of(&self, account: AccountIx) -> Option<DomainIx> {
        let domain = &self.account(account)?.domain;
        self.indexes.get(&(Kind::Domain, domain.clone())).map(|index| DomainIx(*index))
    }

    /// Is it a business day of the domain? Where no calendar answers, Monday to Friday are.
    pub(crate) fn is_business_day(&self, domain: DomainIx, date: Date) -> bool {
        let id = self.id(Kind::Domain, domain.0).ok();
        let calendar = id.and_then(|id| self.domains.get(id)).and_then(|id| self.calendars.get(id));
        match calendar.map(|calendar| calendar.is_business_day(date)) {
            Some(Ok(open)) => open,
            _ => Calendar::SATURDAY_SUNDAY & date.weekday().bit() == 0,
        }
    }

    /// Business days after `from` up to and including `to`; none when `to` does not come after.
    pub(crate) fn age(&self, domain: DomainIx, from: Date, to: Date) -> u32 {
        (from.days() + 1..=to.days())
            .filter_map(|days| Date::from_days(days).ok())
            .filter(|date| self.is_business_day(domain, *date))
            .count() as u32
    }

    fn set_name(&mut self, kind: Kind, index: u32, id: Identifier) {
        let ids = &mut self.ids[slot(kind)];
        if ids.len() <= index as usize {
            ids.resize(index as usize + 1, None);
        }
        ids[index as usize] = Some(id.clone());
        self.indexes.insert((kind, id), index);
    }

    fn set_instrument(&mut self, id: Identifier, instrument: Instrument) {
        for (_, isin) in &instrument.isins {
            self.by_isin.insert(*isin, id.clone());
        }
        self.instruments.insert(id, instrument);
    }

    fn set_reference(&mut self, reference: &Reference, scale: Option<u8>) {
        let dirty = match reference {
            Reference::Instrument(each) => {
                let isins = each.isins.iter().map(|from| (from.valid_from, from.isin)).collect();
                let mut instrument = Instrument { scale, isins };
                instrument.isins.sort_by_key(|(from, _)| *from);
                self.set_instrument(each.id.clone(), instrument);
                Dirty::Instrument(each.id.clone())
            }
            Reference::Account(each) => {
                let account = Account { holder: each.holder.clone(), domain: each.domain.clone() };
                self.accounts.insert(each.id.clone(), account);
                Dirty::Account(each.id.clone())
            }
            Reference::Domain(each) => {
                self.domains.insert(each.id.clone(), each.calendar.clone());
                Dirty::Domain(each.id.clone())
            }
            Reference::Calendar(each) => {
                self.calendars.insert(each.id.clone(), each.calendar.clone());
                Dirty::Calendar(each.id.clone())
            }
            Reference::Grant(each) => {
                Arc::make_mut(&mut self.grants).set(each.clone());
                Dirty::Grant(Box::new(each.clone()))
            }
            _ => return,
        };
        self.dirty.push(dirty);
    }
}

fn slot(kind: Kind) -> usize {
    kind as usize - 1
}

impl View for Names {
    const NAME: &'static str = "names";
    const VERSION: u32 = 2;
    const TABLES: &'static [u8] = &[
        table::GENESIS,
        table::NAMES,
        table::INSTRUMENTS,
        table::ACCOUNTS,
        table::DOMAINS,
        table::CALENDARS,
        table::GRANTS,
    ];

    fn fold(&mut self, facts: &Facts) {
        let events = match &facts.content {
            FactContent::Genesis(genesis) => {
                self.genesis = Some(pb::GenesisRow { house: genesis.house.to_string(), shard: genesis.shard });
                self.dirty.push(Dirty::Genesis);
                return;
            }
            FactContent::Outcome(Outcome::Accepted(events)) => events,
            FactContent::Outcome(_) => return,
        };
        for event in events {
            match event {
                Event::Interned { kind, index, id } => {
                    self.set_name(*kind, *index, id.clone());
                    self.dirty.push(Dirty::Name(*kind, *index));
                }
                Event::ReferenceSet { reference, scale } => self.set_reference(reference, *scale),
                _ => {}
            }
        }
    }

    fn save(&self, _: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        for dirty in &self.dirty {
            match dirty {
                Dirty::Genesis => {
                    if let Some(genesis) = &self.genesis {
                        rows.put(table::GENESIS, &[], genesis);
                    }
                }
                Dirty::Name(kind, index) => {
                    if let Ok(id) = self.id(*kind, *index) {
                        rows.put(table::NAMES, &name_key(*kind, *index), &pb::NameRow { id: id.to_string() });
                    }
                }
                Dirty::Instrument(id) => {
                    if let Some(instrument) = self.instruments.get(id) {
                        rows.put(table::INSTRUMENTS, id.as_str().as_bytes(), &instrument.row());
                    }
                }
                Dirty::Account(id) => {
                    if let Some(account) = self.accounts.get(id) {
                        rows.put(table::ACCOUNTS, id.as_str().as_bytes(), &account.row());
                    }
                }
                Dirty::Domain(id) => {
                    if let Some(calendar) = self.domains.get(id) {
                        let row = pb::DomainRow { calendar: calendar.to_string() };
                        rows.put(table::DOMAINS, id.as_str().as_bytes(), &row);
                    }
                }
                Dirty::Grant(grant) => rows.put(table::GRANTS, &grants::key(grant), &grants::row(grant)),
                Dirty::Calendar(id) => {
                    if let Some(calendar) = self.calendars.get(id) {
                        rows.put(table::CALENDARS, id.as_str().as_bytes(), &calendar_row(calendar));
                    }
                }
            }
        }
        Ok(())
    }

    fn saved(&mut self) {
        self.dirty.clear();
    }

    fn load(&mut self, rows: &Views, _sequence: u64) -> Result<(), Error> {
        if let Some(bytes) = rows.get(table::GENESIS, &[])? {
            self.genesis = Some(rows::decode(table::GENESIS, &bytes)?);
        }
        rows::each(rows, table::NAMES, |key, row: pb::NameRow| {
            let [kind, index @ ..] = rows::key::<5>(table::NAMES, key)?;
            let kind = Kind::ALL.into_iter().find(|each| *each as u8 == kind);
            let kind = rows::present(table::NAMES, kind, "such kind of name")?;
            self.set_name(kind, u32::from_be_bytes(index), rows::identifier(table::NAMES, &row.id)?);
            Ok(())
        })?;
        rows::each(rows, table::INSTRUMENTS, |key, row: pb::InstrumentRow| {
            self.set_instrument(text_key(table::INSTRUMENTS, key)?, Instrument::from_row(&row)?);
            Ok(())
        })?;
        rows::each(rows, table::ACCOUNTS, |key, row: pb::AccountRow| {
            self.accounts.insert(text_key(table::ACCOUNTS, key)?, Account::from_row(&row)?);
            Ok(())
        })?;
        rows::each(rows, table::DOMAINS, |key, row: pb::DomainRow| {
            let calendar = rows::identifier(table::DOMAINS, &row.calendar)?;
            self.domains.insert(text_key(table::DOMAINS, key)?, calendar);
            Ok(())
        })?;
        rows::each(rows, table::CALENDARS, |key, row: pb::CalendarRow| {
            self.calendars.insert(text_key(table::CALENDARS, key)?, calendar_from_row(&row)?);
            Ok(())
        })?;
        rows::each(rows, table::GRANTS, |_, row: wire::pb::record::Command| {
            Arc::make_mut(&mut self.grants).set(grants::from_row(row)?);
            Ok(())
        })
    }
}

fn name_key(kind: Kind, index: u32) -> [u8; 5] {
    let [a, b, c, d] = index.to_be_bytes();
    [kind as u8, a, b, c, d]
}

fn text_key(table: u8, key: &[u8]) -> Result<Identifier, Error> {
    rows::identifier(table, &String::from_utf8_lossy(key))
}

impl Instrument {
    fn row(&self) -> pb::InstrumentRow {
        let isin = |(from, isin): &(Date, Isin)| pb::IsinRow { valid_from: from.days(), isin: isin.to_string() };
        pb::InstrumentRow { scale: self.scale.map(u32::from), isins: self.isins.iter().map(isin).collect() }
    }

    fn from_row(row: &pb::InstrumentRow) -> Result<Instrument, Error> {
        const TABLE: u8 = table::INSTRUMENTS;
        let isin = |each: &pb::IsinRow| {
            Ok((rows::date(TABLE, each.valid_from)?, rows::sound(TABLE, Isin::parse(&each.isin))?))
        };
        Ok(Instrument {
            scale: row
                .scale
                .map(u8::try_from)
                .transpose()
                .map_err(|_| Error::Row { table: TABLE, reason: "scale".to_owned() })?,
            isins: row.isins.iter().map(isin).collect::<Result<_, Error>>()?,
        })
    }
}

impl Account {
    fn row(&self) -> pb::AccountRow {
        pb::AccountRow { domain: self.domain.to_string(), holder: self.holder.to_string() }
    }

    fn from_row(row: &pb::AccountRow) -> Result<Account, Error> {
        let part = |text: &str| rows::identifier(table::ACCOUNTS, text);
        Ok(Account { holder: part(&row.holder)?, domain: part(&row.domain)? })
    }
}

fn calendar_row(calendar: &Calendar) -> pb::CalendarRow {
    pb::CalendarRow {
        from: calendar.from().days(),
        to: calendar.to().days(),
        weekend: u32::from(calendar.weekend()),
        holidays: calendar.holidays().iter().map(|date| date.days()).collect(),
    }
}

fn calendar_from_row(row: &pb::CalendarRow) -> Result<Calendar, Error> {
    const TABLE: u8 = table::CALENDARS;
    let holidays = row.holidays.iter().map(|days| rows::date(TABLE, *days)).collect::<Result<_, _>>()?;
    let weekend = rows::sound(TABLE, u8::try_from(row.weekend))?;
    rows::sound(TABLE, Calendar::new(rows::date(TABLE, row.from)?, rows::date(TABLE, row.to)?, weekend, holidays))
}
