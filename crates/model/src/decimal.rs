//! Exact decimal numbers as they travel, and the only functions of the ledger that round.
//!
//! A [`Decimal`] is what a message carries (`{ sint64 unscaled, uint32 scale }`). The ledger itself counts integers of
//! minor units; [`Decimal::to_scale`] takes the one to the other exactly or not at all, and everything that divides
//! goes through [`div_round`] or [`mul_div_round`] with a named [`Rounding`].

mod rounding;

pub use rounding::{Rounding, div_round, mul_div_round};

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;
use thiserror::Error;

/// The number `unscaled / 10^scale`.
///
/// Two decimals are *equal* (`==`, hash) when they are written alike: `1.50` is not `1.5`, because a stored or hashed
/// message must not change under our hands. [`Decimal::same_value`] and [`Decimal::compare`] ask about the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The number without its decimal point.
    pub unscaled: i64,
    /// How many of its digits stand behind the point; at most [`Decimal::MAX_SCALE`].
    pub scale: u32,
}

/// Why an operation has no exact answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScaleError {
    /// More decimals than [`Decimal::MAX_SCALE`].
    #[error("scale {0} is more than {max}", max = Decimal::MAX_SCALE)]
    ScaleTooLarge(u32),
    /// The number has digits other than zero behind the last decimal asked for.
    #[error("{value} has more than {decimals} decimals")]
    DigitsLost {
        /// The number.
        value: Decimal,
        /// The decimals asked for.
        decimals: u32,
    },
    /// The result does not fit the 64 bits of the wire.
    #[error("the number does not fit 64 bits")]
    Overflow,
}

/// Why a text is not a decimal. The grammar is `-?digits[.digits]` and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecimalParseError {
    /// The text is longer than any decimal can be.
    #[error("{0} bytes are more than a decimal can have")]
    TooLong(usize),
    /// A character that the grammar does not know there: an exponent, a separator, a plus sign, a space, a letter.
    #[error("unexpected {found:?} at position {position}")]
    UnexpectedCharacter {
        /// Counted from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// No digit where one must be: nothing at all, a sign alone, or a point without digits on both sides.
    #[error("a digit is missing at position {0}")]
    MissingDigit(usize),
    /// More decimals than [`Decimal::MAX_SCALE`].
    #[error("more than {max} decimals", max = Decimal::MAX_SCALE)]
    ExcessScale,
    /// The digits do not fit 64 bits.
    #[error("the number does not fit 64 bits")]
    Overflow,
}

impl Decimal {
    /// Zero, without decimals.
    pub const ZERO: Decimal = Decimal { unscaled: 0, scale: 0 };

    /// The most decimals a number may have. ISO 20022's `DecimalNumber` has at most 17, tokens have 18; with 18
    /// every `i64` still goes to any scale within `i128`.
    pub const MAX_SCALE: u32 = 18;

    /// The longest text parsed. The longest number has 21 characters; the rest is for leading zeros of fixed-width files.
    const MAX_TEXT: usize = 40;

    /// `unscaled / 10^scale`. Fails if the scale is above [`Decimal::MAX_SCALE`].
    pub fn new(unscaled: i64, scale: u32) -> Result<Decimal, ScaleError> {
        if scale > Decimal::MAX_SCALE {
            return Err(ScaleError::ScaleTooLarge(scale));
        }
        Ok(Decimal { unscaled, scale })
    }

    /// A balance or quantity of the ledger, in units of `10^-scale`, as it goes on the wire.
    pub fn from_units(units: i128, scale: u32) -> Result<Decimal, ScaleError> {
        Decimal::new(i64::try_from(units).map_err(|_| ScaleError::Overflow)?, scale)
    }

