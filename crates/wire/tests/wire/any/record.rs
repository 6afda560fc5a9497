//! Any record.

use super::command::command;
use super::event::event;
use super::*;
use model::command::{Inbound, Origin};
use model::record::{Content, Genesis, Outcome, Record};
use model::rejection::{Reason, Rejection};
use proptest::sample::select;

pub fn record() -> impl Strategy<Value = Record> {
    let decided = (inbound(), outcome()).prop_map(|(inbound, outcome)| Content::Decided { inbound, outcome });
    let content = prop_oneof![1 => genesis().prop_map(Content::Genesis), 20 => decided];
    (natural(), small(), content).prop_map(|(sequence, rules_version, content)| Record {
        sequence: sequence.max(1),
        rules_version,
        content,
    })
}

pub fn inbound() -> impl Strategy<Value = Inbound> {
    (command(), origin(), identifier(), text(), timestamp()).prop_map(|(command, origin, actor, reason, at)| Inbound {
        command,
        origin,
        actor,
        reason,
        at,
    })
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        (identifier(), small(), natural()).prop_map(|(topic, partition, offset)| Origin::Kafka {
            topic,
            partition,
            offset
        }),
        identifier().prop_map(|request_id| Origin::Call { request_id }),
        Just(Origin::Engine),
        natural().prop_map(|line| Origin::File { line }),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        8 => some(event()).prop_map(Outcome::Accepted),
        1 => (select(Reason::ALL), any::<String>())
            .prop_map(|(reason, subject)| Outcome::Rejected(Rejection { reason, subject })),
        1 => natural().prop_map(|of| Outcome::Duplicate { of }),
    ]
}

fn genesis() -> impl Strategy<Value = Genesis> {
    (small(), identifier(), small(), some(identifier()), maybe(any::<String>()), timestamp())
        .prop_map(|(format, house, shard, domains, cluster, at)| Genesis { format, house, shard, domains, cluster, at })
}
