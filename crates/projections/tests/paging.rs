//! Listings: pages stay whole while rows change, and a token serves the listing it came from and no other.

mod stream;

use model::trade::Side;
use projections::{At, Error, PageRequest, TokenError};
use std::time::Duration;
use stream::{Fixture, Stream, terms};
use wire::pb::view as pb;

/// Twenty pairs; the first ten settled.
fn pairs() -> (Stream, Fixture) {
    let mut stream = Stream::begin();
    let (sell, buy) = (terms(Side::Sell, 100, 100), terms(Side::Buy, 100, 100));
    for pair in 0..20 {
        stream.instruct(2 * pair + 1, &sell);
        stream.instruct(2 * pair + 2, &buy);
        stream.matched(2 * pair + 1, 2 * pair + 2, 100, "FUTU");
        if pair < 10 {
            stream.settle((2 * pair + 1, &sell), (2 * pair + 2, &buy), 100, "2026-03-04");
        }
    }
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    (stream, fixture)
}

fn numbers(page: &pb::InstructionPage) -> Vec<u64> {
    page.instructions.iter().map(|each| each.number).collect()
}

fn list(
    fixture: &Fixture,
    filter: &pb::InstructionFilter,
    size: u32,
    token: &str,
) -> Result<pb::InstructionPage, Error> {
    fixture.views.instructions(filter, PageRequest { size, token }, At::NOW)
}

#[test]
fn pages_neither_repeat_nor_miss_while_rows_end_and_come() {
    let (mut stream, mut fixture) = pairs();
    let (sell, buy) = (terms(Side::Sell, 100, 100), terms(Side::Buy, 100, 100));
    let filter = pb::InstructionFilter { party: "ALPHA".into(), ..Default::default() };
    let (mut seen, mut token, mut step) = (Vec::new(), String::new(), 0);
    loop {
        let page = list(&fixture, &filter, 3, &token).unwrap();
        assert!(page.instructions.len() <= 3);
        seen.extend(numbers(&page));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        // Between pages an open pair settles, a new instruction comes, and rows go from memory to the database.
        if step < 10 {
            stream.settle((21 + 2 * step, &sell), (22 + 2 * step, &buy), 100, "2026-03-04");
        }
        stream.instruct(100 + step, &buy);
        fixture.fold(&stream);
        if step % 2 == 0 {
            fixture.save();
        }
        step += 1;
    }
    assert_eq!(seen, (1..=39).step_by(2).collect::<Vec<_>>());
}

