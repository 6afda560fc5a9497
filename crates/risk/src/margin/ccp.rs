//! A forecast of what a central counterparty will ask of a member for its unsettled net positions: mark to market, a
//! volatility charge, a gap charge for the concentrated, and an add-on for fails.
//!
//! The form is NSCC's (Rules and Procedures, Procedure XV, clearing fund formula): components that are added, never
//! netted, but for the mark-to-market credit, which is not paid out. It is a forecast and says so: the CCP's model is its
//! own. Its numbers come from the member's agreement as a [`Terms`]; none are shipped.

use crate::amount::{Overflow, minus, plus, share, sum};
use alloc::vec::Vec;
use model::decimal::{Decimal, Rounding};

/// A net unsettled position at the CCP, in minor units of its settlement currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// What it is worth now; below zero is to be delivered.
    pub market: i128,
    /// What was agreed for it, with the same sign.
    pub contract: i128,
    /// Market value of the trades in it that are past their date, without a sign and not netted.
    pub failing: i128,
    /// The volatility charge as a share of market value, from the price history.
    pub haircut: Decimal,
    /// An index product or fund: exempt from the gap charge.
    pub index: bool,
}

/// The CCP's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A position above this share of the gross value is concentrated.
    pub gap_threshold: Decimal,
    /// The gap charge as a share of that position's value.
    pub gap_rate: Decimal,
    /// The add-on as a share of the value that fails.
    pub fails_rate: Decimal,
}

/// What one position adds to the forecast, in minor units. All but the mark are never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Market less contract value; positive is in our favour.
    pub mark_to_market: i128,
    /// Size times haircut, rounded up.
    pub volatility: i128,
    /// Of the largest position, where it is concentrated; rounded up.
    pub gap: i128,
    /// Of what is past its date; rounded up.
    pub fails: i128,
}

/// The forecast by component, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// The sum of the positions' charges.
    pub total: Charge,
    /// What will be asked: a mark in our favour is not paid out.
    pub requirement: i128,
    /// Of each position, in the order they came.
    pub charges: Vec<Charge>,
}

/// The forecast for the net positions of one account at a CCP in one currency. Of several largest the first is concentrated.
pub fn forecast(nets: &[Net], terms: &Terms) -> Result<Forecast, Overflow> {
    let size = |net: &Net| net.market.checked_abs().ok_or(Overflow);
    let mut charges = Vec::new();
    let (mut gross, mut largest) = (0, None::<(usize, i128)>);
    for (at, net) in nets.iter().enumerate() {
        let size = size(net)?;
        gross = plus(gross, size)?;
        if !net.index && largest.is_none_or(|(_, other)| size > other) {
            largest = Some((at, size));
        }
        charges.push(Charge {
            mark_to_market: minus(net.market, net.contract)?,
            volatility: share(size, net.haircut, Rounding::Up)?,
            gap: 0,
            fails: share(net.failing, terms.fails_rate, Rounding::Up)?,
        });
    }
    if let Some((at, size)) = largest.filter(|(_, size)| *size > 0)
        && size > share(gross, terms.gap_threshold, Rounding::Down)?
    {
        charges[at].gap = share(size, terms.gap_rate, Rounding::Up)?;
    }
    let of = |part: fn(&Charge) -> i128| sum(charges.iter().map(part));
    let total = Charge {
        mark_to_market: of(|charge| charge.mark_to_market)?,
        volatility: of(|charge| charge.volatility)?,
        gap: of(|charge| charge.gap)?,
        fails: of(|charge| charge.fails)?,
    };
    let asked = [minus(0, total.mark_to_market)?.max(0), total.volatility, total.gap, total.fails];
    Ok(Forecast { requirement: sum(asked)?, total, charges })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn net(market: i128, contract: i128, haircut: &str) -> Net {
        Net { market, contract, failing: 0, haircut: d(haircut), index: false }
    }

    const TERMS: Terms = Terms {
        gap_threshold: Decimal { unscaled: 30, scale: 2 },
        gap_rate: Decimal { unscaled: 10, scale: 2 },
        fails_rate: Decimal { unscaled: 5, scale: 2 },
    };

    /// Domain notes 1.6: long 10,000 at 50.00, now 51.20; short 20,000 at 30.00, now 29.10: 30,000 in our favour;
    /// haircuts of 3 and 4 percent, 38,640 in all.
    #[test]
    fn components_add_up_and_a_favourable_mark_is_not_paid_out() {
        let late = Net { failing: 10_000_000, ..net(51_200_000, 50_000_000, "0.03") };
        let forecast = forecast(&[late, net(-58_200_000, -60_000_000, "0.04")], &TERMS).unwrap();
        let total = forecast.total;
        assert_eq!((total.mark_to_market, total.volatility), (3_000_000, 3_864_000));
        // The short is 582,000 of 1,094,000, more than 30 percent: 10 percent of it.
        assert_eq!((total.gap, total.fails), (5_820_000, 500_000));
        assert_eq!(forecast.requirement, 3_864_000 + 5_820_000 + 500_000);
        let gaps: Vec<i128> = forecast.charges.iter().map(|charge| charge.gap).collect();
        assert_eq!(gaps, [0, 5_820_000]);
    }

    #[test]
    fn an_adverse_mark_is_asked_for_and_an_index_has_no_gap() {
        let index = Net { index: true, ..net(50_000_000, 51_200_000, "0.03") };
        let asked = forecast(&[index], &TERMS).unwrap();
        assert_eq!((asked.total.mark_to_market, asked.total.gap), (-1_200_000, 0));
        assert_eq!(asked.requirement, 1_200_000 + 1_500_000);
        assert_eq!(forecast(&[], &TERMS).unwrap(), Forecast::default());
        assert_eq!(forecast(&[net(i128::MIN, 0, "0.03")], &TERMS), Err(Overflow));
    }
}
