//! The arithmetic that rounds: one division and one multiplication with division, each with a named rule.
//!
//! Amounts are `i128`; a product of two of them is formed in 256 bits, so "quantity times price by factor" is rounded
//! once and overflows only if its result does.

use core::cmp::Ordering;

/// What to do with a remainder. The names and meanings are those of `java.math.RoundingMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rounding {
    /// To the nearest; a half away from zero. The rule for final amounts of money (domain notes, 1.1).
    HalfUp,
    /// To the nearest; a half to the even neighbour.
    HalfEven,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceiling,
}

/// `numerator / denominator`, rounded. `None` if the denominator is zero or the result does not fit.
pub fn div_round(numerator: i128, denominator: i128, rounding: Rounding) -> Option<i128> {
    mul_div_round(numerator, 1, denominator, rounding)
}

/// `a * b / c`, rounded once, at the end. The product is exact in 256 bits; `None` if `c` is zero or the result does
/// not fit.
pub fn mul_div_round(a: i128, b: i128, c: i128, rounding: Rounding) -> Option<i128> {
    let negative = (a < 0) ^ (b < 0) ^ (c < 0);
    let (quotient, remainder) = mul_div_rem(a.unsigned_abs(), b.unsigned_abs(), c.unsigned_abs())?;
    let away_from_zero = match rounding {
        _ if remainder == 0 => false,
        Rounding::Down => false,
        Rounding::Up => true,
        Rounding::Floor => negative,
        Rounding::Ceiling => !negative,
        Rounding::HalfUp | Rounding::HalfEven => {
            // The remainder against what is missing to the next unit: no doubling, so no overflow.
            match remainder.cmp(&c.unsigned_abs().checked_sub(remainder)?) {
                Ordering::Less => false,
                Ordering::Greater => true,
                Ordering::Equal => rounding == Rounding::HalfUp || quotient & 1 == 1,
            }
        }
    };
    let magnitude = quotient.checked_add(u128::from(away_from_zero))?;
    if negative { 0i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

/// Quotient and remainder of `a * b / c`; `None` if `c` is zero or the quotient has more than 128 bits.
fn mul_div_rem(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    let (low, high) = a.carrying_mul(b, 0);
    if high == 0 {
        return Some((low.checked_div(c)?, low.checked_rem(c)?));
    }
    if high >= c {
        return None;
    }
    // Schoolbook division, a bit at a time: `remainder < c` before each step, so after taking the next bit it is
    // below 2c and one subtraction is enough. A carry out of the shift stands for 2^128, which the wrapping undoes.
    let (mut quotient, mut remainder) = (0u128, high);
    for bit in (0..u128::BITS).rev() {
        let carry = remainder >> 127 == 1;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carry || remainder >= c {
            remainder = remainder.wrapping_sub(c);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_without_silent_overflow() {
        use Rounding::*;
        assert_eq!(div_round(7, 2, HalfUp), Some(4));
        assert_eq!(div_round(7, -2, HalfUp), Some(-4));
        assert_eq!(div_round(-7, -2, Floor), Some(3));
        assert_eq!(div_round(1, 0, HalfUp), None);
        assert_eq!(div_round(i128::MIN, -1, Down), None);
        assert_eq!(div_round(i128::MIN, 1, Down), Some(i128::MIN));
        assert_eq!(div_round(i128::MAX, i128::MIN, HalfUp), Some(-1));
        assert_eq!(div_round(i128::MAX, i128::MIN, Ceiling), Some(0));

        assert_eq!(mul_div_round(i128::MAX, i128::MAX, i128::MAX, Down), Some(i128::MAX));
        assert_eq!(mul_div_round(i128::MIN, i128::MIN, i128::MIN, Up), Some(i128::MIN));
        assert_eq!(mul_div_round(i128::MAX, 2, 1, Down), None);
        assert_eq!(mul_div_round(i128::MAX, 2, 0, Down), None);
        // (2^127 - 1) * 3 / 2 overflows; divided by 4 it is 3 * 2^125 - 3/4.
        assert_eq!(mul_div_round(i128::MAX, 3, 2, Down), None);
        assert_eq!(mul_div_round(i128::MAX, 3, 4, Up), Some(3 << 125));
        assert_eq!(mul_div_round(i128::MAX, 3, 4, Down), Some((3 << 125) - 1));
        // The largest denominator, where the shifted remainder carries: 2^127 * (2^127 - 1) / 2^127.
        assert_eq!(mul_div_round(i128::MIN, i128::MAX, i128::MIN, Down), Some(i128::MAX));
    }

    #[test]
    fn wide_products_agree_with_their_definition() {
        // x = a*b/c rounded down exactly when x*c <= a*b < (x+1)*c; checked modulo 2^128 and in the high word.
        let mut seed = 0x9e37_79b9_7f4a_7c15_u128;
        let mut next = || {
            seed = seed.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x9e37_79b9_7f4a_7c15);
            seed ^ (seed >> 61)
        };
        for round in 0..20_000 {
            let (a, b, c) = (next() >> (round % 90), next() >> (round % 71), next() >> (round % 53));
            if let Some((q, r)) = mul_div_rem(a, b, c) {
                assert!(r < c);
                assert_eq!(q.carrying_mul(c, r), a.carrying_mul(b, 0), "{a} * {b} / {c}");
            } else {
                assert!(a.carrying_mul(b, 0).1 >= c);
            }
        }
    }
}
