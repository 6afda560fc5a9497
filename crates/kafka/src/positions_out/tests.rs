//! What is told of positions, in stories; and the feed against a real log and librdkafka's own broker.

mod restarts;

use super::*;
use crate::Brokers;
use crate::reader::{Reader, Received};
use crate::topics::POSITIONS;
use prost::Message as _;
use rdkafka::mocking::MockCluster;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use store::{BlockBuilder, Options};
use testkit::scenario::{Mode, Script, player};
use tokio::sync::watch;
use wire::pb::status::Position;

/// The records of a story in the language of the scenarios.
fn story_on(setup: &str, text: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let include = |name: &str| std::fs::read_to_string(root.join(name).with_extension("setup")).ok();
    let script = Script::parse("story", &format!("include {setup}\n\n{text}\n----\n")).expect("a story");
    let mut player = player(Mode::Straight);
    player.play(&script, &include).expect("it can be played");
    player.stage().shard().bytes().collect()
}

fn story(text: &str) -> Vec<Vec<u8>> {
    story_on("standard", text)
}

/// Everything told of a story, in order.
fn letters(records: &[Vec<u8>]) -> Vec<(u64, Letter)> {
    let (mut fold, mut out) = (PositionsFold::default(), Vec::new());
    for (sequence, bytes) in (1..).zip(records) {
        fold.record(sequence, bytes, &mut Vec::new()).expect("a record");
        out.extend(fold.latest().expect("it can be told"));
    }
    out
}

/// What changed several times before it was told is told once, as the last record left it.
#[test]
fn what_has_been_overtaken_is_not_told() {
    let records = story(BUSY);
    let mut fold = PositionsFold::default();
    for (sequence, bytes) in (1..).zip(&records) {
        fold.record(sequence, bytes, &mut Vec::new()).expect("a record");
    }
    let mut last = BTreeMap::new();
    for (sequence, letter) in letters(&records) {
        last.insert(letter.key.clone(), (sequence, letter));
    }
    assert!(last.len() < letters(&records).len(), "something is overtaken");
    assert_eq!(fold.waiting(), last.len());
    let told = fold.latest().expect("it can be told");
    assert!(told.is_sorted_by_key(|(sequence, _)| *sequence));
    let by_key: BTreeMap<_, _> = told.into_iter().map(|told| (told.1.key.clone(), told)).collect();
    assert_eq!(by_key, last);
    assert_eq!((fold.waiting(), fold.latest()), (0, Ok(Vec::new())));
}

/// What a reader hears under a key, in words.
fn heard(letters: &[(u64, Letter)], key: &str) -> Vec<String> {
    letters.iter().filter(|(_, letter)| letter.key == key).map(|(_, letter)| words(letter)).collect()
}

fn words(letter: &Letter) -> String {
    let Some(payload) = &letter.payload else { return "gone".to_owned() };
    let told = Position::decode(&payload[..]).expect("a position");
    let number = |decimal: &Option<wire::pb::typ::Decimal>| {
        let decimal = decimal.as_ref().expect("always said");
        model::decimal::Decimal::new(decimal.unscaled, decimal.scale).expect("a decimal").to_string()
    };
    let fails = told.due_in_failing.as_ref().is_some_and(|failing| failing.unscaled != 0);
    let failing = if fails { format!(" (failing {})", number(&told.due_in_failing)) } else { String::new() };
    format!(
        "settled {} traded {} in {}{failing} out {}: deliver {} trade {}",
        number(&told.settled),
        number(&told.traded),
        number(&told.due_in),
        number(&told.due_out),
        number(&told.available_to_deliver),
        number(&told.available_to_trade)
    )
}

#[test]
fn a_purchase_can_be_sold_on_before_it_can_be_delivered() {
    let letters = letters(&story(
        "open\n\
         trade A1 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25\n\
         trade B1 BETA sells 100 SAP to ALPHA @ 120.00 isd=2026-11-25\n\
         trade A2 ALPHA sells 30 SAP to BETA @ 121.00 isd=2026-11-26\n\
         close\nat 2026-11-25\nopen",
    ));
    let book = heard(&letters, "book|ALPHA-EQ|SAP");
    let opening = book.first().expect("the standard house has SAP").clone();
    assert_eq!(opening, "settled 1000 traded 1000 in 0 out 0: deliver 1000 trade 1000");
    assert_eq!(
        book[1..],
        [
            "settled 1000 traded 1100 in 100 out 0: deliver 1000 trade 1100",
            "settled 1000 traded 1070 in 100 out 30: deliver 970 trade 1070",
            "settled 1100 traded 1070 in 0 out 30: deliver 1070 trade 1070",
        ]
    );
    assert_eq!(heard(&letters, "depot|ALPHA-DEPOT|SAP"), book, "one book, one depot");
}

