//! What was known when: views folded up to a record say what the live views said when they stood there.

mod stream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::command::{Command, Inbound, Origin, Task};
use model::date::Date;
use model::event::Event;
use model::record::{Content, FactContent, Facts, Record};
use model::trade::Side;
use projections::{At, Error, Known, PageRequest, Past, PastOptions, PastStage, Pasts, Projections};
use store::{BlockBuilder, Log, Options, Views};
use stream::{Fixture, Stream, T2S, change, day, terms};
use wire::pb::record::LotMethod;
use wire::pb::view as pb;

const LONG: Duration = Duration::from_secs(120);

fn options(dir: &Path, kept: usize) -> PastOptions {
    PastOptions { dir: dir.join("past"), kept, bytes: 1 << 30, store: Options::default() }
}

/// A log of these facts in blocks of so many.
fn log(dir: &Path, facts: &[Facts], block: usize) -> Arc<Log> {
    let log = Log::create(&dir.join("log"), &Options::default()).unwrap();
    let mut builder = BlockBuilder::after(log.head());
    for chunk in facts.chunks(block) {
        for facts in chunk {
            builder.push(&bytes(facts));
        }
        log.commit(&builder.finish(), &[], &[]).unwrap();
    }
    Arc::new(log)
}

fn bytes(facts: &Facts) -> Vec<u8> {
    let content = match facts.content.clone() {
        FactContent::Genesis(genesis) => Content::Genesis(genesis),
        FactContent::Outcome(outcome) => {
            let inbound = Inbound {
                command: Command::Continue(Task::Retry),
                origin: Origin::Engine,
                actor: facts.actor.clone(),
                reason: String::new(),
                at: facts.at,
            };
            Content::Decided { inbound, outcome }
        }
    };
    let mut out = Vec::new();
    wire::record::encode(&Record { sequence: facts.sequence, rules_version: 1, content }, None, &mut out);
    out
}

/// What every view answers, each answer with the record it stands on; an error is an answer too.
fn answers(views: &Projections) -> Vec<String> {
    let page = PageRequest { size: 1_000, token: "" };
    let everything = pb::PositionFilter { with_flat: true, ..Default::default() };
    let euro = pb::MarketRiskQuestion { currency: "EUR".to_owned(), ..Default::default() };
    let mut answers = vec![
        format!("{:?}", views.summary(At::NOW)),
        format!("{:?}", views.instructions(&pb::InstructionFilter::default(), page, At::NOW)),
        format!("{:?}", views.loose_trades(page, At::NOW)),
        format!("{:?}", views.quarantined(At::NOW)),
        format!("{:?}", views.proposals(At::NOW)),
        format!("{:?}", views.breaks(At::NOW)),
        format!("{:?}", views.report(20260301, 20260401, At::NOW)),
        format!("{:?}", views.cash(&pb::CashFilter::default(), page, At::NOW)),
        format!("{:?}", views.balances(&pb::BalanceFilter::default(), page, At::NOW)),
        format!("{:?}", views.tie_outs(At::NOW)),
        format!("{:?}", views.coverage(&pb::CoverageFilter::default(), page, At::NOW)),
        format!("{:?}", views.exposure(&pb::ExposureFilter::default(), At::NOW)),
        format!("{:?}", views.capital(&pb::CapitalFilter::default(), At::NOW)),
        format!("{:?}", views.positions(&everything, LotMethod::Unspecified, page, At::NOW)),
        format!("{:?}", views.pnl(&pb::PnlQuestion::default(), page, At::NOW)),
        format!("{:?}", views.pnl_summary(&pb::PnlQuestion::default(), At::NOW)),
        format!("{:?}", views.market_risk(&euro, At::NOW)),
        format!("{:?}", views.backtest(&euro, At::NOW)),
        format!("{:?}", views.concentration(&euro, At::NOW)),
    ];
    if let Ok(positions) = views.positions(&everything, LotMethod::Unspecified, page, At::NOW) {
        for each in positions.positions {
            answers.push(format!("{:?}", views.position(&each.book, &each.instrument, LotMethod::Fifo, At::NOW)));
        }
    }
    for number in [1, 7, 100, 400] {
        answers.push(format!("{:?}", views.instruction(number, At::NOW)));
        answers.push(format!("{:?}", views.trade("FO-A", &format!("T-{number}"), At::NOW)));
    }
    answers
}

