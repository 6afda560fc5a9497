//! Limits on counterparties and issuers, counted a second time (I21): used is the sum of what open trades and holdings reserve,
//! what is over a limit is told as a breach with its true figures, and what is kept again is told too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;

use crate::bytes::{Fields, Value, last, text};
use crate::exposure::Market;
use crate::facts::Fact;
use crate::fault::{Fault, must};
use crate::names::{Names, kind, minor_units};
use crate::posting::{Asset, Posting, kind as account_kind};
use crate::table::Table;
use crate::trades::Trades;

/// Entity, counterparty, what for, value date (0: none).
type Line = (u32, u32, u32, u32);

/// What a limit is for, by the number of `LimitKind`.
const ISSUER: u32 = 3;

/// From each day the amount and what a breach asks for.
type Rows = BTreeMap<u32, (i64, u32)>;

/// A fact about limits, as it lies in the record.
#[derive(Clone, Debug)]
pub enum Told {
    Reserved { line: Line, trade: u64, currency: Asset, amount: i64, measured: bool },
    Owned { line: Line, instrument: u32, quantity: i64, currency: Asset, amount: i64, measured: bool },
    Breached { line: Line, limit: i64, used: i64, excess: i64, unmeasured: u32, on_breach: u32 },
    Cured { line: Line, limit: i64, used: i64, since: u64 },
}

impl Told {
    pub fn read(number: u32, f: &Table<'_>) -> Result<Told, Fault> {
        let of = Table::of(f.bytes(1)?)?;
        let line = (of.small(1)?, of.small(2)?, of.small(3)?, of.small(4)?);
        Ok(match number {
            80 => Told::Reserved {
                line,
                trade: f.number(2)?,
                currency: Asset::currency(f.text(3)?)?,
                amount: f.signed(4)?,
                measured: f.text(5)?.is_empty(),
            },
            85 => Told::Owned {
                line,
                instrument: f.small(2)?,
                quantity: f.signed(3)?,
                currency: Asset::currency(f.text(4)?)?,
                amount: f.signed(5)?,
                measured: f.text(6)?.is_empty(),
            },
            81 => Told::Breached {
                line,
                limit: f.signed(4)?,
                used: f.signed(5)?,
                excess: f.signed(6)?,
                unmeasured: f.small(7)?,
                on_breach: f.small(8)?,
            },
            _ => Told::Cured { line, limit: f.signed(3)?, used: f.signed(4)?, since: f.number(5)? },
        })
    }
}

#[derive(Clone, Copy, Default)]
struct Used {
    amount: i64,
    unmeasured: u32,
    since: Option<u64>,
}

/// What the records said of limits so far.
#[derive(Default)]
pub struct Limits {
    /// By entity, counterparty and kind: the currency, and from each day the amount and what a breach asks for.
    rows: BTreeMap<(u32, u32, u32), (Asset, Rows)>,
    market: Market,
    used: BTreeMap<Line, Used>,
    by_trade: BTreeMap<u64, BTreeMap<Line, (i64, bool)>>,
    /// What the books of each entity own of each instrument.
    owned: HashMap<(u32, Asset), i128, FixedState>,
    /// What is owned of each instrument and takes of its issuer's line: quantity, amount, measured.
    holdings: BTreeMap<(u32, Line), (i64, i64, bool)>,
    issuers: BTreeMap<u32, String>,
    /// An agent settled a part in this record: what is reserved is a part of what was.
    part: bool,
    touched: BTreeSet<Line>,
    pub looked: u64,
}

impl Limits {
    /// Reference data that limits stand on.
    pub fn set(&mut self, names: &Names, reference: &[u8]) -> Result<(), Fault> {
        let Some((which, body)) = Fields::of(reference).next()? else { return Ok(()) };
        let body = body.bytes()?;
        let number = |field| last(body, field)?.map_or(Ok(0), Value::small);
        let value = |field| last(body, field)?.map_or(Ok(&[][..]), Value::bytes);
        match which {
            51 => {
                // An issuer has a number among the parties too.
                let party = |field| names.known(kind::PARTY, text(body, field)?);
                let key = (party(1)?, party(2)?, number(3)?);
                let currency = text(body, 4)?;
                let amount = crate::names::units(value(6)?, minor_units(currency))?;
                let amount = i64::try_from(amount).map_err(|_| Fault::unknown("a limit beyond 64 bits"))?;
                let entry = self.rows.entry(key).or_insert((Asset::currency(currency)?, BTreeMap::new()));
                must!(I21, entry.0 == Asset::currency(currency)?, "a limit is counted in another currency");
                entry.1.insert(number(5)?, (amount, number(7)?));
                let lines = self.used.keys().filter(|line| (line.0, line.1, line.2) == key);
                self.touched.extend(lines.copied().collect::<Vec<_>>());
            }
            55 => {
                let instrument = names.known(kind::INSTRUMENT, text(body, 1)?)?;
                self.issuers.insert(instrument, text(body, 2)?.to_owned());
            }
            _ => self.market.set(names, which, body)?,
        }
        Ok(())
    }