    /// Reads `-?digits[.digits]`. The digits behind the point, also zeros, make the scale; `-0` is zero.
    pub fn parse(text: &str) -> Result<Decimal, DecimalParseError> {
        if text.len() > Decimal::MAX_TEXT {
            return Err(DecimalParseError::TooLong(text.len()));
        }
        let (digits, negative) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        // Collected below zero: the negative half of `i64` is the larger one.
        let (mut total, mut scale) = (0i64, None::<u32>);
        let mut digit_missing = true;
        let mut position = usize::from(negative);
        for found in digits.chars() {
            position = position.saturating_add(1);
            match found {
                '0'..='9' => {
                    let digit = i64::from(found as u32 - '0' as u32);
                    scale = scale.map(|decimals| decimals.saturating_add(1));
                    if scale.is_some_and(|decimals| decimals > Decimal::MAX_SCALE) {
                        return Err(DecimalParseError::ExcessScale);
                    }
                    total =
                        total.checked_mul(10).and_then(|t| t.checked_sub(digit)).ok_or(DecimalParseError::Overflow)?;
                    digit_missing = false;
                }
                '.' if digit_missing => return Err(DecimalParseError::MissingDigit(position)),
                '.' if scale.is_none() => {
                    scale = Some(0);
                    digit_missing = true;
                }
                _ => return Err(DecimalParseError::UnexpectedCharacter { position, found }),
            }
        }
        if digit_missing {
            return Err(DecimalParseError::MissingDigit(position.saturating_add(1)));
        }
        let unscaled = if negative { Some(total) } else { total.checked_neg() };
        Ok(Decimal { unscaled: unscaled.ok_or(DecimalParseError::Overflow)?, scale: scale.unwrap_or(0) })
    }

    /// The number in units of `10^-decimals`, exactly. Fails if digits other than zero would be lost.
    ///
    /// This is how an amount enters the ledger: `12.50` at 2 decimals is 1250, `12.505` is refused.
    pub fn to_scale(self, decimals: u32) -> Result<i128, ScaleError> {
        let (units, lost) = self.units_and_rest(decimals)?;
        match lost {
            None => Ok(units),
            Some(_) => Err(ScaleError::DigitsLost { value: self, decimals }),
        }
    }

    /// The number at `decimals` decimals, rounded if it has more. Fails only if the result does not fit 64 bits.
    pub fn rounded_to(self, decimals: u32, rounding: Rounding) -> Result<Decimal, ScaleError> {
        let (units, lost) = self.units_and_rest(decimals)?;
        let units = match lost {
            None => Some(units),
            Some(divisor) => div_round(i128::from(self.unscaled), divisor, rounding),
        };
        Decimal::from_units(units.ok_or(ScaleError::Overflow)?, decimals)
    }

    /// Whole units at a scale; if something is left over, also what `unscaled` was divided by.
    fn units_and_rest(self, decimals: u32) -> Result<(i128, Option<i128>), ScaleError> {
        if let Some(&scale) = [self.scale, decimals].iter().find(|&&scale| scale > Decimal::MAX_SCALE) {
            return Err(ScaleError::ScaleTooLarge(scale));
        }
        let unscaled = i128::from(self.unscaled);
        let factor = 10i128.checked_pow(self.scale.abs_diff(decimals)).ok_or(ScaleError::Overflow)?;
        if self.scale <= decimals {
            return Ok((unscaled.checked_mul(factor).ok_or(ScaleError::Overflow)?, None));
        }
        let whole = unscaled.checked_div(factor).ok_or(ScaleError::Overflow)?;
        let rest = unscaled.checked_rem(factor).ok_or(ScaleError::Overflow)?;
        Ok((whole, (rest != 0).then_some(factor)))
    }

    /// Is it the same number, however many zeros it ends in?
    pub fn same_value(self, other: Decimal) -> bool {
        self.compare(other) == Ordering::Equal
    }

    /// Compares the numbers. Total: also a scale that no message may carry has its place.
    pub fn compare(self, other: Decimal) -> Ordering {
        if self.scale > other.scale {
            return other.compare(self).reverse();
        }
        if self.unscaled == 0 || other.unscaled == 0 {
            return self.unscaled.cmp(&other.unscaled);
        }
        let raised = 10i128
            .checked_pow(other.scale.abs_diff(self.scale))
            .and_then(|factor| i128::from(self.unscaled).checked_mul(factor));
        match raised {
            Some(units) => units.cmp(&i128::from(other.unscaled)),
            // Beyond `i128`: further from zero than any 64-bit number.
            None => self.unscaled.cmp(&0),
        }
    }

