//! Topics are made as planned, shown as they are, and refused when trades would be lost or reordered by them.

use crate::service::{Service, flow, name, open, prepare};
use crate::{Rig, Verdict};
use kafka::topics::FoundState;
use kafka::{Error, Source, Topic, TopicPlan};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

pub fn made_shown_and_refused(rig: &Rig) -> Verdict {
    rig.broker.start();
    let brokers = rig.broker.brokers();
    let topic = rig.broker.topic_name("plan");
    let plan = |topic: Topic| TopicPlan { topics: vec![topic] };
    let state = |plan: &TopicPlan| kafka::topics::apply(&brokers, plan).map(|found| found[0].state.clone());
    assert_eq!(
        kafka::topics::show(&brokers, &plan(Topic::trades(&topic))).expect("answers")[0].state,
        FoundState::Missing
    );
    assert_eq!(state(&plan(Topic::trades(&topic))), Ok(FoundState::Created));
    assert_eq!(state(&plan(Topic::trades(&topic))), Ok(FoundState::Right));
    // The topics of the service itself, all at once.
    let all = kafka::topics::apply(&brokers, &TopicPlan::new(1)).expect("answers");
    assert!(all.iter().all(kafka::topics::Found::is_right), "{all:?}");

    let short = made(rig, "short", 3, &[("retention.ms", "86400000")]);
    let Ok(FoundState::Differs(differences)) = state(&plan(Topic::trades(&short))) else { panic!("it differs") };
    let differ: Vec<_> =
        differences.iter().map(|each| (each.what.as_str(), each.is.as_str(), each.should_be.as_str())).collect();
    assert_eq!(differ, [("partitions", "3", "1"), ("retention.ms", "86400000", "-1")]);
    let compacted = made(rig, "compacted", 1, &[("cleanup.policy", "compact")]);
    assert!(matches!(state(&plan(Topic::trades(&compacted))), Err(Error::Compacted { .. })));
    let stamped = made(rig, "stamped", 1, &[("message.timestamp.type", "CreateTime")]);

    // The consumer refuses them as well, whoever made them.
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    drop(prepare(&path, &flow(rig.seed, 1)));
    for (topic, code) in [(short, "PARTITIONS_CHANGED"), (compacted, "TOPIC_UNFIT"), (stamped, "TOPIC_UNFIT")] {
        let service = Service::from(open(&path), Source::new(brokers.clone(), name(&topic), None));
        let halt = service.wait_halted(SOON);
        println!("    {halt}");
        assert_eq!(halt.code(), code);
        service.stop_consumer().stop().expect("stops in order");
    }
    Verdict::Passed
}

/// A topic that differs from the plan in some settings.
fn made(rig: &Rig, what: &str, partitions: u32, settings: &[(&'static str, &'static str)]) -> String {
    let name = rig.broker.topic_name(what);
    let mut topic = Topic { partitions, holds_trades: false, ..Topic::trades(&name) };
    topic.settings.extend(settings.iter().copied());
    let found = kafka::topics::apply(&rig.broker.brokers(), &TopicPlan { topics: vec![topic] }).expect("answers");
    assert!(found[0].is_new());
    name
}
