//! Houses in which something is going on already, for the commands that come next: made once, copied for each input.

use model::command::Inbound;
use model::ledger::{Posting, check_balanced};
use model::record::{Content, Outcome, Record};
use std::thread::LocalKey;
use testkit::memory::Shard;
use testkit::scenario::{Mode, Script, player};

const STANDARD: &str = include_str!("../../scenarios/standard.setup");
const OUTSIDE: &str = include_str!("../../scenarios/outside.setup");

/// Three members of a domain of ours, its day open: trades unmatched, matched for another day, held, short of cash, in repair and
/// settled; a limit, and a proposal that waits.
const INTERNAL: &str = "include standard\n
open
trade B1 BETA sells 100 SAP to ALPHA @ 120.00 isd=today
pair A2 B2 ALPHA buys 10 SAP from BETA @ 120.00 isd=2026-11-25
pair A3 B3 ALPHA buys 5000 SAP from BETA @ 10.00 isd=today
pair A4 B4 ALPHA buys 10 SAP from BETA @ 120.00 isd=today
trade A5 ALPHA buys 7 BMW from GAMMA @ 80.00 isd=today
hold A5
----
";

/// A bank whose accounts a CSD keeps: instructions sent, one matched.
const EXTERNAL: &str = "include outside\n
open
trade S1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today
trade S2 ALPHA sells 200 SAP to BETA @ 120.00 isd=today
trade S3 ALPHA buys 50 SAP from BETA @ 120.00 isd=today
advise X1 status S2 MACH
----
";

thread_local! {
    static INTERNAL_HOUSE: Shard = made(INTERNAL);
    static EXTERNAL_HOUSE: Shard = made(EXTERNAL);
}

/// A copy of the house that settles itself.
pub fn internal() -> Shard {
    copied(&INTERNAL_HOUSE)
}

/// A copy of the house for which others settle.
pub fn external() -> Shard {
    copied(&EXTERNAL_HOUSE)
}

fn copied(house: &'static LocalKey<Shard>) -> Shard {
    house.with(Shard::clone)
}

fn made(text: &str) -> Shard {
    let script = Script::parse("house", text).expect("a scenario");
    let mut player = player(Mode::Straight);
    let include = |name: &str| Some(if name == "standard" { STANDARD } else { OUTSIDE }.to_owned());
    player.play(&script, &include).unwrap_or_else(|fault| panic!("the house cannot be made: {fault}"));
    player.stage().shard().clone()
}

/// Decides a command and folds what comes of it. The shard itself checks that each record balances and reads back.
pub fn submit(house: &mut Shard, inbound: Inbound) -> Outcome {
    outcome(house.submit(inbound)).clone()
}

/// The same message comes a second time: it has been decided, and nothing comes of it.
pub fn submit_again(house: &mut Shard, inbound: Inbound, first: &Outcome) {
    let records = house.records().len();
    let second = submit(house, inbound);
    match (first, &second) {
        (Outcome::Accepted(_) | Outcome::Duplicate { .. }, Outcome::Duplicate { .. }) => {}
        (Outcome::Rejected(first), Outcome::Rejected(second)) if first == second => {}
        _ => panic!("a second delivery got another answer: {first:?}, then {second:?}"),
    }
    assert_eq!(house.records().len(), records + 1, "a second delivery sets nothing going");
}

fn outcome(record: &Record) -> &Outcome {
    match &record.content {
        Content::Decided { outcome, .. } => outcome,
        Content::Genesis(_) => panic!("a command is not a genesis"),
    }
}

/// What must hold of a house at any time: ownership is location, and what limits are used is what reserves them.
pub fn check(house: &Shard) {
    let state = house.state();
    let all: Vec<Posting> =
        state.balances().map(|(account, asset, amount)| Posting { account, asset, amount }).collect();
    assert_eq!(check_balanced(&all), Ok(()), "ownership and location part");
    if let Err(difference) = state.recount_limits() {
        panic!("limits: {difference}");
    }
}

/// What recovery makes of the log, and what a snapshot makes of the state, is the state: by their bytes.
pub fn check_recovery(house: Shard) {
    let kept = snapshot(&house);
    assert_eq!(snapshot(&house.recovered()), kept, "the log folds to another state");
    assert_eq!(snapshot(&house.restored()), kept, "the snapshot reads as another state");
}

/// The state as bytes.
pub fn snapshot(house: &Shard) -> Vec<u8> {
    let mut bytes = Vec::new();
    house.state().write_snapshot(&mut |piece| bytes.extend_from_slice(piece));
    bytes
}