    pub fn fact(
        &mut self,
        (sequence, today): (u64, u32),
        (fact, postings): (&Fact<'_>, &[Posting]),
        trades: &Trades,
        names: &Names,
    ) -> Result<(), Fault> {
        let books = |posting: &&Posting| posting.account.kind() == account_kind::BOOK && !posting.asset.is_currency();
        for Posting { account, asset, amount } in postings.iter().filter(books) {
            *self.owned.entry((account.entity(), *asset)).or_default() += i128::from(*amount);
        }
        match fact {
            Fact::Confirmed { .. } => self.part = true,
            // Rows may begin to hold with the day.
            Fact::DayOpened { .. } => self.touched.extend(self.used.keys().copied().collect::<Vec<_>>()),
            Fact::Limit(told) => {
                if let Told::Reserved { line, trade, currency, amount, measured } = *told
                    && (amount != 0 || !measured)
                    && !self.part
                {
                    self.measured((line, trade, currency), measured.then_some(amount), trades, names)?;
                }
                if let Told::Owned { line, instrument, quantity, currency, amount, measured } = *told {
                    let amount = measured.then_some(amount);
                    self.is_owned((line, instrument, currency), (quantity, amount), names)?;
                }
                self.told(sequence, today, told)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn told(&mut self, sequence: u64, today: u32, told: &Told) -> Result<(), Fault> {
        self.looked += 1;
        match *told {
            Told::Reserved { line, trade, currency, amount, measured } => {
                let known = self.rows.get(&(line.0, line.1, line.2));
                must!(I21, known.is_some_and(|(of, _)| *of == currency), "trade {trade} reserves of no such limit");
                must!(I21, amount >= 0 && (measured || amount == 0), "trade {trade} reserves {amount}");
                let own = self.by_trade.entry(trade).or_default();
                let before = own.remove(&line);
                if amount != 0 || !measured {
                    own.insert(line, (amount, measured));
                }
                let used = self.used.entry(line).or_default();
                if let Some((before, measured)) = before {
                    (used.amount, used.unmeasured) = (used.amount - before, used.unmeasured - u32::from(!measured));
                }
                (used.amount, used.unmeasured) = (used.amount + amount, used.unmeasured + u32::from(!measured));
                self.touched.insert(line);
            }
            Told::Owned { line, instrument, quantity, currency, amount, measured } => {
                let known = self.rows.get(&(line.0, line.1, line.2));
                must!(I21, known.is_some_and(|(of, _)| *of == currency), "holdings reserve of no such limit");
                must!(I21, amount >= 0 && (measured || amount == 0), "a holding reserves {amount}");
                must!(I21, quantity > 0 || (amount == 0 && measured), "nothing is owned and reserves {amount}");
                let before = match quantity {
                    0 => self.holdings.remove(&(instrument, line)),
                    _ => self.holdings.insert((instrument, line), (quantity, amount, measured)),
                };
                let used = self.used.entry(line).or_default();
                if let Some((_, before, measured)) = before {
                    (used.amount, used.unmeasured) = (used.amount - before, used.unmeasured - u32::from(!measured));
                }
                (used.amount, used.unmeasured) = (used.amount + amount, used.unmeasured + u32::from(!measured));
                self.touched.insert(line);
            }
            Told::Breached { line, limit, used, excess, unmeasured, on_breach } => {
                let (holds, kept) = (self.in_force(line, today), self.used.entry(line).or_default());
                must!(I21, holds == Some((limit, on_breach)), "a limit of {limit} is not in force on {today}");
                must!(
                    I21,
                    (kept.amount, kept.unmeasured) == (used, unmeasured),
                    "{used} are told as used, {} are reserved",
                    kept.amount
                );
                must!(I21, excess == (used - limit).max(0), "{used} over {limit} is told as {excess}");
                must!(I21, excess > 0 || unmeasured > 0, "a breach is told and there is none");
                kept.since.get_or_insert(sequence);
            }
            Told::Cured { line, limit, used, since } => {
                let (holds, kept) = (self.in_force(line, today), self.used.entry(line).or_default());
                let none = holds.is_none() && limit == i64::MAX;
                must!(
                    I21,
                    none || holds.is_some_and(|(holds, _)| holds == limit),
                    "a limit of {limit} is not in force"
                );
                must!(I21, kept.since == Some(since), "what was breached in {since} is told as cured");
                must!(
                    I21,
                    kept.amount == used && used <= limit && kept.unmeasured == 0,
                    "{used} of {limit} is no cure"
                );
                kept.since = None;
            }
        }
        Ok(())
    }

    fn owned(&self, entity: u32, instrument: u32) -> i128 {
        self.owned.get(&(entity, Asset::instrument(instrument))).copied().unwrap_or_default()
    }

    fn in_force(&self, line: Line, today: u32) -> Option<(i64, u32)> {
        let (_, rows) = self.rows.get(&(line.0, line.1, line.2))?;
        rows.range(..=today).next_back().map(|(_, row)| *row)
    }

    /// What an open trade reserves is what its terms make at the last prices and rates.
    fn measured(
        &self,
        (line, trade, currency): (Line, u64, Asset),
        amount: Option<i64>,
        trades: &Trades,
        names: &Names,
    ) -> Result<(), Fault> {
        let Some(terms) = trades.terms_of(trade) else {
            return Err(Fault::violated(crate::Invariant::I21, format!("trade {trade} is not open and reserves")));
        };
        must!(I21, (terms.party, terms.counterparty) == (line.0, line.1), "trade {trade} is with somebody else");
        must!(I21, [0, terms.settles].contains(&line.3), "trade {trade} settles on another day");
        let asked = self.market.asked(names, line.2, terms, currency).filter(|asked| *asked <= i64::MAX.into());
        let same = asked == amount.map(i128::from);
        must!(I21, same, "trade {trade} reserves {amount:?} and must {asked:?}");
        Ok(())
    }

    /// What is owned is what the books say, of an instrument of this issuer, at the last price.
    fn is_owned(
        &self,
        (line, instrument, currency): (Line, u32, Asset),
        (quantity, amount): (i64, Option<i64>),
        names: &Names,
    ) -> Result<(), Fault> {
        must!(I21, line.2 == ISSUER && line.3 == 0, "a holding reserves of a line that is no issuer's");
        let issuer = self.issuers.get(&instrument).and_then(|issuer| names.find(kind::PARTY, issuer));
        if issuer != Some(line.1) {
            must!(I21, quantity == 0, "{quantity} reserve of another issuer's line");
            return Ok(());
        }
        let owned = self.owned(line.0, instrument).max(0);
        must!(I21, i128::from(quantity) == owned, "{owned} are owned, {quantity} are told");
        let worth = self.market.worth(names, instrument, owned, currency).filter(|worth| *worth <= i64::MAX.into());
        let asked = if owned == 0 { Some(0) } else { worth };
        must!(I21, asked == amount.map(i128::from), "{quantity} reserve {amount:?} and must {asked:?}");
        Ok(())
    }

    /// What is over a limit is told, what is not is not; and nothing that is over is reserved.
    pub fn end_of_record(&mut self, today: u32) -> Result<(), Fault> {
        self.part = false;
        for line in std::mem::take(&mut self.touched) {
            let used = self.used.get(&line).copied().unwrap_or_default();
            let over = self.in_force(line, today).is_some_and(|(limit, _)| used.amount > limit || used.unmeasured > 0);
            must!(I21, over == used.since.is_some(), "{} used of a limit of {:?}, and not told so", used.amount, line);
            if used.amount == 0 && used.unmeasured == 0 && used.since.is_none() {
                self.used.remove(&line);
            }
        }
        Ok(())
    }

    /// What has ended reserves nothing.
    pub fn end(&self, is_open: impl Fn(u64) -> bool) -> Result<(), Fault> {
        for ((instrument, line), (quantity, ..)) in &self.holdings {
            let owned = self.owned(line.0, *instrument);
            must!(I21, i128::from(*quantity) == owned, "{owned} are owned at the end, {quantity} were told");
        }
        let ended = self.by_trade.iter().find(|(trade, own)| !own.is_empty() && !is_open(**trade));
        must!(I21, ended.is_none(), "trade {} has ended and still reserves", ended.map_or(0, |(trade, _)| *trade));
        Ok(())
    }
}
