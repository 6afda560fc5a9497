//! Cut-offs by the clock: only when every source has been heard up to the instant.

use crate::support::{name, options, oracle, prepared, records};
use engine::{Clock, Options, Request};
use model::calendar::Calendar;
use model::command::{Command, CutOff, DayStep, Origin, Step};
use model::date::Date;
use model::record::{Content, Outcome};
use model::reference::{CutOffRule, DaySchedule, Domain, DomainKind, NamedCalendar, Reference};
use model::timestamp::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_cut_off_passes_by_the_clock_once_every_source_was_heard() {
    let oracle = oracle(51, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let time = Arc::new(AtomicI64::new(0));
    let clock = Clock::from_fn({
        let time = time.clone();
        move || Timestamp::from_micros(time.load(Ordering::Relaxed)).expect("an instant")
    });
    let with = Options { timer: true, clock, ..options(dir.path(), &oracle.genesis) };
    // The flow's own first cut-off: what is open after its reference data and its first opening.
    let (engine, _) = prepared(with, &oracle);
    let (handle, log) = (engine.handle(), engine.log());
    let domain = name(testkit::flow::DOMAIN);
    let last = handle.ask_blocking(|state| state.at()).expect("answers").expect("records");
    let find = {
        let domain = domain.clone();
        move |state: &clearing::State| {
            let index = state.find(model::index::Kind::Domain, domain.as_str()).map(model::index::DomainIx);
            state.settlement_day(index.expect("defined"))
        }
    };
    if let Some((date, true, _)) = handle.ask_blocking(find.clone()).expect("answers") {
        let close = Command::Day(DayStep { domain: domain.clone(), step: Step::Close { date } });
        submit(&handle, close, last, 1);
    }
    let at = |minutes: i64| last.add_micros(minutes * 60_000_000).expect("an instant");
    let euro = model::identifier::CurrencyCode::parse("EUR").expect("a currency");
    let cut_offs = vec![CutOff { currency: Some(euro), at: at(10) }, CutOff { currency: None, at: at(20) }];
    // The first business day after whatever the flow has opened.
    let opened = (1..15).any(|days| {
        let date = Date::from_days(at(0).date_utc().days() + days).expect("a date");
        let open = Step::Open { date, cut_offs: cut_offs.clone() };
        let open = Command::Day(DayStep { domain: domain.clone(), step: open });
        matches!(submit(&handle, open, last, 100 + days), Outcome::Accepted(_))
    });
    assert!(opened, "no day could be opened");
    let coming = || handle.ask_blocking(find.clone()).expect("answers").expect("a day").2.len();
    assert_eq!(coming(), 2);

    // One intake was made for the first inputs; a second one here. Both must speak.
    let intake = handle.intake();
    time.store(at(15).micros(), Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(coming(), 2, "its instant has come but no source was heard");
    intake.consumed_through(at(9)).expect("runs");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(coming(), 2, "a source was heard, but not so far");
    intake.consumed_through(at(30)).expect("runs");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(coming(), 2, "the other source was not heard");

    // An operator may force it.
    let date = handle.ask_blocking(find.clone()).expect("answers").expect("a day").0;
    let step = Step::CutOff { date, currency: Some(euro) };
    let forced = submit(&handle, Command::Day(DayStep { domain, step }), at(16), 500);
    assert!(matches!(forced, Outcome::Accepted(_)));
    assert_eq!(coming(), 1);
    drop(engine);
    drop(log);

    // Without a source the clock alone decides; it also wakes the sleeping shard.
    let time_after = time.clone();
    let clock = Clock::from_fn(move || Timestamp::from_micros(time_after.load(Ordering::Relaxed)).expect("an instant"));
    let engine = crate::support::start(Options { timer: true, clock, ..options(dir.path(), &oracle.genesis) });
    let handle = engine.handle();
    let coming = || handle.ask_blocking(find.clone()).expect("answers").expect("a day").2.len();
    assert_eq!(coming(), 1);
    time.store(at(20).micros(), Ordering::Relaxed);
    until("the cut-off never came", || coming() == 0);
    let records = records(&engine.log());
    let passed = records.iter().rev().find_map(|record| match &record.content {
        Content::Decided { inbound, .. } if matches!(inbound.command, Command::Day(_)) => Some(inbound),
        _ => None,
    });
    let passed = passed.expect("recorded");
    assert_eq!((&passed.origin, passed.actor.as_str(), passed.at), (&Origin::Engine, "timer", at(20)));
}

#[test]
fn a_schedule_opens_and_closes_days_by_the_clock_and_plays_what_was_missed() {
    let oracle = oracle(52, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let time = Arc::new(AtomicI64::new(0));
    let clock = Clock::from_fn({
        let time = time.clone();
        move || Timestamp::from_micros(time.load(Ordering::Relaxed)).expect("an instant")
    });
    let engine =
        crate::support::start(Options { timer: true, clock, ..options(dir.path(), &oracle.genesis) }.creating());
    let (handle, log) = (engine.handle(), engine.log());
    let at = |text: &str| Timestamp::parse(text).expect("an instant");
    let friday = at("2026-11-27T06:30:00Z");
    time.store(friday.micros(), Ordering::Relaxed);
    let cut_offs = vec![CutOffRule { currency: None, minute_of_day: 16 * 60 }];
    let domain = Domain {
        id: oracle.genesis.domains[0].clone(),
        kind: DomainKind::Internal,
        calendar: name("TARGET"),
        zone: "Europe/Paris".to_owned(),
        cut_offs,
        schedule: Some(DaySchedule { opens: 7 * 60, closes: 18 * 60 }),
        agent: None,
    };
    let day = |text| Date::parse(text).expect("a date");
    let calendar =
        Calendar::new(day("2026-01-01"), day("2026-12-31"), Calendar::SATURDAY_SUNDAY, Vec::new()).expect("a calendar");
    let calendar = NamedCalendar { id: name("TARGET"), calendar };
    submit(&handle, Command::SetReference(Box::new(Reference::Calendar(Box::new(calendar)))), friday, 1);
    let set = submit(&handle, Command::SetReference(Box::new(Reference::Domain(domain))), friday, 2);
    assert!(matches!(set, Outcome::Accepted(_)), "{set:?}");
    let steps = || -> Vec<String> {
        let step = |record: &model::record::Record| match &record.content {
            Content::Decided { inbound, outcome: Outcome::Accepted(_) } => match &inbound.command {
                Command::Day(DayStep { step: Step::Open { date, .. }, .. }) => {
                    Some(format!("{date} opens {}", inbound.at))
                }
                Command::Day(DayStep { step: Step::CutOff { date, .. }, .. }) => {
                    Some(format!("{date} cuts {}", inbound.at))
                }
                Command::Day(DayStep { step: Step::Close { date }, .. }) => {
                    Some(format!("{date} closes {}", inbound.at))
                }
                _ => None,
            },
            _ => None,
        };
        records(&log).iter().filter_map(step).collect()
    };
    until("Friday never opened: 07:00 in Paris is 06:00 UTC", || steps().len() == 1);
    time.store(at("2026-11-27T15:00:00Z").micros(), Ordering::Relaxed);
    until("its cut-off never came", || steps().len() == 2);
    // Nobody was there from Friday afternoon to Tuesday noon.
    time.store(at("2026-12-01T12:00:00Z").micros(), Ordering::Relaxed);
    until("Tuesday never opened", || steps().len() == 7);
    assert_eq!(
        steps(),
        [
            "2026-11-27 opens 2026-11-27T06:30:00.000000Z",
            "2026-11-27 cuts 2026-11-27T15:00:00.000000Z",
            "2026-11-27 closes 2026-12-01T12:00:00.000000Z",
            "2026-11-30 opens 2026-12-01T12:00:00.000000Z",
            "2026-11-30 cuts 2026-12-01T12:00:00.000000Z",
            "2026-11-30 closes 2026-12-01T12:00:00.000000Z",
            "2026-12-01 opens 2026-12-01T12:00:00.000000Z",
        ]
    );
}

fn submit(handle: &engine::Handle, command: Command, at: Timestamp, number: i32) -> Outcome {
    let origin = Origin::Call { request_id: name(&format!("day-{number}")) };
    let request = Request {
        command,
        origin,
        actor: name("omar.control"),
        reason: "a test".to_owned(),
        at: Some(at),
        raw_trade: None,
    };
    handle.submit_blocking(request).expect("answers").outcome
}
