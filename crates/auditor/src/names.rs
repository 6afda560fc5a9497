//! Names, accounts, domains, limits and days: what the facts refer to by number must have been said before (I20).

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use crate::bytes::{Fields, Value, last, text};
use crate::facts::Terms;
use crate::fault::{Fault, must};
use crate::posting::Asset;

/// The kinds of name, by their numbers.
pub mod kind {
    pub const PARTY: u32 = 1;
    pub const BOOK: u32 = 2;
    pub const ACCOUNT: u32 = 3;
    pub const INSTRUMENT: u32 = 4;
    pub const DOMAIN: u32 = 5;
    pub const SOURCE: u32 = 7;
    pub const LAST: u32 = 7;
}

#[derive(Default)]
pub struct Names {
    by_name: HashMap<(u32, String), u32>,
    by_number: [Vec<String>; kind::LAST as usize + 1],
    accounts: HashMap<u32, AccountEntry, FixedState>,
    /// Settled by an agent: we mirror, and a break says what is below zero.
    external: BTreeMap<u32, bool>,
    /// Credit lines by the date from which they hold.
    limits: HashMap<(u32, Asset), BTreeMap<u32, i128>, FixedState>,
    scales: BTreeMap<u32, u32>,
    days: BTreeMap<u32, Day>,
    /// The records that set standing settlement instructions.
    ssis: std::collections::BTreeSet<u64>,
}

struct AccountEntry {
    domain: u32,
    may_go_short: bool,
}

/// The settlement day of a domain.
#[derive(Clone, Copy, Default)]
pub struct Day {
    pub date: u32,
    pub open: bool,
}

impl Names {
    pub fn intern(&mut self, of: u32, index: u32, id: &str) -> Result<(), Fault> {
        must!(I20, (1..=kind::LAST).contains(&of), "a name of kind {of}");
        let names = &mut self.by_number[of as usize];
        must!(I20, index as usize == names.len(), "{id} gets number {index}, the next of its kind is {}", names.len());
        names.push(id.to_owned());
        let before = self.by_name.insert((of, id.to_owned()), index);
        must!(I20, before.is_none(), "{id} has a number already");
        Ok(())
    }

    pub fn find(&self, of: u32, name: &str) -> Option<u32> {
        self.by_name.get(&(of, name.to_owned())).copied()
    }

    pub fn name(&self, of: u32, index: u32) -> Option<&str> {
        self.by_number.get(of as usize)?.get(index as usize).map(String::as_str)
    }

    pub fn asset(&self, asset: Asset) -> String {
        let named = || self.name(kind::INSTRUMENT, asset.0).unwrap_or("an unknown instrument").to_owned();
        asset.code().unwrap_or_else(named)
    }

    /// Reference data that says what accounts may fall to, and where they settle.
    pub fn set(&mut self, sequence: u64, reference: &[u8], scale: Option<u32>) -> Result<(), Fault> {
        let Some((which, body)) = Fields::of(reference).next()? else { return Ok(()) };
        let body = body.bytes()?;
        match which {
            3 => {
                let index = self.known(kind::ACCOUNT, text(body, 1)?)?;
                let domain = self.known(kind::DOMAIN, text(body, 4)?)?;
                let may_go_short = last(body, 7)?.map_or(Ok(false), Value::flag)?;
                self.accounts.insert(index, AccountEntry { domain, may_go_short });
            }
            4 => {
                let index = self.known(kind::DOMAIN, text(body, 1)?)?;
                let external = last(body, 2)?.map_or(Ok(0), Value::small)? == 2;
                self.external.insert(index, external);
            }
            5 => {
                let index = self.known(kind::INSTRUMENT, text(body, 1)?)?;
                if let Some(scale) = scale {
                    let before = self.scales.insert(index, scale);
                    must!(I20, before.is_none_or(|before| before == scale), "an instrument is counted in another unit");
                }
            }
            9 => _ = self.ssis.insert(sequence),
            11 => {
                let index = self.known(kind::ACCOUNT, text(body, 1)?)?;
                let currency = text(body, 2)?;
                let from = last(body, 3)?.map_or(Ok(0), Value::small)?;
                let amount = last(body, 4)?.map_or(Ok(&[][..]), Value::bytes)?;
                let amount = units(amount, minor_units(currency))?;
                self.limits.entry((index, Asset::currency(currency)?)).or_default().insert(from, amount);
            }
            _ => {}
        }
        Ok(())
    }

