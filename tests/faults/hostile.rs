//! Callers that mean harm: idle and half-open connections by the thousand, readers that do not read, calls begun and taken back. The others
//! go on being served, the service's memory is bounded, and who does nothing is shown the door.
//!
//! A run of seconds is part of `make test`; `make hostile` comes with 2,000 of them (`CONNECTIONS`). Loopback only; ends by itself.

use crate::Plan;
use crate::cases::Verdict;
use crate::crowd::{Crowd, Harm, Resets, rapid_reset};
use crate::house::build;
use crate::prepared::until;
use crate::served::Served;
use crate::writer::LONG;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use wire::pb::service as pb;
use wire::pb::service::log_service_client::LogServiceClient;

/// Calls of one connection, and readers that a slow one tries to open.
const STREAMS: u32 = 200;
/// Readers that there may be at once in all.
const READERS: u64 = 64;
/// Seconds of silence before a ping, and again until the connection is given up.
const KEEPALIVE: u32 = 3;
/// Sockets of the honest caller: one that stays, one that comes and goes, one that is not quite gone.
const OF_THE_PROBE: u64 = 3;
/// What a connection that does nothing may cost in the service.
const OF_A_CONNECTION: u64 = 128 << 10;
/// What a reader may cost that does not read: a piece of the log, messages under way, what HTTP/2 has taken.
const OF_A_READER: u64 = 3 << 20;
/// What may come and go for other reasons: caches, arenas of the allocator.
const REST: u64 = 96 << 20;

const IDLE: [Harm; 4] = [Harm::Silence, Harm::HalfPreface, Harm::Mute, Harm::SlowHeaders];

pub fn the_others_are_served(plan: &Plan) -> Verdict {
    let count = usize::try_from(plan.connections).expect("thousands");
    let had = rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be asked for");
    if had < plan.connections * 2 {
        return Verdict::Skipped(format!("{had} open files are too few here for {count} connections"));
    }
    let dir = tempfile::tempdir().expect("a directory");
    build(dir.path(), plan.seed);
    // By default as many are let in as are half of the 2,000 that come, and half of those from one address.
    let [all, of_one] = [plan.connections / 2, plan.connections / 4];
    let keys = [
        ("grpc.max_connections", all.to_string()),
        ("grpc.max_connections_per_address", of_one.to_string()),
        ("grpc.max_streams", STREAMS.to_string()),
        ("grpc.max_readers", READERS.to_string()),
        ("grpc.keepalive_seconds", KEEPALIVE.to_string()),
    ];
    let served = Served::start(dir.path(), None, &keys);
    let attackers = Runtime::new().expect("threads");
    let addresses = |hosts: u8| (0..hosts).map(|host| Ipv4Addr::new(127, 1, 0, host + 1)).collect::<Vec<_>>();
    let seat = Seat { served: &served, attackers: &attackers, at: served.grpc };

    let mut quiet = seat.watch(2, || {});
    quiet.tell("without a load");

    let one = seat.against(count, &addresses(1), &IDLE, of_one);
    one.tell(&format!("{count} idle and half-open, one address"));
    let many = seat.against(count, &addresses(8), &IDLE, all);
    many.tell(&format!("{count} idle and half-open, 8 addresses"));
    let bound = all * OF_A_CONNECTION + REST;
    for measured in [&one, &many] {
        assert!(measured.grown() < bound, "{} bytes more for {all} idle connections", measured.grown());
    }

    let readers = seat.against(10.min(count / 4), &addresses(2), &[Harm::SlowReaders(STREAMS)], 10);
    readers.tell(&format!("readers that do not read, {STREAMS} a connection"));
    let bound = READERS * OF_A_READER + REST;
    assert!(readers.grown() < bound, "{} bytes more for {READERS} readers", readers.grown());

    let resets = seat.resets(4);
    resets.tell("4 that reset what they begin");
    assert!(resets.grown() < REST, "{} bytes more", resets.grown());
    quiet = seat.watch(2, || {});
    quiet.tell("afterwards");
    drop(attackers);
    served.terminate();
    Verdict::Passed
}

/// Who attacks what.
struct Seat<'a> {
    served: &'a Served,
    attackers: &'a Runtime,
    at: SocketAddr,
}

impl Seat<'_> {
    /// A crowd comes and stays until the service has shown it the door.
    fn against(&self, count: usize, from: &[Ipv4Addr], harms: &[Harm], most: u64) -> Measured {
        let before = sockets(self.served.child.id());
        let mut shed = Duration::ZERO;
        let mut measured = self.watch(0, || {
            let crowd = Crowd::comes(self.attackers, self.at, count, from, harms);
            let begun = Instant::now();
            let mut peak = before;
            let gone = || {
                let now = sockets(self.served.child.id());
                peak = peak.max(now);
                crowd.connected() == count as u64 && peak > before + OF_THE_PROBE && now <= before + OF_THE_PROBE
            };
            until("those who do nothing are shown the door", LONG, gone, &|| {
                format!("{} sockets, {before} before", sockets(self.served.child.id()))
            });
            shed = begun.elapsed();
        });
        // The probe has two connections at most.
        assert!(measured.sockets <= before + most + 3, "{} sockets, {before} before, {most} may be", measured.sockets);
        measured.shed = Some(shed);
        measured
    }

    fn resets(&self, callers: u8) -> Measured {
        let done = Arc::<Resets>::default();
        let mut measured = self.watch(0, || {
            let calls = (0..callers).map(|host| {
                self.attackers.spawn(rapid_reset(Ipv4Addr::new(127, 2, 0, host + 1), self.at, done.clone()))
            });
            let calls: Vec<_> = calls.collect();
            std::thread::sleep(Duration::from_secs(5));
            calls.iter().for_each(tokio::task::JoinHandle::abort);
        });
        let [streams, ended] = [&done.streams, &done.ended].map(|count| count.load(Ordering::Relaxed));
        assert!(streams > 0, "nobody called");
        measured.note = format!(", {streams} streams, {ended} connections ended over them");
        measured
    }

    /// What becomes of the service and of an honest caller in so many seconds, or while something is done.
    fn watch(&self, seconds: u64, work: impl FnOnce()) -> Measured {
        let (probe, gauge) = (Probe::start(self.at), Gauge::start(self.served.child.id()));
        std::thread::sleep(Duration::from_secs(seconds));
        work();
        let (kept, fresh) = probe.stop();
        let (before, rss, sockets) = gauge.stop();
        Measured { kept, fresh, before, rss, sockets, shed: None, note: String::new() }
    }
}

