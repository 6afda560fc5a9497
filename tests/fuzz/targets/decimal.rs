//! The grammar of decimals, against a plain reading of it and against `rust_decimal`; rounding and comparing too. The first two bytes
//! choose decimals and rounding, the rest is one text or two with a bar between them.

use model::decimal::{Decimal, DecimalParseError, Rounding};
use rust_decimal::{Decimal as Judge, RoundingStrategy};

const ROUNDINGS: [(Rounding, RoundingStrategy); 6] = [
    (Rounding::HalfUp, RoundingStrategy::MidpointAwayFromZero),
    (Rounding::HalfEven, RoundingStrategy::MidpointNearestEven),
    (Rounding::Down, RoundingStrategy::ToZero),
    (Rounding::Up, RoundingStrategy::AwayFromZero),
    (Rounding::Floor, RoundingStrategy::ToNegativeInfinity),
    (Rounding::Ceiling, RoundingStrategy::ToPositiveInfinity),
];

/// Whether there is a decimal in it.
pub fn run(bytes: &[u8]) -> bool {
    let [decimals, rounding, text @ ..] = bytes else { return false };
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let (one, other) = text.split_once('|').unwrap_or((text, "0"));
    let (Some(one), Some(other)) = (read(one), read(other)) else { return false };
    let (rounding, strategy) = ROUNDINGS[usize::from(*rounding) % ROUNDINGS.len()];
    round(one, u32::from(*decimals) % 20, rounding, strategy);
    assert_eq!(one.compare(other), judge(one).cmp(&judge(other)), "{one} and {other}");
    assert_eq!(one.same_value(other), judge(one) == judge(other), "{one} and {other}");
    true
}

/// The decimal that a text is; what refuses it must have a reason that is true.
fn read(text: &str) -> Option<Decimal> {
    let found = Decimal::parse(text);
    assert_eq!(found.ok(), plainly(text), "{text:?}: {found:?}");
    let number = match found {
        Ok(number) => number,
        Err(DecimalParseError::UnexpectedCharacter { position, found }) => {
            assert_eq!(text.chars().nth(position - 1), Some(found), "{text:?}");
            return None;
        }
        Err(_) => return None,
    };
    assert_eq!(Decimal::parse(&number.to_string()), Ok(number), "{text:?} is written as {number}");
    assert_eq!(Judge::from_str_exact(text), Ok(judge(number)), "{text:?}");
    // Leading zeros and the sign of a zero are all that is not kept.
    if !text.trim_start_matches('-').starts_with('0') && text != "-0" {
        assert_eq!(number.to_string(), text);
    }
    Some(number)
}

/// `-?digits[.digits]` of at most 40 characters, at most 18 of them decimals, that fits 64 bits: as one would write it down.
fn plainly(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (digits, ""),
    };
    let all = format!("{whole}{fraction}");
    if whole.is_empty() || text.len() > 40 || fraction.len() > 18 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // At most forty digits; those of an `i128` that are more than 38 do not fit 64 bits either way.
    let magnitude = all.trim_start_matches('0').parse::<i128>().or(if all.trim_start_matches('0').is_empty() {
        Ok(0)
    } else {
        Err(())
    });
    let signed = magnitude.ok().map(|magnitude| if text.starts_with('-') { -magnitude } else { magnitude })?;
    Some(Decimal { unscaled: i64::try_from(signed).ok()?, scale: fraction.len() as u32 })
}

fn judge(number: Decimal) -> Judge {
    Judge::new(number.unscaled, number.scale)
}

fn round(number: Decimal, decimals: u32, rounding: Rounding, strategy: RoundingStrategy) {
    let exact = number.to_scale(decimals);
    let rounded = number.rounded_to(decimals, rounding);
    if decimals > Decimal::MAX_SCALE {
        assert!(exact.is_err() && rounded.is_err(), "{number} at {decimals} decimals");
        return;
    }
    let judged = judge(number).round_dp_with_strategy(decimals, strategy);
    match rounded {
        Ok(rounded) => {
            assert_eq!(judge(rounded), judged, "{number} at {decimals} decimals, {rounding:?}");
            assert_eq!(rounded.scale, decimals);
            // Nothing was lost exactly where the number did not change.
            assert_eq!(exact.is_ok(), judged == judge(number), "{number} at {decimals} decimals");
            assert!(exact.is_err() || exact == Ok(i128::from(rounded.unscaled)));
        }
        Err(_) => {
            // Too large for 64 bits: so it must be, in 96.
            let units = judged.checked_mul(Judge::from_i128_with_scale(10i128.pow(decimals), 0));
            let fits = units.is_some_and(|units| i64::try_from(units.trunc()).is_ok());
            assert!(!fits, "{number} at {decimals} decimals is refused");
        }
    }
}