    pub fn known(&self, of: u32, name: &str) -> Result<u32, Fault> {
        self.find(of, name).ok_or_else(|| Fault::violated(crate::Invariant::I20, format!("{name:?} has no number")))
    }

    /// What a balance may not be below; `None`: it may be anything.
    fn floor(&self, account: u32, asset: Asset, today: u32) -> Option<i128> {
        let entry = self.accounts.get(&account)?;
        if self.external.get(&entry.domain).copied().unwrap_or_default() {
            return None;
        }
        if !asset.is_currency() {
            return (!entry.may_go_short).then_some(0);
        }
        // The line of the settlement day, as when it was decided.
        let day = self.days.get(&entry.domain).map_or(today, |day| day.date);
        let lines = self.limits.get(&(account, asset));
        Some(-lines.and_then(|lines| lines.range(..=day).next_back()).map_or(0, |(_, line)| *line))
    }

    /// No account stands below what it may fall to.
    pub fn check_floor(&self, account: u32, asset: Asset, stands: i128, today: u32) -> Result<(), Fault> {
        let Some(floor) = self.floor(account, asset, today) else { return Ok(()) };
        let named = || (self.name(kind::ACCOUNT, account).unwrap_or("of no name"), self.asset(asset));
        must!(I4, stands >= floor, "account {} stands at {stands} of {}, below {floor}", named().0, named().1);
        Ok(())
    }

    /// A decimal of a command in the smallest units of what it names; `None` where its unit is not known.
    pub fn amount(&self, currency: &str, instrument: &str, decimal: &[u8]) -> Result<Option<(Asset, i128)>, Fault> {
        if !currency.is_empty() {
            return Ok(Some((Asset::currency(currency)?, units(decimal, minor_units(currency))?)));
        }
        let index = self.find(kind::INSTRUMENT, instrument);
        let Some((index, scale)) = index.and_then(|index| Some((index, self.scales.get(&index)?))) else {
            return Ok(None);
        };
        Ok(Some((Asset::instrument(index), units(decimal, *scale)?)))
    }

    /// Decimals an instrument is counted in; six before anybody defines it.
    pub fn scale(&self, instrument: u32) -> u32 {
        self.scales.get(&instrument).copied().unwrap_or(6)
    }

    pub fn is_external(&self, domain: u32) -> bool {
        self.external.get(&domain).copied().unwrap_or_default()
    }

    pub fn open_day(&mut self, domain: u32, date: u32) -> Result<(), Fault> {
        let day = self.days.entry(domain).or_default();
        must!(I6, !day.open && date > day.date, "the day {date} opens after {}, open: {}", day.date, day.open);
        *day = Day { date, open: true };
        Ok(())
    }

    pub fn close_day(&mut self, domain: u32, date: u32) -> Result<(), Fault> {
        self.in_day(domain, date)?;
        self.days.entry(domain).or_default().open = false;
        Ok(())
    }

    pub fn in_day(&self, domain: u32, date: u32) -> Result<(), Fault> {
        let day = self.days.get(&domain).copied().unwrap_or_default();
        must!(I6, day.open && day.date == date, "{date} is not the open day, which is {}", day.date);
        Ok(())
    }

    pub fn day(&self, domain: u32) -> Day {
        self.days.get(&domain).copied().unwrap_or_default()
    }

    /// Everything a trade refers to has a name, and its standing instruction was set by an earlier record.
    pub fn check_terms(&self, terms: &Terms, sequence: u64) -> Result<(), Fault> {
        let used = [
            (kind::PARTY, Some(terms.party)),
            (kind::PARTY, Some(terms.counterparty)),
            (kind::BOOK, Some(terms.book)),
            (kind::DOMAIN, Some(terms.domain)),
            (kind::INSTRUMENT, Some(terms.instrument)),
            (kind::ACCOUNT, terms.depot),
            (kind::ACCOUNT, terms.nostro),
        ];
        for (of, index) in used {
            let index = index.unwrap_or(0);
            must!(
                I20,
                self.by_number[of as usize].len() > index as usize || index == 0,
                "number {index} of kind {of} has no name"
            );
        }
        if let Some(ssi) = terms.ssi {
            must!(
                I20,
                ssi < sequence && self.ssis.contains(&ssi),
                "record {ssi} set no standing settlement instruction"
            );
        }
        Ok(())
    }

