//! Client margin accounts as in the United States: initial margin of Regulation T, maintenance of FINRA Rule 4210, calls
//! and what cures them. Every number is a [`Terms`] of a jurisdiction and a date; none is written in a function.

use crate::amount::{Overflow, PriceKind, Scales, minus, plus, share, value, whole_of};
use alloc::vec::Vec;
use model::calendar::{AdvanceError, Calendar, advance};
use model::date::Date;
use model::decimal::{Decimal, Rounding, mul_div_round};

/// The numbers of a jurisdiction, or of a house that asks for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Of the market value of what is bought (12 CFR 220.12(a): 0.50).
    pub initial_long: Decimal,
    /// Of the market value of what is sold short, on top of the proceeds (12 CFR 220.12(c): 150 percent in all, so 0.50).
    pub initial_short: Decimal,
    /// Of the market value of long securities (FINRA 4210(c)(1): 0.25).
    pub maintenance_long: Decimal,
    /// For short securities by price, rising by `from_price` (FINRA 4210(c)(2) and (3)).
    pub maintenance_short: Vec<ShortTier>,
    /// Least equity of an account that trades on margin, in units of the currency (FINRA 4210(b)(4): 2,000).
    pub minimum_equity: Decimal,
    /// Business days after the standard settlement cycle until an initial call is due (12 CFR 220.2, payment period: 2).
    pub payment_days: u32,
}

/// Maintenance of short securities from a price on: the greater of a rate and an amount a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortTier {
    pub from_price: Decimal,
    pub rate: Decimal,
    pub per_share: Decimal,
}

/// A security of the account, by trade date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security {
    /// Signed: negative is short.
    pub quantity: i128,
    /// Current market price of one.
    pub price: Decimal,
    pub scales: Scales,
}

/// A margin account in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Credit balance, proceeds of short sales included, less debit balance; in minor units.
    pub cash: i128,
    pub securities: Vec<Security>,
}

/// How an account stands, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Market value of what is long.
    pub long: i128,
    /// Market value of what is short, as a positive number.
    pub short: i128,
    /// What the client would be left with: long less short, plus cash.
    pub equity: i128,
    /// What Regulation T asks of new commitments at these values.
    pub initial: i128,
    /// Equity above it; negative is a restricted account, which is no call.
    pub excess: i128,
    /// What must be kept.
    pub maintenance: i128,
    /// The part of it that short securities ask for.
    pub maintenance_short: i128,
    /// What is missing to it; zero when nothing is.
    pub call: i128,
}

/// What cures a call, each alone and exactly; market values in minor units, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cure {
    /// Cash paid in.
    pub cash: i128,
    /// Fully paid marginable securities brought in: they bring equity, and ask for margin themselves.
    pub deposit: i128,
    /// Long securities sold: `call / rate`, not `call`. Absent when there are not enough.
    pub sale: Option<i128>,
    /// Short securities bought in, in equal parts of all. Absent when there are not enough.
    pub buy_in: Option<i128>,
}

impl Terms {
    fn short_requirement(&self, security: &Security) -> Result<i128, Overflow> {
        let shares = security.quantity.checked_abs().ok_or(Overflow)?;
        let market = value(shares, security.price, PriceKind::Amount, security.scales)?;
        let reached = self
            .maintenance_short
            .iter()
            .rfind(|tier| tier.from_price.compare(security.price) != core::cmp::Ordering::Greater);
        let Some(tier) = reached else { return Ok(market) };
        let per_share = value(shares, tier.per_share, PriceKind::Amount, security.scales)?;
        Ok(share(market, tier.rate, Rounding::Up)?.max(per_share))
    }

    /// How an account stands. A short security below the first tier's price asks for its whole value.
    pub fn assess(&self, account: &Account) -> Result<Standing, Overflow> {
        let (mut long, mut short, mut maintenance_short) = (0, 0, 0);
        for security in &account.securities {
            let market = value(security.quantity, security.price, PriceKind::Amount, security.scales)?;
            if security.quantity < 0 {
                short = minus(short, market)?;
                maintenance_short = plus(maintenance_short, self.short_requirement(security)?)?;
            } else {
                long = plus(long, market)?;
            }
        }
        let equity = plus(minus(long, short)?, account.cash)?;
        let initial = self.commitment(long, short)?;
        let maintenance = plus(share(long, self.maintenance_long, Rounding::Up)?, maintenance_short)?;
        let call = minus(maintenance, equity)?.max(0);
        Ok(Standing {
            long,
            short,
            equity,
            initial,
            excess: minus(equity, initial)?,
            maintenance,
            maintenance_short,
            call,
        })
    }

