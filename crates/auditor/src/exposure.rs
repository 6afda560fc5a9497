//! What a trade takes of a limit, measured a second time (decision 54): from the last recorded prices and rates, and the add-on of
//! the instrument's CFI.

use std::collections::BTreeMap;

use crate::bytes::{Fields, Value, last, text};
use crate::facts::Terms;
use crate::fault::Fault;
use crate::names::{Names, decimal, kind, minor_units};
use crate::posting::Asset;

/// What a limit is for, by the number of `LimitKind`.
const PRE_SETTLEMENT: u32 = 1;

/// Digits and how many of them are decimals.
type Number = (i64, u32);

#[derive(Clone, Copy)]
struct Quote {
    date: u32,
    currency: Asset,
    value: Number,
    accrued: Option<Number>,
}

#[derive(Default)]
struct Instrument {
    cfi: String,
    face: bool,
    quote: Option<Quote>,
}

/// What measures stand on.
#[derive(Default)]
pub struct Market {
    instruments: BTreeMap<u32, Instrument>,
    rates: BTreeMap<(Asset, Asset), (u32, Number)>,
    /// By CFI prefix and first trade date.
    add_ons: BTreeMap<(String, u32), Number>,
}

impl Market {
    /// Takes in a piece of reference data: its number in `Reference`, its body.
    pub fn set(&mut self, names: &Names, which: u32, body: &[u8]) -> Result<(), Fault> {
        let number = |field| last(body, field)?.map_or(Ok(0), Value::small);
        match which {
            5 => {
                let index = names.known(kind::INSTRUMENT, text(body, 1)?)?;
                let instrument = self.instruments.entry(index).or_default();
                (instrument.cfi, instrument.face) = (text(body, 3)?.to_owned(), number(5)? == 2);
            }
            12 => {
                let (date, mut fields) = (number(1)?, Fields::of(body));
                while let Some((field, price)) = fields.next()? {
                    if field == 5 {
                        self.price(names, date, price.bytes()?)?;
                    }
                }
            }
            52 => {
                let rate = last(body, 3)?.map_or(Ok(&[][..]), Value::bytes)?;
                self.add_ons.insert((text(body, 1)?.to_owned(), number(2)?), decimal(rate)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn price(&mut self, names: &Names, date: u32, body: &[u8]) -> Result<(), Fault> {
        let currency = Asset::currency(text(body, 3)?)?;
        let value = decimal(last(body, 4)?.map_or(Ok(&[][..]), Value::bytes)?)?;
        let accrued = last(body, 5)?.map(|bytes| decimal(bytes.bytes()?)).transpose()?;
        let (instrument, base) = (text(body, 1)?, text(body, 2)?);
        if base.is_empty() {
            let Some(index) = names.find(kind::INSTRUMENT, instrument) else { return Ok(()) };
            let known = self.instruments.entry(index).or_default();
            if known.quote.is_none_or(|quote| quote.date <= date) {
                known.quote = Some(Quote { date, currency, value, accrued });
            }
        } else {
            let rate = self.rates.entry((Asset::currency(base)?, currency)).or_insert((date, value));
            if rate.0 <= date {
                *rate = (date, value);
            }
        }
        Ok(())
    }

    /// What a trade on these terms must reserve; `None` where a price or rate is lacking.
    pub fn asked(&self, names: &Names, of: u32, terms: &Terms, into: Asset) -> Option<i128> {
        let principal = if terms.paid {
            self.convert(terms.net.into(), terms.currency, into)?
        } else {
            self.worth(names, terms.instrument, terms.quantity.into(), into)?
        };
        if of != PRE_SETTLEMENT {
            return Some(principal);
        }
        let cfi = self.instruments.get(&terms.instrument).map_or("", |instrument| &instrument.cfi);
        let fits = |key: &(String, u32)| cfi.starts_with(&key.0) && key.1 <= terms.trade_date;
        let rows = self.add_ons.iter().filter(|(key, _)| fits(key));
        let (digits, scale) = rows.max_by_key(|((prefix, from), _)| (prefix.len(), *from)).map_or((1, 0), |row| *row.1);
        let (product, power) = (principal * i128::from(digits), ten(scale));
        Some(product.div_euclid(power) + i128::from(product.rem_euclid(power) != 0))
    }

    /// What so many of an instrument are worth.
    pub fn worth(&self, names: &Names, number: u32, quantity: i128, into: Asset) -> Option<i128> {
        let instrument = self.instruments.get(&number)?;
        let quote = instrument.quote?;
        if instrument.face && quote.accrued.is_none() {
            return None;
        }
        let (accrued, decimals) = quote.accrued.unwrap_or((0, 0));
        let scale = decimals.max(quote.value.1);
        let raised = |(digits, own): Number| i128::from(digits) * ten(scale - own);
        let price = raised(quote.value) + raised((accrued, decimals));
        let percent = if instrument.face { 2 } else { 0 };
        let down = ten(names.scale(number) + scale + percent);
        let worth = half_up(quantity * price * ten(exponent(quote.currency)), down);
        self.convert(worth, quote.currency, into)
    }

    fn convert(&self, amount: i128, from: Asset, into: Asset) -> Option<i128> {
        if from == into || amount == 0 {
            return Some(amount);
        }
        let up = amount * ten(exponent(into));
        match (self.rates.get(&(from, into)), self.rates.get(&(into, from))) {
            (Some((_, (digits, scale))), _) => Some(half_up(up * i128::from(*digits), ten(scale + exponent(from)))),
            (None, Some((_, (digits, scale)))) if *digits > 0 => {
                Some(half_up(up * ten(*scale), i128::from(*digits) * ten(exponent(from))))
            }
            _ => None,
        }
    }
}

fn exponent(currency: Asset) -> u32 {
    minor_units(&currency.code().unwrap_or_default())
}

fn ten(places: u32) -> i128 {
    10i128.pow(places)
}

/// Rounds a half away from zero.
fn half_up(number: i128, by: i128) -> i128 {
    let (whole, rest) = (number.div_euclid(by), number.rem_euclid(by));
    whole + i128::from(2 * rest > by || (2 * rest == by && number > 0))
}
