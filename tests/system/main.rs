//! System tests: the real engine, store and consumer against a real Kafka broker that is killed, starved and deceived.
//!
//! `QUITTANCE_SYSTEM=1 cargo test -p quittance-tests --test system [name …]`. They run one after the other on one private broker, each
//! on topics and directories of its own. The seed is printed; `QUITTANCE_SEED` plays it again.

mod agents;
mod agents_xml;
mod audit;
mod broker;
mod cases;
mod chaos;
mod child;
mod diverged;
mod front_office;
mod full_disk;
mod garbage;
mod kills;
mod node;
mod old_copy;
mod outages;
mod played;
mod positions;
mod prepared;
mod publishing;
mod seats;
mod served;
mod service;
mod shard_process;
mod standby;
mod topics;
mod trade_status;
mod week;
mod wrong_directory;

use broker::Broker;
use cases::{Case, Verdict, seed};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::process::ExitCode;
use std::time::Instant;

/// What the tests share.
struct Rig {
    broker: Broker,
    seed: u64,
    /// What engines and consumers of this process count.
    metrics: PrometheusHandle,
}

/// In this order: the first one finds no broker yet, the last ones kill it.
const CASES: &[Case<Rig>] = &[
    ("service_before_broker_and_topic", outages::service_before_broker_and_topic),
    ("topics_are_made_shown_and_refused", topics::made_shown_and_refused),
    ("week_end_to_end", week::end_to_end),
    ("trade_status_agrees_with_the_view", trade_status::agrees_with_the_view),
    ("positions_agree_with_the_views", positions::agree_with_the_views),
    ("garbage_does_not_stop_the_partition", garbage::does_not_stop_the_partition),
    ("topic_recreated", diverged::topic_recreated),
    ("topic_recreated_while_running", diverged::topic_recreated_while_running),
    ("retention_passed_us", diverged::retention_passed_us),
    ("another_cluster", diverged::another_cluster),
    ("broker_lost_its_tail", diverged::broker_lost_its_tail),
    ("wrong_directory", wrong_directory::refused),
    ("full_disk", full_disk::nothing_is_lost),
    ("kills_under_load", kills::under_load),
    ("records_published_and_taken_over", publishing::restarts_and_a_lost_directory),
    ("records_diverged_and_adopted", publishing::diverged_and_adopted),
    ("records_after_an_old_copy", old_copy::put_back),
    ("records_of_two_engines", publishing::two_engines),
    ("records_acknowledged_and_led", standby::answers_and_roles),
    ("records_standby_takes_over", standby::takes_over),
    ("records_while_the_broker_is_away", publishing::broker_away),
    ("agent_settles_and_advises", agents::settle_and_advise),
    ("agent_and_bank_killed", agents::killed_in_the_middle),
    ("agent_over_xml", agents_xml::a_week),
    ("chaos", chaos::chaos),
    ("broker_killed_under_load", outages::broker_killed_under_load),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    }
    if arguments.first().is_some_and(|first| first == shard_process::ROLE) {
        return shard_process::child(&arguments[1..]);
    }
    if arguments.first().is_some_and(|first| first == chaos::process::ROLE) {
        return chaos::process::child(&arguments[1..]);
    }
    if arguments.first().is_some_and(|first| first == child::ROLE) {
        return child::serve(&arguments[1..]);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    if std::env::var("QUITTANCE_SYSTEM").is_ok_and(|value| value == "1") {
        return run(&arguments);
    }
    println!(
        "\nsystem tests: {} skipped. They start a real Kafka broker and take minutes: `make test` runs them, and so does\n\
         QUITTANCE_SYSTEM=1 cargo test -p quittance-tests --test system\n",
        CASES.len()
    );
    ExitCode::SUCCESS
}

fn run(arguments: &[String]) -> ExitCode {
    let cases = cases::chosen(CASES, arguments);
    if cases.is_empty() {
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let metrics = PrometheusBuilder::new().install_recorder().expect("the only recorder");
    let rig = Rig { broker: Broker::new(), seed: seed("QUITTANCE_SEED"), metrics };
    println!(
        "\nrunning {} system tests, seed {}, broker data in {}",
        cases.len(),
        rig.seed,
        rig.broker.data().display()
    );
    let failed = cases::run(&cases, &rig);
    let seconds = started.elapsed().as_secs_f32();
    if failed.is_empty() {
        println!("system tests passed in {seconds:.0} s\n");
        return ExitCode::SUCCESS;
    }
    println!(
        "\nsystem tests FAILED: {}; again with\n  QUITTANCE_SYSTEM=1 QUITTANCE_SEED={} cargo test -p quittance-tests --test system -- {}\n",
        failed.join(", "),
        rig.seed,
        failed.join(" ")
    );
    ExitCode::FAILURE
}
