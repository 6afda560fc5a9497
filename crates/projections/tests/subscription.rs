//! Subscriptions: snapshot, changes, conflation, resuming, and being cut off without costing the fold anything.

mod stream;

use model::trade::Side;
use projections::{Error, Following as _, Subscription, TokenError};
use stream::{Fixture, Stream, change, terms};
use wire::pb::view as pb;
use wire::pb::view::instruction_update::Kind as Update;

fn poll(subscription: &mut Subscription) -> Option<pb::InstructionUpdate> {
    subscription.poll().unwrap()
}

fn snapshot(update: &pb::InstructionUpdate) -> (Vec<u64>, bool) {
    match &update.kind {
        Some(Update::Snapshot(snapshot)) => {
            (snapshot.instructions.iter().map(|each| each.number).collect(), snapshot.last)
        }
        other => panic!("{other:?}"),
    }
}

fn changes(update: &pb::InstructionUpdate) -> (Vec<(u64, pb::InstructionStatus)>, Vec<u64>) {
    match &update.kind {
        Some(Update::Changes(changes)) => {
            (changes.instructions.iter().map(|each| (each.number, each.status())).collect(), changes.left.clone())
        }
        other => panic!("{other:?}"),
    }
}

fn all() -> pb::InstructionFilter {
    pb::InstructionFilter::default()
}

/// One open pair.
fn begin() -> (Stream, Fixture) {
    let mut stream = Stream::begin();
    stream.instruct(1, &terms(Side::Sell, 100, 100));
    stream.instruct(2, &terms(Side::Buy, 100, 100));
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    (stream, fixture)
}

#[test]
fn a_snapshot_then_changes_each_instruction_once() {
    let (mut stream, mut fixture) = begin();
    let mut subscription = fixture.views.subscribe(&all(), None).unwrap();
    let update = poll(&mut subscription).unwrap();
    assert_eq!((snapshot(&update), update.sequence), ((vec![1, 2], true), stream.last()));
    assert_eq!(poll(&mut subscription), None);

    // Four changes of 1 and three of 2, partly written to the database meanwhile: as they stand, once.
    let (sell, buy) = (terms(Side::Sell, 100, 100), terms(Side::Buy, 100, 100));
    stream.steer(1, true, false);
    stream.steer(1, false, false);
    stream.matched(1, 2, 100, "FUTU");
    stream.settle((1, &sell), (2, &buy), 100, "2026-03-04");
    stream.instruct(3, &sell);
    fixture.fold(&stream);
    fixture.save();
    let update = poll(&mut subscription).unwrap();
    let (settled, unmatched) = (pb::InstructionStatus::Settled, pb::InstructionStatus::Unmatched);
    assert_eq!(changes(&update), (vec![(1, settled), (2, settled), (3, unmatched)], vec![]));
    assert_eq!(update.sequence, stream.last());
    assert_eq!(poll(&mut subscription), None);
    let heartbeat = subscription.heartbeat();
    assert_eq!((heartbeat.sequence, heartbeat.resume_token), (update.sequence, update.resume_token));
}

#[test]
fn what_no_longer_fits_is_said_to_have_left() {
    let (mut stream, mut fixture) = begin();
    let before = terms(Side::Sell, 100, 100);
    let rebooked = model::trade::Terms { book: model::index::BookIx(2), ..before.clone() };
    let unmatched = pb::InstructionFilter { statuses: vec![1], party: "ALPHA".into(), ..Default::default() };
    let in_book = pb::InstructionFilter { book: "A-ONE".into(), ..Default::default() };
    let mut by_status = fixture.views.subscribe(&unmatched, None).unwrap();
    let mut by_book = fixture.views.subscribe(&in_book, None).unwrap();
    assert_eq!(snapshot(&poll(&mut by_status).unwrap()).0, [1]);
    assert_eq!(snapshot(&poll(&mut by_book).unwrap()).0, [1]);
    stream.accept(vec![change(1, 2, false, &before, &rebooked)]);
    stream.matched(1, 2, 100, "FUTU");
    fixture.fold(&stream);
    // The other side's row is nobody's business here.
    assert_eq!(changes(&poll(&mut by_status).unwrap()), (vec![], vec![1]));
    assert_eq!(changes(&poll(&mut by_book).unwrap()), (vec![], vec![1]));
}

