//! Settlement exposure and the capital of aged fails: each open trade at market, by itself, and nothing priced in silence.

mod stream;

use model::decimal::Decimal;
use model::event::Event;
use model::instruction::Code;
use model::reference::{Price, PriceSet, Priced, Reference};
use model::trade::{Side, Terms};
use projections::{At, PageRequest};
use stream::played::after;
use stream::{Fixture, Stream, day, eur, id, terms};
use wire::pb::typ;
use wire::pb::view as pb;

fn plain(decimal: Option<typ::Decimal>) -> i64 {
    decimal.map_or(0, |decimal| decimal.unscaled)
}

fn exposures(fixture: &Fixture) -> pb::Exposures {
    fixture.views.exposure(&pb::ExposureFilter::default(), At::NOW).unwrap()
}

fn capitals(fixture: &Fixture) -> pb::Capitals {
    fixture.views.capital(&pb::CapitalFilter::default(), At::NOW).unwrap()
}

/// Rows of ALPHA in words: counterparty, date, phase, trades, replacement, principal, exposure.
fn told(exposures: &pb::Exposures) -> Vec<String> {
    let ours = exposures.rows.iter().filter(|row| row.entity == "ALPHA");
    ours.map(|row| {
        let phase = row.phase().as_str_name().replace("EXPOSURE_PHASE_", "");
        let (replacement, principal) = (plain(row.replacement), plain(row.principal));
        let of = format!("{} {} {} {phase} of {}", row.counterparty, row.currency, row.value_date, row.trades);
        format!("{of}: {replacement} {principal} {}", plain(row.exposure))
    })
    .collect()
}

#[test]
fn a_price_move_against_us_is_exposure_and_no_gain_pays_for_it() {
    let fixture = after(
        "standard",
        "open\ntrade A1 ALPHA buys 100 SAP from BETA @ 100.00 isd=2026-11-25 fees=COMM:12.50\n\
        trade A2 ALPHA sells 50 SAP to BETA @ 100.00 isd=2026-11-25\n\
        trade A3 ALPHA sells 50 BMW to BETA @ 60.00 isd=2026-11-25\n\
        trade A4 ALPHA buys 10 SAP from GAMMA @ 120.00 isd=2026-11-26\n\
        trade A5 ALPHA buys 2000 BUND from GAMMA @ 99.50% isd=2026-11-26 accrued=7.00\n\
        prices 2026-11-19 SAP=500.00 BMW=1.00 BUND=50.00\n\
        prices 2026-11-20 SAP=107.00 BMW=58.00 BUND=99.00\n\
        prices 2026-11-20 v=2 SAP=108.00 BMW=58.00 BUND=100.00",
    );
    let exposures = exposures(&fixture);
    let set = exposures.prices.clone().unwrap();
    assert_eq!((set.date, &*set.snap, &*set.source, set.version), (20261120, "CLOSE", "QUOTES", 2));
    assert_eq!(exposures.business_dates, [pb::BusinessDate { domain: "QCSD".into(), date: 20261123 }]);
    // A1: 100 at 108 cost 800 more. A2 and the commission count nothing. A3: 50 at 58 bring 100 less. A4 costs less.
    // A5: 2,000 nominal at 100 instead of 99.50, with the same interest.
    assert_eq!(
        told(&exposures),
        ["BETA EUR 20261125 PRE_SETTLEMENT of 3: 90000 0 90000", "GAMMA EUR 20261126 PRE_SETTLEMENT of 2: 1000 0 1000"]
    );
    let beta = exposures.rows.iter().find(|row| row.counterparty == "BETA").unwrap();
    assert_eq!((plain(beta.bought), plain(beta.bought_market)), (1_000_000, 1_080_000));
    assert_eq!((plain(beta.sold), plain(beta.sold_market)), (800_000, 830_000));
    assert!(exposures.exceptions.is_empty());
    // Another day's prices when they are asked for, and none in silence.
    let on = |date| pb::ExposureFilter {
        prices: Some(pb::PriceSetFilter { date, ..Default::default() }),
        ..pb::ExposureFilter::default()
    };
    assert!(plain(fixture.views.exposure(&on(20261119), At::NOW).unwrap().rows[0].exposure) > 4_000_000);
    let none = fixture.views.exposure(&on(20261118), At::NOW).unwrap_err();
    assert_eq!(none.to_string(), "there is no set of prices and rates CLOSE of 2026-11-18");
}

