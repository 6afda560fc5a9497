//! Positions: what a book traded and settled, its lots by trade date, and that all of it ties to the ledger.

mod stream;

use model::event::Event;
use model::index::{Asset, BookIx};
use model::ledger::{LedgerAccount, Posting};
use model::record::{FactContent, Outcome};
use model::trade::{Side, Terms};
use projections::{At, PageRequest};
use stream::{ALPHA, BOND, Fixture, Stream, capture, change, day, eur, terms};
use wire::pb::record::LotMethod;
use wire::pb::typ::Decimal;
use wire::pb::view as pb;

fn position(fixture: &Fixture, book: &str, method: LotMethod) -> pb::Position {
    let lines = fixture.views.position(book, "BUND", method, At::NOW).unwrap().value;
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}

fn units(amount: Option<Decimal>) -> i64 {
    amount.unwrap().unscaled
}

fn lots(position: &pb::Position) -> Vec<(String, i64, i64)> {
    position.lots.iter().map(|lot| (lot.opened_by.clone(), units(lot.quantity), units(lot.cost))).collect()
}

/// All pages of a listing.
fn listed(fixture: &Fixture, filter: &pb::PositionFilter, size: u32) -> Vec<Vec<pb::Position>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = PageRequest { size, token: &token };
        let page = fixture.views.positions(filter, LotMethod::Fifo, page, At::NOW).unwrap();
        pages.push(page.positions);
        token = page.next_page_token;
        if token.is_empty() {
            return pages;
        }
    }
}

/// A trade of BRAVO's book, which buys or sells for whole cents.
fn bravo(side: Side, quantity: i64, net: i64, date: &str) -> Terms {
    let mut terms = Terms { trade_date: day(date), ..terms(Side::Buy, quantity, net) };
    terms.side = side;
    terms
}

#[test]
fn lots_follow_trade_dates_and_settlement_follows_later() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    stream.accept(vec![capture(1, &bravo(Side::Buy, 100, 1_000, "2026-02-25"), &[])]);
    stream.accept(vec![capture(2, &bravo(Side::Buy, 100, 1_200, "2026-02-26"), &[])]);
    stream.accept(vec![capture(3, &bravo(Side::Sell, 100, 1_300, "2026-02-27"), &[])]);
    fixture.fold(&stream);
    let held = position(&fixture, "B-ONE", LotMethod::Fifo);
    assert_eq!((units(held.traded), units(held.settled), units(held.realised)), (100, 0, 300));
    assert_eq!(lots(&held), [("T-2".to_owned(), 100, 1_200)]);
    // The average is another realised result of the same total: 1,300 less half of 2,200.
    let average = position(&fixture, "B-ONE", LotMethod::Average);
    assert_eq!((units(average.realised), units(average.cost)), (200, 1_100));

    // A late trade of an earlier date is closed first; then its amount is corrected, then it is cancelled.
    let late = bravo(Side::Buy, 100, 900, "2026-02-24");
    stream.accept(vec![capture(4, &late, &[])]);
    fixture.fold(&stream);
    fixture.save();
    assert_eq!(units(position(&fixture, "B-ONE", LotMethod::Fifo).realised), 400);
    let corrected = Terms { gross: 950, net: 960, charges: 10, ..late.clone() };
    stream.accept(vec![change(4, 2, true, &late, &corrected)]);
    fixture.fold(&stream);
    let held = position(&fixture, "B-ONE", LotMethod::Fifo);
    assert_eq!((units(held.realised), units(held.fees)), (350, -10));
    stream.accept(vec![Event::TradeCancelled { trade: 4, version: 3, postings: Vec::new() }]);
    fixture.fold(&stream);
    let held = position(&fixture, "B-ONE", LotMethod::Fifo);
    assert_eq!((units(held.realised), units(held.traded)), (300, 100));
    assert_eq!(lots(&held), [("T-2".to_owned(), 100, 1_200)]);

    // The same, rows or no rows.
    fixture.save();
    assert_eq!(position(&fixture.restart(&stream), "B-ONE", LotMethod::Fifo), held);
}