#[test]
fn what_fails_is_not_counted_on() {
    let letters = letters(&story(
        "open\n\
         pair A1 B1 ALPHA buys 1500 SAP from BETA @ 10.00 isd=today\n\
         pair A2 G2 ALPHA sells 1200 SAP to GAMMA @ 10.00 isd=2026-11-24\n\
         cut-off EUR\n\
         transfer 500 SAP to BETA-DEPOT book=BETA-EQ\n\
         close\nat 2026-11-24\nopen",
    ));
    assert_eq!(
        heard(&letters, "book|ALPHA-EQ|SAP")[1..],
        [
            "settled 1000 traded 2500 in 1500 out 0: deliver 1000 trade 2500",
            "settled 1000 traded 1300 in 1500 out 1200: deliver 0 trade 1300",
            "settled 1000 traded 1300 in 1500 (failing 1500) out 1200: deliver 0 trade 0",
            // One record settles the purchase and the sale that waited for it.
            "settled 1300 traded 1300 in 0 out 0: deliver 1300 trade 1300",
        ]
    );
}

#[test]
fn a_trade_in_repair_counts_and_a_cancelled_one_does_not() {
    let letters = letters(&story(
        "open\n\
         trade A1 ALPHA buys 5 SIEMENS from BETA @ 200.00 isd=today\n\
         instrument SIEMENS DE0007236101\n\
         cancel A1\n\
         trade A2 ALPHA sells 100 SAP to BETA @ 200.00 isd=2026-11-25\n\
         amend A2 qty=40 gross=8000.00 net=8000.00\n\
         cancel A2",
    ));
    // Counted in six decimals for ever, since it was traded before it was defined.
    let repaired = "settled 0.000000 traded 5.000000 in 5.000000 out 0.000000: deliver 0.000000 trade 5.000000";
    assert_eq!(heard(&letters, "book|ALPHA-EQ|SIEMENS"), [repaired, "gone"]);
    assert_eq!(
        heard(&letters, "book|ALPHA-EQ|SAP")[1..],
        [
            "settled 1000 traded 900 in 0 out 100: deliver 900 trade 900",
            "settled 1000 traded 960 in 0 out 40: deliver 960 trade 960",
            "settled 1000 traded 1000 in 0 out 0: deliver 1000 trade 1000",
        ]
    );
}

#[test]
fn what_is_sold_out_is_gone_and_comes_back_when_the_sale_is_reversed() {
    let letters = letters(&story(
        "open\n\
         trade A1 ALPHA sells 1000 SAP to BETA @ 10.00 isd=today\n\
         b1: trade B1 BETA buys 1000 SAP from ALPHA @ 10.00 isd=today\n\
         reverse b1 because=wrong\n\
         transfer 200 SAP from ALPHA-DEPOT book=ALPHA-EQ",
    ));
    let expected = [
        "settled 1000 traded 0 in 0 out 1000: deliver 0 trade 0",
        "gone",
        "settled 1000 traded 1000 in 0 out 0: deliver 1000 trade 1000",
        "settled 800 traded 800 in 0 out 0: deliver 800 trade 800",
    ];
    assert_eq!(heard(&letters, "book|ALPHA-EQ|SAP")[1..], expected);
    assert_eq!(heard(&letters, "depot|ALPHA-DEPOT|SAP")[1..], expected);
    let rising = |key: &str| {
        let own: Vec<u64> = letters.iter().filter(|(_, letter)| letter.key == key).map(|each| each.0).collect();
        own.windows(2).all(|pair| pair[0] < pair[1])
    };
    assert!(letters.iter().all(|(_, letter)| rising(&letter.key)), "a record tells a key once");
}

const IN_PARTS: &str = "open\n\
    trade S1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today\n\
    advise X1 settled S1 40 SAP 4800.00 EUR partial=PAIN\n\
    trade S2 ALPHA buys 10 BMW from BETA @ 12.00 isd=today\n\
    advise X2 status S2 PENF reasons=CLAC\n\
    advise X3 status S2 PEND reasons=CLAC\n\
    advise X4 settled S2 10 BMW 120.00 EUR account=ALPHA-OTHER\n\
    cancel S1\n\
    advise X5 cancelled S1 CAND";

#[test]
fn what_an_agent_confirms_in_parts_and_where_it_contradicts_us() {
    let letters = letters(&story_on("outside", IN_PARTS));
    assert_eq!(
        heard(&letters, "book|ALPHA-EQ|SAP")[1..],
        [
            "settled 1000 traded 900 in 0 out 100: deliver 900 trade 900",
            "settled 960 traded 900 in 0 out 60: deliver 900 trade 900",
            "settled 960 traded 960 in 0 out 0: deliver 960 trade 960",
        ]
    );
    assert_eq!(
        heard(&letters, "book|ALPHA-EQ|BMW"),
        [
            "settled 0 traded 10 in 10 out 0: deliver 0 trade 10",
            "settled 0 traded 10 in 10 (failing 10) out 0: deliver 0 trade 0",
            "settled 0 traded 10 in 10 out 0: deliver 0 trade 10",
            "settled 10 traded 10 in 0 out 0: deliver 10 trade 10",
        ]
    );
    // It came to another depot than was agreed.
    assert_eq!(heard(&letters, "depot|ALPHA-DEPOT|BMW").last().map(String::as_str), Some("gone"));
    let other = "settled 10 traded 10 in 0 out 0: deliver 10 trade 10";
    assert_eq!(heard(&letters, "depot|ALPHA-OTHER|BMW"), [other]);
}