#[test]
fn free_of_payment_the_whole_is_at_stake_once_it_cannot_be_stopped() {
    // In the internal seat from the match on; unmatched, we can still cancel alone.
    let prices = "prices 2026-11-20 SAP=108.00";
    let unmatched =
        after("standard", &format!("open\ntrade A1 ALPHA delivers 100 SAP to BETA free isd=2026-11-25\n{prices}"));
    assert_eq!(told(&exposures(&unmatched)), ["BETA EUR 20261125 PRE_SETTLEMENT of 1: 0 0 0"]);
    let matched =
        after("standard", &format!("open\npair A1 B1 ALPHA delivers 100 SAP to BETA free isd=2026-11-25\n{prices}"));
    assert_eq!(told(&exposures(&matched)), ["BETA EUR 20261125 DELIVERY of 1: 0 1080000 1080000"]);
    // Outside from the sending on, of what is not settled yet.
    let sent = after(
        "outside",
        &format!(
            "open\ntrade A1 ALPHA delivers 100 SAP to BETA free isd=today\n{prices}\nadvise X1 settled A1 40 SAP partial=PAIN"
        ),
    );
    assert_eq!(told(&exposures(&sent)), ["BETA EUR 20261123 DELIVERY of 1: 0 648000 648000"]);
    // Against payment the agent's hands change nothing: it delivers against the price or not at all.
    let dvp = after("outside", &format!("open\ntrade A1 ALPHA buys 100 SAP from BETA @ 100.00 isd=today\n{prices}"));
    assert_eq!(told(&exposures(&dvp)), ["BETA EUR 20261123 PRE_SETTLEMENT of 1: 80000 0 80000"]);
}

#[test]
fn what_has_no_price_or_rate_is_an_exception_with_a_name() {
    let business = "open\ntrade A1 ALPHA buys 100 SAP from BETA @ 100.00 isd=2026-11-25\n\
        trade A2 ALPHA buys 10 BMW from BETA @ 60.00 isd=2026-11-25\n\
        trade A3 ALPHA buys 10 APPLE from BETA @ 200.00 USD isd=2026-11-25";
    let fixture = after("standard", &format!("{business}\nprices 2026-11-20 SAP=108.00 APPLE=180.00"));
    let exposures_now = exposures(&fixture);
    let left_out: Vec<_> =
        exposures_now.exceptions.iter().map(|each| (&*each.code, &*each.subject, each.trades)).collect();
    assert_eq!(left_out, [("NO_PRICE", "BMW", 1), ("NO_RATE", "EUR/USD", 1)]);
    assert_eq!(exposures_now.rows.iter().map(|row| row.unpriced).sum::<u64>(), 2);
    // With a rate, its inverse does: 180 EUR are 200 USD at 0.90, of which 10 were bought at 200.
    let rated = after("standard", &format!("{business}\nprices 2026-11-20 SAP=108.00 BMW=60.00 APPLE=189.00 USD=0.90"));
    let rows = told(&exposures(&rated));
    assert_eq!(rows[1], "BETA USD 20261125 PRE_SETTLEMENT of 1: 10000 0 10000");
    let no_prices = after("standard", business).views.exposure(&pb::ExposureFilter::default(), At::NOW).unwrap_err();
    assert_eq!(no_prices.to_string(), "there is no set of prices and rates CLOSE of any date");
}

/// CRR Article 378: 100 bought at 100, worth 108; the difference of 800.00 costs nothing for four working days, then 8 %,
/// 50 %, 75 %, 100 %. Weekends do not count.
#[test]
fn a_failing_purchase_takes_capital_by_its_age() {
    let failing = "open\ntransfer 1000 SAP from BETA-DEPOT book=BETA-EQ\nprices 2026-11-20 SAP=108.00\n\
        pair A1 B1 ALPHA buys 100 SAP from BETA @ 100.00 isd=today\nclose";
    for (today, age, expected) in [
        ("2026-11-27", 4, None),
        ("2026-11-30", 5, Some((5, 6_400, 80_000))),
        ("2026-12-14", 15, Some((5, 6_400, 80_000))),
        ("2026-12-15", 16, Some((16, 40_000, 500_000))),
        ("2027-01-07", 31, Some((31, 60_000, 750_000))),
        ("2027-01-28", 46, Some((46, 80_000, 1_000_000))),
    ] {
        let fixture = after("standard", &format!("{failing}\nat {today}\nopen"));
        let capitals = capitals(&fixture);
        let rows: Vec<_> = capitals.rows.iter().filter(|row| row.entity == "ALPHA").collect();
        let found = rows.first().map(|row| {
            assert_eq!((row.kind(), row.oldest_days, plain(row.difference)), (pb::CapitalKind::Dvp, age, 80_000));
            (row.from_days, plain(row.own_funds), plain(row.risk_weighted))
        });
        assert_eq!(found, expected, "{today}");
        assert!(capitals.rows.iter().all(|row| row.entity != "BETA" || plain(row.own_funds) == 0), "the seller gains");
        assert!(capitals.rules[0].contains("Article 378"), "{:?}", capitals.rules);
        assert_eq!(told(&exposures(&fixture)), ["BETA EUR 20261123 FAILING of 1: 80000 0 80000"]);
    }
    let fixture = after("standard", failing);
    let elsewhere = pb::CapitalFilter { jurisdiction: "AE-ADGM".into(), ..Default::default() };
    let refused = fixture.views.capital(&elsewhere, At::NOW).unwrap_err().to_string();
    assert!(refused.starts_with("filter field jurisdiction: no rule of AE-ADGM is in force"), "{refused}");
}

