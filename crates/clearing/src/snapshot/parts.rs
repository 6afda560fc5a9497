//! What a snapshot is made of, type by type.

use super::SnapshotError;
use super::codec::{Codec, Input, Output, choices, fields, get_all, put_all, texts};
use crate::accounting::AccountingEntry;
use crate::control::{Control, ControlRow, Sums};
use crate::instruction::{Instruction, Optional, Stage};
use crate::proposal::Proposal;
use crate::reference::{
    AccountEntry, BookEntry, DomainEntry, InstrumentEntry, ReferenceData, SsiEntry, ToleranceEntry,
};
use crate::slab::Slab;
use crate::state::{Day, Loose, Pending, Trade};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use model::accounting::FrozenSet;
use model::calendar::Calendar;
use model::command::CutOff;
use model::date::Date;
use model::event::Cursor;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, Asset, BookIx, CalendarIx, DomainIx, InstrumentIx, PartyIx, SourceIx};
use model::instruction::{Code, Movement};
use model::permission::{AccessRole, ActorKind, Grant, Grants};
use model::record::Genesis;
use model::reference::{AccountKind, Capacity, CutOffRule, DaySchedule, FourEyes, Parameters};
use model::timestamp::Timestamp;
use model::trade::{CumEx, Defect, DefectKind, Method, QuantityType, Side, Terms};