#[test]
fn what_settles_is_settled_for_both_books() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    let (sell, buy) = (terms(Side::Sell, 100, 1_000), terms(Side::Buy, 100, 1_000));
    stream.instruct(1, &sell);
    stream.instruct(2, &buy);
    stream.matched(1, 2, 1_000, "FUTU");
    stream.settle((1, &sell), (2, &buy), 1_000, "2026-03-04");
    fixture.fold(&stream);
    let (alpha, bravo) = (position(&fixture, "A-ONE", LotMethod::Fifo), position(&fixture, "B-ONE", LotMethod::Fifo));
    assert_eq!((units(alpha.traded), units(alpha.settled)), (-100, -100));
    assert_eq!((units(bravo.traded), units(bravo.settled)), (100, 100));
    assert_eq!(lots(&alpha), [("T-1".to_owned(), -100, -1_000)]);
}

#[test]
fn an_opening_balance_has_a_cost_and_a_transfer_has_none() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    let (depot, _) = stream::accounts(ALPHA);
    let asset = Asset::instrument(BOND);
    let post = |account, amount| Posting { account, asset, amount };
    let book = |book| LedgerAccount::Book { entity: ALPHA, book: BookIx(book) };
    let location = LedgerAccount::Location { entity: ALPHA, account: depot };
    stream.accept(vec![Event::Opened {
        account: depot,
        book: BookIx(0),
        postings: vec![post(book(0), 500), post(location, 500)],
        cost: Some((eur(), 4_900)),
    }]);
    let what = model::command::What::Instrument(stream::id("BUND"));
    stream.accept(vec![Event::Transferred { what, postings: vec![post(book(0), -200), post(book(2), 200)] }]);
    fixture.fold(&stream);
    let filter = pb::PositionFilter { book: "A-ONE".into(), ..Default::default() };
    let lines = listed(&fixture, &filter, 10).remove(0);
    let of = |currency: &str| lines.iter().find(|line| line.currency == currency).unwrap();
    assert_eq!((units(of("EUR").quantity), units(of("EUR").cost), of("EUR").uncosted), (500, 4_900, 0));
    assert_eq!((units(of("").quantity), of("").uncosted), (-200, 1));
    assert!(lines.iter().all(|line| (units(line.traded), units(line.settled)) == (300, 300)));
    assert_eq!(units(position(&fixture, "A-TWO", LotMethod::Fifo).traded), 200);
}

/// Cash that came into a book from outside, which is no trade's.
fn funded(stream: &Stream, book: u32) -> i64 {
    let outcomes = stream.facts.iter().filter_map(|facts| match &facts.content {
        FactContent::Outcome(Outcome::Accepted(events)) => Some(events),
        _ => None,
    });
    let moved = outcomes.flatten().filter(|event| matches!(event, Event::Transferred { .. }));
    let ours = |posting: &&Posting| {
        posting.asset.as_currency().is_some()
            && matches!(posting.account, LedgerAccount::Book { book: BookIx(other), .. } if other == book)
    };
    let sum: i128 = moved.flat_map(|event| event.postings()).filter(ours).map(|posting| posting.amount).sum();
    i64::try_from(sum).unwrap()
}