    /// Is it zero?
    pub fn is_zero(self) -> bool {
        self.unscaled == 0
    }

    /// Is it below zero?
    pub fn is_negative(self) -> bool {
        self.unscaled < 0
    }
}

impl FromStr for Decimal {
    type Err = DecimalParseError;

    fn from_str(text: &str) -> Result<Decimal, DecimalParseError> {
        Decimal::parse(text)
    }
}

/// The text that [`Decimal::parse`] reads back to the same decimal. A scale above the maximum, which no constructor
/// lets in, is shown with an exponent, so that it cannot be read back.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let digits = self.unscaled.unsigned_abs();
        match (self.scale, 10u64.checked_pow(self.scale)) {
            (0, _) => write!(f, "{sign}{digits}"),
            (1..=Decimal::MAX_SCALE, Some(unit)) => {
                let width = self.scale as usize;
                write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit)
            }
            (scale, _) => write!(f, "{sign}{digits}e-{scale}"),
        }
    }
}

/// For prices and valuations, which are calculated in `rust_decimal`.
impl TryFrom<Decimal> for rust_decimal::Decimal {
    type Error = ScaleError;

    fn try_from(value: Decimal) -> Result<rust_decimal::Decimal, ScaleError> {
        let Decimal { unscaled, scale } = Decimal::new(value.unscaled, value.scale)?;
        rust_decimal::Decimal::try_new(unscaled, scale).map_err(|_| ScaleError::ScaleTooLarge(scale))
    }
}

/// Back from a calculation: exact, so the caller rounds first, by a rule it names.
impl TryFrom<rust_decimal::Decimal> for Decimal {
    type Error = ScaleError;

