//! What is free to trade: a week of the generator, followed by the feed of positions while its broker is killed and it is itself
//! thrown back; what a reader of the compacted topic has at the end is what the views of positions, ledger and coverage say.

use crate::played::{Played, commit};
use crate::service::until;
use crate::{Rig, Verdict};
use kafka::{Feed, FeedTo, Reader};
use model::event::Event;
use model::index::Kind;
use projections::{At, PageRequest, Projections};
use prost::Message as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Log;
use wire::pb::record::LotMethod;
use wire::pb::status::{Position, position::Holder};
use wire::pb::typ::Decimal;
use wire::pb::view;

const LONG: Duration = Duration::from_secs(240);

/// By holder and instrument.
type Rows = BTreeMap<(String, String), Numbers>;

/// In smallest units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    settled: i64,
    traded: i64,
    due_in: i64,
    due_in_failing: i64,
    due_out: i64,
}

pub fn agree_with_the_views(rig: &Rig) -> Verdict {
    let played = Played::new(rig, "positions");
    let Played { topic, records, dir, log, .. } = &played;
    publish(rig, topic, dir.path(), log, records);

    let (books, depots) = read(rig, topic, log.head().sequence);
    let (views, runner) = played.views();
    let at = At::least(log.head().sequence, LONG);
    let told = books.len() + depots.len();
    same("books", books, in_books(&views, at, &trades(records)));
    same("depots", depots, in_depots(&views, at));
    println!("    {told} positions, each as the views have it");
    drop((views, runner));
    Verdict::Passed
}

/// Both, without what is flat: of that the topic says nothing any more.
fn same(what: &str, told: Rows, mut seen: Rows) {
    seen.retain(|_, numbers| *numbers != Numbers::default());
    let open = seen.values().filter(|numbers| numbers.due_in + numbers.due_out > 0).count();
    let failing = seen.values().filter(|numbers| numbers.due_in_failing > 0).count();
    println!("    {what}: {} with something, {open} with business open, {failing} with purchases failing", seen.len());
    assert!(seen.len() > 50 && open > 5, "the week leaves something to compare");
    for (place, numbers) in &seen {
        assert_eq!(told.get(place), Some(numbers), "{what}: {place:?}, the topic beside the views");
    }
    let more: Vec<_> = told.keys().filter(|place| !seen.contains_key(place)).collect();
    assert!(more.is_empty(), "{what}: the topic has what the views have not: {more:?}");
}