#[test]
fn a_token_resumes_within_the_window_and_resets_outside() {
    let (mut stream, mut fixture) = begin();
    let mut subscription = fixture.views.subscribe(&all(), None).unwrap();
    let token = poll(&mut subscription).unwrap().resume_token;
    drop(subscription);
    stream.steer(2, true, false);
    fixture.fold(&stream);
    let mut resumed = fixture.views.subscribe(&all(), Some(&token)).unwrap();
    assert_eq!(changes(&poll(&mut resumed).unwrap()).0, [(2, pb::InstructionStatus::Unmatched)]);

    fixture.folder.set_window(2);
    for _ in 0..3 {
        stream.steer(1, true, false);
    }
    fixture.fold(&stream);
    let mut anew = fixture.views.subscribe(&all(), Some(&token)).unwrap();
    assert!(matches!(poll(&mut anew).unwrap().kind, Some(Update::Reset(_))));
    assert_eq!(snapshot(&poll(&mut anew).unwrap()), (vec![1, 2], true));
    drop((resumed, anew));
    // A restart forgets the window: what was saved is where it begins.
    fixture.save();
    let fixture = fixture.restart(&stream);
    let mut anew = fixture.views.subscribe(&all(), Some(&token)).unwrap();
    assert!(matches!(poll(&mut anew).unwrap().kind, Some(Update::Reset(_))));
}

#[test]
fn who_reads_too_slowly_is_cut_off_and_the_fold_does_not_notice() {
    let (mut stream, mut fixture) = begin();
    fixture.folder.set_window(5);
    let mut slow = fixture.views.subscribe(&all(), None).unwrap();
    let token = poll(&mut slow).unwrap().resume_token;
    for _ in 0..100 {
        stream.steer(1, true, false);
    }
    fixture.fold(&stream);
    let cut = poll(&mut slow).unwrap();
    assert!(matches!(cut.kind, Some(Update::TooSlow(_))));
    assert_eq!(cut.resume_token, token, "it resumes where it stood");
    assert_eq!(poll(&mut slow), None);
}

#[test]
fn large_snapshots_and_bursts_come_in_parts() {
    let (mut stream, mut fixture) = begin();
    for number in 3..=2_000 {
        stream.instruct(number, &terms(Side::Sell, 100, 100));
    }
    fixture.fold(&stream);
    let mut subscription = fixture.views.subscribe(&all(), None).unwrap();
    let (mut seen, mut parts) = (Vec::new(), 0);
    loop {
        let (numbers, last) = snapshot(&poll(&mut subscription).unwrap());
        assert!(numbers.len() <= 500);
        seen.extend(numbers);
        parts += 1;
        if last {
            break;
        }
        // One more comes and one changes while the snapshot is being read.
        stream.instruct(5_000 + parts, &terms(Side::Sell, 100, 100));
        stream.steer(1, parts % 2 == 0, false);
        fixture.fold(&stream);
    }
    assert_eq!(seen[..2_000], (1..=2_000).collect::<Vec<_>>());
    let (rows, _) = changes(&poll(&mut subscription).unwrap());
    assert!(rows.iter().any(|(number, _)| *number == 1), "changed after it was sent");

    for number in 1..=1_200 {
        stream.steer(number, true, false);
    }
    fixture.fold(&stream);
    let (mut changed, mut last) = (0, 0);
    while let Some(update) = poll(&mut subscription) {
        assert!(update.sequence > last);
        last = update.sequence;
        changed += changes(&update).0.len();
    }
    assert_eq!((changed, last), (1_200, stream.last()));
}

#[test]
fn tokens_of_others_are_refused() {
    let (stream, fixture) = begin();
    let mut subscription = fixture.views.subscribe(&all(), None).unwrap();
    let token = poll(&mut subscription).unwrap().resume_token;
    let narrowed = pb::InstructionFilter { party: "ALPHA".into(), ..Default::default() };
    let refused = |result: Result<Subscription, Error>| match result.err().unwrap() {
        Error::Token(error) => error,
        other => panic!("{other}"),
    };
    assert_eq!(refused(fixture.views.subscribe(&narrowed, Some(&token))), TokenError::OtherFilter);
    assert_eq!(refused(fixture.views.subscribe(&all(), Some("00"))), TokenError::Malformed);
    // A token of a log that was longer.
    let mut shorter = Fixture::new();
    shorter.fold(&Stream { facts: stream.facts[..stream.facts.len() - 1].to_vec() });
    assert!(matches!(refused(shorter.views.subscribe(&all(), Some(&token))), TokenError::Ahead { .. }));
}

#[tokio::test]
async fn a_task_is_woken_by_the_fold() {
    let (mut stream, mut fixture) = begin();
    let mut subscription = fixture.views.subscribe(&all(), None).unwrap();
    subscription.next().await.unwrap().unwrap();
    let views = fixture.views.clone();
    let next = stream.last() + 1;
    let waiting = tokio::spawn(async move { subscription.next().await.unwrap().unwrap().sequence });
    let reached = tokio::spawn(async move { views.reach(projections::ViewName::Status, next).await });
    tokio::task::yield_now().await;
    stream.steer(1, true, false);
    fixture.fold(&stream);
    assert_eq!(waiting.await.unwrap(), next);
    reached.await.unwrap().unwrap();
}
