//! The cash ladder: what is settled, what is due, what is sure, and what must be found.

mod stream;

use model::event::Event;
use model::instruction::code;
use model::trade::{Method, Side, Terms};
use projections::{At, PageRequest};
use stream::{ALPHA, BRAVO, Fixture, Stream, day, terms};
use wire::pb::view as pb;

fn ladder(fixture: &Fixture, account: &str) -> pb::CashLadder {
    let filter = pb::CashFilter { account: account.into(), ..Default::default() };
    let mut page = fixture.views.cash(&filter, PageRequest::default(), At::NOW).unwrap();
    assert_eq!(page.ladders.len(), 1);
    page.ladders.remove(0)
}

/// Date, receipts, payments, sure receipts, projected, projected with the sure ones.
fn lines(ladder: &pb::CashLadder) -> Vec<(u32, i64, i64, i64, i64, i64)> {
    let units = |amount: &Option<wire::pb::typ::Decimal>| amount.unwrap().unscaled;
    let line = |line: &pb::CashLine| {
        let amounts =
            [&line.receipts, &line.payments, &line.sure_receipts, &line.projected, &line.projected_sure].map(units);
        (line.value_date, amounts[0], amounts[1], amounts[2], amounts[3], amounts[4])
    };
    ladder.lines.iter().map(line).collect()
}

fn need(ladder: &pb::CashLadder) -> i64 {
    ladder.funding_need.unwrap().unscaled
}

fn on(terms: Terms, date: &str) -> Terms {
    Terms { intended_settlement_date: day(date), ..terms }
}

#[test]
fn flows_come_change_and_go() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    let (sell, buy) = (terms(Side::Sell, 100, 1_000), terms(Side::Buy, 100, 1_002));
    stream.fund(ALPHA, 50);
    stream.fund(BRAVO, 300);
    stream.instruct(1, &sell);
    stream.instruct(2, &buy);
    // Free of payment: no cash at all.
    stream.instruct(3, &Terms { method: Method::Fop, net: 0, gross: 0, ..sell.clone() });
    fixture.fold(&stream);
    let (alpha, bravo) = (ladder(&fixture, "A-CASH"), ladder(&fixture, "B-CASH"));
    // Unmatched: the receipt is expected, not sure; the payment counts either way.
    assert_eq!(lines(&alpha), [(20260303, 0, 0, 0, 50, 50), (20260304, 1_000, 0, 0, 1_050, 50)]);
    assert_eq!(lines(&bravo), [(20260303, 0, 0, 0, 300, 300), (20260304, 0, 1_002, 0, -702, -702)]);
    // The credit limit covers it.
    assert_eq!((need(&alpha), need(&bravo), bravo.credit_limit.unwrap().unscaled), (0, 0, stream::EUR_LIMIT));

    // Matched: the deliverer's amount on both sides, and sure until somebody holds it.
    stream.matched(1, 2, 1_000, "FUTU");
    fixture.fold(&stream);
    assert_eq!(lines(&ladder(&fixture, "A-CASH"))[1], (20260304, 1_000, 0, 1_000, 1_050, 1_050));
    assert_eq!(lines(&ladder(&fixture, "B-CASH"))[1], (20260304, 0, 1_000, 0, -700, -700));
    stream.steer(2, true, false);
    fixture.fold(&stream);
    assert_eq!(lines(&ladder(&fixture, "A-CASH"))[1], (20260304, 1_000, 0, 0, 1_050, 50));
    // The same after a restart, from rows.
    fixture.save();
    let mut fixture = fixture.restart(&stream);
    assert_eq!(lines(&ladder(&fixture, "A-CASH"))[1], (20260304, 1_000, 0, 0, 1_050, 50));
    stream.steer(2, false, false);
    fixture.fold(&stream);
    assert_eq!(lines(&ladder(&fixture, "A-CASH"))[1], (20260304, 1_000, 0, 1_000, 1_050, 1_050));

    stream.settle((1, &sell), (2, &buy), 1_000, "2026-03-04");
    fixture.fold(&stream);
    let (alpha, bravo) = (ladder(&fixture, "A-CASH"), ladder(&fixture, "B-CASH"));
    assert_eq!((alpha.settled.unwrap().unscaled, bravo.settled.unwrap().unscaled), (1_050, -700));
    assert_eq!(lines(&alpha), [(20260303, 0, 0, 0, 1_050, 1_050)]);

    stream.instruct(4, &sell);
    stream.accept(vec![Event::InstructionCancelled { instruction: 4, reason: code::CANI }]);
    fixture.fold(&stream);
    assert_eq!(lines(&ladder(&fixture, "A-CASH")), lines(&alpha));
}

#[test]
fn what_is_late_is_due_today_and_once() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    for (number, date) in [(1, "2026-03-04"), (2, "2026-03-05"), (3, "2026-03-06"), (4, "2026-03-09")] {
        stream.instruct(number, &on(terms(Side::Buy, 10, 100), date));
    }
    for (today, due) in [
        ("2026-03-04", vec![(20260304, -100), (20260305, -200), (20260306, -300), (20260309, -400)]),
        ("2026-03-05", vec![(20260305, -200), (20260306, -300), (20260309, -400)]),
        ("2026-03-06", vec![(20260306, -300), (20260309, -400)]),
        ("2026-03-10", vec![(20260310, -400)]),
    ] {
        stream.open_day(today);
        fixture.fold(&stream);
        let ladder = ladder(&fixture, "B-CASH");
        let projected: Vec<_> = lines(&ladder).into_iter().map(|line| (line.0, line.5)).collect();
        assert_eq!(projected, due, "on {today}");
        assert_eq!(ladder.lines.iter().map(|line| line.instructions).sum::<u64>(), 4);
    }
}

#[test]
fn the_need_is_the_deepest_gap_beyond_the_limit_of_its_day() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    let limit = stream::EUR_LIMIT;
    // A payment within today's limit, on a day on which the limit has ended, followed by a receipt that nobody matched.
    stream.instruct(1, &on(terms(Side::Buy, 10, limit - 1), "2026-03-04"));
    stream.instruct(2, &on(terms(Side::Buy, 10, 500), "2026-03-09"));
    let sale = Terms { nostro: terms(Side::Buy, 1, 1).nostro, ..on(terms(Side::Sell, 10, 400), "2026-03-06") };
    stream.instruct(3, &sale);
    fixture.fold(&stream);
    assert_eq!(need(&ladder(&fixture, "B-CASH")), limit - 1 + 500);
    stream.fund(BRAVO, i128::from(limit));
    fixture.fold(&stream);
    assert_eq!(need(&ladder(&fixture, "B-CASH")), 499);
    // Once the receipt is sure it counts.
    stream.instruct(4, &on(terms(Side::Buy, 10, 400), "2026-03-06"));
    stream.accept(vec![Event::InstructionsMatched { deliver: 3, receive: 4, amount: 400, reasons: None }]);
    fixture.fold(&stream);
    assert_eq!(need(&ladder(&fixture, "B-CASH")), 499, "the same account pays and receives it");
}
