//! Value at risk and expected shortfall by historical simulation, with the quantile rule as a parameter: between two
//! observations every book has another answer, so the rule is written down with the number.

use alloc::vec::Vec;
use model::decimal::Decimal;
use thiserror::Error;

/// Which observation the quantile is, for `J` equally likely results and a tail of `1 - confidence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuantileRule {
    /// The `ceil(J * tail)`-th worst (Open Source Risk Engine, historical simulation VaR).
    Ceiling,
    /// The `floor(J * tail)`-th worst, at least the worst: the cautious neighbour.
    Floor,
    /// Linear between the neighbours of `(J - 1) * tail` from the worst: type 7 of Hyndman and Fan (1996), the default of
    /// R, NumPy and spreadsheets.
    Linear,
}

/// How the tail is averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShortfallRule {
    /// The mean of the `ceil(J * tail)` worst (Open Source Risk Engine).
    WholeObservations,
    /// The mean of exactly `J * tail` observations, the last of them by its fraction (Acerbi and Tasche, 2002).
    FractionalWeight,
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// No observation.
    #[error("there are no observations")]
    Empty,
    /// Infinite or not a number.
    #[error("observation {0} is not a finite number")]
    NotFinite(usize),
    /// A confidence must lie between a half and one.
    #[error("{0} is no confidence between 0.5 and 1")]
    Confidence(Decimal),
}

/// Results in order, the worst first.
#[derive(Clone, Debug)]
pub struct Sample(Vec<f64>);

/// `J * tail` as a fraction of integers: a product of floating-point numbers would round 7.0 up to 8.
struct Tail {
    units: u128,
    one: u128,
}

impl Tail {
    fn of(count: usize, confidence: Decimal) -> Result<Tail, Fault> {
        let one = 10i128.checked_pow(confidence.scale).ok_or(Fault::Confidence(confidence))?;
        let rest = one - i128::from(confidence.unscaled);
        if rest <= 0 || rest * 2 > one {
            return Err(Fault::Confidence(confidence));
        }
        Ok(Tail { units: rest.unsigned_abs() * count as u128, one: one.unsigned_abs() })
    }

    fn whole(&self) -> usize {
        (self.units / self.one) as usize
    }

    fn ceiling(&self) -> usize {
        self.units.div_ceil(self.one) as usize
    }

    fn fraction(&self) -> f64 {
        (self.units % self.one) as f64 / self.one as f64
    }
}

impl Sample {
    /// Profits and losses, losses negative, in any order and unit.
    pub fn new(mut results: Vec<f64>) -> Result<Sample, Fault> {
        if results.is_empty() {
            return Err(Fault::Empty);
        }
        if let Some(place) = results.iter().position(|result| !result.is_finite()) {
            return Err(Fault::NotFinite(place + 1));
        }
        results.sort_by(f64::total_cmp);
        Ok(Sample(results))
    }

    /// How many observations.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The quantile of the results at `1 - confidence`: negative for a loss. VaR is its opposite.
    pub fn quantile(&self, confidence: Decimal, rule: QuantileRule) -> Result<f64, Fault> {
        let tail = Tail::of(self.0.len(), confidence)?;
        Ok(match rule {
            QuantileRule::Ceiling => self.0[tail.ceiling() - 1],
            QuantileRule::Floor => self.0[tail.whole().max(1) - 1],
            QuantileRule::Linear => {
                let place = Tail::of(self.0.len() - 1, confidence)?;
                let (below, next) = (self.0[place.whole()], self.0.get(place.whole() + 1));
                next.map_or(below, |next| below + place.fraction() * (next - below))
            }
        })
    }

    /// Value at risk as a positive loss (negative where even the tail gains).
    pub fn value_at_risk(&self, confidence: Decimal, rule: QuantileRule) -> Result<f64, Fault> {
        Ok(-self.quantile(confidence, rule)?)
    }