    /// What cures the maintenance call of a standing.
    pub fn cure(&self, standing: &Standing) -> Result<Cure, Overflow> {
        let call = standing.call;
        let sale = whole_of(call, self.maintenance_long, Rounding::Up)?;
        let buy_in = mul_div_round(call, standing.short, standing.maintenance_short, Rounding::Up);
        Ok(Cure {
            cash: call,
            deposit: whole_of(call, rest(self.maintenance_long)?, Rounding::Up)?,
            sale: Some(sale).filter(|sale| *sale <= standing.long),
            buy_in: buy_in.filter(|buy_in| *buy_in <= standing.short),
        })
    }

    /// What Regulation T asks for a day's purchases and short sales (proceeds), in minor units.
    pub fn commitment(&self, bought: i128, sold_short: i128) -> Result<i128, Overflow> {
        plus(share(bought, self.initial_long, Rounding::Up)?, share(sold_short, self.initial_short, Rounding::Up)?)
    }

    /// The call for a day's new commitments, in minor units: what was bought and sold short (proceeds) by trade date, less
    /// what the special memorandum account gives. At least what brings `equity` (before the deposit) to the minimum; for
    /// purchases alone never more than they cost (FINRA 4210(b)). `exponent` is the currency's.
    pub fn initial_call(
        &self,
        bought: i128,
        sold_short: i128,
        memorandum: i128,
        equity: i128,
        exponent: u32,
    ) -> Result<i128, Overflow> {
        if bought == 0 && sold_short == 0 {
            return Ok(0);
        }
        let asked = self.commitment(bought, sold_short)?;
        let regulation = minus(asked, memorandum)?.max(0);
        let scales = Scales { quantity: 0, currency: exponent };
        let least = minus(value(1, self.minimum_equity, PriceKind::Amount, scales)?, equity)?.max(0);
        Ok(regulation.max(if sold_short == 0 { least.min(bought) } else { least }))
    }

    /// What can be bought with a balance of the special memorandum account, which only rises with the market
    /// ([`memorandum`]). Rounded down.
    pub fn buying_power(&self, memorandum: i128) -> Result<i128, Overflow> {
        whole_of(memorandum, self.initial_long, Rounding::Down)
    }

    /// The day an initial call must be met: the standard settlement cycle and the payment days after trade date. T+3
    /// where settlement is T+1.
    pub fn due(&self, trade_date: Date, cycle: u32, calendars: &[&Calendar]) -> Result<Date, AdvanceError> {
        advance(trade_date, cycle.saturating_add(self.payment_days), calendars)
    }
}

/// What a day's dealings in one security commit an account to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commitment {
    /// What became long or (negative) short by them.
    pub opened: i128,
    /// What was paid for what became long.
    pub bought: i128,
    /// What was taken for what became short.
    pub sold_short: i128,
}

/// The commitments of a day's dealings in one security, all of the day together (12 CFR 220.4(c)(1)): `before` is what was held
/// before them, `quantity` and `amount` what they brought net in securities and cash. What closes a position commits to
/// nothing. The part of the amount that goes with what was opened is rounded up.
pub fn commitments(before: i128, quantity: i128, amount: i128) -> Result<Commitment, Overflow> {
    let after = plus(before, quantity)?;
    let part = |opened: i128, whole: i128, amount: i128| {
        mul_div_round(amount.max(0), opened, whole, Rounding::Up).ok_or(Overflow)
    };
    if quantity > 0 {
        let opened = minus(after.max(0), before.max(0))?;
        let bought = part(opened, quantity, minus(0, amount)?)?;
        return Ok(Commitment { opened, bought, sold_short: 0 });
    }
    if quantity < 0 {
        let opened = minus(after.min(0), before.min(0))?;
        let sold_short = part(opened, quantity, amount)?;
        return Ok(Commitment { opened, bought: 0, sold_short });
    }
    Ok(Commitment::default())
}

/// The special memorandum account after a day: excess raises it, a fall of the market never lowers it.
pub fn memorandum(before: i128, excess: i128) -> i128 {
    before.max(excess)
}

