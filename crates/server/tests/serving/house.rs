//! A house with two members who trade with each other, and a service of its own on free ports.

use std::time::Duration;

use model::permission::AccessRole;
use model::timestamp::Timestamp;
use prost::Message as _;
use server::{Config, Running};
use tempfile::TempDir;
use tonic::Request;
use tonic::transport::Channel;
use wire::pb::record::Command;
use wire::pb::service as pb;
use wire::pb::service::cash_service_client::CashServiceClient;
use wire::pb::service::ledger_service_client::LedgerServiceClient;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::operator_service_client::OperatorServiceClient;
use wire::pb::service::position_service_client::PositionServiceClient;
use wire::pb::service::report_service_client::ReportServiceClient;
use wire::pb::service::risk_service_client::RiskServiceClient;
use wire::pb::service::settlement_service_client::SettlementServiceClient;
use wire::pb::service::trade_service_client::TradeServiceClient;
use wire::pb::trade::{Action, Details, Method, PriceType, QuantityType, Side, Trade};
use wire::pb::typ::Decimal;

/// Monday.
pub const TODAY: u32 = 20261123;

/// From now on openings wait for a second person.
pub const FOUR_EYES: &str = r#"{"setReference":{"parameters":{"fourEyes":["FOUR_EYES_OPENING"],"proposalMinutes":1440,
    "attemptsPerStep":64,"examinedPerStep":2048,"candidatesCompared":64}}}"#;
const MORNING: &str = "2026-11-23T09:00:00Z";

/// Reference data of two members, a thousand of one share and a million euro each; the day is open.
const SETUP: &str = r#"
{"setReference":{"calendar":{"id":"TARGET","firstDay":20200101,"lastDay":20301231,"weekend":96}}}
{"setReference":{"currency":{"code":"EUR","calendar":"TARGET"}}}
{"setReference":{"tolerance":{"currency":"EUR","validFrom":20200101,"recompute":"0.01","bands":[{"upTo":"100000.00","tolerance":"2.00"},{"tolerance":"25.00"}]}}}
{"setReference":{"domain":{"id":"QCSD","kind":"DOMAIN_KIND_INTERNAL","calendar":"TARGET","zone":"Europe/Paris","cutOffs":[{"currency":"EUR","minuteOfDay":1020},{"minuteOfDay":1080}]}}}
{"setReference":{"cycle":{"market":"XETR","validFrom":20200101,"days":2}}}
{"setReference":{"instrument":{"id":"SAP","isins":[{"validFrom":20141006,"isin":"DE0007164600"}],"cfi":"ESVUFR","currency":"EUR","quantityType":"QUANTITY_TYPE_UNIT","minimumUnit":"1","multiple":"1","market":"XETR"}}}
{"setReference":{"party":{"id":"ALPHA","roles":["ROLE_LEGAL_ENTITY","ROLE_COUNTERPARTY"]}}}
{"setReference":{"party":{"id":"BETA","roles":["ROLE_LEGAL_ENTITY","ROLE_COUNTERPARTY"]}}}
{"setReference":{"book":{"id":"ALPHA-EQ","owner":"ALPHA"}}}
{"setReference":{"book":{"id":"BETA-EQ","owner":"BETA"}}}
{"setReference":{"account":{"id":"ALPHA-DEPOT","kind":"ACCOUNT_KIND_DEPOT","holder":"ALPHA","domain":"QCSD","capacity":"ACCOUNT_CAPACITY_OWN"}}}
{"setReference":{"account":{"id":"ALPHA-CASH","kind":"ACCOUNT_KIND_NOSTRO","holder":"ALPHA","domain":"QCSD","capacity":"ACCOUNT_CAPACITY_OWN"}}}
{"setReference":{"account":{"id":"BETA-DEPOT","kind":"ACCOUNT_KIND_DEPOT","holder":"BETA","domain":"QCSD","capacity":"ACCOUNT_CAPACITY_OWN"}}}
{"setReference":{"account":{"id":"BETA-CASH","kind":"ACCOUNT_KIND_NOSTRO","holder":"BETA","domain":"QCSD","capacity":"ACCOUNT_CAPACITY_OWN"}}}
{"setReference":{"ssi":{"id":"ALPHA-SSI","party":"ALPHA","validFrom":20200101,"depot":"ALPHA-DEPOT","nostro":"ALPHA-CASH"}}}
{"setReference":{"ssi":{"id":"BETA-SSI","party":"BETA","validFrom":20200101,"depot":"BETA-DEPOT","nostro":"BETA-CASH"}}}
{"open":{"account":"ALPHA-DEPOT","book":"ALPHA-EQ","instrument":"SAP","quantity":"1000","cost":{"currency":"EUR","amount":"100000.00"}}}
{"open":{"account":"BETA-DEPOT","book":"BETA-EQ","instrument":"SAP","quantity":"1000","cost":{"currency":"EUR","amount":"100000.00"}}}
{"open":{"account":"ALPHA-CASH","book":"ALPHA-EQ","currency":"EUR","quantity":"1000000.00"}}
{"open":{"account":"BETA-CASH","book":"BETA-EQ","currency":"EUR","quantity":"1000000.00"}}
"#;

