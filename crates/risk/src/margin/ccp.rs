//! A forecast of what a central counterparty will ask of a member for its unsettled net positions: mark to market, a
//! volatility charge, a gap charge for the concentrated, and an add-on for fails.
//!
//! The form is NSCC's (Rules and Procedures, Procedure XV, clearing fund formula): components that are added, never
//! netted, but for the mark-to-market credit, which is not paid out. It is a forecast and says so: the CCP's model is its
//! own. Its numbers come from the member's agreement as a [`Terms`]; none are shipped.

use crate::amount::{Overflow, PriceKind, Scales, minus, plus, share, sum, value};
use alloc::vec::Vec;
use model::decimal::{Decimal, Rounding};

/// A net unsettled position at the CCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// Signed: positive is to be received.
    pub quantity: i128,
    /// Average contract price of the net.
    pub contract: Decimal,
    /// Current market price.
    pub market: Decimal,
    /// The volatility charge as a share of market value: three days at 99 percent, from the price history.
    pub haircut: Decimal,
    /// An index product or fund: exempt from the gap charge.
    pub index: bool,
    pub scales: Scales,
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

/// The forecast by component, in minor units. All but the mark are never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Market less contract value; positive is in our favour.
    pub mark_to_market: i128,
    pub volatility: i128,
    pub gap: i128,
    pub fails: i128,
    /// What will be asked.
    pub requirement: i128,
}

/// The forecast for the net positions of one CCP and currency; `failing` is the market value that is past its date.
pub fn forecast(nets: &[Net], failing: i128, terms: &Terms) -> Result<Forecast, Overflow> {
    let mut forecast = Forecast { fails: share(failing, terms.fails_rate, Rounding::Up)?, ..Forecast::default() };
    let mut sizes = Vec::new();
    for net in nets {
        let at = |price| value(net.quantity, price, PriceKind::Amount, net.scales);
        let market = at(net.market)?;
        let gain = minus(market, at(net.contract)?)?;
        let size = market.checked_abs().ok_or(Overflow)?;
        forecast.mark_to_market = plus(forecast.mark_to_market, gain)?;
        forecast.volatility = plus(forecast.volatility, share(size, net.haircut, Rounding::Up)?)?;
        sizes.push((size, net.index));
    }
    let gross = sum(sizes.iter().map(|(size, _)| *size))?;
    let largest = sizes.iter().filter(|(_, index)| !index).map(|(size, _)| *size).max().unwrap_or(0);
    if largest > share(gross, terms.gap_threshold, Rounding::Down)? {
        forecast.gap = share(largest, terms.gap_rate, Rounding::Up)?;
    }
    let asked = [minus(0, forecast.mark_to_market)?.max(0), forecast.volatility, forecast.gap, forecast.fails];
    forecast.requirement = sum(asked)?;
    Ok(forecast)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn net(quantity: i128, contract: &str, market: &str, haircut: &str) -> Net {
        let scales = Scales { quantity: 0, currency: 2 };
        Net { quantity, contract: d(contract), market: d(market), haircut: d(haircut), index: false, scales }
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
        let nets = [net(10_000, "50.00", "51.20", "0.03"), net(-20_000, "30.00", "29.10", "0.04")];
        let forecast = forecast(&nets, 10_000_000, &TERMS).unwrap();
        assert_eq!((forecast.mark_to_market, forecast.volatility), (3_000_000, 3_864_000));
        // The short is 582,000 of 1,094,000, more than 30 percent: 10 percent of it.
        assert_eq!((forecast.gap, forecast.fails), (5_820_000, 500_000));
        assert_eq!(forecast.requirement, 3_864_000 + 5_820_000 + 500_000);
    }

    #[test]
    fn an_adverse_mark_is_asked_for_and_an_index_has_no_gap() {
        let index = Net { index: true, ..net(10_000, "51.20", "50.00", "0.03") };
        let asked = forecast(&[index], 0, &TERMS).unwrap();
        assert_eq!((asked.mark_to_market, asked.gap), (-1_200_000, 0));
        assert_eq!(asked.requirement, 1_200_000 + 1_500_000);
    }
}