const BUSY: &str = "open\n\
    pair A1 B1 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25\n\
    trade A2 ALPHA buys 5 NOVELTY from BETA @ 10.00 isd=2026-11-25\n\
    pair A3 B3 ALPHA sells 1000 BMW to BETA @ 1.00 isd=today\n\
    pair A4 B4 ALPHA sells 1000 APPLE to BETA @ 1.00 ccy=USD isd=today\n\
    close\nat 2026-11-25\nopen\ncancel A1\ncancel A2";

struct House {
    dir: tempfile::TempDir,
    brokers: Brokers,
    log: Arc<Log>,
    _cluster: MockCluster<'static, rdkafka::producer::DefaultProducerContext>,
}

impl House {
    fn new() -> House {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic(POSITIONS, 1, 1).expect("a topic");
        let dir = tempfile::tempdir().expect("a directory");
        let log = Arc::new(Log::create(&dir.path().join("log"), &Options::default()).expect("a log"));
        House { brokers: Brokers::new(cluster.bootstrap_servers()), dir, log, _cluster: cluster }
    }

    fn place(&self) -> PathBuf {
        self.dir.path().join("positions.place")
    }

    fn commit(&self, records: &[Vec<u8>]) {
        let mut builder = BlockBuilder::after(self.log.head());
        records.iter().for_each(|bytes| _ = builder.push(bytes));
        self.log.commit(&builder.finish(), &[], &[]).expect("commits");
    }

    fn start(&self, through: Option<watch::Receiver<u64>>) -> Feed {
        let to = FeedTo { through, ..FeedTo::new(self.brokers.clone(), POSITIONS, self.place()) };
        publish(self.log.clone(), to).expect("starts")
    }

    /// Runs it until all is told; the record after which it began to fold.
    fn run(&self) -> u64 {
        let feed = self.start(None);
        wait(|| feed.fed() >= self.log.head().sequence);
        let from = feed.folds_from();
        feed.stop().expect("ends in order");
        from
    }

    fn there(&self) -> Vec<Received> {
        let mut all = Vec::new();
        let reader = Reader::new(&self.brokers, POSITIONS, 0, 0).expect("a reader");
        reader.to_end(0, |message| all.push(message)).expect("reads");
        all
    }
}

fn wait(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a reader keeps who drops what is not newer than what he has, and forgets what is gone.
fn kept(messages: &[Received]) -> BTreeMap<String, Position> {
    let mut kept: BTreeMap<String, (u64, Option<Position>)> = BTreeMap::new();
    for message in messages {
        let sequence = message.header("ce_sequence").parse().expect("always said");
        let position = (!message.payload.is_empty()).then(|| Position::decode(&message.payload[..]).expect("readable"));
        assert!(position.as_ref().is_none_or(|position| position.sequence == sequence));
        if kept.get(&message.key).is_none_or(|(seen, _)| sequence > *seen) {
            kept.insert(message.key.clone(), (sequence, position));
        }
    }
    kept.into_iter().filter_map(|(key, (_, position))| Some((key, position?))).collect()
}

fn expected(records: &[Vec<u8>]) -> BTreeMap<String, Position> {
    let mut expected = BTreeMap::new();
    for (_, letter) in letters(records) {
        match letter.payload {
            Some(payload) => _ = expected.insert(letter.key, Position::decode(&payload[..]).expect("readable")),
            None => _ = expected.remove(&letter.key),
        }
    }
    expected
}

#[test]
fn wherever_it_is_stopped_the_last_of_each_key_is_right() {
    let house = House::new();
    let records = story(BUSY);
    let third = records.len() / 3;
    house.commit(&records[..third]);
    house.run();
    let kept_place = std::fs::read(house.place()).expect("a place");
    house.commit(&records[third..2 * third]);
    house.run();
    // Thrown back, as a crash leaves it; then without any place.
    std::fs::write(house.place(), kept_place).expect("written");
    house.commit(&records[2 * third..]);
    house.run();
    let there = house.there();
    assert_eq!(kept(&there), expected(&records));
    assert!(there.iter().any(|message| message.payload.is_empty()), "what is sold out is gone");
    assert!(there.len() < letters(&records).len(), "what changed several times at once is told once");
    std::fs::remove_file(house.place()).expect("removed");
    house.run();
    assert_eq!(house.there().len(), there.len(), "the topic says what is there");
}

#[test]
fn nothing_is_told_before_its_record_is_published() {
    let house = House::new();
    let records = story(BUSY);
    house.commit(&records);
    let published = u64::try_from(records.len() / 2).expect("a few");
    let (_keep, through) = watch::channel(published);
    let feed = house.start(Some(through));
    wait(|| feed.fed() == published);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(feed.fed(), published);
    assert_eq!(kept(&house.there()), expected(&records[..records.len() / 2]));
}