#[test]
fn filters_narrow() {
    let (mut stream, mut fixture) = pairs();
    let late = model::trade::Terms { book: model::index::BookIx(2), ..terms(Side::Sell, 100, 100) };
    stream.instruct(50, &late);
    stream.lacking(21, 22, stream::accounts(late.party).0, 100);
    stream.open_day("2026-03-06");
    fixture.fold(&stream);
    type Filter = pb::InstructionFilter;
    let settled = pb::InstructionStatus::Settled as i32;
    let open = |from: u64| (from..=40).collect::<Vec<_>>();
    let cases: Vec<(Filter, Vec<u64>)> = vec![
        (Filter { book: "A-TWO".into(), ..Default::default() }, vec![50]),
        (
            Filter { counterparty: "ALPHA".into(), statuses: vec![settled], ..Default::default() },
            (2..=20).step_by(2).collect(),
        ),
        (Filter { reason: "LACK".into(), ..Default::default() }, vec![21]),
        (Filter { trade_source: "FO-B".into(), trade_id: "T-30".into(), ..Default::default() }, vec![30]),
        (Filter { min_age: Some(2), ..Default::default() }, [open(21), vec![50]].concat()),
        (Filter { min_age: Some(3), ..Default::default() }, vec![]),
        (Filter { intended_from: 20260305, ..Default::default() }, vec![]),
        (
            Filter {
                intended_to: 20260304,
                instrument: "DE0001102580".into(),
                statuses: vec![1],
                ..Default::default()
            },
            vec![50],
        ),
        (
            Filter { instrument: "BUND".into(), domain: "T2S".into(), statuses: vec![2, 3], ..Default::default() },
            open(21),
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(numbers(&list(&fixture, &filter, 0, "").unwrap()), expected, "{filter:?}");
        fixture.save();
        assert_eq!(numbers(&list(&fixture, &filter, 0, "").unwrap()), expected, "{filter:?}");
    }
}

#[test]
fn what_makes_no_sense_is_an_error_and_never_an_empty_list() {
    let (_, fixture) = pairs();
    type Filter = pb::InstructionFilter;
    for (filter, says) in [
        (Filter { book: "NONE".into(), ..Default::default() }, "no book is called NONE"),
        (Filter { statuses: vec![0], ..Default::default() }, "0 is no status"),
        (Filter { statuses: vec![9], ..Default::default() }, "9 is no status"),
        (Filter { reason: "late".into(), ..Default::default() }, "four capital letters"),
        (Filter { trade_id: "T-1".into(), ..Default::default() }, "its source and its id"),
        (Filter { intended_from: 20260230, ..Default::default() }, "no date of the form YYYYMMDD"),
    ] {
        let error = list(&fixture, &filter, 0, "").unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(matches!(fixture.views.instruction(999, At::NOW), Err(Error::NotFound { .. })));
    assert!(matches!(fixture.views.trade("FO-A", "T-2", At::NOW), Err(Error::NotFound { .. })));
    assert!(matches!(fixture.views.trade("FO-Z", "T-1", At::NOW), Err(Error::NotFound { .. })));
}

#[test]
fn a_token_keeps_to_its_listing_and_filter() {
    let (_, fixture) = pairs();
    let filter = pb::InstructionFilter { party: "ALPHA".into(), statuses: vec![2, 4], ..Default::default() };
    let token = list(&fixture, &filter, 2, "").unwrap().next_page_token;
    // The same filter, written down otherwise.
    let same = pb::InstructionFilter { statuses: vec![4, 2, 2], ..filter.clone() };
    assert_eq!(numbers(&list(&fixture, &same, 2, &token).unwrap()), [5, 7]);
    let refused = |error: Error| match error {
        Error::Token(error) => error,
        other => panic!("{other}"),
    };
    let other = pb::InstructionFilter { statuses: vec![2], ..filter.clone() };
    assert_eq!(refused(list(&fixture, &other, 2, &token).unwrap_err()), TokenError::OtherFilter);
    assert_eq!(refused(list(&fixture, &filter, 2, "rubbish").unwrap_err()), TokenError::Malformed);
    let page = PageRequest { size: 2, token: &token };
    assert_eq!(refused(fixture.views.loose_trades(page, At::NOW).unwrap_err()), TokenError::OtherPurpose);
    assert_eq!(
        refused(fixture.views.cash(&pb::CashFilter::default(), page, At::NOW).unwrap_err()),
        TokenError::OtherPurpose
    );
    assert_eq!(refused(fixture.views.subscribe(&filter, Some(&token)).err().unwrap()), TokenError::OtherPurpose);
}

#[test]
fn balances_and_cash_page_too() {
    let (_, fixture) = pairs();
    let all = fixture.views.balances(
        &pb::BalanceFilter { with_zero: true, ..Default::default() },
        PageRequest::default(),
        At::NOW,
    );
    let all = all.unwrap().balances;
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let filter = pb::BalanceFilter { with_zero: true, ..Default::default() };
        let page = fixture.views.balances(&filter, PageRequest { size: 3, token: &token }, At::NOW).unwrap();
        paged.extend(page.balances);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    let first = fixture.views.cash(&pb::CashFilter::default(), PageRequest { size: 1, token: "" }, At::NOW).unwrap();
    let second = PageRequest { size: 1, token: &first.next_page_token };
    let second = fixture.views.cash(&pb::CashFilter::default(), second, At::NOW).unwrap();
    let accounts = [&first, &second].map(|page| page.ladders[0].account.clone());
    assert_eq!((accounts, second.next_page_token.as_str()), (["A-CASH".to_owned(), "B-CASH".to_owned()], ""));
}

#[test]
fn a_question_waits_for_its_record() {
    let (mut stream, mut fixture) = pairs();
    let next = stream.last() + 1;
    let now = At { min_sequence: next, ..At::NOW };
    assert!(matches!(fixture.views.summary(now), Err(Error::TooOld { view: "status", .. })));
    let soon = At::least(next, Duration::from_millis(5));
    assert!(matches!(fixture.views.summary(soon), Err(Error::TooOld { .. })));
    stream.instruct(77, &terms(Side::Buy, 1, 1));
    let views = fixture.views.clone();
    let asking = std::thread::spawn(move || views.instruction(77, At::least(next, Duration::from_secs(60))).unwrap());
    fixture.fold(&stream);
    assert_eq!(asking.join().unwrap().sequence, next);
}