pub struct House {
    dir: TempDir,
    pub config: Config,
    running: Option<Running>,
    channel: Channel,
    /// The record of the last command of the set-up.
    pub sequence: u64,
}

/// The command that grants a person a role, within books and counterparties (JSON lists without their brackets; empty: all).
pub fn grant(actor: &str, role: AccessRole, books: &str, counterparties: &str) -> String {
    let role = role.name().to_uppercase().replace('-', "_");
    format!(
        r#"{{"setReference":{{"grant":{{"actor":"{actor}","kind":"ACTOR_KIND_PERSON","validFrom":20200101,
        "roles":["ACCESS_ROLE_{role}"],"books":[{books}],"counterparties":[{counterparties}]}}}}}}"#
    )
}

impl House {
    /// A house whose settlement day is open.
    pub async fn open() -> House {
        let mut house = House::empty(&[]).await;
        house.furnish().await;
        house
    }

    /// A house that knows nothing yet, with other settings.
    pub async fn empty(flags: &[(&str, &str)]) -> House {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data").to_string_lossy().into_owned();
        let fixed = [
            ("store.dir", data.as_str()),
            ("store.cache_mib", "8"),
            ("store.write_buffer_mib", "16"),
            ("grpc.listen", "127.0.0.1:0"),
            ("grpc.heartbeat_seconds", "1"),
            ("http.listen", "127.0.0.1:0"),
            ("console.listen", "127.0.0.1:0"),
            ("engine.timer", "false"),
            ("access.insecure_plaintext", "true"),
        ];
        let flags: Vec<_> = fixed.into_iter().chain(flags.iter().copied()).collect();
        let config = Config::from_layers(None, [], flags).expect("sound");
        let init = config.clone();
        tokio::task::spawn_blocking(move || server::init(&init)).await.expect("no panic").expect("creates the log");
        let (running, channel) = start(&config).await;
        House { dir, config, running: Some(running), channel, sequence: 1 }
    }

    /// Loads the set-up and opens the day.
    pub async fn furnish(&mut self) {
        for (number, line) in SETUP.lines().filter(|line| !line.is_empty()).enumerate() {
            let receipt = self.command(&format!("setup-{number}"), line).await.expect("the set-up is sound");
            self.sequence = receipt.sequence;
        }
        let open = pb::OpenDayRequest {
            domain: "QCSD".to_owned(),
            date: TODAY,
            request_id: "open-day".to_owned(),
            ..Default::default()
        };
        let receipt =
            self.operator().open_day(by("timer", open)).await.expect("opens").into_inner().receipt.expect("one");
        self.sequence = receipt.sequence;
    }

    /// Ends the service in order and starts it again on the same directory.
    pub async fn restart(&mut self) {
        self.running.take().expect("runs").stop().await.expect("ends in order");
        let (running, channel) = start(&self.config).await;
        (self.running, self.channel) = (Some(running), channel);
    }

    /// Ends the service without a word, as a crash would, and starts it again.
    pub async fn crash(&mut self) {
        let running = self.running.take().expect("runs");
        tokio::task::spawn_blocking(move || drop(running)).await.expect("no panic");
        self.channel = Channel::from_static("http://127.0.0.1:1").connect_lazy();
        // In one process with what crashed: its last connections have to go first.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (running, channel) = start(&self.config).await;
        (self.running, self.channel) = (Some(running), channel);
    }

    /// A connection that is made when it is used.
    pub fn connect_lazily(&self) -> impl Future<Output = Channel> + Send + use<> {
        let channel = Channel::from_shared(format!("http://{}", self.running().grpc_address()))
            .expect("an address")
            .connect_lazy();
        async move { channel }
    }

    /// Ends the service in order and gives its directory.
    pub async fn close(mut self) -> TempDir {
        self.running.take().expect("runs").stop().await.expect("ends in order");
        self.dir
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("runs")
    }