    /// What a front office said and what was made of it: direction, day, and how much.
    pub fn check_details(&self, terms: &Terms, details: &[u8]) -> Result<(), Fault> {
        let (mut numbers, mut texts, mut quantity) = ([0; 17], [""; 11], None);
        let mut fields = Fields::of(details);
        while let Some((number, value)) = fields.next()? {
            match number {
                4 | 8 | 16 => numbers[number as usize] = value.small()?,
                1..=3 | 10 => texts[number as usize] = value.text()?,
                6 => quantity = Some(value),
                _ => {}
            }
        }
        must!(I20, (numbers[4] == 1) == terms.buys, "the trade is turned round");
        must!(I20, (numbers[16] == 1) == terms.paid, "against payment or free of it, not as sent");
        must!(I20, numbers[8] == terms.trade_date, "another trade date than sent");
        must!(I20, Asset::currency(texts[10])? == terms.currency, "another currency than sent");
        let named = [(kind::PARTY, terms.party), (kind::PARTY, terms.counterparty), (kind::BOOK, terms.book)];
        for (said, (of, index)) in texts[1..].iter().zip(named) {
            let is = self.name(of, index).unwrap_or("nobody");
            must!(I20, *said == is, "{said} was sent and {is} is booked");
        }
        if let (Some(scale), Some(quantity)) = (self.scales.get(&terms.instrument), quantity) {
            let said = units(quantity.bytes()?, *scale)?;
            must!(I20, said == i128::from(terms.quantity), "{said} units were sent and {} are booked", terms.quantity);
        }
        Ok(())
    }
}

/// A decimal of the wire: its digits, and how many are decimals.
pub fn decimal(decimal: &[u8]) -> Result<(i64, u32), Fault> {
    let unscaled = last(decimal, 1)?.map_or(Ok(0), Value::signed)?;
    let own = last(decimal, 2)?.map_or(Ok(0), Value::small)?;
    must!(I10, own <= 18, "a decimal of {own} places");
    Ok((unscaled, own))
}

/// A decimal of the wire in units of a scale.
pub fn units(bytes: &[u8], scale: u32) -> Result<i128, Fault> {
    let (unscaled, own) = decimal(bytes)?;
    let unscaled = i128::from(unscaled);
    must!(I10, scale <= 18, "a unit of {scale} places");
    let power = |places: u32| 10i128.pow(places);
    must!(I20, own <= scale || unscaled % power(own - scale) == 0, "a figure finer than its unit");
    Ok(if own > scale { unscaled / power(own - scale) } else { unscaled * power(scale - own) })
}

/// Decimals of a currency: ISO 4217, table A.1.
pub fn minor_units(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The calendar date of an instant, `YYYYMMDD`, in UTC.
pub fn date_of(micros: i64) -> u32 {
    // Days from civil, turned round (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let days = micros.div_euclid(86_400_000_000) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    u32::try_from(year * 10_000 + month * 100 + day).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_decimals() {
        assert_eq!(date_of(0), 1970_01_01);
        assert_eq!(date_of(-1), 1969_12_31);
        assert_eq!(date_of(951_782_400_000_000), 2000_02_29);
        // { unscaled: 1250, scale: 2 } is 12.50.
        let decimal = [0x08, 0xc4, 0x13, 0x10, 2];
        assert_eq!(units(&decimal, 3).expect("fits"), 12_500);
        assert!(units(&decimal, 1).is_ok_and(|units| units == 125));
        assert!(units(&decimal, 0).is_err());
        assert_eq!(Asset::currency("EUR").expect("a currency").code().as_deref(), Some("EUR"));
    }
}