/// The price below which a long position alone is called: `debit / (quantity * (1 - rate))`, half up at `decimals`.
pub fn long_call_price(
    debit: i128,
    quantity: i128,
    rate: Decimal,
    scales: Scales,
    decimals: u32,
) -> Result<Decimal, Overflow> {
    call_price(debit, quantity, rest(rate)?, scales, decimals)
}

/// The price above which a short position alone is called: `credit / (quantity * (1 + rate))`, half up at `decimals`.
pub fn short_call_price(
    credit: i128,
    quantity: i128,
    rate: Decimal,
    scales: Scales,
    decimals: u32,
) -> Result<Decimal, Overflow> {
    let raised = i128::from(rate.unscaled).checked_add(power(rate.scale)?).ok_or(Overflow)?;
    let raised = Decimal::from_units(raised, rate.scale).map_err(|_| Overflow)?;
    call_price(credit, quantity, raised, scales, decimals)
}

fn call_price(cash: i128, quantity: i128, factor: Decimal, scales: Scales, decimals: u32) -> Result<Decimal, Overflow> {
    let up = decimals.checked_add(scales.quantity).and_then(|up| up.checked_add(factor.scale)).ok_or(Overflow)?;
    let down = quantity
        .checked_mul(power(scales.currency)?)
        .and_then(|down| down.checked_mul(i128::from(factor.unscaled)))
        .ok_or(Overflow)?;
    let units = mul_div_round(cash, power(up)?, down, Rounding::HalfUp).ok_or(Overflow)?;
    Decimal::from_units(units, decimals).map_err(|_| Overflow)
}

/// `1 - rate`.
fn rest(rate: Decimal) -> Result<Decimal, Overflow> {
    let units = minus(power(rate.scale)?, i128::from(rate.unscaled))?;
    Decimal::from_units(units, rate.scale).map_err(|_| Overflow)
}

