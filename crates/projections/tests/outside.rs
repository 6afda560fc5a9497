//! External domains in the views: every scenario of them, folded in any schedule, ties out; and what is shown of agents
//! and breaks at each step.

mod stream;

use std::path::Path;

use projections::{At, PageRequest};
use stream::played::played;
use stream::random::Random;
use stream::{Fixture, Stream};
use wire::pb::view as pb;

fn scenarios() -> Vec<(String, Stream)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios/external");
    let mut files: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.display().to_string();
        let stream = played(&name, &std::fs::read_to_string(path).unwrap());
        (name, stream)
    };
    files.iter().map(read).collect()
}

fn breaks(fixture: &Fixture) -> Vec<pb::Break> {
    fixture.views.breaks(At::NOW).unwrap().value
}

#[test]
fn every_scenario_ties_out_whatever_the_schedule_of_writing() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 7);
    for (name, stream) in scenarios {
        let mut once = Fixture::new();
        once.fold(&stream);
        once.save();
        let mut random = Random(17);
        let mut now_and_then = Fixture::new();
        while now_and_then.folded < stream.facts.len() {
            let to = (now_and_then.folded + 1 + random.below(5) as usize).min(stream.facts.len());
            now_and_then.folder.fold(&stream.facts[now_and_then.folded..to]);
            now_and_then.folded = to;
            match random.below(3) {
                0 => now_and_then = now_and_then.restart(&Stream { facts: stream.facts[..to].to_vec() }),
                1 => now_and_then.save(),
                _ => {}
            }
        }
        now_and_then.save();
        assert_eq!(once.folder.digests().unwrap(), now_and_then.folder.digests().unwrap(), "{name}");
        let again = once.restart(&stream);
        assert_eq!(breaks(&again), breaks(&now_and_then), "{name}");
        let filter = pb::InstructionFilter::default();
        let listed = |fixture: &Fixture| fixture.views.instructions(&filter, PageRequest::default(), At::NOW).unwrap();
        assert_eq!(listed(&again), listed(&now_and_then), "{name}");
        let lines = again.views.tie_outs(At::NOW).unwrap().lines;
        assert!(!lines.is_empty());
        for line in lines {
            assert!(line.ties, "{name}: {line:?}");
        }
    }
}

#[test]
fn what_an_agent_says_is_shown_as_it_came() {
    let text = "include outside\n\nopen\ntrade S1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today\nhold S1\n\
        advise X1 status S1 PEND reasons=LACK,unheard agent=C-77 narrative=\"next cycle\"\n\
        advise X2 changed S1 DEND reasons=DPRG\nadvise X3 settled S1 40 SAP 4800.00 EUR partial=PAIN\n----\n";
    let stream = played("shown", text);
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    fixture.save();
    let fixture = fixture.restart(&stream);
    let row = fixture.views.instruction(1, At::NOW).unwrap().value;
    assert_eq!(row.status(), pb::InstructionStatus::Pending);
    assert_eq!(row.reasons, ["LACK"]);
    let agent = row.agent.expect("an agent has it");
    assert_eq!((&*agent.status, &*agent.reference, &*agent.narrative), ("PEND", "C-77", "next cycle"));
    assert_eq!(agent.reasons, ["LACK", "unheard"]);
    assert_eq!((&*agent.request, &*agent.answer), ("", "change: DEND DPRG"));
    let plain = |value: Option<wire::pb::typ::Decimal>| value.map(|value| (value.unscaled, value.scale));
    assert_eq!((plain(agent.settled_quantity), plain(agent.settled_amount)), (Some((40, 0)), Some((480_000, 2))));
    assert_eq!((plain(row.quantity), plain(row.amount)), (Some((60, 0)), Some((720_000, 2))));
}

/// A break has an age in business days and an owner, and is gone when a person has closed it.
#[test]
fn breaks_age_until_a_person_closes_them() {
    let text = "include outside\n\nat 2026-11-27\nopen\nadvise X1 cash ALPHA-CASH -15.00 EUR code=CHRG\nassign-break 1 to eva\n\
        advise X2 holdings ALPHA-DEPOT SAP=999\nclose\nat 2026-11-30\nopen\nadvise X3 holdings ALPHA-DEPOT SAP=998\n----\n\n\
        close-break 1 to-book ALPHA-EQ\n----\n";
    let stream = played("ages", text);
    let before = Stream { facts: stream.facts[..stream.facts.len() - 1].to_vec() };
    let mut fixture = Fixture::new();
    fixture.fold(&before);
    let open = breaks(&fixture);
    let told: Vec<_> =
        open.iter().map(|each| (each.number, &*each.kind, each.booked, each.since, each.age, &*each.owner)).collect();
    // Friday to Monday is one business day.
    assert_eq!(
        told,
        [(1, "UNEXPECTED_CASH", true, 20261127, 1, "eva"), (2, "BALANCE_DIFFERS", false, 20261127, 1, "")]
    );
    let item = &open[1].items[0];
    let difference = item.difference.map(|difference| (difference.unscaled, difference.scale));
    assert_eq!((&*item.account, &*item.instrument, difference), ("ALPHA-DEPOT", "SAP", Some((-2, 0))));
    fixture.fold(&stream);
    fixture.save();
    let fixture = fixture.restart(&stream);
    assert_eq!(breaks(&fixture).iter().map(|each| each.number).collect::<Vec<_>>(), [2]);
}
