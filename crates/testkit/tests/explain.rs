//! Explanations over generated weeks: what is proposed for an open trade is done to a copy of the whole shard, every command
//! of it, and then the trade has settled; or the explanation says what it did not find. The shard itself never changes.

use clearing::{CauseKind, Change, ChangeKind, Explanation, Sought};
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{Content, Outcome};
use model::timestamp::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use testkit::flow::{Desk, Flow, Random, Shape};
use testkit::memory::Shard;

fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

/// A command of the house's own, at the instant at which it may be done.
fn submit(shard: &mut Shard, command: Command, actor: &str, at: Timestamp) -> Result<u64, String> {
    let inbound = Inbound { command, origin: Origin::Engine, actor: name(actor), reason: String::new(), at };
    let record = shard.submit(inbound);
    match &record.content {
        Content::Decided { outcome: Outcome::Accepted(_), .. } => Ok(record.sequence),
        content => Err(format!("{content:?}")),
    }
}

fn carry_out(shard: &mut Shard, changes: &[Change]) -> Result<(), String> {
    for change in changes {
        for command in &change.commands {
            let at = shard.state().at().max(change.not_before).expect("a log has an instant");
            let proposal = submit(shard, command.clone(), "maker", at)?;
            if change.needs_second {
                submit(shard, Command::Approve { proposal, payload_hash: None }, "checker", at)?;
            }
        }
    }
    Ok(())
}

/// Trades settled by records from `from` on, by number.
fn settled(shard: &Shard, from: usize) -> BTreeSet<u64> {
    let mut of = BTreeMap::new();
    let mut settled = BTreeSet::new();
    for (at, record) in shard.records().iter().enumerate() {
        for event in record.events() {
            match event {
                Event::InstructionIssued { instruction, links, .. } => _ = of.insert(*instruction, links[0].trade),
                Event::InstructionsSettled { deliver, receive, .. } if at >= from => {
                    settled.extend([of[deliver], of[receive]]);
                }
                _ => {}
            }
        }
    }
    settled
}

fn state_of(shard: &Shard) -> Vec<u8> {
    let mut bytes = Vec::new();
    shard.state().write_snapshot(&mut |piece| bytes.extend_from_slice(piece));
    bytes
}

fn prove(shard: &Shard, explanation: &Explanation, seed: u64) {
    let mut copy = shard.clone();
    let from = copy.records().len();
    let done = carry_out(&mut copy, &explanation.changes);
    assert_eq!(done, Ok(()), "seed {seed}, record {}: {explanation:#?}", shard.records().len());
    assert!(
        settled(&copy, from).contains(&explanation.trade),
        "seed {seed}, record {}: it did not settle: {explanation:#?}",
        shard.records().len()
    );
    // None of them can be left out; but reference data may set more going than an explanation has looked at.
    if explanation.changes.iter().any(|change| change.kind == ChangeKind::Reference) {
        return;
    }
    for without in 0..explanation.changes.len() {
        let mut fewer = explanation.changes.clone();
        let left_out = fewer.remove(without);
        let mut copy = shard.clone();
        let enough = carry_out(&mut copy, &fewer).is_ok() && settled(&copy, from).contains(&explanation.trade);
        assert!(!enough, "seed {seed}: not needed: {left_out:?} of {explanation:#?}");
    }
}

