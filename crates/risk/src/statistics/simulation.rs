//! Historical simulation: what happened between two closes of the past, done to what is held today.
//!
//! A holding moves with the price of one unit in the reporting currency, its *level*: price times rate. A scenario is the
//! relative move of all levels between two closes, so holdings keep the dependence that the days had.

use alloc::vec::Vec;
use model::decimal::Decimal;

use super::value_at_risk::{Fault, QuantileRule, Sample};

/// What is held.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    /// Worth now, at the last level; below zero for a short one.
    pub value: f64,
    /// Above zero, one for each close, the oldest first. All holdings have the same closes.
    pub levels: &'a [f64],
}

impl Holding<'_> {
    /// The result of the scenario that ends at a close, of so many closes. Both must be there.
    pub fn result(&self, end: usize, horizon: usize) -> f64 {
        self.value * self.moved(end, horizon)
    }

    fn moved(&self, end: usize, horizon: usize) -> f64 {
        self.levels[end] / self.levels[end - horizon] - 1.0
    }

    /// What it was worth at a close, had it been held.
    fn worth(&self, close: usize) -> f64 {
        self.value * self.levels[close] / self.levels[self.levels.len() - 1]
    }
}

/// The result of each scenario, the oldest first; windows overlap where the horizon is more than one close.
pub fn results(holdings: &[Holding<'_>], closes: usize, horizon: usize) -> Vec<f64> {
    let of = |end| holdings.iter().map(|holding| holding.result(end, horizon)).sum();
    (horizon..closes).map(of).collect()
}

/// A day of a back-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// Which close ended it.
    pub close: usize,
    /// Of the close before, by the scenarios up to it; a loss is above zero.
    pub value_at_risk: f64,
    /// What today's holdings would have earned; a loss is below zero.
    pub result: f64,
}

impl Tested {
    /// The loss was greater.
    pub fn is_exception(&self) -> bool {
        -self.result > self.value_at_risk
    }
}

/// The hypothetical results of the last so many days against the value at risk that was estimated on the evening before,
/// each from the `window` scenarios of one close before it. As many days as the closes have, so perhaps none.
pub fn hypothetical(
    holdings: &[Holding<'_>],
    closes: usize,
    (window, days): (usize, usize),
    confidence: Decimal,
    rule: QuantileRule,
) -> Result<Vec<Tested>, Fault> {
    let first = (window + 1).max(closes.saturating_sub(days));
    let mut tested = Vec::new();
    for close in first..closes {
        let eve = close - 1;
        let scenario = |end: usize| holdings.iter().map(|each| each.worth(eve) * each.moved(end, 1)).sum();
        let sample = Sample::new((close - window..=eve).map(scenario).collect())?;
        let result = holdings.iter().map(|each| each.worth(close) - each.worth(eve)).sum();
        tested.push(Tested { close, value_at_risk: sample.value_at_risk(confidence, rule)?, result });
    }
    Ok(tested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    /// Levels of 100, 110, 99, 99, 108.9; 1,000 held, and 500 of another short.
    #[test]
    fn each_scenario_is_a_day_of_the_past_done_to_today() {
        let (one, other) = ([100.0, 110.0, 99.0, 99.0, 108.9], [50.0, 50.0, 60.0, 30.0, 30.0]);
        let held = [Holding { value: 1_000.0, levels: &one }, Holding { value: -500.0, levels: &other }];
        let found = results(&held, 5, 1);
        // +10 % and nothing; -10 % and -20 % of a short; nothing and +50 %; +10 % and nothing.
        for (found, expected) in found.iter().zip([100.0, -200.0, 250.0, 100.0]) {
            near(*found, expected);
        }
        // Over two closes: 100 to 99 and 50 to 60, …
        let found = results(&held, 5, 2);
        assert_eq!(found.len(), 3);
        near(found[0], -10.0 - 100.0);
        assert!(results(&held, 1, 1).is_empty());
    }

    /// With a window of two scenarios: the value at risk of the eve is the worst of the two moves before it, of what was held then.
    #[test]
    fn a_day_is_tested_against_the_evening_before() {
        let levels = [100.0, 110.0, 99.0, 99.0, 49.5];
        let held = [Holding { value: 495.0, levels: &levels }];
        let confidence = Decimal { unscaled: 5, scale: 1 };
        let tested = hypothetical(&held, 5, (2, 10), confidence, QuantileRule::Ceiling).unwrap();
        assert_eq!(tested.iter().map(|day| day.close).collect::<Vec<_>>(), [3, 4]);
        // 990 on the eve; -10 % was the worse move.
        near(tested[0].value_at_risk, 99.0);
        near(tested[0].result, 0.0);
        assert!(!tested[0].is_exception());
        near(tested[1].value_at_risk, 99.0);
        near(tested[1].result, -495.0);
        assert!(tested[1].is_exception());
        assert_eq!(hypothetical(&held, 5, (2, 1), confidence, QuantileRule::Ceiling).unwrap().len(), 1);
        assert!(hypothetical(&held, 3, (2, 9), confidence, QuantileRule::Ceiling).unwrap().is_empty());
    }
}
