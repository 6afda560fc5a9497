//! Following positions: snapshot, changes conflated, what is over has left, resuming, and being cut off.

mod stream;

use model::trade::{Side, Terms};
use projections::{Error, Following as _, PositionSubscription, TokenError};
use stream::{Fixture, Stream, capture, terms};
use wire::pb::record::LotMethod;
use wire::pb::view as pb;
use wire::pb::view::position_update::Kind as Update;

fn follow(fixture: &Fixture, token: Option<&str>) -> PositionSubscription {
    fixture.views.subscribe_positions(&pb::PositionFilter::default(), LotMethod::Fifo, token).unwrap()
}

fn poll(subscription: &mut PositionSubscription) -> Option<pb::PositionUpdate> {
    subscription.poll().unwrap()
}

fn held(positions: &[pb::Position]) -> Vec<(String, i64)> {
    positions.iter().map(|each| (each.book.clone(), each.traded.unwrap().unscaled)).collect()
}

fn snapshot(update: &pb::PositionUpdate) -> Vec<(String, i64)> {
    match &update.kind {
        Some(Update::Snapshot(snapshot)) if snapshot.last => held(&snapshot.positions),
        other => panic!("{other:?}"),
    }
}

fn changes(update: &pb::PositionUpdate) -> (Vec<(String, i64)>, Vec<String>) {
    match &update.kind {
        Some(Update::Changes(changes)) => {
            (held(&changes.positions), changes.left.iter().map(|key| key.book.clone()).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn bravo(side: Side, quantity: i64) -> Terms {
    Terms { side, ..terms(Side::Buy, quantity, 100) }
}

#[test]
fn a_snapshot_then_each_change_once_and_what_is_over_has_left() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    stream.accept(vec![capture(1, &bravo(Side::Buy, 100), &[])]);
    fixture.fold(&stream);
    let mut subscription = follow(&fixture, None);
    let update = poll(&mut subscription).unwrap();
    assert_eq!((snapshot(&update), update.sequence), (vec![("B-ONE".to_owned(), 100)], stream.last()));
    assert_eq!(poll(&mut subscription), None);

    // Two trades of one book, one of another, partly written meanwhile.
    stream.accept(vec![capture(2, &bravo(Side::Buy, 20), &[])]);
    fixture.fold(&stream);
    fixture.save();
    stream.accept(vec![capture(3, &terms(Side::Sell, 7, 100), &[])]);
    stream.accept(vec![capture(4, &bravo(Side::Buy, 3), &[])]);
    fixture.fold(&stream);
    let update = poll(&mut subscription).unwrap();
    let both = vec![("A-ONE".to_owned(), -7), ("B-ONE".to_owned(), 123)];
    assert_eq!((changes(&update), update.sequence), ((both, vec![]), stream.last()));
    let token = update.resume_token;
    assert_eq!(subscription.heartbeat().resume_token, token);

    // Sold again: nothing is traded or settled any more.
    stream.accept(vec![capture(5, &terms(Side::Buy, 7, 100), &[])]);
    stream.facts.pop();
    let back = Terms { side: Side::Buy, ..terms(Side::Sell, 7, 100) };
    stream.accept(vec![capture(5, &back, &[])]);
    fixture.fold(&stream);
    let left = (vec![], vec!["A-ONE".to_owned()]);
    assert_eq!(changes(&poll(&mut subscription).unwrap()), left);
    // Whoever comes with the token of before gets the same.
    let mut resumed = follow(&fixture, Some(&token));
    assert_eq!(changes(&poll(&mut resumed).unwrap()), left);
}

#[test]
fn a_token_outside_the_window_starts_anew_and_one_of_elsewhere_is_refused() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    stream.accept(vec![capture(1, &bravo(Side::Buy, 100), &[])]);
    fixture.fold(&stream);
    fixture.folder.set_window(2);
    let mut slow = follow(&fixture, None);
    let token = poll(&mut slow).unwrap().resume_token;
    for number in 2..8 {
        stream.accept(vec![capture(number, &bravo(Side::Buy, 1), &[])]);
    }
    fixture.fold(&stream);
    let cut = poll(&mut slow).unwrap();
    assert!(matches!(cut.kind, Some(Update::TooSlow(_))), "{cut:?}");
    assert_eq!((cut.resume_token.as_str(), poll(&mut slow)), (token.as_str(), None));
    let mut again = follow(&fixture, Some(&token));
    assert!(matches!(poll(&mut again).unwrap().kind, Some(Update::Reset(_))));
    assert_eq!(snapshot(&poll(&mut again).unwrap()), [("B-ONE".to_owned(), 106)]);

    let other = fixture.views.subscribe_positions(&pb::PositionFilter::default(), LotMethod::Average, Some(&token));
    assert!(matches!(other.err(), Some(Error::Token(TokenError::OtherFilter))));
    let instructions = fixture.views.subscribe(&pb::InstructionFilter::default(), Some(&token));
    assert!(matches!(instructions.err(), Some(Error::Token(TokenError::OtherPurpose))));
}
