//! The rules we ship: regulatory numbers with the article they come from. Reference data, as a calendar is; a house may
//! replace any of them, and none of them is written in a function.

use crate::exposure::capital::{Band, DvpFactors, Exclusions, FreeDelivery, OwnFunds};
use crate::margin::client::{ShortTier, Terms};
use crate::rule::{Rule, Rules};
use alloc::vec::Vec;
use model::date::Date;
use model::decimal::Decimal;
use model::instruction::Code;

fn rule<T>(jurisdiction: &str, from: (i32, u8, u8), source: &str, value: T) -> Rule<T> {
    let from = Date::from_ymd(from.0, from.1, from.2).expect("a date");
    Rule { jurisdiction: jurisdiction.into(), from, source: source.into(), value }
}

const fn hundredths(unscaled: i64) -> Decimal {
    Decimal { unscaled, scale: 2 }
}

/// Capital factors for unsettled DvP trades by working days after the due settlement date.
pub fn dvp_factors() -> Rules<DvpFactors> {
    let bands = |factors: [(u32, i64); 4]| {
        let bands = factors.map(|(from_days, factor)| Band { from_days, factor: hundredths(factor) });
        DvpFactors(Vec::from(bands))
    };
    let crr = [(5, 8), (16, 50), (31, 75), (46, 100)];
    Rules(Vec::from([
        rule("EU", (2014, 1, 1), "Regulation (EU) No 575/2013 (CRR), Article 378, Table 1", bands(crr)),
        rule("GB", (2014, 1, 1), "Regulation (EU) No 575/2013 as in UK law, Article 378, Table 1", bands(crr)),
    ]))
}

/// When a free delivery is weighted in full.
pub fn free_deliveries() -> Rules<FreeDelivery> {
    let table = FreeDelivery { from_days: 5, weight: Decimal { unscaled: 125, scale: 1 } };
    Rules(Vec::from([
        rule("EU", (2014, 1, 1), "Regulation (EU) No 575/2013 (CRR), Article 379, Table 2", table),
        rule("GB", (2014, 1, 1), "Regulation (EU) No 575/2013 as in UK law, Article 379, Table 2", table),
    ]))
}

/// Own funds as a share of risk-weighted assets: the total capital ratio.
pub fn own_funds() -> Rules<OwnFunds> {
    let ratio = OwnFunds(hundredths(8));
    Rules(Vec::from([
        rule("EU", (2014, 1, 1), "Regulation (EU) No 575/2013 (CRR), Article 92(1)(c) and (4)", ratio),
        rule("GB", (2014, 1, 1), "Regulation (EU) No 575/2013 as in UK law, Article 92(1)(c) and (4)", ratio),
    ]))
}

/// Settlement transaction types that the rules on unsettled trades and free deliveries leave out: repurchase transactions
/// (repo, reverse repo, their tri-party forms, buy-sell-backs) and securities lending and borrowing.
pub fn unsettled_exclusions() -> Rules<Exclusions> {
    let codes = ["REPU", "RVPO", "TRPO", "TRVO", "BSBK", "SBBK", "SECL", "SECB", "SLRE", "SBRE"];
    let left_out = Exclusions(codes.into_iter().map(Code::of).collect());
    Rules(Vec::from([
        rule("EU", (2014, 1, 1), "Regulation (EU) No 575/2013 (CRR), Article 378, first paragraph", left_out.clone()),
        rule("GB", (2014, 1, 1), "Regulation (EU) No 575/2013 as in UK law, Article 378, first paragraph", left_out),
    ]))
}

/// Client margin accounts in equities.
pub fn client_margin() -> Rules<Terms> {
    let short = |from_price, rate, per_share| ShortTier {
        from_price: hundredths(from_price),
        rate: hundredths(rate),
        per_share: hundredths(per_share),
    };
    let terms = Terms {
        initial_long: hundredths(50),
        initial_short: hundredths(50),
        maintenance_long: hundredths(25),
        maintenance_short: Vec::from([short(0, 100, 250), short(500, 30, 500)]),
        minimum_equity: Decimal { unscaled: 2000, scale: 0 },
        payment_days: 2,
    };
    let source = "Regulation T, 12 CFR 220.2 and 220.12; FINRA Rule 4210(b), (c)";
    Rules(Vec::from([rule("US", (2010, 12, 2), source, terms)]))
}

/// The standard settlement cycle of a jurisdiction's equities in business days, which payment periods begin with.
pub fn standard_cycle() -> Rules<u32> {
    Rules(Vec::from([
        rule("US", (1995, 6, 7), "SEC Rule 15c6-1(a), 17 CFR 240.15c6-1: T+3", 3),
        rule("US", (2017, 9, 5), "SEC Rule 15c6-1(a), 17 CFR 240.15c6-1: T+2", 2),
        rule("US", (2024, 5, 28), "SEC Rule 15c6-1(a), 17 CFR 240.15c6-1: T+1", 1),
    ]))
}