fn power(exponent: u32) -> Result<i128, Overflow> {
    10i128.checked_pow(exponent).ok_or(Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::published;

    const WHOLE: Scales = Scales { quantity: 0, currency: 2 };

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn terms() -> Terms {
        published::client_margin().on("US", Date::parse("2026-11-23").unwrap()).unwrap().value.clone()
    }

    fn standing(cash: i128, quantity: i128, price: &str) -> Standing {
        let securities = Vec::from([Security { quantity, price: d(price), scales: WHOLE }]);
        terms().assess(&Account { cash, securities }).unwrap()
    }

    /// Domain notes 1.7: 1,000 bought at 50 on 50 percent; called below 33.33; at 30 the call is 2,500, and it takes a
    /// sale of 10,000 to cure it.
    #[test]
    fn a_long_account_is_called_and_cured() {
        let debit = 2_500_000;
        assert_eq!(long_call_price(debit, 1000, d("0.25"), WHOLE, 2), Ok(d("33.33")));
        let fallen = standing(-debit, 1000, "30");
        assert_eq!((fallen.equity, fallen.maintenance, fallen.call), (500_000, 750_000, 250_000));
        let cure = terms().cure(&fallen).unwrap();
        assert_eq!(cure, Cure { cash: 250_000, deposit: 333_334, sale: Some(1_000_000), buy_in: None });
        // Each cures: sold for 10,000 at 30 (333.33 shares; here as value) and with the cash, the call is zero.
        assert_eq!(standing(-debit + cure.cash, 1000, "30").call, 0);
        let after = terms()
            .assess(&Account {
                cash: -debit + 1_000_000,
                securities: Vec::from([Security { quantity: 1, price: d("20000"), scales: WHOLE }]),
            })
            .unwrap();
        assert_eq!((after.equity, after.maintenance, after.call), (500_000, 500_000, 0));
        // Just above the price no call, just below one.
        assert_eq!(standing(-debit, 1000, "33.34").call, 0);
        assert!(standing(-debit, 1000, "33.33").call > 0);
    }

    /// The error of a Series 7 study page (domain notes 1.7): 50,000 bought with 25,000, fallen to 40,000, is no call.
    #[test]
    fn a_restricted_account_is_not_called() {
        let fallen = standing(-2_500_000, 1000, "40");
        assert_eq!((fallen.equity, fallen.maintenance, fallen.call), (1_500_000, 1_000_000, 0));
        assert_eq!(fallen.excess, -500_000);
        assert_eq!(memorandum(0, fallen.excess), 0);
    }

    /// Domain notes 1.7: short 1,000 at 40 with 20,000 deposited; called above 46.15; at 50 the call is 5,000.
    #[test]
    fn a_short_account_is_called_by_rate_or_by_share() {
        let credit = 6_000_000;
        assert_eq!(short_call_price(credit, 1000, d("0.30"), WHOLE, 2), Ok(d("46.15")));
        let risen = standing(credit, -1000, "50");
        assert_eq!((risen.equity, risen.maintenance, risen.call), (1_000_000, 1_500_000, 500_000));
        let cure = terms().cure(&risen).unwrap();
        assert_eq!((cure.sale, cure.buy_in), (None, Some(1_666_667)));
        // 5.00 a share is more than 30 percent below 16.67; below 5.00 it is the whole value or 2.50.
        for (price, asked) in [("16.67", 500_100), ("16", 500_000), ("5", 500_000), ("4.99", 499_000), ("2", 250_000)] {
            assert_eq!(standing(0, -1000, price).maintenance, asked, "{price}");
        }
    }

    /// A call of 10,000 is met by 10,000 of cash or 20,000 of securities (Merrill's example, domain notes 1.7): at 50
    /// percent, buying 20,000.
    #[test]
    fn initial_calls_ask_half_and_the_least_equity() {
        let call =
            |bought, short, memorandum, equity| terms().initial_call(bought, short, memorandum, equity, 2).unwrap();
        assert_eq!(call(2_000_000, 0, 0, 0), 1_000_000);
        assert_eq!(call(2_000_000, 0, 300_000, 300_000), 700_000);
        assert_eq!(call(0, 4_000_000, 0, 0), 2_000_000);
        // 2,000 at least, but not more than what is bought costs; a short sale always asks for it.
        assert_eq!(call(300_000, 0, 0, 0), 200_000);
        assert_eq!(call(120_000, 0, 0, 0), 120_000);
        assert_eq!(call(0, 100_000, 0, 0), 200_000);
        assert_eq!(call(0, 0, 0, 0), 0);
        assert_eq!(terms().buying_power(1_000_000), Ok(2_000_000));
        assert_eq!(memorandum(500_000, 200_000), 500_000);
    }

    /// Bought, sold, covered, flipped; what is sold again the same day is no commitment.
    #[test]
    fn a_days_dealings_commit_to_what_they_open() {
        let made = |before, quantity, amount| {
            let Commitment { opened, bought, sold_short } = commitments(before, quantity, amount).unwrap();
            (opened, bought, sold_short)
        };
        assert_eq!(made(0, 100, -5_000), (100, 5_000, 0));
        assert_eq!(made(50, 100, -5_000), (100, 5_000, 0));
        assert_eq!(made(0, -100, 5_000), (-100, 0, 5_000));
        // A sale of what is held, and a purchase of what is short.
        assert_eq!(made(100, -100, 5_000), (0, 0, 0));
        assert_eq!(made(-100, 100, -5_000), (0, 0, 0));
        // 30 covered, 70 bought; 30 sold, 70 short. Rounded up.
        assert_eq!(made(-30, 100, -5_001), (70, 3_501, 0));
        assert_eq!(made(30, -100, 5_001), (-70, 0, 3_501));
        assert_eq!(made(10, 0, 700), (0, 0, 0));
        assert_eq!(commitments(i128::MAX, 1, 0), Err(Overflow));
    }

    /// The standard cycle of the United States by the day on which it began (SEC Rule 15c6-1(a)).
    #[test]
    fn the_standard_cycle_has_become_shorter() {
        let rules = published::standard_cycle();
        let on = |day: &str| rules.on("US", Date::parse(day).unwrap()).map(|rule| rule.value).ok();
        assert_eq!([on("2017-09-04"), on("2017-09-05"), on("2024-05-28")], [Some(3), Some(2), Some(1)]);
        assert_eq!(on("1995-06-06"), None);
    }

    /// 12 CFR 220.2: the standard cycle and two business days: T+3 under T+1. Thanksgiving is none.
    #[test]
    fn an_initial_call_is_due_after_the_cycle_and_two_days() {
        let usdtc = model::calendar::SHIPPED.iter().find(|(name, _)| *name == "USDTC").unwrap();
        let calendar = Calendar::from_text(usdtc.1).unwrap();
        let due = terms().due(Date::parse("2026-11-24").unwrap(), 1, &[&calendar]);
        assert_eq!(due, Ok(Date::parse("2026-11-30").unwrap()));
    }
}
