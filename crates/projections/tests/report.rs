//! Management figures: what is counted of what, by settlement day; what fails, by whom and how long.

mod stream;

use model::event::Event;
use model::instruction::code;
use model::trade::{Defect, DefectKind, Side, Terms};
use projections::At;
use stream::{Fixture, Stream, T2S, capture, day, id, issue, terms};
use wire::pb::view as pb;
use wire::pb::view::ReportMeasure as Measure;

const TUESDAY: u32 = 20260303;
const WEDNESDAY: u32 = 20260304;
const FRIDAY: u32 = 20260306;

fn report(fixture: &Fixture, from: u32, to: u32) -> pb::Report {
    fixture.views.report(from, to, At::NOW).unwrap()
}

/// Count, of how many, and percent, by volume.
fn volume(report: &pb::Report, measure: Measure) -> (u64, u64, Option<i64>) {
    let rate = report.rates.iter().find(|rate| rate.measure() == measure && rate.currency.is_empty());
    let rate = rate.unwrap_or_else(|| panic!("no {measure:?}: {report:#?}"));
    (rate.numerator, rate.denominator, rate.percent.map(|percent| percent.unscaled))
}

/// Both values in cents, and the percent.
fn value(report: &pb::Report, measure: Measure) -> (i64, i64, i64) {
    let rate = report.rates.iter().find(|rate| rate.measure() == measure && rate.currency == "EUR").unwrap();
    let units = |amount: Option<wire::pb::typ::Decimal>| amount.unwrap().unscaled;
    (units(rate.numerator_value), units(rate.denominator_value), units(rate.percent))
}

/// Both sides of a trade of Monday, due on Wednesday.
fn pair(stream: &mut Stream, number: u64, amount: i64) -> (Terms, Terms) {
    let (sell, buy) = (terms(Side::Sell, 100, amount), terms(Side::Buy, 100, amount));
    stream.instruct(number, &sell);
    stream.instruct(number + 1, &buy);
    (sell, buy)
}

fn fail(stream: &mut Stream, date: &str, instructions: &[u64]) {
    let instructions = instructions.to_vec();
    stream.accept(vec![Event::InstructionsFailing { domain: T2S, date: day(date), instructions }]);
}

/// Four pairs due on Wednesday: one settles that day, one is held by a person and settles that day, one fails and settles on
/// Friday, one is matched on Wednesday and fails on. A fifth side is cancelled before anybody matched it.
fn week() -> Stream {
    let mut stream = Stream::begin();
    let first = pair(&mut stream, 1, 1_000);
    let second = pair(&mut stream, 3, 2_000);
    let third = pair(&mut stream, 5, 4_000);
    pair(&mut stream, 7, 8_000);
    stream.instruct(9, &terms(Side::Buy, 100, 500));
    for deliver in [1, 3, 5] {
        stream.matched(deliver, deliver + 1, 1_000 * [1, 2, 4][(deliver / 2) as usize], "FUTU");
    }
    stream.accept(vec![Event::InstructionCancelled { instruction: 9, reason: code::CANI }]);
    stream.open_day("2026-03-04");
    stream.matched(7, 8, 8_000, "LACK");
    stream.steer(3, true, false);
    stream.steer(3, false, false);
    stream.settle((1, &first.0), (2, &first.1), 1_000, "2026-03-04");
    stream.settle((3, &second.0), (4, &second.1), 2_000, "2026-03-04");
    fail(&mut stream, "2026-03-04", &[5, 6, 7, 8]);
    stream.open_day("2026-03-05");
    stream.open_day("2026-03-06");
    stream.settle((5, &third.0), (6, &third.1), 4_000, "2026-03-06");
    stream
}

#[test]
fn rates_say_what_is_counted_of_what() {
    let stream = week();
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    for restarted in [false, true] {
        if restarted {
            fixture.save();
            fixture = fixture.restart(&stream);
        }
        let report = report(&fixture, TUESDAY, FRIDAY);
        assert_eq!(report.business_date, FRIDAY);
        // The cancelled one was not due. Three pairs were matched on Tuesday, the day after the trade; one when it was due.
        assert_eq!(volume(&report, Measure::MatchedOnTradeDate), (0, 8, Some(0)));
        assert_eq!(volume(&report, Measure::MatchedBeforeDue), (6, 8, Some(7_500)));
        assert_eq!(volume(&report, Measure::MatchedOnDue), (8, 8, Some(10_000)));
        assert_eq!(volume(&report, Measure::SettlementEfficiency), (4, 8, Some(5_000)));
        // 30.00 each side of 150.00 in all: 60.00 of 300.00.
        assert_eq!(value(&report, Measure::SettlementEfficiency), (6_000, 30_000, 2_000));
        // Wednesday and Thursday four sides, on Friday two; six settled.
        assert_eq!(volume(&report, Measure::DailyFails), (4 + 4 + 2, 10 + 6, Some(6_250)));
        // Only the trade of the side that was held was touched.
        assert_eq!(volume(&report, Measure::Stp), (5, 6, Some(8_333)));
        assert!(report.rates.iter().all(|rate| !rate.numerator_is.is_empty() && !rate.denominator_is.is_empty()));
    }
    // A day alone; without one it is the last.
    let wednesday = report(&fixture, WEDNESDAY, WEDNESDAY);
    assert_eq!(volume(&wednesday, Measure::Stp), (3, 4, Some(7_500)));
    assert_eq!(volume(&wednesday, Measure::DailyFails), (4, 8, Some(5_000)));
    let last = report(&fixture, 0, 0);
    assert_eq!((last.from, last.to, volume(&last, Measure::Stp)), (FRIDAY, FRIDAY, (2, 2, Some(10_000))));
    assert!(fixture.views.report(FRIDAY, TUESDAY, At::NOW).is_err());
}

#[test]
fn what_fails_is_told_by_counterparty_reason_and_age() {
    let mut fixture = Fixture::new();
    fixture.fold(&week());
    let fails = report(&fixture, 0, 0).fails;
    let told: Vec<_> = fails
        .iter()
        .map(|fail| (fail.counterparty.as_str(), fail.reason.as_str(), fail.age_from, fail.age_to, fail.count))
        .collect();
    // Due on Wednesday, and it is Friday.
    assert_eq!(told, [("ALPHA", "LACK", 2, 3, 1), ("BRAVO", "LACK", 2, 3, 1)]);
    assert_eq!(fails[0].value.unwrap().unscaled, 8_000);
}

/// A trade that was in repair never goes straight through again, whoever mended it.
#[test]
fn a_trade_that_was_in_repair_was_touched() {
    let mut stream = Stream::begin();
    let (sell, buy) = (terms(Side::Sell, 100, 1_000), terms(Side::Buy, 100, 1_000));
    let defect = Defect { kind: DefectKind::UnknownBook, subject: id("B-TWO") };
    stream.accept(vec![capture(1, &sell, &[defect])]);
    stream.accept(vec![stream::change(1, 1, true, &sell, &sell), issue(1, 1, &sell)]);
    stream.instruct(2, &buy);
    stream.matched(1, 2, 1_000, "FUTU");
    stream.settle((1, &sell), (2, &buy), 1_000, "2026-03-03");
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    assert_eq!(volume(&report(&fixture, 0, 0), Measure::Stp), (1, 2, Some(5_000)));
}