    /// Another connection.
    pub async fn connect(&self) -> Channel {
        connect(self.running()).await
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub fn trades(&self) -> TradeServiceClient<Channel> {
        TradeServiceClient::new(self.channel())
    }

    pub fn settlement(&self) -> SettlementServiceClient<Channel> {
        SettlementServiceClient::new(self.channel())
    }

    pub fn cash(&self) -> CashServiceClient<Channel> {
        CashServiceClient::new(self.channel())
    }

    pub fn risk(&self) -> RiskServiceClient<Channel> {
        RiskServiceClient::new(self.channel())
    }

    pub fn ledger(&self) -> LedgerServiceClient<Channel> {
        LedgerServiceClient::new(self.channel())
    }

    pub fn positions(&self) -> PositionServiceClient<Channel> {
        PositionServiceClient::new(self.channel())
    }

    pub fn reports(&self) -> ReportServiceClient<Channel> {
        ReportServiceClient::new(self.channel())
    }

    pub fn operator(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.channel())
    }

    pub fn log(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel())
    }

    /// Waits until somebody who was granted something is let in: the door hears of a grant a moment after its receipt.
    pub async fn let_in(&self, actor: &str) {
        let asked = async {
            while self.log().get_head(by(actor, pb::GetHeadRequest {})).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, asked).await.expect("let in soon");
    }

    /// Submits a command that is written as JSON.
    pub async fn command(&self, request_id: &str, json: &str) -> Result<pb::Receipt, tonic::Status> {
        let command: Command = serde_json::from_str(json).expect("a command");
        let request = pb::SubmitCommandRequest {
            command: Some(command),
            request_id: request_id.to_owned(),
            reason: "test".to_owned(),
        };
        let answer = self.operator().submit_command(by("ines", request)).await?;
        Ok(answer.into_inner().receipt.expect("always one"))
    }

    /// Submits a trade.
    pub async fn trade(&self, trade: Trade) -> Result<pb::Receipt, tonic::Status> {
        let request = pb::SubmitTradeRequest { trade: Some(trade), ..Default::default() };
        let answer = self.trades().submit_trade(by("front", request)).await?;
        Ok(answer.into_inner().receipt.expect("always one"))
    }

    /// Both sides of a deal that agree: they settle when there is enough. The receipt of the second.
    pub async fn deal(&self, id: &str, quantity: i64) -> pb::Receipt {
        self.trade(buy(id, quantity)).await.expect("bought");
        self.trade(sell(id, quantity)).await.expect("sold")
    }
}

async fn start(config: &Config) -> (Running, Channel) {
    let clock = engine::Clock::from_fn(|| Timestamp::parse(MORNING).expect("an instant"));
    let running = Running::start_with(config, |options| engine::Options { clock, ..options }).await.expect("starts");
    let channel = connect(&running).await;
    (running, channel)
}

async fn connect(running: &Running) -> Channel {
    let address = format!("http://{}", running.grpc_address());
    Channel::from_shared(address).expect("an address").connect().await.expect("connects")
}

/// A request with its actor.
pub fn by<T>(actor: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(api::ACTOR, actor.parse().expect("ASCII"));
    request
}

/// ALPHA buys from BETA at 100.00, for today.
pub fn buy(id: &str, quantity: i64) -> Trade {
    trade("FO-A", id, ("ALPHA", "BETA"), Side::Buy, quantity)
}

/// BETA sells the same to ALPHA.
pub fn sell(id: &str, quantity: i64) -> Trade {
    trade("FO-B", id, ("BETA", "ALPHA"), Side::Sell, quantity)
}

fn trade(source: &str, id: &str, (party, counterparty): (&str, &str), side: Side, quantity: i64) -> Trade {
    let decimal = |unscaled, scale| Some(Decimal { unscaled, scale });
    Trade {
        source: source.to_owned(),
        id: id.to_owned(),
        version: Some(1),
        action: Action::New as i32,
        details: Some(Details {
            party: party.to_owned(),
            counterparty: counterparty.to_owned(),
            book: format!("{party}-EQ"),
            side: side as i32,
            instrument: "SAP".to_owned(),
            quantity: decimal(quantity, 0),
            price: decimal(10_000, 2),
            trade_date: 20261119,
            intended_settlement_date: Some(TODAY),
            currency: "EUR".to_owned(),
            gross: decimal(quantity * 10_000, 2),
            net: decimal(quantity * 10_000, 2),
            domain: "QCSD".to_owned(),
            quantity_type: QuantityType::Unit as i32,
            price_type: PriceType::Amount as i32,
            method: Method::Dvp as i32,
            ..Default::default()
        }),
    }
}

/// Enough for anything that should happen at once, on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// The name of every call there is.
pub fn calls() -> Vec<String> {
    let files = prost_types::FileDescriptorSet::decode(wire::DESCRIPTORS).expect("sound");
    let ours = files.file.iter().filter(|file| file.package() == "quittance.service.v1");
    ours.flat_map(|file| &file.service).flat_map(|each| &each.method).map(|each| each.name().to_owned()).collect()
}