    fn try_from(value: rust_decimal::Decimal) -> Result<Decimal, ScaleError> {
        Decimal::from_units(value.mantissa(), value.scale())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn reads_and_writes_the_same_text() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "1.50",
            "-0.05",
            "123456789.123456789",
            "9223372036854775807",
            "-9223372036854775808",
            "-9.223372036854775808",
            "0.000000000000000001",
            "-0.000000000000000001",
        ] {
            assert_eq!(d(text).to_string(), text);
        }
        assert_eq!(d("-0"), Decimal::ZERO);
        assert_eq!(d("007.10"), Decimal { unscaled: 710, scale: 2 });
    }

    #[test]
    fn refuses_all_but_the_grammar_and_says_where() {
        use DecimalParseError::*;
        let unexpected = |position, found| UnexpectedCharacter { position, found };
        for (text, why) in [
            ("", MissingDigit(1)),
            ("-", MissingDigit(2)),
            (".5", MissingDigit(1)),
            ("-.5", MissingDigit(2)),
            ("5.", MissingDigit(3)),
            ("--5", unexpected(2, '-')),
            ("+1", unexpected(1, '+')),
            (" 1", unexpected(1, ' ')),
            ("1 ", unexpected(2, ' ')),
            ("1e5", unexpected(2, 'e')),
            ("1_000", unexpected(2, '_')),
            ("1,000", unexpected(2, ',')),
            ("1.2.3", unexpected(4, '.')),
            ("NaN", unexpected(1, 'N')),
            ("inf", unexpected(1, 'i')),
            ("0x10", unexpected(2, 'x')),
            ("１２", unexpected(1, '１')),
            ("1\u{661}", unexpected(2, '\u{661}')),
            ("1\0", unexpected(2, '\0')),
            ("\u{202e}1", unexpected(1, '\u{202e}')),
            ("9223372036854775808", Overflow),
            ("-9223372036854775809", Overflow),
            ("99999999999999999999999999999999999999", Overflow),
            ("0.0000000000000000000", ExcessScale),
            ("00000000000000000000000000000000000000000", TooLong(41)),
        ] {
            assert_eq!(Decimal::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn goes_to_a_scale_exactly_or_not_at_all() {
        assert_eq!(d("12.5").to_scale(2), Ok(1250));
        assert_eq!(d("12.500").to_scale(2), Ok(1250));
        assert_eq!(d("-12.500").to_scale(1), Ok(-125));
        assert_eq!(d("12.505").to_scale(2), Err(ScaleError::DigitsLost { value: d("12.505"), decimals: 2 }));
        assert_eq!(d("-9223372036854775808").to_scale(18), Ok(i128::from(i64::MIN) * 10i128.pow(18)));
        assert_eq!(d("1").to_scale(19), Err(ScaleError::ScaleTooLarge(19)));
        assert_eq!(Decimal { unscaled: 0, scale: u32::MAX }.to_scale(0), Err(ScaleError::ScaleTooLarge(u32::MAX)));
        assert_eq!(Decimal::from_units(i128::from(i64::MAX) + 1, 2), Err(ScaleError::Overflow));
    }

    #[test]
    fn rounds_by_name() {
        // Rows: number, then the six roundings to a whole number, as in the table of java.math.RoundingMode.
        for (text, half_up, half_even, down, up, floor, ceiling) in [
            ("5.5", "6", "6", "5", "6", "5", "6"),
            ("2.5", "3", "2", "2", "3", "2", "3"),
            ("1.6", "2", "2", "1", "2", "1", "2"),
            ("1.1", "1", "1", "1", "2", "1", "2"),
            ("1.0", "1", "1", "1", "1", "1", "1"),
            ("-1.0", "-1", "-1", "-1", "-1", "-1", "-1"),
            ("-1.1", "-1", "-1", "-1", "-2", "-2", "-1"),
            ("-1.6", "-2", "-2", "-1", "-2", "-2", "-1"),
            ("-2.5", "-3", "-2", "-2", "-3", "-3", "-2"),
            ("-5.5", "-6", "-6", "-5", "-6", "-6", "-5"),
        ] {
            for (rounding, expected) in [
                (Rounding::HalfUp, half_up),
                (Rounding::HalfEven, half_even),
                (Rounding::Down, down),
                (Rounding::Up, up),
                (Rounding::Floor, floor),
                (Rounding::Ceiling, ceiling),
            ] {
                assert_eq!(d(text).rounded_to(0, rounding), Ok(d(expected)), "{text} {rounding:?}");
            }
        }
        assert_eq!(d("1.005").rounded_to(2, Rounding::HalfUp), Ok(d("1.01")));
        assert_eq!(d("1.5").rounded_to(3, Rounding::Down), Ok(d("1.500")));
        assert_eq!(d("9223372036854775807").rounded_to(1, Rounding::Down), Err(ScaleError::Overflow));
    }

    #[test]
    fn compares_numbers_not_texts() {
        assert!(d("1.50").same_value(d("1.5")));
        assert!(d("1.50") != d("1.5"));
        assert!(d("0.000").same_value(d("0")));
        let ordered = ["-9223372036854775808", "-1.01", "-1.001", "0.00", "0.1", "0.11", "1", "9223372036854775807"];
        for (i, left) in ordered.iter().enumerate() {
            for (j, right) in ordered.iter().enumerate() {
                assert_eq!(d(left).compare(d(right)), i.cmp(&j), "{left} {right}");
            }
        }
        // Scales that only a hand-made value has still order, without a panic.
        let tiny = Decimal { unscaled: 1, scale: u32::MAX };
        assert_eq!(tiny.compare(d("0.000000000000000001")), Ordering::Less);
        assert_eq!(tiny.compare(d("-1")), Ordering::Greater);
        assert_eq!(tiny.to_string(), "1e-4294967295");
    }

    #[test]
    fn passes_through_rust_decimal() {
        let price = d("-101.250");
        let wide = rust_decimal::Decimal::try_from(price).unwrap();
        assert_eq!(wide.to_string(), "-101.250");
        assert_eq!(Decimal::try_from(wide), Ok(price));
        assert_eq!(Decimal::try_from(rust_decimal::Decimal::MAX), Err(ScaleError::Overflow));
        let fine = rust_decimal::Decimal::new(1, 28);
        assert_eq!(Decimal::try_from(fine), Err(ScaleError::ScaleTooLarge(28)));
    }
}
