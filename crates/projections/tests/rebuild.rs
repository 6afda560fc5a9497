//! Rows are a function of the log: whenever they were written, and whatever was restarted in between.

mod stream;

use projections::{At, PageRequest, TableDigest};
use stream::random::Random;
use stream::{Fixture, Stream};
use wire::pb::record::LotMethod;
use wire::pb::view as pb;

const RECORDS: u64 = 6_000;

fn digests(fixture: &Fixture) -> Vec<TableDigest> {
    fixture.folder.digests().unwrap()
}

#[test]
fn any_schedule_of_writing_and_restarting_gives_the_same_bytes() {
    for seed in 0..4 {
        let mut stream = Stream::begin();
        stream.wander(RECORDS, seed);

        let mut once = Fixture::new();
        once.fold(&stream);
        once.save();

        let mut each = Fixture::new();
        for sequence in 1..=stream.last() {
            each.folder.fold(&stream.facts[sequence as usize - 1..sequence as usize]);
            each.folded = sequence as usize;
            each.save();
        }

        let mut random = Random(seed + 100);
        let mut now_and_then = Fixture::new();
        while now_and_then.folded < stream.facts.len() {
            let to = (now_and_then.folded + 1 + random.below(700) as usize).min(stream.facts.len());
            now_and_then.folder.fold(&stream.facts[now_and_then.folded..to]);
            now_and_then.folded = to;
            match random.below(5) {
                0 => now_and_then = now_and_then.restart(&Stream { facts: stream.facts[..to].to_vec() }),
                1 => now_and_then.save(),
                2 => now_and_then.folder.save_now_and_then(stream::head(to as u64)).unwrap(),
                3 => now_and_then.folder.save_one(stream::head(to as u64)).unwrap(),
                _ => {}
            }
        }
        now_and_then.save();

        assert_eq!(digests(&once), digests(&each), "seed {seed}");
        assert_eq!(digests(&once), digests(&now_and_then), "seed {seed}");
        // And so are the answers, which come from memory as well.
        let again = once.restart(&stream);
        assert_eq!(answers(&again), answers(&each), "seed {seed}");
        assert_eq!(answers(&now_and_then), answers(&each), "seed {seed}");
        assert_eq!(positions(&again), positions(&each), "seed {seed}");
        assert_eq!(positions(&now_and_then), positions(&each), "seed {seed}");
        // Results of closed days stand on what entries said then: rows of their own.
        assert_eq!(results(&again), results(&each), "seed {seed}");
        assert_eq!(results(&now_and_then), results(&each), "seed {seed}");
    }
}

/// Everything the views can say.
fn answers(
    fixture: &Fixture,
) -> (Vec<pb::Instruction>, Vec<pb::Trade>, pb::Summary, pb::CashPage, pb::BalancePage, pb::TieOuts) {
    let views = &fixture.views;
    let page = PageRequest { size: 1_000, token: "" };
    let mut instructions = Vec::new();
    let mut token = String::new();
    loop {
        let page = views
            .instructions(&pb::InstructionFilter::default(), PageRequest { size: 1_000, token: &token }, At::NOW)
            .unwrap();
        instructions.extend(page.instructions);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let loose = views.loose_trades(page, At::NOW).unwrap();
    assert!(!loose.trades.is_empty() && !instructions.is_empty());
    (
        instructions,
        loose.trades,
        views.summary(At::NOW).unwrap(),
        views.cash(&pb::CashFilter::default(), page, At::NOW).unwrap(),
        views.balances(&pb::BalanceFilter::default(), page, At::NOW).unwrap(),
        views.tie_outs(At::NOW).unwrap(),
    )
}

/// With lots and the figures of every method.
fn positions(fixture: &Fixture) -> Vec<pb::Position> {
    let filter = pb::PositionFilter { with_flat: true, ..Default::default() };
    let page = PageRequest { size: 1_000, token: "" };
    let list = fixture.views.positions(&filter, LotMethod::Unspecified, page, At::NOW).unwrap().positions;
    assert!(!list.is_empty());
    let full = |each: &pb::Position| {
        fixture.views.position(&each.book, &each.instrument, LotMethod::Unspecified, At::NOW).unwrap().value
    };
    list.iter().flat_map(full).collect()
}

/// By position, and the management figures.
fn results(fixture: &Fixture) -> (Vec<pb::PnlPage>, pb::Report) {
    let ask = |date| {
        let question = pb::PnlQuestion { date, ..Default::default() };
        let page = fixture.views.pnl(&question, PageRequest { size: 1_000, token: "" }, At::NOW).unwrap();
        assert!(!page.lines.is_empty());
        page
    };
    let report = fixture.views.report(20260301, 20260401, At::NOW).unwrap();
    assert!(!report.rates.is_empty());
    ([20260303, 20260304, 20260306].map(ask).to_vec(), report)
}

#[test]
fn the_views_agree_with_one_another() {
    let mut stream = Stream::begin();
    stream.wander(RECORDS, 9);
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    let (instructions, _, summary, cash, ..) = answers(&fixture);

    let ties = fixture.views.tie_outs(At::NOW).unwrap();
    assert_eq!(ties.lines.len(), 4);
    for line in &ties.lines {
        assert!(line.ties, "{line:?}");
        assert!(line.open_trades.is_some());
    }
    // Summary: counted again from the listing.
    let counted: u64 = summary.lines.iter().map(|line| line.count).sum();
    assert_eq!(counted, instructions.len() as u64);
    for line in &summary.lines {
        let of_line = instructions.iter().filter(|each| {
            each.status == line.status && each.reasons.first().map_or("", String::as_str) == line.reason
        });
        let value: i64 = of_line.map(|each| each.matched_amount.or(each.amount).unwrap().unscaled).sum();
        assert_eq!(line.value.unwrap().unscaled, value, "{line:?}");
    }
    // Cash: open payments of the listing are the payments of the ladders.
    let open_payments: i64 = instructions
        .iter()
        .filter(|each| each.ended_at_sequence == 0 && each.movement() == pb::Movement::Receive)
        .map(|each| each.matched_amount.or(each.amount).unwrap().unscaled)
        .sum();
    let lines = cash.ladders.iter().flat_map(|ladder| &ladder.lines);
    assert_eq!(lines.map(|line| line.payments.unwrap().unscaled).sum::<i64>(), open_payments);
}
