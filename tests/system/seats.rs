//! A bank with an external settlement domain and its agent: two processes, two logs, four topics. What is set up and what is said is
//! written in the language of the scenarios.

use crate::Rig;
use crate::served::{LONG, Served, by};
use crate::service::{name, options, submit, until};
use engine::Engine;
use kafka::{Event, Outgoing, Producer, Reader, Received, Topic};
use model::command::{Command, Inbound};
use model::ledger::LedgerAccount;
use model::record::{Genesis, Outcome};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;
use testkit::scenario::genesis;
use testkit::seats::Means;
pub use testkit::seats::Seat;
use wire::pb::service as pb;
use wire::pb::service::settlement_service_client::SettlementServiceClient;
use wire::pb::view::{Break, InstructionStatus};

/// Enough for everything that is said here.
const MEANS: Means = Means { euros: 500_000, shares: 1_000 };

/// How the bank signs, and how the agent does.
pub const HOUSE: &str = "MYBANK";
pub const CSD: &str = "QCSD-AG";

/// The commands that lines mean to a seat.
pub fn commands(seat: Seat, lines: &[String]) -> Vec<Inbound> {
    seat.said(MEANS, lines).1
}

/// Everything of one bank and its agent.
pub struct Seats<'a> {
    rig: &'a Rig,
    dir: tempfile::TempDir,
    pub trades: String,
    pub instructions: String,
    pub advices: String,
    records: String,
    lot: u64,
    /// Bank and agent speak ISO 20022 XML with one another.
    xml: bool,
    producer: Producer,
    calls: u32,
}

impl<'a> Seats<'a> {
    /// New logs and topics.
    pub fn new(rig: &'a Rig, lot: u64) -> Seats<'a> {
        let trades = rig.broker.new_topic("seats");
        let topic = |what: &str| format!("{trades}.{what}");
        let (instructions, advices, records) = (topic("instructions"), topic("advices"), topic("records"));
        rig.broker.make(Topic::trades(&instructions));
        rig.broker.make(Topic::trades(&advices));
        rig.broker.make(Topic::records(&records));
        let dir = tempfile::tempdir().expect("a directory");
        let producer = Producer::new(&rig.broker.brokers()).expect("the settings are right");
        let seats = Seats { rig, dir, trades, instructions, advices, records, lot, xml: false, producer, calls: 0 };
        for (seat, house) in [(Seat::Bank, HOUSE), (Seat::Agent, CSD)] {
            let first = Genesis { house: name(house), ..genesis() };
            let engine = Engine::start(options(&seats.log(seat), first).creating()).expect("a new log");
            for inbound in seat.said(MEANS, &[]).0 {
                let answer = submit(&engine, inbound);
                assert!(matches!(answer.outcome, Outcome::Accepted(_)), "{answer:?}");
            }
            engine.stop().expect("stops in order");
        }
        seats
    }

    /// The same over ISO 20022 XML.
    pub fn over_xml(self) -> Seats<'a> {
        Seats { xml: true, ..self }
    }

    pub fn data(&self, seat: Seat) -> PathBuf {
        self.dir.path().join(if seat == Seat::Bank { "bank" } else { "agent" })
    }

    pub fn log(&self, seat: Seat) -> PathBuf {
        self.data(seat).join("log")
    }

