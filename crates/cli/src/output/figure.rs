//! Figures as people read them: thousands set apart, decimals as the asset has them, dates with hyphens.

use wire::pb::typ::Decimal;
use wire::pb::view::PriceSetName;

/// `-1,234,567.89`.
pub fn grouped(decimal: Decimal) -> String {
    let digits = decimal.unscaled.unsigned_abs().to_string();
    let scale = decimal.scale as usize;
    // At least one digit stands before the point.
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let mut text = String::from(if decimal.unscaled < 0 { "-" } else { "" });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// As [`grouped`]; a question mark for what is not known.
pub fn known(decimal: Option<Decimal>) -> String {
    decimal.map_or_else(|| "?".to_owned(), grouped)
}

/// `-1234567.89`: for programs.
pub fn plain(decimal: Decimal) -> String {
    grouped(decimal).replace(',', "")
}

/// `8,123`.
pub fn count(number: u64) -> String {
    i64::try_from(number).map_or_else(|_| number.to_string(), |unscaled| grouped(Decimal { unscaled, scale: 0 }))
}

/// `1 book`, `8,123 books`.
pub fn some(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `2026-11-23` of 20261123; nothing of the date that is none.
pub fn date(number: u32) -> String {
    if number == 0 {
        return String::new();
    }
    format!("{:04}-{:02}-{:02}", number / 10_000, number / 100 % 100, number % 100)
}

/// `at CLOSE of 2026-11-27 from QUOTES, version 3`: what a figure stands on.
pub fn price_set(set: &PriceSetName) -> String {
    format!("at {} of {} from {}, version {}", set.snap, date(set.date), set.source, set.version)
}

/// `2026-11-23 06:00:00.125` in UTC.
pub fn instant(at: Option<&pbjson_types::Timestamp>) -> String {
    let micros = at.and_then(|at| at.seconds.checked_mul(1_000_000)?.checked_add(i64::from(at.nanos) / 1_000));
    let instant = micros.and_then(|micros| model::timestamp::Timestamp::from_micros(micros).ok());
    instant.map_or_else(String::new, |instant| {
        instant.to_string().replace('T', " ").replacen("000Z", "", 1).replace('Z', "")
    })
}

/// The sum of two amounts at the larger scale; `None` where it does not fit.
pub fn sum(one: Decimal, other: Decimal) -> Option<Decimal> {
    let model = |decimal: Decimal| model::decimal::Decimal { unscaled: decimal.unscaled, scale: decimal.scale };
    let scale = one.scale.max(other.scale);
    let units = model(one).to_scale(scale).ok()? + model(other).to_scale(scale).ok()?;
    let sum = model::decimal::Decimal::from_units(units, scale).ok()?;
    Some(Decimal { unscaled: sum.unscaled, scale: sum.scale })
}

/// A hash in hexadecimal digits.
pub fn hash(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(unscaled: i64, scale: u32) -> Decimal {
        Decimal { unscaled, scale }
    }

    #[test]
    fn thousands_stand_apart_and_decimals_stay() {
        for (unscaled, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (100_000, 2, "1,000.00"),
            (-123_456_789, 2, "-1,234,567.89"),
            (999, 0, "999"),
            (1_000, 0, "1,000"),
            (i64::MIN, 0, "-9,223,372,036,854,775,808"),
        ] {
            assert_eq!(grouped(decimal(unscaled, scale)), text);
        }
        assert_eq!(plain(decimal(123_456_789, 3)), "123456.789");
        assert_eq!(count(u64::MAX), "18446744073709551615");
        assert_eq!((some(1, "book", "books"), some(0, "book", "books")), ("1 book".into(), "0 books".into()));
    }

    #[test]
    fn dates_and_instants_read_as_iso() {
        assert_eq!(date(20_261_123), "2026-11-23");
        assert_eq!(date(0), "");
        let at = pbjson_types::Timestamp { seconds: 1_795_413_600, nanos: 125_000_000 };
        assert_eq!(instant(Some(&at)), "2026-11-23 06:00:00.125");
        assert_eq!(instant(None), "");
    }

    #[test]
    fn amounts_of_different_scale_add_up() {
        assert_eq!(sum(decimal(150, 2), decimal(5, 1)), Some(decimal(200, 2)));
        assert_eq!(sum(decimal(i64::MAX, 0), decimal(1, 0)), None);
    }
}
