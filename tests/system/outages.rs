//! The broker is not there, not ready, or dies: the service waits and goes on, and nothing is lost.

use crate::audit;
use crate::front_office::FrontOffice;
use crate::service::{Service, flow, prepare};
use crate::{Rig, Verdict};
use kafka::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use testkit::flow::Step;

/// Starting a broker takes three seconds on an idle machine, and many times that on a busy one.
const BROKER: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_secs(30);

/// The service is started first, then the broker, then the topic is made: each wait says what is missing and what to do.
pub fn service_before_broker_and_topic(rig: &Rig) -> Verdict {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let week = prepare(&path, &flow(rig.seed, 2_000));
    let topic = rig.broker.topic_name("early");
    let service = Service::start(rig, &path, &topic);
    // When this test runs alone or first, nobody has started the broker yet.
    service.wait_waiting("no Kafka broker answers", SOON);
    assert!(matches!(service.consumer.state(), State::Waiting(why) if why.contains("start it")), "it says what to do");
    let began = Instant::now();
    rig.broker.start();
    println!("    the broker started in {:.1} s", began.elapsed().as_secs_f32());
    service.wait_waiting("does not exist", BROKER);
    assert!(matches!(service.consumer.state(), State::Waiting(why) if why.contains("quittance topics apply")));
    rig.broker.make_topic(&topic);
    service.wait_running(SOON);
    let mut office = FrontOffice::new(&rig.broker.brokers(), &topic);
    for item in week {
        if let Step::Message(message) = &item.step {
            office.send(message);
        }
    }
    let end = office.settle();
    service.wait_durable(&topic, end, SOON);
    let engine = service.stop_consumer();
    audit::exactly_one_outcome_each(&office.close(), &audit::outcomes(&engine.log(), &topic));
    audit::stop_and_verify(engine);
    Verdict::Passed
}

/// The broker dies twice while messages flow; what it confirmed is there once, and the service goes on by itself.
pub fn broker_killed_under_load(rig: &Rig) -> Verdict {
    let topic = rig.broker.new_topic("outage");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let week = prepare(&path, &flow(rig.seed, 200_000));
    let service = Service::start(rig, &path, &topic);
    service.wait_running(SOON);

    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, mut office) = (stop.clone(), FrontOffice::new(&rig.broker.brokers(), &topic));
    let load = thread::spawn(move || {
        for item in week {
            if let Step::Message(message) = &item.step {
                office.send(message);
                if office.count().is_multiple_of(20) {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            if stopped.load(Ordering::Relaxed) {
                break;
            }
        }
        office
    });
    for _ in 0..2 {
        let before = service.consumer.progress().0;
        crate::service::until("messages flow", SOON, || service.consumer.progress().0 > before + 500, &String::new);
        rig.broker.kill();
        service.wait_waiting("", SOON);
        let began = Instant::now();
        rig.broker.start();
        let up = began.elapsed();
        service.wait_running(BROKER);
        println!(
            "    the broker was back after {:.1} s, the service {:.1} s later",
            up.as_secs_f32(),
            (began.elapsed() - up).as_secs_f32()
        );
    }
    stop.store(true, Ordering::Relaxed);
    let office = load.join().expect("the front office lives");
    let end = office.settle();
    service.wait_durable(&topic, end, BROKER);
    let engine = service.stop_consumer();
    audit::exactly_one_outcome_by_id(&office.close(), &engine.log(), &topic);
    audit::stop_and_verify(engine);
    Verdict::Passed
}