    /// Starts one of the two.
    pub fn start(&self, seat: Seat) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let grpc = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let mut keys = vec![
            ("store.dir", self.data(seat).to_string_lossy().into_owned()),
            ("store.cache_mib", "16".to_owned()),
            ("store.write_buffer_mib", "32".to_owned()),
            ("grpc.listen", grpc),
            ("grpc.timeout_seconds", "300".to_owned()),
            ("http.listen", String::new()),
            ("console.listen", String::new()),
            ("engine.timer", "false".to_owned()),
            ("access.insecure_plaintext", "true".to_owned()),
            ("kafka.brokers", self.rig.broker.address()),
            ("kafka.status_topic", String::new()),
            ("kafka.positions_topic", String::new()),
        ];
        keys.extend(match seat {
            Seat::Bank => vec![
                ("kafka.trades_topic", self.trades.clone()),
                ("kafka.records_topic", self.records.clone()),
                ("kafka.instructions_topic", self.instructions.clone()),
                ("kafka.advices_topic", self.advices.clone()),
                ("kafka.instructions_as_xml", if self.xml { "QCSD" } else { "" }.to_owned()),
            ],
            Seat::Agent => vec![
                ("kafka.publish", "false".to_owned()),
                ("kafka.trades_topic", String::new()),
                ("kafka.instructions_topic", String::new()),
                ("agent.id", CSD.to_owned()),
                ("agent.banks", format!("{HOUSE}/ALPHA={}", self.advices)),
                ("agent.instructions_topic", self.instructions.clone()),
                ("agent.lot", self.lot.to_string()),
                ("agent.xml", self.xml.to_string()),
            ],
        });
        let mut served = Served::with(&keys);
        served.wait_state(pb::ShardState::Running);
        served
    }

    /// The bank's front office sends what lines say.
    pub fn trades(&self, lines: &[String]) {
        for inbound in commands(Seat::Bank, lines) {
            let Command::Trade(trade) = inbound.command else { panic!("a front office sends trades") };
            let mut bytes = Vec::new();
            wire::trade::encode(&trade, &mut bytes);
            self.put(&self.trades, &bytes, trade.id.as_str());
        }
        self.producer.flush(LONG).expect("delivered");
    }

    /// Anything on the advices topic.
    pub fn put_advice(&self, bytes: &[u8]) {
        self.put(&self.advices, bytes, "by hand");
        self.producer.flush(LONG).expect("delivered");
    }

    /// The same, of which the header says what it is.
    pub fn put_as(&self, content_type: &str, bytes: &[u8]) {
        let event = Event { content_type, ..Event::protobuf("by hand", "quittance.test.v1", "/test") };
        self.send(&self.advices, bytes, event);
        self.producer.flush(LONG).expect("delivered");
    }

    fn put(&self, topic: &str, payload: &[u8], id: &str) {
        self.send(topic, payload, Event::protobuf(id, "quittance.test.v1", "/test"));
    }

    fn send(&self, topic: &str, payload: &[u8], event: Event<'_>) {
        let id = event.id;
        let message = Outgoing { topic, partition: Some(0), key: id, payload, event, tag: 0 };
        self.producer.send(&message).expect("taken");
    }

    /// Somebody at a seat says what lines say, one after the other.
    pub fn say(&mut self, served: &Served, seat: Seat, lines: &[String]) {
        for inbound in commands(seat, lines) {
            self.calls += 1;
            let answer = call(served, &inbound.command, &format!("line-{}", self.calls));
            answer.unwrap_or_else(|status| panic!("{:?}: {status}", inbound.command));
        }
    }

    /// All there is on a topic.
    pub fn read(&self, topic: &str) -> Vec<Received> {
        let mut all = Vec::new();
        let reader = Reader::new(&self.rig.broker.brokers(), topic, 0, 0).expect("the settings are right");
        reader.to_end(0, |message| all.push(message)).expect("it can be read");
        all
    }

    /// What lies on each account of ALPHA in the log of a seat, which must not be in use; with what stands on break accounts.
    pub fn balances(&self, seat: Seat) -> BTreeMap<String, i128> {
        let engine = Engine::start(options(&self.log(seat), genesis())).expect("the log opens");
        let found = engine.handle().ask_blocking(|state| {
            let mut found = BTreeMap::new();
            for (account, asset, amount) in state.balances() {
                let party = state.name(model::index::Kind::Party, account.entity().0);
                let lies = match account {
                    LedgerAccount::Location { account, .. } => {
                        state.name(model::index::Kind::Account, account.0).expect("a name").to_string()
                    }
                    LedgerAccount::Break { .. } => "breaks".to_owned(),
                    _ => continue,
                };
                let what = match (asset.as_currency(), asset.as_instrument()) {
                    (Some(currency), _) => currency.to_string(),
                    (_, Some(instrument)) => {
                        state.name(model::index::Kind::Instrument, instrument.0).expect("a name").to_string()
                    }
                    _ => unreachable!("an asset is one of the two"),
                };
                if party.is_some_and(|party| party.as_str() == "ALPHA") {
                    found.insert(format!("{lies} {what}"), amount);
                }
            }
            found
        });
        let report = engine::verify(&engine.log(), &mut |_| {}).expect("reads");
        assert!(report.violation.is_none(), "{seat:?}: {:?}", report.violation);
        engine.stop().expect("stops in order");
        found.expect("answered")
    }
}

/// A command of somebody at a seat.
pub fn call(served: &Served, command: &Command, id: &str) -> Result<pb::Receipt, tonic::Status> {
    let command = Some(wire::command::into_wire(command));
    let request = pb::SubmitCommandRequest { command, request_id: id.to_owned(), reason: "a test".to_owned() };
    let mut operator = served.operator();
    served.runtime().block_on(async move {
        Ok(operator.submit_command(by("anna", request)).await?.into_inner().receipt.expect("always one"))
    })
}

/// How many instructions stand so.
pub fn count(served: &Served, status: InstructionStatus) -> u64 {
    let mut client = SettlementServiceClient::new(served.channel());
    let request = by("anna", pb::SummarizeInstructionsRequest::default());
    let lines = served.runtime().block_on(async move {
        client.summarize_instructions(request).await.map(|response| response.into_inner().lines)
    });
    lines.unwrap_or_default().iter().filter(|line| line.status() == status).map(|line| line.count).sum()
}

/// Waits until so many have settled.
pub fn wait_settled(served: &Served, wanted: u64) {
    let settled = || count(served, InstructionStatus::Settled);
    until(&format!("{wanted} instructions are settled"), LONG, || settled() >= wanted, &|| {
        std::thread::sleep(Duration::from_millis(20));
        format!("{} are; {}", settled(), served.errors())
    });
}

/// The open breaks.
pub fn breaks(served: &Served) -> Vec<Break> {
    let mut client = SettlementServiceClient::new(served.channel());
    let request = by("anna", pb::ListBreaksRequest::default());
    served
        .runtime()
        .block_on(async move { client.list_breaks(request).await.map(|response| response.into_inner().breaks) })
        .unwrap_or_default()
}

/// Waits until there are so many.
pub fn wait_breaks(served: &Served, wanted: usize) -> Vec<Break> {
    until(&format!("{wanted} breaks are open"), LONG, || breaks(served).len() == wanted, &|| {
        format!("{:?}", breaks(served))
    });
    breaks(served)
}
