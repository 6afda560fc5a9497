//! Back-testing: how often the loss was greater than the value at risk, how likely that is for a model that is right, and
//! the light it gives (Basel Committee, "Supervisory framework for the use of backtesting", January 1996; now MAR32).

use thiserror::Error;

/// The light of a back-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    Green,
    Yellow,
    Red,
}

/// Where the zones begin, as cumulative probabilities of the count for a model that is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zones {
    pub yellow: f64,
    pub red: f64,
}

/// The zones of the Committee: yellow from 95 percent, red from 99.99 percent (1996 paper, section III(b)). For 250 days
/// at 99 percent: up to 4 exceptions green, up to 9 yellow, 10 and more red.
pub const BASEL: Zones = Zones { yellow: 0.95, red: 0.9999 };

/// The multiplier on capital for 250 days at 99 percent by exceptions, 0 to 10 and more (Basel Framework, MAR32.9,
/// Table 1; in force from 2023-01-01).
pub const BASEL_MULTIPLIERS: [f64; 11] = [1.50, 1.50, 1.50, 1.50, 1.50, 1.70, 1.76, 1.83, 1.88, 1.92, 2.00];

/// A count that has no probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Results and estimates are not of the same days.
    #[error("{results} results and {estimates} estimates")]
    Lengths { results: usize, estimates: usize },
    /// More exceptions than days, or no days.
    #[error("{exceptions} exceptions in {days} days")]
    Count { exceptions: u32, days: u32 },
}

/// Days on which the loss was *greater* than that day's value at risk (positive). Results are negative for losses.
pub fn exceptions(results: &[f64], values_at_risk: &[f64]) -> Result<u32, Fault> {
    if results.len() != values_at_risk.len() {
        return Err(Fault::Lengths { results: results.len(), estimates: values_at_risk.len() });
    }
    let over = results.iter().zip(values_at_risk).filter(|(result, value_at_risk)| -**result > **value_at_risk);
    Ok(over.count() as u32)
}

/// The probability of so many exceptions or fewer in so many days, each with probability `tail`.
pub fn cumulative(exceptions: u32, days: u32, tail: f64) -> Result<f64, Fault> {
    if days == 0 || exceptions > days {
        return Err(Fault::Count { exceptions, days });
    }
    // The term for none, then each from the one before it.
    let mut term = (0..days).fold(1.0, |product, _| product * (1.0 - tail));
    let mut sum = term;
    for count in 1..=exceptions {
        term *= f64::from(days - count + 1) / f64::from(count) * tail / (1.0 - tail);
        sum += term;
    }
    Ok(sum)
}

/// The light for a number of exceptions. None at all is green however few the days are: in so few a right model has none nearly
/// always, which says nothing against this one (four days at 99 percent would be yellow by the probability alone).
pub fn zone(exceptions: u32, days: u32, tail: f64, zones: Zones) -> Result<Zone, Fault> {
    let probability = cumulative(exceptions, days, tail)?;
    Ok(match probability {
        _ if exceptions == 0 => Zone::Green,
        probability if probability < zones.yellow => Zone::Green,
        probability if probability < zones.red => Zone::Yellow,
        _ => Zone::Red,
    })
}

/// The multiplier for a number of exceptions in 250 days at 99 percent.
pub fn multiplier(exceptions: u32) -> f64 {
    BASEL_MULTIPLIERS[(exceptions as usize).min(BASEL_MULTIPLIERS.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Committee's paper of 1996, Table 2: cumulative probabilities in percent for 250 days at 99 percent.
    #[test]
    fn the_committees_table() {
        let published = [8.11, 28.58, 54.32, 75.81, 89.22, 95.88, 98.63, 99.60, 99.89, 99.97, 99.99];
        for (exceptions, percent) in (0..).zip(published) {
            let found = cumulative(exceptions, 250, 0.01).unwrap() * 100.0;
            assert!((found - percent).abs() <= 0.0051, "{exceptions}: {found} is not {percent}");
            let expected = match exceptions {
                0..=4 => Zone::Green,
                5..=9 => Zone::Yellow,
                _ => Zone::Red,
            };
            assert_eq!(zone(exceptions, 250, 0.01, BASEL), Ok(expected), "{exceptions}");
        }
        assert_eq!([4, 5, 9, 10, 40].map(multiplier), [1.50, 1.70, 1.92, 2.00, 2.00]);
        assert!((cumulative(250, 250, 0.01).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(cumulative(251, 250, 0.01), Err(Fault::Count { exceptions: 251, days: 250 }));
    }

    #[test]
    fn no_exception_is_green_in_however_few_days() {
        for days in [1, 4, 5, 6, 250] {
            assert_eq!(zone(0, days, 0.01, BASEL), Ok(Zone::Green), "{days} days");
        }
        assert_eq!(zone(1, 4, 0.01, BASEL), Ok(Zone::Yellow));
        assert!(zone(0, 0, 0.01, BASEL).is_err());
    }

    #[test]
    fn a_loss_of_exactly_the_value_at_risk_is_no_exception() {
        assert_eq!(exceptions(&[-10.0, -10.1, 5.0, -3.0], &[10.0, 10.0, 10.0, 2.0]), Ok(2));
        assert_eq!(exceptions(&[1.0], &[]), Err(Fault::Lengths { results: 1, estimates: 0 }));
    }
}
