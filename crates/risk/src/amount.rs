//! Shares, market values and conversions of integers in minor units. Each rounds once, by a rule that is named.

use model::currency::exponent;
use model::decimal::{Decimal, Rounding, mul_div_round};
use model::identifier::CurrencyCode;
use thiserror::Error;

/// A result beyond 128 bits, or a division by zero where a rate or a quantity is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the result does not fit 128 bits or divides by zero")]
pub struct Overflow;

/// `one + other`, checked.
pub fn plus(one: i128, other: i128) -> Result<i128, Overflow> {
    one.checked_add(other).ok_or(Overflow)
}

/// `one - other`, checked.
pub fn minus(one: i128, other: i128) -> Result<i128, Overflow> {
    one.checked_sub(other).ok_or(Overflow)
}

/// The sum, checked.
pub fn sum(amounts: impl IntoIterator<Item = i128>) -> Result<i128, Overflow> {
    amounts.into_iter().try_fold(0, plus)
}

/// `amount * rate`: a haircut, a margin rate, a risk weight. `rate` is a fraction (`0.50`), not a percentage.
pub fn share(amount: i128, rate: Decimal, rounding: Rounding) -> Result<i128, Overflow> {
    mul_div_round(amount, i128::from(rate.unscaled), power(rate.scale)?, rounding).ok_or(Overflow)
}

/// `amount / rate`: how much must move so that its share is `amount`.
pub fn whole_of(amount: i128, rate: Decimal, rounding: Rounding) -> Result<i128, Overflow> {
    mul_div_round(amount, power(rate.scale)?, i128::from(rate.unscaled), rounding).ok_or(Overflow)
}

/// `total * part / whole`, half up: the part of a cost that goes with a part of a quantity. The caller keeps the rest
/// (`total - portion`), so that the parts always add up.
pub fn portion(total: i128, part: i128, whole: i128) -> Result<i128, Overflow> {
    mul_div_round(total, part, whole, Rounding::HalfUp).ok_or(Overflow)
}

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceKind {
    /// Money for one unit of quantity.
    Amount,
    /// Percent of nominal.
    Percent,
}

/// Decimals an instrument and its currency are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scales {
    /// Of the instrument's quantity.
    pub quantity: u32,
    /// Of the currency: its ISO 4217 exponent.
    pub currency: u32,
}

/// Quantity times price in minor units, half up, rounded once. A percentage is divided by a hundred.
pub fn value(quantity: i128, price: Decimal, kind: PriceKind, scales: Scales) -> Result<i128, Overflow> {
    let percent = match kind {
        PriceKind::Amount => 0,
        PriceKind::Percent => 2,
    };
    let raised = i128::from(price.unscaled).checked_mul(power(scales.currency)?).ok_or(Overflow)?;
    let down = scales.quantity.checked_add(price.scale).and_then(|down| down.checked_add(percent)).ok_or(Overflow)?;
    mul_div_round(quantity, raised, power(down)?, Rounding::HalfUp).ok_or(Overflow)
}

/// A rate from minor units of one currency to minor units of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conversion {
    numerator: i128,
    denominator: i128,
}

impl Conversion {
    /// Of a currency to itself.
    pub const SAME: Conversion = Conversion { numerator: 1, denominator: 1 };

    /// `rate` units of the base currency for one unit of the foreign one; exponents are those of ISO 4217.
    pub fn new(rate: Decimal, foreign_exponent: u32, base_exponent: u32) -> Result<Conversion, Overflow> {
        let numerator = i128::from(rate.unscaled).checked_mul(power(base_exponent)?).ok_or(Overflow)?;
        let denominator = power(rate.scale.checked_add(foreign_exponent).ok_or(Overflow)?)?;
        Ok(Conversion { numerator, denominator })
    }

    /// From one currency to another by quoted rates: direct, else by the inverse; nothing where neither is quoted. A rate's key is
    /// the currency of which it prices one unit, then the one it is quoted in.
    pub fn quoted(
        from: CurrencyCode,
        into: CurrencyCode,
        rate: impl Fn(&(CurrencyCode, CurrencyCode)) -> Option<Decimal>,
    ) -> Option<Result<Conversion, Overflow>> {
        if from == into {
            return Some(Ok(Conversion::SAME));
        }
        let new = |rate, one, other| Conversion::new(rate, decimals(one), decimals(other));
        let direct = rate(&(from, into)).map(|rate| new(rate, from, into));
        direct.or_else(|| Some(new(rate(&(into, from))?, into, from).map(Conversion::inverse)))
    }