/// Whatever happened: traded is the ledger's balance of the book, settled is what lies in the depots, lots are what was
/// traded, and cost, results and cash are one: paid for what is held less earned is what left the book in cash.
#[test]
fn positions_tie_to_the_ledger() {
    for seed in 20..23 {
        let mut stream = Stream::begin();
        stream.wander(3_000, seed);
        let mut fixture = Fixture::new();
        fixture.fold(&stream);
        let page = PageRequest { size: 1_000, token: "" };
        let balances = fixture.views.balances(&pb::BalanceFilter::default(), page, At::NOW).unwrap().balances;
        let of = |kind: pb::LedgerAccountKind, account: &str, instrument: bool| -> i64 {
            let fits = |each: &&pb::Balance| {
                each.kind() == kind && each.account == account && each.instrument.is_empty() != instrument
            };
            balances.iter().filter(fits).map(|each| each.amount.unwrap().unscaled).sum()
        };
        for (index, book, depots) in [(0, "A-ONE", "A-DEPOT"), (1, "B-ONE", "B-DEPOT")] {
            for method in [LotMethod::Fifo, LotMethod::Average] {
                let held = position(&fixture, book, method);
                let kind = pb::LedgerAccountKind::Book;
                assert_eq!(units(held.traded), of(kind, book, true), "{book} {seed}");
                assert_eq!(held.quantity, held.traded, "{book} {seed}");
                let earned = units(held.realised) + units(held.accrued) + units(held.fees);
                let left = of(kind, book, false) - funded(&stream, index);
                assert_eq!(earned - units(held.cost), left, "{book} {seed}");
            }
            // A depot holds what all books of the entity settled.
            let filter = pb::PositionFilter { instrument: "DE0001102580".into(), ..Default::default() };
            let lines = listed(&fixture, &filter, 1).concat();
            let ours = lines.iter().filter(|line| line.book.starts_with(&book[..2]));
            let settled: i64 = ours.map(|line| units(line.settled)).sum();
            assert_eq!(settled, of(pb::LedgerAccountKind::Location, depots, true), "{depots} {seed}");
        }
    }
}

/// Outside, an agent settles in parts: each moves what is settled, none what was traded.
#[test]
fn what_an_agent_confirms_is_settled() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    let buy = terms(Side::Buy, 100, 1_000);
    stream.instruct(1, &buy);
    let account = LedgerAccount::Location { entity: buy.party, account: buy.depot.unwrap() };
    for (quantity, open_quantity) in [(40, 60), (60, 0)] {
        let asset = Asset::instrument(BOND);
        stream.accept(vec![Event::InstructionConfirmed {
            instruction: 1,
            book: buy.book,
            quantity,
            currency: eur(),
            amount: quantity * 10,
            effective_date: day("2026-03-04"),
            open_quantity,
            open_amount: open_quantity * 10,
            ended: open_quantity == 0,
            postings: vec![Posting { account, asset, amount: i128::from(quantity) }],
            trade: None,
        }]);
        fixture.fold(&stream);
        let held = position(&fixture, "B-ONE", LotMethod::Fifo);
        assert_eq!((units(held.traded), units(held.settled)), (100, 100 - open_quantity));
    }
}

#[test]
fn of_a_trade_that_is_cancelled_for_the_rest_the_settled_part_stays() {
    let fixture = stream::played::after(
        "outside",
        "trade S1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today\n\
         advise X1 settled S1 40 SAP 4800.00 EUR partial=PAIN\n\
         cancel S1\n\
         advise X2 cancelled S1 CAND\n\
         trade S2 ALPHA sells 10 SAP to BETA @ 120.00 isd=today\n\
         cancel S2\n\
         advise X3 cancelled S2 CAND",
    );
    let lines = fixture.views.position("ALPHA-EQ", "SAP", LotMethod::Fifo, At::NOW).unwrap().value;
    let [held] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((units(held.traded), units(held.settled), units(held.quantity)), (960, 960, 960));
    // 1,000 at 100.00; of these 40 were sold at 120.00.
    assert_eq!((units(held.cost), units(held.realised)), (9_600_000, 80_000));
    let ledger = pb::BalanceFilter {
        kinds: vec![pb::LedgerAccountKind::Book as i32],
        asset: "SAP".to_owned(),
        ..pb::BalanceFilter::default()
    };
    let balances = fixture.views.balances(&ledger, PageRequest::default(), At::NOW).unwrap().balances;
    assert_eq!(balances.iter().map(|each| units(each.amount)).collect::<Vec<_>>(), [960], "what the ledger has");
}

#[test]
fn what_was_traded_before_it_was_defined_is_counted_in_its_own_decimals() {
    let fixture = stream::played::after("standard", "trade A1 ALPHA buys 5 SIEMENS from BETA @ 200.00 isd=today");
    let lines = fixture.views.position("ALPHA-EQ", "SIEMENS", LotMethod::Fifo, At::NOW).unwrap().value;
    assert_eq!(lines[0].traded, Some(Decimal { unscaled: 5_000_000, scale: 6 }));
}
