//! The end of the day: what sources say they sent, differences that are let stand, accounting days that open and close.

use super::Generator;
use crate::books::{Books, ControlRow, Sums};
use crate::input::Input;
use crate::world::{self, cash, decimal, id};
use model::accounting::{AccountingDay, AccountingStep, SetName};
use model::command::Command;
use model::control::{ControlTotals, SignOff, Totals};
use model::decimal::Decimal;
use model::reference::{BookPolicy, LotMethod, Reference};

/// As a source writes them.
fn totals(sums: &Sums) -> Totals {
    let exact = |units: i128, scale| Decimal::from_units(units, scale).expect("a small house");
    Totals {
        count: u64::try_from(sums.count).unwrap_or(0),
        bought: exact(sums.bought, 9),
        sold: exact(sums.sold, 9),
        paid: exact(sums.paid, 2),
        received: exact(sums.received, 2),
    }
}

impl Generator {
    pub(super) fn closing(&mut self, books: &Books) -> Input {
        let command = match self.random.below(20) {
            0..=8 => self.control_totals(books),
            9..=11 => {
                let keys: Vec<_> = books.control_rows().keys().cloned().collect();
                let place = self.random.below(keys.len().max(1) as u64) as usize;
                let unknown = (self.now.date_utc(), id("NO-SOURCE"), cash("EUR"));
                let (trade_date, source, currency) = keys.get(place).cloned().unwrap_or(unknown);
                Command::SignOff(SignOff { source, trade_date, currency })
            }
            12 => self.policy(books),
            _ => self.accounting_day(books),
        };
        self.asked(command)
    }

    /// What was counted, mostly; else a little beside it, or nonsense.
    fn control_totals(&mut self, books: &Books) -> Command {
        let rows: Vec<_> = books.control_rows().iter().collect();
        let today = self.now.date_utc();
        let place = self.random.below(rows.len().max(1) as u64) as usize;
        let nobody = (today, id("NO-SOURCE"), cash("EUR"));
        let (key, row) = rows.get(place).map(|(key, row)| ((*key).clone(), (*row).clone())).unzip();
        let (key, mut sums) = (key.unwrap_or(nobody), row.map_or_else(Default::default, |row| row.counted));
        match self.random.below(12) {
            0 => sums.count += 1,
            1 => sums.bought += 1_000_000_000,
            2 => sums.received += self.random.between(-1, 1) as i128,
            _ => {}
        }
        let mut totals = totals(&sums);
        match self.random.below(60) {
            0 => totals.sold = decimal(-1, 0),
            1 => totals.bought = decimal(1, 10),
            2 => totals.paid = decimal(1, 3),
            3 => totals.received = decimal(-1, 2),
            _ => {}
        }
        let (trade_date, source, currency) = key;
        Command::ControlTotals(Box::new(ControlTotals { source, trade_date, currency, totals }))
    }

    fn accounting_day(&mut self, books: &Books) -> Command {
        let entity = if self.random.chance(300) { "NOBODY-AT-ALL" } else { self.name(&world::MEMBERS) };
        let day = books.closings.get(&id(entity));
        let today = self.now.date_utc();
        let step = match day.filter(|day| day.open) {
            None => {
                let next = day.map_or(today, |day| day.date.add_days(1).expect("a date"));
                // Somebody errs in the month: what was in order long before is let go of.
                let far = self.random.chance(200);
                let date = if far { next.add_days(40).expect("a date") } else { next };
                AccountingStep::Open { date: if self.random.chance(500) { today } else { date } }
            }
            Some(day) => match self.random.below(12) {
                0 => AccountingStep::Open { date: day.date.add_days(1).expect("a date") },
                1 => AccountingStep::Close { date: day.date.add_days(1).expect("a date"), sets: Vec::new() },
                // What keeps the day open is mostly put right first.
                _ => match self.put_right(books).filter(|_| self.random.chance(8_500)) {
                    Some(command) => return command,
                    None => AccountingStep::Close { date: day.date, sets: self.sets(books) },
                },
            },
        };
        Command::Accounting(Box::new(AccountingDay { entity: id(entity), step }))
    }

    /// The source corrects what it said, or a person lets the difference stand.
    fn put_right(&mut self, books: &Books) -> Option<Command> {
        let differs = |row: &ControlRow| row.stated.is_some() && !row.agrees() && !row.is_signed_off();
        let (key, row) = books.control_rows().iter().find(|(_, row)| differs(row))?;
        let (trade_date, source, currency) = key.clone();
        if self.random.chance(3_000) {
            return Some(Command::SignOff(SignOff { source, trade_date, currency }));
        }
        let totals = totals(&row.counted);
        Some(Command::ControlTotals(Box::new(ControlTotals { source, trade_date, currency, totals })))
    }

    fn sets(&mut self, books: &Books) -> Vec<SetName> {
        let known: Vec<SetName> = books.price_sets().collect();
        let mut sets: Vec<SetName> = known.into_iter().filter(|_| self.random.chance(5_000)).collect();
        match self.random.below(25) {
            0 => sets.push(SetName { date: self.now.date_utc(), snap: id("NOON"), source: id("QUOTES") }),
            1 => sets.extend(sets.first().cloned()),
            _ => {}
        }
        sets
    }

    /// By what method a book's results are counted, from a day on that may be closed.
    fn policy(&mut self, books: &Books) -> Command {
        let member = self.name(&world::MEMBERS);
        let closed = books.closings.get(&id(member)).and_then(|day| day.closed);
        let book = if self.random.chance(1_000) { "NO-SUCH".to_owned() } else { world::book(member, 0) };
        let from = closed.unwrap_or_else(|| self.now.date_utc()).add_days(self.random.below(2) as i32);
        Command::SetReference(Box::new(Reference::BookPolicy(BookPolicy {
            book: id(&book),
            valid_from: from.expect("a date"),
            method: if self.random.chance(5_000) { LotMethod::Fifo } else { LotMethod::Average },
            fees_in_cost: self.random.chance(5_000),
            currency: self.random.chance(5_000).then(|| cash(if self.random.chance(1_000) { "XXQ" } else { "EUR" })),
        })))
    }
}