    /// The other way: from the base currency to the foreign one.
    pub fn inverse(self) -> Conversion {
        Conversion { numerator: self.denominator, denominator: self.numerator }
    }

    /// First this, then another, rounded once: a cross rate.
    pub fn then(self, next: Conversion) -> Result<Conversion, Overflow> {
        // Lowest terms keep the products small.
        let (one, two) = (common(self.numerator, next.denominator), common(next.numerator, self.denominator));
        let product = |one: i128, two: i128| one.checked_mul(two).ok_or(Overflow);
        Ok(Conversion {
            numerator: product(self.numerator / one, next.numerator / two)?,
            denominator: product(self.denominator / two, next.denominator / one)?,
        })
    }

    /// Minor units of the base currency for so many of the foreign one, as a fraction.
    pub fn ratio(self) -> (i128, i128) {
        (self.numerator, self.denominator)
    }

    /// The amount in the base currency, half up.
    pub fn apply(self, amount: i128) -> Result<i128, Overflow> {
        mul_div_round(amount, self.numerator, self.denominator, Rounding::HalfUp).ok_or(Overflow)
    }
}

/// Of a currency's minor unit; none where ISO 4217 has none.
pub fn decimals(currency: CurrencyCode) -> u32 {
    exponent(currency).map_or(0, u32::from)
}

/// The greatest number that divides both; 1 where there is none.
fn common(one: i128, other: i128) -> i128 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one.wrapping_rem(other));
    }
    if one > 0 { one } else { 1 }
}

/// Ten to a power.
fn power(exponent: u32) -> Result<i128, Overflow> {
    10i128.checked_pow(exponent).ok_or(Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn values_shares_and_conversions_round_once() {
        let scales = Scales { quantity: 0, currency: 2 };
        assert_eq!(value(300, d("61.07"), PriceKind::Amount, scales), Ok(1_832_100));
        // 1,000,000 nominal at 99.25 percent (domain notes 5.3): 992,500.00.
        assert_eq!(value(1_000_000, d("99.25"), PriceKind::Percent, scales), Ok(99_250_000));
        // 3 * 0.335 = 1.005 is half a cent over a cent: up.
        assert_eq!(value(3, d("0.335"), PriceKind::Amount, scales), Ok(101));
        assert_eq!(value(-3, d("0.335"), PriceKind::Amount, scales), Ok(-101));
        assert_eq!(share(2_000_000, d("0.25"), Rounding::Up), Ok(500_000));
        assert_eq!(whole_of(250_000, d("0.25"), Rounding::Up), Ok(1_000_000));
        assert_eq!(whole_of(1, d("0"), Rounding::Up), Err(Overflow));
        // 100.00 EUR at 160.25 is 16,025 JPY: the yen has no minor unit.
        assert_eq!(Conversion::new(d("160.25"), 2, 0).unwrap().apply(10_000), Ok(16_025));
        assert_eq!(Conversion::SAME.apply(-7), Ok(-7));
        // And back: the yen buy the euros again.
        assert_eq!(Conversion::new(d("160.25"), 2, 0).unwrap().inverse().apply(16_025), Ok(10_000));
        assert_eq!(Conversion::new(d("0"), 2, 0).unwrap().inverse().apply(1), Err(Overflow));
        // 100.00 EUR at 0.8642 EUR a dollar are 115.71 USD; and at 1.1405 EUR a pound, 86.42 USD are 65.48 pounds.
        let (dollar, pound) =
            (Conversion::new(d("0.8642"), 2, 2).unwrap(), Conversion::new(d("1.1405"), 2, 2).unwrap());
        assert_eq!(dollar.inverse().apply(10_000), Ok(11_571));
        let cross = dollar.then(pound.inverse()).unwrap();
        assert_eq!(cross.apply(8_642), Ok(6_548));
        assert_eq!(cross.then(cross.inverse()).unwrap(), Conversion { numerator: 1, denominator: 1 });
        assert_eq!(Conversion::new(d("0"), 2, 2).unwrap().inverse().apply(1), Err(Overflow));
        assert_eq!(value(i128::MAX, d("2"), PriceKind::Amount, scales), Err(Overflow));
    }
}
