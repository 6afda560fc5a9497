//! Profit and loss of a position: each line on its own, the FX part split off, the day with its adjustments apart.

use super::{Holding, Position};
use crate::amount::{Conversion, Overflow, PriceKind, Scales, minus, plus, sum, value};
use model::date::Date;
use model::decimal::Decimal;

/// What a position is valued at. Prices come from the official set of a close: the same for P&L, risk and ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Clean price.
    pub price: Decimal,
    /// Accrued interest to the valuation date, counted as the price is; zero for what has none, negative ex-dividend.
    pub accrued: Decimal,
    pub kind: PriceKind,
    pub scales: Scales,
    /// From the instrument's currency to the base currency.
    pub rate: Conversion,
}

/// Lines in the instrument's currency, in minor units; positive is a gain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// On what was closed, clean.
    pub realised: i128,
    /// On what is open, clean.
    pub unrealised: i128,
    /// Interest: accrued now, sold and received less bought; and other income.
    pub accrued: i128,
    /// Expensed fees; negative is a cost.
    pub fees: i128,
}

/// Lines in the base currency, in minor units. The price lines are the local results at the rate of the closing trade or
/// of the mark; the FX lines are the rest, which is cost times the change of the rate since acquisition.
///
/// What the cash of a sale earns by FX afterwards is the cash position's, not the instrument's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base {
    pub realised: i128,
    pub unrealised: i128,
    pub realised_fx: i128,
    pub unrealised_fx: i128,
    pub accrued: i128,
    pub fees: i128,
}

/// A position's cumulative result at a mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pnl {
    /// Market value, clean, in minor units of the instrument's currency.
    pub value: i128,
    pub local: Local,
    pub base: Base,
}

impl Local {
    fn lines(&self) -> [i128; 4] {
        [self.realised, self.unrealised, self.accrued, self.fees]
    }

    /// The sum of the lines.
    pub fn total(&self) -> Result<i128, Overflow> {
        sum(self.lines())
    }
}

impl Base {
    fn lines(&self) -> [i128; 6] {
        [self.realised, self.unrealised, self.realised_fx, self.unrealised_fx, self.accrued, self.fees]
    }

    /// The sum of the lines.
    pub fn total(&self) -> Result<i128, Overflow> {
        sum(self.lines())
    }
}

impl Pnl {
    /// Line by line.
    pub fn less(&self, other: &Pnl) -> Result<Pnl, Overflow> {
        let (one, two) = (&self.local, &other.local);
        let local = Local {
            realised: minus(one.realised, two.realised)?,
            unrealised: minus(one.unrealised, two.unrealised)?,
            accrued: minus(one.accrued, two.accrued)?,
            fees: minus(one.fees, two.fees)?,
        };
        let (one, two) = (&self.base, &other.base);
        let base = Base {
            realised: minus(one.realised, two.realised)?,
            unrealised: minus(one.unrealised, two.unrealised)?,
            realised_fx: minus(one.realised_fx, two.realised_fx)?,
            unrealised_fx: minus(one.unrealised_fx, two.unrealised_fx)?,
            accrued: minus(one.accrued, two.accrued)?,
            fees: minus(one.fees, two.fees)?,
        };
        Ok(Pnl { value: minus(self.value, other.value)?, local, base })
    }
}

impl Holding {
    /// The cumulative result at a mark.
    pub fn pnl(&self, mark: &Mark) -> Result<Pnl, Overflow> {
        let quantity = self.quantity()?;
        let market = value(quantity, mark.price, mark.kind, mark.scales)?;
        let interest = value(quantity, mark.accrued, mark.kind, mark.scales)?;
        let unrealised = minus(market, self.cost()?)?;
        let base_unrealised = minus(mark.rate.apply(market)?, self.base_cost()?)?;
        let price = mark.rate.apply(unrealised)?;
        Ok(Pnl {
            value: market,
            local: Local {
                realised: self.realised,
                unrealised,
                accrued: plus(self.accrued, interest)?,
                fees: self.fees,
            },
            base: Base {
                realised: self.base_realised,
                unrealised: price,
                realised_fx: self.base_realised_fx,
                unrealised_fx: minus(base_unrealised, price)?,
                accrued: plus(self.base_accrued, mark.rate.apply(interest)?)?,
                fees: self.base_fees,
            },
        })
    }
}

/// What a day earned, in two parts whose sum is this close less what the last close published, line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Between the closes, from what we know now.
    pub day: Pnl,
    /// What entries dated up to the last close, but known only since, change in it: the prior-day adjustment. The closed
    /// figure itself does not move.
    pub adjustment: Pnl,
}

/// The P&L of a day. `published` is what the last close said, `last` its date and frozen mark; `now` this close's.
pub fn day(position: &Position, published: &Pnl, last: (Date, &Mark), now: (Date, &Mark)) -> Result<Day, Overflow> {
    let again = position.holding_on(last.0)?.pnl(last.1)?;
    let closing = position.holding_on(now.0)?.pnl(now.1)?;
    Ok(Day { day: closing.less(&again)?, adjustment: again.less(published)? })
}