#[test]
fn what_is_proposed_settles_it_and_nothing_of_it_is_too_much() {
    let (mut asked, mut found, mut kinds, mut unfound) = (0, 0, BTreeMap::new(), BTreeMap::new());
    for seed in 11..=16 {
        let shape = Shape { trades: 160, members: 5, instruments: 10, days: 3, ..Shape::demo() };
        let flow = Flow::new(seed, shape);
        let mut shard = Shard::new(flow.genesis());
        flow.reference().into_iter().for_each(|inbound| _ = shard.submit(inbound));
        let items: Vec<_> = flow.week().collect();
        let (mut desk, mut random, mut trades) = (Desk::default(), Random::new(seed), Vec::new());
        for (number, item) in items.iter().enumerate() {
            let inbound = desk.command(item, |source, id| shard.state().instruction_of(source, id));
            let Some(inbound) = inbound else { continue };
            if let Command::Trade(message) = &inbound.command {
                trades.push((message.source.clone(), message.id.clone()));
            }
            let sequence = shard.submit(inbound).sequence;
            desk.answered(item, sequence);
            if number % (items.len() / 9) != items.len() / 10 {
                continue;
            }
            let before = state_of(&shard);
            let open: Vec<_> = trades.iter().filter(|(source, id)| shard.state().is_open(source, id)).collect();
            for _ in 0..10.min(open.len()) {
                let (source, id) = open[random.below(open.len() as u64) as usize];
                let sought = Sought::Trade(source.clone(), id.clone());
                let explanation = shard.explain(&sought).expect("it is open");
                asked += 1;
                if explanation.settles {
                    found += 1;
                    prove(&shard, &explanation, seed);
                    let all = explanation.causes.iter().map(|cause| format!("{:?}", cause.kind));
                    all.for_each(|kind| *kinds.entry(kind).or_insert(0) += 1);
                } else {
                    assert!(!explanation.unfound.is_empty(), "{explanation:#?}");
                    *unfound.entry(explanation.unfound).or_insert(0) += 1;
                }
            }
            assert!(before == state_of(&shard), "an explanation changes nothing");
        }
    }
    eprintln!("{asked} asked, {found} proved, causes {kinds:?}, not found {unfound:?}");
    assert!(asked > 100 && found * 10 >= asked * 9, "{found} of {asked}; not found: {unfound:#?}");
    for kind in [CauseKind::Unmatched, CauseKind::BeforeDate] {
        assert!(kinds.contains_key(&format!("{kind:?}")), "the weeks hold no {kind:?}: {kinds:?}");
    }
}

/// How long the shard is held up, and how long the rest takes, with much open: `cargo test --test explain -- --ignored --nocapture`.
#[test]
#[ignore = "measures, and asserts nothing"]
fn how_long_it_takes() {
    let trades = 120_000;
    let flow = Flow::new(1, Shape::bench(trades));
    let mut shard = Shard::new(flow.genesis());
    flow.reference().into_iter().for_each(|inbound| _ = shard.submit(inbound));
    let (mut desk, mut last) = (Desk::default(), None);
    for item in flow.week() {
        let Some(inbound) = desk.command(&item, |_, _| None) else { continue };
        if let Command::Trade(message) = &inbound.command {
            // One side alone: all of it stays open.
            if message.details.as_ref().is_none_or(|details| details.side != model::trade::Side::Buy) {
                continue;
            }
            last = Some(Sought::Trade(message.source.clone(), message.id.clone()));
        }
        let sequence = shard.submit(inbound).sequence;
        desk.answered(&item, sequence);
    }
    let (state, sought) = (shard.state(), last.expect("a trade"));
    let timed = |what: &str, run: &mut dyn FnMut()| {
        let mut times: Vec<_> = (0..9)
            .map(|_| {
                let start = std::time::Instant::now();
                run();
                start.elapsed()
            })
            .collect();
        times.sort();
        eprintln!("{what}: {:?} (median of 9), {:?} at most", times[4], times[8]);
    };
    eprintln!("{} open instructions", state.open_counts()[1].1);
    timed("a look at 20,000 places", &mut || {
        let mut around = state.neighbourhood(&sought).expect("open");
        state.touching(&mut around, 0, 20_000);
    });
    let mut around = state.neighbourhood(&sought).expect("open");
    let mut from = Some(0);
    while let Some(place) = from {
        from = state.touching(&mut around, place, 20_000);
    }
    timed("the excerpt", &mut || _ = state.excerpt(&sought, &around).expect("open"));
    timed("the whole explanation", &mut || _ = shard.explain(&sought).expect("open"));
    timed("a copy of the whole state, for comparison", &mut || _ = state.clone());
}