fn live(dir: &Path) -> (Projections, projections::Folder) {
    Projections::open(Arc::new(Views::open(&dir.join("views"), &Options::default()).unwrap())).unwrap()
}

/// Waits for a past on this thread.
fn wait(pasts: &Pasts, known: Known) -> Result<Arc<Past>, Error> {
    let mut stage = pasts.ask(known)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let reached = runtime.block_on(async {
        tokio::time::timeout(LONG, stage.wait_for(PastStage::is_over)).await.unwrap().unwrap().clone()
    });
    reached.ready(known)
}

/// Directories of pasts that are there.
fn kept(options: &PastOptions) -> usize {
    std::fs::read_dir(&options.dir).map_or(0, Iterator::count)
}

#[test]
fn what_was_known_is_what_the_live_views_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Stream::begin();
    stream.wander(3_000, 11);
    let log = log(dir.path(), &stream.facts, 64);
    // The live views, step by step, with rows written now and then; their answers are kept.
    let (views, mut folder) = live(dir.path());
    let mut said = Vec::new();
    let every = [3u64, 21, 64, 65, 500, 1_111, 1_112, 2_000, 2_999, stream.last()];
    for facts in &stream.facts {
        folder.fold(std::slice::from_ref(facts));
        if facts.sequence % 640 == 0 {
            let chain = log.chain_at(facts.sequence).unwrap().unwrap();
            folder.save(store::Head { sequence: facts.sequence, chain }).unwrap();
        }
        if every.contains(&facts.sequence) {
            said.push((facts.sequence, answers(&views)));
        }
    }
    // Asked in an order of no sense: some from the genesis, some from what is kept, some from the live rows.
    let options = options(dir.path(), 3);
    let pasts = Pasts::new(log, views, options.clone()).unwrap();
    said.sort_by_key(|(sequence, _)| sequence * 7 % 11);
    for (sequence, said) in said.iter().chain(&said) {
        let past = wait(&pasts, Known::Record(*sequence)).unwrap();
        assert_eq!(past.sequence(), *sequence);
        let again = answers(past.views());
        assert_eq!(again.len(), said.len());
        for (again, said) in again.iter().zip(said) {
            assert_eq!(again, said, "known at record {sequence}");
        }
        drop(past);
        assert!(kept(&options) <= options.kept, "no more than {} are kept", options.kept);
    }
    assert!(kept(&options) > 0);
    drop(pasts);
    assert_eq!(kept(&options), 0, "nothing is left behind");
}

#[test]
fn the_rows_are_the_same_wherever_the_fold_began() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Stream::begin();
    stream.wander(2_500, 3);
    let log = log(dir.path(), &stream.facts, 50);
    let options = options(dir.path(), 2);
    let fold = |sequence, bases: &[&Projections], name: &str| {
        let mut began = None;
        let mut note = |progress: projections::Progress| {
            began.get_or_insert(progress.from);
            true
        };
        let past =
            Past::fold(&log, sequence, bases, &dir.path().join(name), &options, &mut note).unwrap().expect("not told");
        (began, past)
    };
    let (from_early, early) = fold(1_234, &[], "early");
    let (from_alone, alone) = fold(2_222, &[], "alone");
    let (from_on, on) = fold(2_222, &[early.views(), alone.views()], "on it");
    // What is newer than the record is of no use.
    let (from_before, before) = fold(1_000, &[early.views(), alone.views()], "before");
    let (from_next, next) = fold(1_500, &[alone.views(), before.views(), early.views()], "next");
    let from = [from_early, from_alone, from_on, from_before, from_next];
    assert_eq!(from, [Some(0), Some(0), None, Some(0), Some(1_234)]);
    assert_eq!(answers(on.views()), answers(alone.views()));
    let (_, fresh) = fold(1_500, &[], "fresh");
    assert_eq!(answers(next.views()), answers(fresh.views()));
    let ended = Past::fold(&log, 2_400, &[], &dir.path().join("ended"), &options, &mut |_| false).unwrap();
    assert!(ended.is_none() && !dir.path().join("ended").exists());
    let small = PastOptions { bytes: 10, ..options.clone() };
    let refused = Past::fold(&log, 2_400, &[], &dir.path().join("small"), &small, &mut |_| true).map(drop);
    assert!(refused.unwrap_err().to_string().contains("MiB are allowed"));
    let beyond = Past::fold(&log, 99_999, &[], &dir.path().join("beyond"), &options, &mut |_| true).map(drop);
    assert!(matches!(beyond, Err(Error::Gap { .. })));
}

