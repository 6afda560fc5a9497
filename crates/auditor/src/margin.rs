//! Margin calls, followed a second time (I22): figures that add up, no more called than is missing or asked for, each call paid
//! no more than it asks, and ended once.

use std::collections::BTreeMap;

use crate::facts::Fact;
use crate::fault::{Fault, must};
use crate::table::Table;

/// How a call can stand, by the numbers of `CallStanding`.
const OPEN: u32 = 1;
const MISSED: u32 = 2;
const MET: u32 = 3;

/// A fact about margin, as it lies in the record.
#[derive(Clone, Debug)]
pub enum Told {
    Assessed {
        account: String,
        date: u32,
        /// Long, short, cash, equity, initial, maintenance, missing.
        figures: [i64; 7],
        lacks: bool,
        call: Option<(u64, i64, u32)>,
    },
    Initial {
        account: String,
        date: u32,
        /// Bought, sold short, available, equity, required.
        figures: [i64; 5],
        lacks: bool,
        call: Option<(u64, i64, u32)>,
    },
    Moved {
        number: u64,
        paid: i64,
        outstanding: i64,
        standing: u32,
    },
}

impl Told {
    pub fn read(number: u32, f: &Table<'_>) -> Result<Told, Fault> {
        if number == 84 {
            let (paid, outstanding) = (f.signed(2)?, f.signed(3)?);
            return Ok(Told::Moved { number: f.number(1)?, paid, outstanding, standing: f.small(4)? });
        }
        let of = Table::of(f.bytes(4)?)?;
        let date = Table::of(f.bytes(2)?)?.small(1)?;
        let mut figures = [0; 7];
        for (at, figure) in (1..).zip(&mut figures) {
            *figure = of.signed(at)?;
        }
        let call = match f.bytes(6)? {
            [] => None,
            bytes => {
                let call = Table::of(bytes)?;
                Some((call.number(1)?, call.signed(2)?, call.small(3)?))
            }
        };
        let (account, lacks) = (f.text(1)?.to_owned(), !f.text(5)?.is_empty());
        if number == 86 {
            let [bought, sold_short, available, equity, required, ..] = figures;
            let figures = [bought, sold_short, available, equity, required];
            return Ok(Told::Initial { account, date, figures, lacks, call });
        }
        Ok(Told::Assessed { account, date, figures, lacks, call })
    }
}

/// Open calls: the account, the date it was assessed for, and what is still to come.
#[derive(Default)]
pub struct Margin {
    open: BTreeMap<u64, (String, u32, i64)>,
    given: u64,
    pub looked: u64,
}

impl Margin {
    pub fn fact(&mut self, fact: &Fact<'_>) -> Result<(), Fault> {
        let Fact::Margin(told) = fact else { return Ok(()) };
        self.looked += 1;
        match told {
            Told::Assessed { account, date, figures, lacks, call } => {
                let [long, short, cash, equity, _, maintenance, missing] = figures.map(i128::from);
                must!(I22, equity == long - short + cash, "{account} has {equity} of {long}, {short} and {cash}");
                let short_of = (maintenance - equity).max(0);
                must!(I22, missing == short_of, "{account} is short of {short_of}, and {missing} is told");
                must!(I22, !lacks || figures.iter().all(|figure| *figure == 0), "{account} could not be assessed");
                let called = self.outstanding(|of, _| of == account);
                self.called(account, *date, (missing - called).max(0), *call)?;
            }
            Told::Initial { account, date, figures, lacks, call } => {
                let [bought, sold_short, available, _, required] = figures.map(i128::from);
                must!(
                    I22,
                    bought >= 0 && sold_short >= 0 && available >= 0,
                    "{account} is committed to less than nothing"
                );
                must!(I22, !lacks || figures.iter().all(|figure| *figure == 0), "{account} could not be assessed");
                must!(
                    I22,
                    required == 0 || bought + sold_short > 0,
                    "{account} is committed to nothing, {required} is asked"
                );
                // Half of what is committed to, less what there is; more only up to the least equity.
                let half = (bought + sold_short + 1).div_euclid(2) - available;
                must!(I22, required >= half, "{account} is asked for {required}, half is {half}");
                let called = self.outstanding(|of, on| of == account && on == *date);
                self.called(account, *date, (required - called).max(0), *call)?;
            }
            Told::Moved { number, paid, outstanding, standing } => {
                let Some((account, date, left)) = self.open.remove(number) else {
                    return Err(Fault::violated(crate::Invariant::I22, format!("call {number} is not open")));
                };
                let rest = left - paid;
                must!(I22, *paid >= 0 && rest >= 0, "{paid} is paid of {left}");
                let ended = ![OPEN, MISSED].contains(standing);
                let told = if ended { 0 } else { rest };
                must!(I22, *outstanding == told, "{rest} of call {number} is to come, {outstanding} is told");
                must!(I22, *paid == 0 || ended == (rest == 0), "call {number}: {rest} to come, and it ended: {ended}");
                must!(I22, *paid == 0 || !ended || *standing == MET, "call {number} is paid and ends as {standing}");
                if !ended {
                    self.open.insert(*number, (account, date, rest));
                }
            }
        }
        Ok(())
    }

    fn outstanding(&self, is_of: impl Fn(&String, u32) -> bool) -> i128 {
        self.open.values().filter(|(of, on, _)| is_of(of, *on)).map(|(.., left)| i128::from(*left)).sum()
    }

    /// A call is of what is wanted, and has the next number.
    fn called(&mut self, account: &str, date: u32, wanted: i128, call: Option<(u64, i64, u32)>) -> Result<(), Fault> {
        let asked = call.map_or(0, |(_, amount, _)| amount);
        must!(I22, i128::from(asked) == wanted, "{account}: {wanted} is not called yet, {asked} is called");
        if let Some((number, amount, due)) = call {
            must!(I22, number == self.given + 1 && due > 0, "call {number} comes after {}", self.given);
            self.given = number;
            self.open.insert(number, (account.to_owned(), date, amount));
        }
        Ok(())
    }
}