    /// Expected shortfall as a positive loss: the mean of the tail.
    pub fn expected_shortfall(&self, confidence: Decimal, rule: ShortfallRule) -> Result<f64, Fault> {
        let tail = Tail::of(self.0.len(), confidence)?;
        let (whole, weight) = match rule {
            ShortfallRule::WholeObservations => (tail.ceiling(), 0.0),
            ShortfallRule::FractionalWeight => (tail.whole(), tail.fraction()),
        };
        let sum: f64 = self.0[..whole].iter().sum();
        let last = if weight > 0.0 { self.0[whole] * weight } else { 0.0 };
        Ok(-(sum + last) / (whole as f64 + weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    /// Losses 1 to `count`, in an order that is none.
    fn losses(count: i32) -> Sample {
        Sample::new((1..=count).map(|loss| -f64::from(loss * 37 % (count + 1))).collect()).unwrap()
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    /// 715 scenarios at 99 percent: 7.15 of them are the tail. ORE's rule is the 8th worst, its shortfall the mean of 8
    /// (domain notes 4.4); with losses of 1 to 715 that is 708 and 711.5.
    #[test]
    fn the_rule_decides_which_observation_it_is() {
        let sample = losses(715);
        assert_eq!(sample.count(), 715);
        near(sample.value_at_risk(d("0.99"), QuantileRule::Ceiling).unwrap(), 708.0);
        near(sample.value_at_risk(d("0.99"), QuantileRule::Floor).unwrap(), 709.0);
        // (715 - 1) * 0.01 = 7.14 from the worst: between 708 and 707.
        near(sample.value_at_risk(d("0.99"), QuantileRule::Linear).unwrap(), 707.86);
        near(sample.expected_shortfall(d("0.99"), ShortfallRule::WholeObservations).unwrap(), 711.5);
        // (709 + … + 715 + 0.15 * 708) / 7.15
        let by_hand = (4_984.0 + 0.15 * 708.0) / 7.15;
        near(sample.expected_shortfall(d("0.99"), ShortfallRule::FractionalWeight).unwrap(), by_hand);
    }

    /// R's `quantile(c(-7, -3, -1, 2, 5), 0.1, type = 7)` is -5.4.
    #[test]
    fn linear_is_type_seven() {
        let sample = Sample::new([5.0, -1.0, -7.0, 2.0, -3.0].into()).unwrap();
        near(sample.quantile(d("0.9"), QuantileRule::Linear).unwrap(), -5.4);
    }

    /// Where the tail is a whole number of observations, 100 of them at 99 percent, one is the tail by every rule.
    #[test]
    fn a_whole_tail_is_not_rounded_up() {
        let sample = losses(100);
        for rule in [QuantileRule::Ceiling, QuantileRule::Floor] {
            near(sample.value_at_risk(d("0.99"), rule).unwrap(), 100.0);
        }
        for rule in [ShortfallRule::WholeObservations, ShortfallRule::FractionalWeight] {
            near(sample.expected_shortfall(d("0.99"), rule).unwrap(), 100.0);
        }
        // 250 days at 97.5 percent: 6.25 observations.
        let year = losses(250);
        let by_hand = (250.0 + 249.0 + 248.0 + 247.0 + 246.0 + 245.0 + 0.25 * 244.0) / 6.25;
        near(year.expected_shortfall(d("0.975"), ShortfallRule::FractionalWeight).unwrap(), by_hand);
    }

    /// For a normal distribution VaR 99 is 2.326348 and ES 97.5 2.337803 standard deviations (domain notes 4.4): a sample
    /// of 100,000 of its quantiles comes near both.
    #[test]
    fn a_normal_sample_has_the_quantiles_of_the_tables() {
        let count = 100_000;
        let sample = Sample::new((0..count).map(|k| inverse_normal((f64::from(k) + 0.5) / f64::from(count))).collect());
        let sample = sample.unwrap();
        let var = sample.value_at_risk(d("0.99"), QuantileRule::Linear).unwrap();
        let shortfall = sample.expected_shortfall(d("0.975"), ShortfallRule::FractionalWeight).unwrap();
        assert!((var - 2.326_348).abs() < 0.001, "{var}");
        assert!((shortfall - 2.337_803).abs() < 0.001, "{shortfall}");
    }

    /// By halving the integral of the density: slow and plain, so that nothing is tested against itself.
    fn inverse_normal(probability: f64) -> f64 {
        extern crate std;
        let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        // Abramowitz and Stegun 26.2.17, error below 7.5e-8.
        let cumulative = |x: f64| {
            let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
            let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
            let sum = series.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
            let upper = density(x.abs()) * sum;
            if x < 0.0 { upper } else { 1.0 - upper }
        };
        let (mut low, mut high) = (-8.0, 8.0);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if cumulative(middle) < probability { low = middle } else { high = middle }
        }
        (low + high) / 2.0
    }

    #[test]
    fn what_is_no_sample_has_no_estimate() {
        assert_eq!(Sample::new(Vec::new()).unwrap_err(), Fault::Empty);
        assert_eq!(Sample::new([1.0, f64::NAN].into()).unwrap_err(), Fault::NotFinite(2));
        for wrong in ["1", "0.49", "1.5", "-0.99"] {
            assert_eq!(losses(10).quantile(d(wrong), QuantileRule::Ceiling), Err(Fault::Confidence(d(wrong))));
        }
        near(Sample::new([-3.0].into()).unwrap().value_at_risk(d("0.99"), QuantileRule::Linear).unwrap(), 3.0);
    }
}
