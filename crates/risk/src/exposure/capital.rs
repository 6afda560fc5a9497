//! Own funds for settlement risk: price differences of unsettled DvP trades by age (CRR Article 378) and free deliveries
//! (Article 379). Ages are business days of the market's calendar after the *contractual* date; recycling does not reset
//! them. What is out of scope the caller leaves out, by [`Exclusions`].

use super::settlement::Open;
use crate::amount::{Overflow, plus, share, whole_of};
use alloc::vec::Vec;
use model::calendar::{Calendar, OutOfRange};
use model::date::Date;
use model::decimal::{Decimal, Rounding};
use model::instruction::Code;

/// A factor from an age on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Working days after the due settlement date.
    pub from_days: u32,
    /// Of the price difference.
    pub factor: Decimal,
}

/// Bands rising by age; below the first nothing is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DvpFactors(pub Vec<Band>);

/// Settlement transaction types (ISO 20022) that are out of scope: for other articles to weigh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusions(pub Vec<Code>);

impl Exclusions {
    /// Nothing is asked for such a transaction here.
    pub fn leaves_out(&self, transaction_type: Code) -> bool {
        self.0.contains(&transaction_type)
    }
}

/// Own funds that are asked for, as a share of risk-weighted assets; what own funds are asked for directly is weighted by its
/// inverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnFunds(pub Decimal);

impl OwnFunds {
    /// Own funds for risk-weighted assets, half up.
    pub fn of(self, risk_weighted: i128) -> Result<i128, Overflow> {
        share(risk_weighted, self.0, Rounding::HalfUp)
    }

    /// Risk-weighted assets for own funds, half up.
    pub fn weighted(self, own_funds: i128) -> Result<i128, Overflow> {
        whole_of(own_funds, self.0, Rounding::HalfUp)
    }
}

/// What an unsettled trade asks for, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRisk {
    /// The price difference to our disadvantage.
    pub difference: i128,
    /// The factor of its age; zero when it is too young.
    pub factor: Decimal,
    /// Own funds: difference times factor, half up.
    pub own_funds: i128,
    /// Own funds divided by the ratio that is asked for, half up.
    pub risk_weighted: i128,
}

impl DvpFactors {
    /// The factor of an age.
    pub fn factor(&self, days: u32) -> Decimal {
        self.0.iter().rfind(|band| band.from_days <= days).map_or(Decimal::ZERO, |band| band.factor)
    }

    /// Own funds for an unsettled DvP trade.
    pub fn price_risk(&self, open: &Open, days: u32, ratio: OwnFunds) -> Result<PriceRisk, Overflow> {
        let difference = open.replacement()?;
        let factor = self.factor(days);
        let own_funds = share(difference, factor, Rounding::HalfUp)?;
        let risk_weighted = ratio.weighted(own_funds)?;
        Ok(PriceRisk { difference, factor, own_funds, risk_weighted })
    }
}

/// From which business day after the second contractual leg a free delivery is weighted in full, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeDelivery {
    pub from_days: u32,
    /// A risk weight: 12.5 is 1,250 percent.
    pub weight: Decimal,
}

/// How a free delivery is treated (CRR Article 379, Table 2, columns 2 to 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeTreatment {
    /// Nothing sent yet: no charge.
    None,
    /// Sent, the second leg not late enough: an exposure like any other, weighted by the counterparty. In minor units.
    Exposure(i128),
    /// Late: the value transferred plus current positive exposure, weighted in full. The risk-weighted amount.
    Full { exposure: i128, risk_weighted: i128 },
}

impl FreeDelivery {
    /// `transferred` is what we sent, at its value then; `owed` what the second leg is worth now; `days` the business days
    /// since that leg was due (negative or zero: not due).
    pub fn treatment(&self, transferred: Option<i128>, owed: i128, days: i32) -> Result<FreeTreatment, Overflow> {
        let Some(transferred) = transferred else { return Ok(FreeTreatment::None) };
        if days < i32::try_from(self.from_days).unwrap_or(i32::MAX) {
            return Ok(FreeTreatment::Exposure(owed));
        }
        let exposure = plus(transferred, owed.checked_sub(transferred).ok_or(Overflow)?.max(0))?;
        Ok(FreeTreatment::Full { exposure, risk_weighted: share(exposure, self.weight, Rounding::HalfUp)? })
    }
}