#[test]
fn there_is_no_past_ahead_of_the_log_and_none_of_a_day_that_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Stream::begin();
    let closed = stream.accept(vec![Event::DayClosed { domain: T2S, date: day("2026-03-03") }]);
    stream.open_day("2026-03-04");
    let log = log(dir.path(), &stream.facts, 7);
    let (views, _folder) = live(dir.path());
    let pasts = Pasts::new(log.clone(), views.clone(), options(dir.path(), 2)).unwrap();
    let end_of = |text: &str| Known::EndOf(Date::parse(text).unwrap());
    assert_eq!(wait(&pasts, end_of("2026-03-03")).unwrap().sequence(), closed);
    let why = |known| wait(&pasts, known).map(|_| ()).unwrap_err().to_string();
    assert!(why(end_of("2026-03-04")).contains("2026-03-04 is not over: the settlement day 2026-03-04 of T2S is open"));
    assert!(why(end_of("2026-03-05")).contains("latest business date is 2026-03-04"));
    let beyond = stream.last() + 1;
    assert!(why(Known::Record(beyond)).contains(&format!("no record {beyond} yet: the log ends at {}", stream.last())));
    let none = Pasts::new(log, views, PastOptions { dir: dir.path().join("none"), ..options(dir.path(), 0) }).unwrap();
    assert!(none.ask(Known::Record(1)).map(drop).unwrap_err().to_string().contains("keeps no views"));
}

/// A trade of Monday is corrected on Tuesday, with Monday's date: what was known on Monday stays, what counts for Monday not.
#[test]
fn a_back_dated_correction_changes_what_counts_and_not_what_was_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Stream::begin();
    let bought = terms(Side::Buy, 100_00, 101_00);
    stream.instruct(1, &bought);
    let mut later = terms(Side::Buy, 7_00, 7_07);
    later.trade_date = day("2026-03-04");
    let monday = stream.instruct(2, &later);
    let corrected = terms(Side::Buy, 60_00, 60_60);
    let last = stream.accept(vec![change(1, 2, true, &bought, &corrected)]);
    let log = log(dir.path(), &stream.facts, 5);
    let mut fixture = Fixture::new();
    fixture.fold(&stream);

    let pasts = Pasts::new(log, fixture.views.clone(), options(dir.path(), 2)).unwrap();
    let held = |views: &Projections, at: At| {
        let line = views.position("B-ONE", "BUND", LotMethod::Fifo, at).unwrap();
        let page = PageRequest::default();
        let list = views.positions(&pb::PositionFilter::default(), LotMethod::Fifo, page, at).unwrap();
        assert_eq!(list.positions.len(), 1);
        assert_eq!((list.sequence, list.positions[0].traded), (line.sequence, line.value[0].traded));
        assert_eq!(line.value[0].traded, line.value[0].quantity, "one currency");
        assert_eq!(line.value[0].settled.is_some(), at.effective.is_none());
        (line.sequence, line.value[0].traded.unwrap().unscaled)
    };
    let on = |text: &str| At::NOW.effective(day(text));
    let known = wait(&pasts, Known::Record(monday)).unwrap();
    let now = &fixture.views;
    assert_eq!(held(known.views(), At::NOW), (monday, 107_00));
    assert_eq!(held(now, At::NOW), (last, 67_00));
    // Effective on the trade date of the first, by what is known now and by what was known then.
    assert_eq!(held(now, on("2026-03-02")), (last, 60_00));
    assert_eq!(held(known.views(), on("2026-03-02")), (monday, 100_00));
    assert_eq!(held(now, on("2026-03-04")), (last, 67_00));
    let before =
        now.positions(&pb::PositionFilter::default(), LotMethod::Fifo, PageRequest::default(), on("2026-03-01"));
    assert!(before.unwrap().positions.is_empty());
    // What only stands has no date, and says so.
    let refused = now.summary(on("2026-03-02")).unwrap_err();
    assert!(matches!(refused, Error::Undated { .. }), "{refused}");
    assert!(now.cash(&pb::CashFilter::default(), PageRequest::default(), on("2026-03-02")).is_err());
    let question = pb::PnlQuestion { date: 20260303, ..Default::default() };
    let two = now.pnl_summary(&question, on("2026-03-02")).unwrap_err().to_string();
    assert!(two.contains("20260303 is another date than the effective one, 20260302"), "{two}");
}