/// Commits the records in three parts, with the feed behind them: stopped in order after the first; without a broker for a part of
/// the second; thrown back to where it stood before the second, as a crash would, ahead of the third.
fn publish(rig: &Rig, topic: &str, dir: &Path, log: &Arc<Log>, records: &[Vec<u8>]) {
    let place = dir.join("positions.place");
    let start = || {
        let to = FeedTo::new(rig.broker.brokers(), topic, place.clone());
        kafka::positions_out::publish(log.clone(), to).expect("starts")
    };
    let wait = |feed: &Feed| {
        let all = log.head().sequence;
        until("everything is told", LONG, || feed.fed() >= all, &|| {
            format!("told up to {}, of {all}; runs: {}", feed.fed(), feed.is_running())
        });
    };
    let third = records.len() / 3;
    commit(log, &records[..third]);
    let feed = start();
    wait(&feed);
    feed.stop().expect("ends well");
    let earlier = std::fs::read(&place).expect("a place");

    let feed = start();
    let half = third + third / 2;
    commit(log, &records[third..half]);
    rig.broker.kill();
    commit(log, &records[half..2 * third]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(feed.is_running(), "it waits for the broker");
    rig.broker.start();
    wait(&feed);
    assert_eq!(feed.folds_from(), third as u64, "it goes on from the fold that it kept");
    feed.stop().expect("ends well");

    std::fs::write(&place, earlier).expect("written");
    let feed = start();
    for part in records[2 * third..].chunks(third / 8 + 1) {
        commit(log, part);
        // Not all at once, so that more than the end of the week is told.
        wait(&feed);
    }
    assert_eq!(feed.folds_from(), 0, "a fold from ahead of the place is not gone on from");
    feed.stop().expect("ends well");
}

/// What a reader has who drops what is not newer than what he has, and forgets what is gone; books and depots.
fn read(rig: &Rig, topic: &str, head: u64) -> (Rows, Rows) {
    let (mut kept, mut last): (BTreeMap<String, (u64, Option<Position>)>, BTreeMap<_, _>) = Default::default();
    let (mut count, mut gone) = (0, 0);
    let reader = Reader::new(&rig.broker.brokers(), topic, 0, 0).expect("a reader");
    let end = reader.to_end(0, |message| {
        let sequence: u64 = message.header("ce_sequence").parse().expect("each says of which record it comes");
        let position = (!message.payload.is_empty())
            .then(|| Position::decode(&message.payload[..]).expect("a position, or nothing"));
        assert!(sequence <= head && position.as_ref().is_none_or(|position| position.sequence == sequence));
        (count, gone) = (count + 1, gone + u32::from(position.is_none()));
        if kept.get(&message.key).is_none_or(|(seen, _)| sequence > *seen) {
            kept.insert(message.key.clone(), (sequence, position.clone()));
        }
        last.insert(message.key, (sequence, position));
    });
    end.expect("the topic can be read");
    println!("    {count} messages of {} positions, {gone} of them that one is gone", last.len());
    assert_eq!(last, kept, "the last of each key is the newest, as compaction leaves it");
    let (mut books, mut depots) = (Rows::new(), Rows::new());
    for position in kept.into_values().filter_map(|(_, position)| position) {
        let numbers = Numbers {
            settled: units(&position.settled),
            traded: units(&position.traded),
            due_in: units(&position.due_in),
            due_in_failing: units(&position.due_in_failing),
            due_out: units(&position.due_out),
        };
        let free = numbers.settled - numbers.due_out;
        assert_eq!(units(&position.available_to_deliver), free.max(0), "{position:?}");
        let trade = (free + numbers.due_in - numbers.due_in_failing).max(0);
        assert_eq!(units(&position.available_to_trade), trade, "{position:?}");
        assert_eq!(numbers.traded, numbers.settled + numbers.due_in - numbers.due_out, "{position:?}");
        match position.holder.expect("somebody holds it") {
            Holder::Book(book) => _ = books.insert((book, position.instrument), numbers),
            Holder::Depot(depot) => _ = depots.insert((depot, position.instrument), numbers),
        }
    }
    (books, depots)
}

fn units(decimal: &Option<Decimal>) -> i64 {
    decimal.as_ref().expect("always said").unscaled
}

/// Source and id of every trade there is in the log.
fn trades(records: &[Vec<u8>]) -> Vec<(String, String)> {
    let (mut sources, mut trades) = (BTreeMap::new(), Vec::new());
    for bytes in records {
        for event in wire::record::decode(bytes).expect("a record").events() {
            match event {
                Event::Interned { kind: Kind::Source, index, id } => _ = sources.insert(*index, id.to_string()),
                Event::TradeCaptured { source, id, .. } => trades.push((sources[&source.0].clone(), id.to_string())),
                _ => {}
            }
        }
    }
    trades
}

/// Held as the view of positions says, due as that of trades does.
fn in_books(views: &Projections, at: At, trades: &[(String, String)]) -> Rows {
    let mut rows = Rows::new();
    let filter = view::PositionFilter { with_flat: true, ..view::PositionFilter::default() };
    let mut token = String::new();
    loop {
        let page = PageRequest { size: 500, token: &token };
        let page = views.positions(&filter, LotMethod::Unspecified, page, at).expect("positions");
        for each in page.positions {
            let row = rows.entry((each.book, each.instrument)).or_default();
            (row.settled, row.traded) = (units(&each.settled), units(&each.traded));
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    for (source, id) in trades {
        let trade = views.trade(source, id, at).expect("it was captured").value;
        if matches!(trade.status(), view::TradeStatus::Settled | view::TradeStatus::Cancelled) {
            continue;
        }
        let row = rows.entry((trade.book.clone(), trade.instrument.clone())).or_default();
        // In a domain that we settle, all of a trade or nothing.
        let open = units(&trade.quantity);
        match trade.movement() {
            view::Movement::Receive => {
                row.due_in += open;
                let fails =
                    trade.instructions.last().is_some_and(|last| last.status() == view::InstructionStatus::Failing);
                row.due_in_failing += if fails { open } else { 0 };
            }
            _ => row.due_out += open,
        }
    }
    rows
}

/// What lies there as the ledger says, due as coverage does.
fn in_depots(views: &Projections, at: At) -> Rows {
    let mut rows = Rows::new();
    let filter =
        view::BalanceFilter { kinds: vec![view::LedgerAccountKind::Location as i32], ..view::BalanceFilter::default() };
    let mut token = String::new();
    loop {
        let page = views.balances(&filter, PageRequest { size: 500, token: &token }, at).expect("balances");
        for each in page.balances.into_iter().filter(|each| !each.instrument.is_empty()) {
            let settled = units(&each.amount);
            let row = Numbers { settled, traded: settled, ..Numbers::default() };
            rows.insert((each.account, each.instrument), row);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    loop {
        let page = PageRequest { size: 500, token: &token };
        let page = views.coverage(&view::CoverageFilter::default(), page, at).expect("coverage");
        for each in page.coverages {
            let row = rows.entry((each.depot.clone(), each.instrument.clone())).or_default();
            assert_eq!(row.settled, units(&each.settled), "ledger and coverage: {each:?}");
            (row.due_in, row.due_out) = (units(&each.expected_in), units(&each.due_out));
            row.traded = units(&each.projected);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    failing_in_depots(views, at, &mut rows);
    rows
}

/// The purchases that fail, by the depot they should come to.
fn failing_in_depots(views: &Projections, at: At, rows: &mut Rows) {
    let filter = view::InstructionFilter {
        statuses: vec![view::InstructionStatus::Failing as i32],
        ..view::InstructionFilter::default()
    };
    let mut token = String::new();
    loop {
        let page = views.instructions(&filter, PageRequest { size: 500, token: &token }, at).expect("instructions");
        for each in page.instructions.into_iter().filter(|each| each.movement() == view::Movement::Receive) {
            let row = rows.get_mut(&(each.depot.clone(), each.instrument.clone())).expect("coverage has it");
            row.due_in_failing += units(&each.quantity);
        }
        token = page.next_page_token;
        if token.is_empty() {
            return;
        }
    }
}