/// Business days from the contractual settlement date to a day; zero before and on it.
pub fn age(due: Date, today: Date, calendar: &Calendar) -> Result<u32, OutOfRange> {
    Ok(u32::try_from(calendar.business_days_between(due, today)?).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::published;
    use model::instruction::Movement;
    use model::trade::Method;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn trade(movement: Movement, market: i128) -> Open {
        let (contract, method) = (100_000_000, Method::Dvp);
        Open { method, movement, market, contract, sent: false, received: false, late: true }
    }

    /// Domain notes 4.1: 10,000 bought at 100, market 108, difference 80,000.
    #[test]
    fn the_age_decides_the_factor() {
        let rules = published::dvp_factors();
        let table = &rules.on("EU", day("2026-11-23")).unwrap().value;
        let ratio = published::own_funds().on("EU", day("2026-11-23")).unwrap().value;
        let funds = |open: &Open, days| table.price_risk(open, days, ratio).unwrap().own_funds;
        let buy = trade(Movement::Receive, 108_000_000);
        for (days, whole) in [
            (0, 0),
            (4, 0),
            (5, 6_400),
            (15, 6_400),
            (16, 40_000),
            (30, 40_000),
            (31, 60_000),
            (45, 60_000),
            (46, 80_000),
            (400, 80_000),
        ] {
            assert_eq!(funds(&buy, days), whole * 100, "{days} days");
        }
        // Risk weights of 100, 625, 937.5 and 1,250 percent of the difference.
        let weighted = [5, 16, 31, 46].map(|days| table.price_risk(&buy, days, ratio).unwrap().risk_weighted);
        assert_eq!(weighted, [8_000_000, 50_000_000, 75_000_000, 100_000_000]);
        // Market 95: the buyer has no difference, the seller one of 50,000.
        assert_eq!(funds(&trade(Movement::Receive, 95_000_000), 46), 0);
        assert_eq!(funds(&trade(Movement::Deliver, 95_000_000), 46), 5_000_000);
        assert!(rules.on("EU", day("2013-12-31")).is_err());
        assert!(rules.on("AE-ADGM", day("2026-11-23")).is_err());
    }

    /// Article 378, first paragraph: repos and loans, whichever way; from the first day of the Regulation.
    #[test]
    fn repos_and_loans_are_left_out_by_a_rule_with_a_first_day() {
        let rules = published::unsettled_exclusions();
        for jurisdiction in ["EU", "GB"] {
            let rule = rules.on(jurisdiction, day("2014-01-01")).unwrap();
            assert!(rule.source.contains("378"), "{}", rule.source);
            for (code, is_out) in [("REPU", true), ("RVPO", true), ("SECL", true), ("SBBK", true), ("TRAD", false)] {
                assert_eq!(rule.value.leaves_out(Code::of(code)), is_out, "{jurisdiction} {code}");
            }
            assert!(rules.on(jurisdiction, day("2013-12-31")).is_err());
        }
    }

    /// Article 92(1)(c) asks for 8 percent of all risk-weighted assets from the first day of the Regulation; a rule that asks
    /// for more weights the same own funds less.
    #[test]
    fn the_ratio_is_a_rule_with_a_first_day_and_weighs_both_ways() {
        let rules = published::own_funds();
        for jurisdiction in ["EU", "GB"] {
            let rule = rules.on(jurisdiction, day("2014-01-01")).unwrap();
            assert!(rule.source.contains("92(1)"), "{}", rule.source);
            assert_eq!((rule.value.of(13_750), rule.value.weighted(1_100)), (Ok(1_100), Ok(13_750)));
            assert!(rules.on(jurisdiction, day("2013-12-31")).is_err());
        }
        let tenth = OwnFunds(Decimal { unscaled: 1, scale: 1 });
        assert_eq!((tenth.of(13_750), tenth.weighted(1_100)), (Ok(1_375), Ok(11_000)));
    }

    /// Article 379, Table 2: nothing, an exposure, then 1,250 percent from the fifth business day after the second leg.
    #[test]
    fn a_free_delivery_is_weighted_in_full_from_the_fifth_day() {
        let rules = published::free_deliveries();
        let table = rules.on("GB", day("2026-11-23")).unwrap().value;
        assert_eq!(table.treatment(None, 1_000, 9), Ok(FreeTreatment::None));
        assert_eq!(table.treatment(Some(1_000), 1_100, -2), Ok(FreeTreatment::Exposure(1_100)));
        assert_eq!(table.treatment(Some(1_000), 1_100, 4), Ok(FreeTreatment::Exposure(1_100)));
        let full = |exposure, risk_weighted| Ok(FreeTreatment::Full { exposure, risk_weighted });
        assert_eq!(table.treatment(Some(1_000), 1_100, 5), full(1_100, 13_750));
        assert_eq!(table.treatment(Some(1_000), 900, 5), full(1_000, 12_500));
    }

    /// Due on Tuesday before Thanksgiving 2026: Wednesday is one, Thursday none, Friday two.
    #[test]
    fn ages_are_business_days() {
        let usdtc = model::calendar::SHIPPED.iter().find(|(name, _)| *name == "USDTC").unwrap();
        let calendar = Calendar::from_text(usdtc.1).unwrap();
        for (today, days) in [
            ("2026-11-23", 0),
            ("2026-11-24", 0),
            ("2026-11-25", 1),
            ("2026-11-26", 1),
            ("2026-11-27", 2),
            ("2026-12-02", 5),
        ] {
            assert_eq!(age(day("2026-11-24"), day(today), &calendar), Ok(days), "{today}");
        }
    }
}