macro_rules! wrapped {
    ($($type:ident),*) => {$(
        impl Codec for $type {
            fn put(&self, out: &mut Output<'_>) { self.0.put(out); }
            fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> { Codec::get(input).map($type) }
        }
    )*};
}
wrapped!(PartyIx, BookIx, AccountIx, InstrumentIx, DomainIx, CalendarIx, SourceIx, Asset);

texts!(Identifier, CurrencyCode);

choices! {
    Movement { Deliver = 1, Receive = 2 }
    Method { Dvp = 1, Fop = 2 }
    Side { Buy = 1, Sell = 2 }
    QuantityType { Unit = 1, Face = 2 }
    CumEx { Cum = 1, Ex = 2 }
    AccountKind { Depot = 1, Nostro = 2, Internal = 3 }
    FourEyes { Ssi = 1, CreditLimit = 2, Opening = 3, Transfer = 4, Adjustment = 5, Parameters = 6, PriceSet = 7, SignOff = 30, Grant = 20 }
    ActorKind { Person = 1, System = 2 }
    AccessRole { Publisher = 1, Operator = 2, Approver = 3, RiskViewer = 4, Auditor = 5, Administrator = 6 }
}

fields! {
    Genesis { format, house, shard, domains, cluster, at }
    Parameters { four_eyes, proposal_minutes, attempts_per_step, examined_per_step, candidates_compared }
    CutOffRule { currency, minute_of_day }
    CutOff { currency, at }
    Cursor { priority, date, place }
    BookEntry { owner }
    AccountEntry { kind, holder, domain, capacity, may_go_short }
    DomainEntry { calendar, zone, cut_offs, schedule }
    DaySchedule { opens, closes }
    InstrumentEntry { cfi, minimum_unit, multiple, market, quantity_type }
    SsiEntry { id, valid_from, sequence, domain, currency, cfi_prefix, method, client, depot, nostro }
    ToleranceEntry { valid_from, bands, recompute }
    Grant { actor, kind, valid_from, roles, books, counterparties, person }
    Proposal { maker, at }
    Pending { version, sequence, cancel }
    Day { date, open, cut_offs, passed, cycle, survey }
    Control { rows, gone }
    ControlRow { sums, stated, signed, entities }
    Sums { count, bought, sold, paid, received }
    AccountingEntry { date, open, closed, sets }
    FrozenSet { date, snap, source, version }
    Trade {
        number, key, source, current, version, instruction, amounts_accepted, partly_settled, loose, pending
    }
    Loose { terms, defects }
    Defect { kind, subject }
    Optional { common_reference, delivering_client, receiving_client }
    Instruction {
        number, trade, partner, book, party, counterparty, instrument, domain, depot, nostro, quantity, amount,
        currency, trade_date, date, movement, method, transaction_type, priority, held, cancel_requested, failing,
        late, cum_ex, opt_out, optional, pair_place, stage, matched_amount, reasons, outside,
    }
    Terms {
        party, counterparty, book, domain, instrument, side, method, quantity, currency, gross, accrued, charges, net,
        trade_date, intended_settlement_date, late, depot, nostro, ssi, transaction_type, cum_ex, opt_out,
        common_reference, delivering_client, receiving_client, hold, priority,
    }
}

impl Codec for Grants {
    fn put(&self, out: &mut Output<'_>) {
        self.iter().cloned().collect::<Vec<Grant>>().put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let written: Vec<Grant> = Codec::get(input)?;
        let grants: Grants = written.iter().cloned().collect();
        match grants.iter().eq(&written) {
            true => Ok(grants),
            false => Err(SnapshotError("grants contradict each other")),
        }
    }
}

impl Codec for Date {
    fn put(&self, out: &mut Output<'_>) {
        self.days().put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        Date::from_days(i32::get(input)?).map_err(|_| SnapshotError("a date is out of range"))
    }
}

impl Codec for Timestamp {
    fn put(&self, out: &mut Output<'_>) {
        self.micros().put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        Timestamp::from_micros(i64::get(input)?).map_err(|_| SnapshotError("an instant is out of range"))
    }
}

impl Codec for Code {
    fn put(&self, out: &mut Output<'_>) {
        out.write(self.as_str().as_bytes());
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let text = core::str::from_utf8(input.take(4)?).ok();
        text.and_then(Code::parse).ok_or(SnapshotError("a code is malformed"))
    }
}

impl Codec for DefectKind {
    fn put(&self, out: &mut Output<'_>) {
        (*self as u8).put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let number = u8::get(input)?;
        let kind = DefectKind::ALL.into_iter().find(|kind| *kind as u8 == number);
        kind.ok_or(SnapshotError("a defect is unknown"))
    }
}

impl Codec for Capacity {
    fn put(&self, out: &mut Output<'_>) {
        match self {
            Capacity::Own => 0u8.put(out),
            Capacity::Omnibus => 1u8.put(out),
            Capacity::Segregated(client) => {
                2u8.put(out);
                client.put(out);
            }
        }
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        match u8::get(input)? {
            0 => Ok(Capacity::Own),
            1 => Ok(Capacity::Omnibus),
            2 => Ok(Capacity::Segregated(Codec::get(input)?)),
            _ => Err(SnapshotError("a capacity is unknown")),
        }
    }
}

impl Codec for Stage {
    fn put(&self, out: &mut Output<'_>) {
        let number = match self {
            Stage::Idle => 0u64,
            Stage::Due => 1,
            Stage::Waiting(slot) => 2 + u64::from(*slot),
        };
        number.put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        Ok(match u64::get(input)? {
            0 => Stage::Idle,
            1 => Stage::Due,
            slot => Stage::Waiting(u32::try_from(slot - 2).map_err(|_| SnapshotError("a slot is out of range"))?),
        })
    }
}

impl<T: Codec> Codec for Slab<T> {
    fn put(&self, out: &mut Output<'_>) {
        put_all(self.places.len(), self.places.iter(), out);
        self.free.put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let slab = Slab { places: get_all::<Option<T>, _>(input)?, free: Codec::get(input)? };
        if slab.is_whole() { Ok(slab) } else { Err(SnapshotError("what is free is not what is empty")) }
    }
}

impl Codec for Calendar {
    fn put(&self, out: &mut Output<'_>) {
        (self.from(), self.to(), self.weekend(), self.holidays().to_vec()).put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let (from, to, weekend, holidays) = Codec::get(input)?;
        Calendar::new(from, to, weekend, holidays).map_err(|_| SnapshotError("a calendar contradicts itself"))
    }
}

impl Codec for ReferenceData {
    fn put(&self, out: &mut Output<'_>) {
        // Hash maps go in order of their keys.
        let isins: BTreeMap<_, _> = sorted(self.isins.keys(), |isin| self.isins[isin].clone());
        let ssis: BTreeMap<_, _> = sorted(self.ssis.keys(), |party| self.ssis[party].clone());
        self.parties.put(out);
        self.books.put(out);
        self.accounts.put(out);
        self.domains.put(out);
        self.instruments.put(out);
        self.scales.put(out);
        isins.put(out);
        self.calendars.put(out);
        self.currencies.put(out);
        self.cycles.put(out);
        ssis.put(out);
        self.tolerances.put(out);
        self.limits.put(out);
        self.price_sets.put(out);
        self.parameters.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let mut data = ReferenceData {
            parties: Codec::get(input)?,
            books: Codec::get(input)?,
            accounts: Codec::get(input)?,
            domains: Codec::get(input)?,
            instruments: Codec::get(input)?,
            scales: Codec::get(input)?,
            ..ReferenceData::default()
        };
        data.isins.extend(<BTreeMap<[u8; 12], Vec<(Date, InstrumentIx)>> as Codec>::get(input)?);
        data.calendars = Codec::get(input)?;
        data.currencies = Codec::get(input)?;
        data.cycles = Codec::get(input)?;
        data.ssis.extend(<BTreeMap<u32, Vec<SsiEntry>> as Codec>::get(input)?);
        data.tolerances = Codec::get(input)?;
        data.limits = Codec::get(input)?;
        data.price_sets = Codec::get(input)?;
        data.parameters = Codec::get(input)?;
        Ok(data)
    }
}

fn sorted<'a, K: Ord + Copy + 'a, V>(keys: impl Iterator<Item = &'a K>, value: impl Fn(&K) -> V) -> BTreeMap<K, V> {
    keys.map(|key| (*key, value(key))).collect()
}
