//! Back-testing: the positions of today on every day of the history, and what books earned on closed days, each against the
//! value at risk of the evening before; recomputed here by plain loops.

mod stream;

use model::accounting::FrozenSet;
use model::decimal::Decimal;
use model::event::Event;
use model::reference::{Book, Price, PriceSet, Priced, Reference};
use model::trade::{Side, Terms};
use projections::At;
use stream::random::Random;
use stream::{BRAVO, Fixture, Stream, capture, day, eur, id, terms};
use wire::pb::view as pb;

const LAST: &str = "2026-03-02";

/// Clean prices of so many days up to the last, in thousandths of a percent; the days wilder towards the end.
fn wander(count: i32) -> Vec<i64> {
    let mut random = Random(11);
    let (mut price, mut prices) = (99_000_i64, Vec::new());
    for number in 0..count {
        let most = if number > count - 60 { 41 } else { 17 };
        price = price * (1_000 - most / 2 + random.below(most as u64) as i64) / 1_000;
        prices.push(price);
    }
    prices
}

fn set(stream: &mut Stream, reference: Reference) {
    stream.accept(vec![Event::ReferenceSet { reference: Box::new(reference), scale: None }]);
}

/// A log with closes, two trades of B-ONE, and books closed for the last two days.
fn log(prices: &[i64]) -> (Stream, Fixture) {
    let mut stream = Stream::begin();
    set(&mut stream, Reference::Book(Book { id: id("B-ONE"), name: String::new(), owner: id("BRAVO") }));
    let trade = |side, face: i64, percent: i64, date: &str| {
        let net = face * percent / 1_000;
        Terms { side, quantity: face * 100, net, gross: net, trade_date: day(date), ..terms(Side::Buy, 0, 0) }
    };
    // A million long ago; on the last day another, bought a little below its close, for a fee.
    stream.accept(vec![capture(1, &trade(Side::Buy, 1_000_000, 98_000, "2020-01-02"), &[])]);
    let last = prices[prices.len() - 1];
    let bought = trade(Side::Buy, 1_000_000, last - 100, LAST);
    stream.accept(vec![capture(2, &Terms { charges: 5_000, net: bought.net + 5_000, ..bought }, &[])]);
    for (number, price) in (1..).zip(prices) {
        let date = day(LAST).add_days(number - prices.len() as i32).unwrap();
        let value = Decimal::new(*price, 3).unwrap();
        let price = Price { of: Priced::Instrument(id("BUND")), currency: eur(), value, accrued: Some(Decimal::ZERO) };
        let set_of = PriceSet { date, snap: id("CLOSE"), source: id("DESK"), version: 1, prices: vec![price] };
        set(&mut stream, Reference::PriceSet(set_of));
    }
    for date in [day(LAST).add_days(-1).unwrap(), day(LAST)] {
        let sets = vec![FrozenSet { date, snap: id("CLOSE"), source: id("DESK"), version: 1 }];
        stream.accept(vec![Event::AccountingDayClosed { entity: BRAVO, date, clean: true, sets }]);
    }
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    fixture.save();
    let fixture = fixture.restart(&stream);
    (stream, fixture)
}

fn question() -> pb::MarketRiskQuestion {
    pb::MarketRiskQuestion { currency: "EUR".into(), books: vec!["B-ONE".into()], ..Default::default() }
}

/// Value at risk at 99 percent of so much held on the evening that a close ends: the third worst of the 250 moves up to it.
fn at_risk(prices: &[i64], eve: usize, worth: f64) -> f64 {
    let mut moves: Vec<f64> = (eve - 249..=eve)
        .map(|to| prices[to] as f64 / prices[to - 1] as f64 - 1.0)
        .map(|moved| worth * moved)
        .collect();
    moves.sort_by(f64::total_cmp);
    -moves[2]
}

fn near(found: Option<wire::pb::typ::Decimal>, expected: f64) {
    let found = found.expect("it is there").unscaled as f64;
    assert!((found - expected).abs() <= 2.0, "{found} is not {expected}");
}

#[test]
fn exceptions_are_losses_above_the_value_at_risk_of_the_evening_before() {
    let prices = wander(501);
    let (_, fixture) = log(&prices);
    let answer = fixture.views.backtest(&question(), At::NOW).unwrap();
    let total = answer.total.unwrap();
    // Two million face at thousandths of a percent: cents.
    let worth = |close: usize| 2_000_000.0 * prices[close] as f64 / 1_000.0;
    let mut expected = 0;
    assert_eq!(total.hypothetical_days.len(), 250);
    for (told, close) in total.hypothetical_days.iter().zip(251..) {
        let (risk, result) = (at_risk(&prices, close - 1, worth(close - 1)), worth(close) - worth(close - 1));
        near(told.value_at_risk, risk);
        near(told.result, result);
        assert_eq!(told.exception, -result > risk, "{told:?}");
        expected += u32::from(told.exception);
    }
    let count = total.hypothetical.unwrap();
    assert_eq!((count.days, count.exceptions), (250, expected));
    // The wild days at the end are more than the model knew.
    assert!(expected >= 5, "{expected}");
    assert_ne!(count.light(), pb::TrafficLight::Green);
    assert!(count.multiplier.unwrap().unscaled >= 170);
    // A book's row tells the exceptions alone.
    let row = &answer.rows[0];
    assert_eq!((row.hypothetical.unwrap(), row.hypothetical_days.len() as u32), (count, expected));
}

#[test]
fn a_closed_day_is_tested_with_what_was_held_on_its_eve_and_without_fees() {
    let prices = wander(260);
    let (_, fixture) = log(&prices);
    let answer = fixture.views.backtest(&question(), At::NOW).unwrap();
    let row = &answer.rows[0];
    let count = row.actual.unwrap();
    assert_eq!((count.days, count.exceptions), (2, row.actual_days.iter().filter(|day| day.exception).count() as u32));
    assert!(count.multiplier.is_none(), "two days are no 250");
    let one = |close: usize| 1_000_000.0 * prices[close] as f64 / 1_000.0;
    let (last, eve) = (prices.len() - 1, prices.len() - 2);
    // One million on the eve; on the day what it moved, and the second million's gain over its price: 0.1 percent of it.
    near(row.actual_days[1].value_at_risk, at_risk(&prices, eve, one(eve)));
    near(row.actual_days[1].result, one(last) - one(eve) + 100_000.0);
    near(row.actual_days[0].result, one(eve) - one(eve - 1));
    assert_eq!(answer.total.unwrap().actual_days, row.actual_days);
    // Nine closes more than the scenarios need: nine days less the first move.
    assert_eq!(row.hypothetical.unwrap().days, 9);
    let refused = fixture.views.backtest(&pb::MarketRiskQuestion { horizon: 10, ..question() }, At::NOW).unwrap_err();
    assert!(refused.to_string().contains("a back-test is of one close"), "{refused}");
}