/// Article 379: from the fifth day a free delivery is weighted in full.
#[test]
fn a_free_delivery_is_weighted_in_full_from_the_fifth_day() {
    let sent = "open\nprices 2026-11-20 SAP=100.00\ntrade A1 ALPHA delivers 100 SAP to BETA free isd=today\nclose";
    let kind = |today: &str| {
        let fixture = after("outside", &format!("{sent}\nat {today}\nopen"));
        let rows = capitals(&fixture).rows;
        assert_eq!(rows.len(), 1, "{rows:?}");
        (rows[0].kind(), plain(rows[0].difference), rows[0].risk_weighted.map(|amount| amount.unscaled))
    };
    assert_eq!(kind("2026-11-27"), (pb::CapitalKind::Free, 1_000_000, None));
    assert_eq!(kind("2026-11-30"), (pb::CapitalKind::FreeLate, 1_000_000, Some(12_500_000)));
}

fn quote(stream: &mut Stream, value: i64) {
    let price = Price {
        of: Priced::Instrument(id("BUND")),
        currency: eur(),
        value: Decimal::new(value, 2).unwrap(),
        accrued: None,
    };
    let set =
        PriceSet { date: day("2026-03-02"), snap: id("CLOSE"), source: id("QUOTES"), version: 1, prices: vec![price] };
    let reference = Reference::PriceSet(set);
    stream.accept(vec![Event::ReferenceSet { reference: Box::new(reference), scale: None }]);
}

#[test]
fn repos_and_lent_securities_take_no_capital_here() {
    let mut stream = Stream::begin();
    quote(&mut stream, 200_00);
    let repo = Terms { transaction_type: Code::of("REPU"), ..terms(Side::Buy, 100_000, 100_000) };
    stream.instruct(1, &repo);
    stream.instruct(2, &terms(Side::Buy, 100_000, 100_000));
    stream.open_day("2026-03-31");
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    let capitals = capitals(&fixture);
    assert_eq!((capitals.out_of_scope, capitals.rows.len(), capitals.rows[0].trades), (1, 1, 1));
    assert_eq!(exposures(&fixture).rows[0].trades, 2, "exposure they are all the same");
}

/// The tie-out: exposure is the sum of the open instructions and uninstructed trades at market, whatever happened.
#[test]
fn exposure_is_the_sum_of_what_is_open_at_market() {
    let mut checked = 0;
    for seed in 60..72 {
        let mut stream = Stream::begin();
        quote(&mut stream, 98_75);
        stream.wander(500, seed);
        let mut fixture = Fixture::new();
        fixture.fold(&stream);
        fixture.save();
        let fixture = fixture.restart(&stream);
        let page = PageRequest { size: 1_000, token: "" };
        let statuses =
            [pb::InstructionStatus::Unmatched, pb::InstructionStatus::Pending, pb::InstructionStatus::Failing];
        let filter =
            pb::InstructionFilter { statuses: statuses.map(|status| status as i32).to_vec(), ..Default::default() };
        let open = fixture.views.instructions(&filter, page, At::NOW).unwrap().instructions;
        let loose = fixture.views.loose_trades(page, At::NOW).unwrap().trades;
        let instructed = open.iter().map(|each| (each.movement(), plain(each.quantity), plain(each.amount)));
        let untold = loose.iter().map(|each| (each.movement(), plain(each.quantity), plain(each.amount)));
        let (mut count, mut sum) = (0, 0);
        for (movement, quantity, amount) in instructed.chain(untold) {
            // Hundredths of nominal at 98.75 percent are cents; half a cent goes up.
            let market = (quantity * 9_875 + 5_000) / 10_000;
            let against = if movement == pb::Movement::Receive { market - amount } else { amount - market };
            (count, sum) = (count + 1, sum + against.max(0));
        }
        // Others quote too: which is meant is said.
        let quotes = pb::PriceSetFilter { source: "QUOTES".into(), ..Default::default() };
        let filter = pb::ExposureFilter { prices: Some(quotes), ..Default::default() };
        let exposures = fixture.views.exposure(&filter, At::NOW).unwrap();
        assert_eq!(exposures.rows.iter().map(|row| row.trades).sum::<u64>(), count, "{seed}");
        assert_eq!(exposures.rows.iter().map(|row| plain(row.exposure)).sum::<i64>(), sum, "{seed}");
        assert!(exposures.exceptions.is_empty());
        checked += count;
    }
    assert!(checked > 20, "{checked}");
}
