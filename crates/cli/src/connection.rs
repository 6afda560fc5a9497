//! The way to a server: its address, who calls, and the clients of its services.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::Args;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use wire::pb::service::Receipt;
use wire::pb::service::cash_service_client::CashServiceClient;
use wire::pb::service::ledger_service_client::LedgerServiceClient;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::operator_service_client::OperatorServiceClient;
use wire::pb::service::position_service_client::PositionServiceClient;
use wire::pb::service::report_service_client::ReportServiceClient;
use wire::pb::service::risk_service_client::RiskServiceClient;
use wire::pb::service::settlement_service_client::SettlementServiceClient;
use wire::pb::service::trade_service_client::TradeServiceClient;

use crate::asof::AsOf;
use crate::fault::{failed, usage};
use crate::output::{Format, figure, note};
use crate::proof::{Proof, Spoken, Word, user};

/// Where a server listens when nobody says otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:7400";

/// The metadata that names who asks.
pub const ACTOR: &str = "x-quittance-actor";

/// The largest message of a server that is read: a page of decoded records.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// Which server to ask, and how to print its answer.
#[derive(Args, Clone, Debug)]
pub struct Caller {
    /// The server
    #[arg(long, global = true, env = "QUITTANCE_SERVER", default_value = DEFAULT_ADDRESS, value_name = "ADDR")]
    pub server: String,
    /// How to print the answer
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    #[command(flatten)]
    pub asof: AsOf,
    #[command(flatten)]
    pub proof: Proof,
}

impl Caller {
    pub async fn connect(&self) -> Result<Connection> {
        let mut connection = Connection::open_with(&self.server, &self.proof).await?;
        self.asof.ask(&mut connection).await?;
        Ok(connection)
    }
}

/// Wait for a record before answering.
#[derive(Args, Clone, Debug)]
pub struct Seen {
    /// Wait until the answer holds this record (a receipt's sequence): read your own writes
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0, hide_default_value = true)]
    pub min_sequence: u64,
}

/// Who asks, and why: stands in the log for ever.
#[derive(Args, Clone, Debug)]
pub struct Signed {
    /// Who asks [default: the user of this machine]
    #[arg(long, env = "QUITTANCE_ACTOR", value_name = "NAME")]
    pub actor: Option<String>,
    /// Why; most commands of persons must say
    #[arg(long, short, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub reason: String,
    /// Makes a retry safe: the same id gets the same answer [default: a new one]
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

impl Signed {
    /// A request in this person's name.
    pub fn sign<T>(&self, message: T) -> Result<Request<T>> {
        let actor = self.actor.clone().or_else(user);
        let actor = actor.ok_or_else(|| usage("who asks? Say --actor NAME or set QUITTANCE_ACTOR"))?;
        signed(message, &actor)
    }

    pub fn request_id(&self) -> String {
        self.request_id.clone().unwrap_or_else(new_request_id)
    }
}

/// A request in somebody's name.
pub fn signed<T>(message: T, actor: &str) -> Result<Request<T>> {
    let value =
        MetadataValue::try_from(actor).map_err(|_| usage(format!("{actor:?} is no name of a person or system")))?;
    let mut request = Request::new(message);
    request.metadata_mut().insert(ACTOR, value);
    Ok(request)
}

/// An id that no other call of anybody has.
pub fn new_request_id() -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    format!("cli-{now:x}-{:x}-{call:x}", std::process::id())
}

/// A connection to a server.
#[derive(Clone)]
pub struct Connection {
    channel: Channel,
    pub(crate) word: Word,
}

macro_rules! clients {
    ($($name:ident: $client:ident),*) => {$(
        pub fn $name(&self) -> $client<Spoken> {
            let spoken = InterceptedService::new(self.channel.clone(), self.word.clone());
            $client::new(spoken).max_decoding_message_size(MAX_MESSAGE)
        }
    )*};
}

impl Connection {
    /// Connects, or says how to get a server.
    pub async fn open(address: &str) -> Result<Connection> {
        Connection::open_with(address, &Proof::default()).await
    }

    /// The same with what proves who calls.
    pub async fn open_with(address: &str, proof: &Proof) -> Result<Connection> {
        let scheme = if proof.is_encrypted() { "https" } else { "http" };
        let uri = if address.contains("://") { address.to_owned() } else { format!("{scheme}://{address}") };
        let endpoint = Endpoint::from_shared(uri)
            .map_err(|_| usage(format!("{address:?} is no address: write host:port, as in {DEFAULT_ADDRESS}")))?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .tcp_nodelay(true);
        let (endpoint, word) = (proof.encrypt(endpoint)?, proof.word()?);
        let none = |error| {
            let why = root(&error);
            failed(format!(
                "no server at {address} ({why}): start one with `quittance serve`, or name another with --server or QUITTANCE_SERVER"
            ))
        };
        Ok(Connection { channel: endpoint.connect().await.map_err(none)?, word })
    }

    /// The bare channel, for calls that no client makes.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    clients! {
        trades: TradeServiceClient,
        settlement: SettlementServiceClient,
        cash: CashServiceClient,
        ledger: LedgerServiceClient,
        positions: PositionServiceClient,
        reports: ReportServiceClient,
        risk: RiskServiceClient,
        log: LogServiceClient,
        operator: OperatorServiceClient
    }
}

/// What is at the bottom of an error: "connection refused" rather than "transport error".
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Prints what became of an accepted command.
pub fn print_receipt(format: Format, receipt: Option<Receipt>) -> Result<()> {
    let receipt = receipt.ok_or_else(|| failed("the server's answer holds no receipt"))?;
    if format != Format::Table {
        return crate::output::one(format, RECEIPT, &receipt);
    }
    let numbers = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let mut line = format!("done: record {}", figure::count(receipt.sequence));
    if receipt.duplicate {
        line = format!("asked before: the answer is record {}", figure::count(receipt.sequence));
    }
    if let Some(proposal) = receipt.proposal {
        line = format!("proposed: another person says `quittance proposals approve {proposal}`");
    }
    if let Some(trade) = receipt.trade {
        line.push_str(&format!(", trade {trade}"));
    }
    if receipt.awaits_trade {
        line.push_str(", waits for its trade");
    }
    if !receipt.issued.is_empty() {
        line.push_str(&format!(", instruction {}", numbers(&receipt.issued)));
    }
    if !receipt.settled.is_empty() {
        line.push_str(&format!(", settled {}", numbers(&receipt.settled)));
    }
    for defect in &receipt.defects {
        line.push_str(&format!("\n  in repair: {} {}", defect.code, defect.subject));
    }
    println!("{line}");
    if receipt.proposal.is_some() {
        note("nothing else has happened yet: this command needs a second pair of eyes");
    }
    Ok(())
}

const RECEIPT: &[crate::output::Column<Receipt>] = {
    use crate::output::{Cell, column};
    &[
        column("sequence", |receipt| Cell::Count(receipt.sequence)),
        column("at", |receipt| Cell::text(figure::instant(receipt.at.as_ref()))),
        column("duplicate", |receipt| Cell::text(receipt.duplicate.to_string())),
        column("proposal", |receipt| receipt.proposal.map_or(Cell::Blank, Cell::Count)),
        column("trade", |receipt| receipt.trade.map_or(Cell::Blank, Cell::Count)),
    ]
};