/// What was measured of the service, and how long an honest caller waited.
struct Measured {
    /// Answers on a connection that stays, and on a new one each.
    kept: Vec<Duration>,
    fresh: Vec<Duration>,
    /// Bytes of memory at first, and at most.
    before: u64,
    rss: u64,
    /// Sockets at most.
    sockets: u64,
    shed: Option<Duration>,
    note: String,
}

impl Measured {
    fn grown(&self) -> u64 {
        self.rss.saturating_sub(self.before)
    }

    fn tell(&self, name: &str) {
        let quantiles = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            let at = |share: usize| times.get(times.len() * share / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
            format!("{} answers, p50 {:.1} p99 {:.1} ms", times.len(), at(50), at(99))
        };
        let shed = self.shed.map_or(String::new(), |after| format!(", all gone after {:.1} s", after.as_secs_f32()));
        println!(
            "    {name}: probe {}; new connections {}; memory {} MiB and {:+} at most; {} sockets{shed}{}",
            quantiles(&self.kept),
            quantiles(&self.fresh),
            self.before >> 20,
            self.grown() >> 20,
            self.sockets,
            self.note
        );
    }
}

/// An honest caller with a point query, over and over; it panics when it is not answered.
struct Probe {
    done: Arc<AtomicBool>,
    asking: JoinHandle<(Vec<Duration>, Vec<Duration>)>,
}

/// A new connection for every so many questions.
const FRESH: usize = 20;

impl Probe {
    fn start(at: SocketAddr) -> Probe {
        let done = Arc::<AtomicBool>::default();
        let ends = done.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let asking = std::thread::spawn(move || {
            runtime.block_on(async {
                let (mut kept, mut fresh) = (Vec::new(), Vec::new());
                let mut log = LogServiceClient::new(connect(at).await);
                while !ends.load(Ordering::Relaxed) {
                    kept.push(ask(&mut log).await);
                    if kept.len() % FRESH == 0 {
                        let begun = Instant::now();
                        ask(&mut LogServiceClient::new(connect(at).await)).await;
                        fresh.push(begun.elapsed());
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                (kept, fresh)
            })
        });
        Probe { done, asking }
    }

    fn stop(self) -> (Vec<Duration>, Vec<Duration>) {
        self.done.store(true, Ordering::Relaxed);
        let (kept, fresh) = self.asking.join().expect("every question is answered");
        assert!(!kept.is_empty(), "nothing was asked");
        (kept, fresh)
    }
}

async fn connect(at: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{at}")).expect("an address");
    tokio::time::timeout(LONG, endpoint.connect()).await.expect("let in").expect("connects")
}

async fn ask(log: &mut LogServiceClient<Channel>) -> Duration {
    let begun = Instant::now();
    let answer = log.get_record(pb::GetRecordRequest { sequence: 2 });
    let answer = tokio::time::timeout(LONG, answer).await.expect("in time").expect("answered").into_inner();
    assert_eq!(answer.record.expect("there").sequence, 2);
    begun.elapsed()
}

/// Watches the memory and the sockets of a process.
struct Gauge {
    done: Arc<AtomicBool>,
    watching: JoinHandle<(u64, u64, u64)>,
}

impl Gauge {
    fn start(id: u32) -> Gauge {
        let done = Arc::<AtomicBool>::default();
        let ends = done.clone();
        let watching = std::thread::spawn(move || {
            let before = memory(id);
            let (mut rss, mut most) = (before, 0);
            while !ends.load(Ordering::Relaxed) {
                rss = rss.max(memory(id));
                most = most.max(sockets(id));
                std::thread::sleep(Duration::from_millis(50));
            }
            (before, rss, most)
        });
        Gauge { done, watching }
    }

    fn stop(self) -> (u64, u64, u64) {
        self.done.store(true, Ordering::Relaxed);
        self.watching.join().expect("it can be looked at")
    }
}

/// Bytes of a process in memory.
fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// Sockets that a process has.
fn sockets(id: u32) -> u64 {
    let files = fs::read_dir(format!("/proc/{id}/fd")).expect("it lives").flatten();
    let is_socket = |link: &std::path::PathBuf| link.to_string_lossy().starts_with("socket:");
    files.filter_map(|file| fs::read_link(file.path()).ok()).filter(is_socket).count() as u64
}
