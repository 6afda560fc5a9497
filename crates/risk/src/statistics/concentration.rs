//! Concentration: how much of the whole stands in few names.

use alloc::vec::Vec;

/// Shares of the whole, the largest first; nothing when the whole is zero. Amounts count by their size.
fn shares(amounts: &[i128]) -> Vec<f64> {
    let mut sizes: Vec<f64> = amounts.iter().map(|amount| amount.unsigned_abs() as f64).collect();
    let whole: f64 = sizes.iter().sum();
    if whole == 0.0 {
        return Vec::new();
    }
    sizes.iter_mut().for_each(|size| *size /= whole);
    sizes.sort_by(|one, other| other.total_cmp(one));
    sizes
}

/// The Herfindahl-Hirschman index `Σ s²` of the shares, from `1 / n` for equal ones to 1 for a single name. Times 10,000
/// in the points of competition authorities. Zero when there is nothing.
pub fn herfindahl(amounts: &[i128]) -> f64 {
    shares(amounts).iter().map(|share| share * share).sum()
}

/// The share of the largest so many.
pub fn largest(amounts: &[i128], count: usize) -> f64 {
    shares(amounts).iter().take(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// U.S. Department of Justice, "Herfindahl-Hirschman Index": shares of 30, 30, 20 and 20 percent are 2,600 points.
    #[test]
    fn the_departments_example() {
        let amounts = [300, 300, -200, 200];
        assert!((herfindahl(&amounts) * 10_000.0 - 2_600.0).abs() < 1e-9);
        assert!((largest(&amounts, 2) - 0.6).abs() < 1e-12);
        assert!((largest(&amounts, 9) - 1.0).abs() < 1e-12);
        assert_eq!((herfindahl(&[]), herfindahl(&[0, 0])), (0.0, 0.0));
        assert_eq!(herfindahl(&[-7]), 1.0);
    }
}
