//! The three processes, and what is said to each: lines in the language of the scenarios become commands.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use model::command::{Command, Inbound};
use testkit::scenario::{InMemory, Mode, Player, Script, player};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use wire::pb::service::{GetHeadRequest, GetStatusRequest, Receipt, ShardState, SubmitCommandRequest};

use super::{ADVICES, INSTRUCTIONS, POSITIONS, RECORDS, STATUS, TRADES};
use crate::connection::{Connection, new_request_id, signed};
use crate::fault::{failed, from_status, reason};
use crate::paging::answer;

/// How long a process may take to serve, and the three to come to rest.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Nobody has anything to say any more when nothing was written for so many looks, so far apart.
const STILL: (u32, Duration) = (10, Duration::from_millis(40));

const PLACES: &str = "calendar TARGET
calendar USDTC
currency EUR TARGET
currency USD USDTC
tolerance EUR 100000.00=2.00 above=25.00
tolerance USD 100000.00=2.00 above=25.00
cycle XETR 2
cycle XNYS 1
instrument SAP DE0007164600 XETR
instrument BMW DE0005190003 XETR
instrument APPLE US0378331005 XNYS ccy=USD
party ALPHA bic=QALPFRP0
party BETA bic=QBETFRP0
party GAMMA bic=QGAMFRP0
party QCSD-AG roles=agent bic=QCSDFRP0
book ALPHA-EQ ALPHA
book ALPHA-TREASURY ALPHA
";
/// The bank: what lies at the agent is mirrored, and its word alone counts for it.
pub const BANK: &str = "domain QCSD TARGET external=yes agent=QCSD-AG EUR=16:00 USD=17:00 free=18:00
account ALPHA-DEPOT depot ALPHA
account ALPHA-DEPOT-2 depot ALPHA
account ALPHA-EUR nostro ALPHA
account ALPHA-USD nostro ALPHA
ssi ALPHA-SSI-EUR ALPHA ALPHA-DEPOT ALPHA-EUR ccy=EUR
ssi ALPHA-SSI-USD ALPHA ALPHA-DEPOT ALPHA-USD ccy=USD
opening ALPHA-DEPOT ALPHA-EQ 1000 BMW cost=88000.00
opening ALPHA-EUR ALPHA-EQ 200000.00 EUR
opening ALPHA-USD ALPHA-EQ 5000.00 USD
parameters four-eyes=ssi
";
/// The agent: everybody's accounts lie here.
pub const AGENT: &str = "domain QCSD TARGET EUR=16:00 USD=17:00 free=18:00
account ALPHA-DEPOT depot ALPHA
account ALPHA-DEPOT-2 depot ALPHA
account ALPHA-EUR nostro ALPHA
account ALPHA-USD nostro ALPHA
book ALPHA-DEPOT ALPHA
book ALPHA-DEPOT-2 ALPHA
book BETA-EQ BETA
account BETA-DEPOT depot BETA
account BETA-CASH nostro BETA
ssi BETA-SSI BETA BETA-DEPOT BETA-CASH
book GAMMA-EQ GAMMA
account GAMMA-DEPOT depot GAMMA
account GAMMA-CASH nostro GAMMA
ssi GAMMA-SSI GAMMA GAMMA-DEPOT GAMMA-CASH
opening ALPHA-DEPOT ALPHA-DEPOT 1000 BMW cost=88000.00
opening ALPHA-EUR ALPHA-DEPOT 200000.00 EUR
opening ALPHA-USD ALPHA-DEPOT 5000.00 USD
opening BETA-DEPOT BETA-EQ 100 SAP cost=12000.00
opening BETA-DEPOT BETA-EQ 1000 BMW cost=88000.00
opening BETA-CASH BETA-EQ 200000.00 EUR
opening GAMMA-DEPOT GAMMA-EQ 1000 APPLE cost=190000.00 ccy=USD
opening GAMMA-DEPOT GAMMA-EQ 500 BMW cost=44000.00
opening GAMMA-CASH GAMMA-EQ 200000.00 EUR
";

/// What lines mean to a seat, each after all before it.
pub struct Tongue {
    player: Player<InMemory>,
    taken: usize,
}

impl Tongue {
    pub fn new(setup: &str) -> Result<Tongue> {
        let mut tongue = Tongue { player: player(Mode::Straight), taken: 0 };
        let setup = format!("{PLACES}{setup}");
        let script = Script::parse("stories", "include setup\n").map_err(|fault| anyhow!(fault))?;
        tongue.player.play(&script, &|_| Some(setup.clone())).map_err(|fault| anyhow!(fault))?;
        Ok(tongue)
    }

    /// The commands of the set-up, once.
    fn setup(&mut self) -> Vec<Inbound> {
        let all = self.player.submitted().to_vec();
        self.taken = all.len();
        all
    }

    /// The commands of a line.
    pub fn commands(&mut self, line: &str) -> Result<Vec<Inbound>> {
        if self.taken == 0 {
            self.setup();
        }
        let script = Script::parse("stories", &format!("{line}\n----\n")).map_err(|fault| anyhow!(fault))?;
        self.player.play(&script, &|_| None).map_err(|fault| anyhow!(fault))?;
        let new = self.player.submitted()[self.taken..].to_vec();
        self.taken += new.len();
        Ok(new)
    }
}

/// A bank or an agent.
pub struct Seat {
    child: Child,
    pub address: String,
    pub connection: Connection,
    tongue: Tongue,
}

/// Everybody.
pub struct Stage {
    pub office: Office,
    pub bank: Seat,
    pub agent: Seat,
}

impl Stage {
    pub async fn start(brokers: &str, dir: &Path, xml: bool) -> Result<Stage> {
        let bank = [
            ("kafka.trades_topic", TRADES),
            ("kafka.status_topic", STATUS),
            ("kafka.positions_topic", POSITIONS),
            ("kafka.instructions_topic", INSTRUCTIONS),
            ("kafka.advices_topic", ADVICES),
            ("kafka.records_topic", RECORDS),
            ("kafka.instructions_as_xml", if xml { "QCSD" } else { "" }),
        ];
        let house = format!("STORIES-BANK/ALPHA={ADVICES}");
        let served = ["--id", "QCSD-AG", "--bank", &house];
        let agent = [("agent.instructions_topic", INSTRUCTIONS), ("agent.xml", if xml { "true" } else { "false" })];
        Ok(Stage {
            bank: Seat::start(brokers, &dir.join("bank"), "STORIES-BANK", "serve", &[], &bank, BANK).await?,
            agent: Seat::start(brokers, &dir.join("agent"), "QCSD-AG", "agent", &served, &agent, AGENT).await?,
            office: Office::start(brokers)?,
        })
    }

    /// Waits until nobody has anything to say any more.
    pub async fn rest(&self) -> Result<()> {
        let (mut last, mut same, began) = ((0, 0), 0, Instant::now());
        while same < STILL.0 {
            let now = (self.bank.head().await?, self.agent.head().await?);
            same = if now == last { same + 1 } else { 0 };
            last = now;
            if began.elapsed() > PATIENCE {
                return Err(failed("bank and agent do not come to rest"));
            }
            tokio::time::sleep(STILL.1).await;
        }
        Ok(())
    }

    /// Ends all three in order.
    pub async fn end(self) -> Result<()> {
        self.office.end().await?;
        self.bank.end().await?;
        self.agent.end().await
    }
}

impl Seat {
    async fn start(
        brokers: &str,
        data: &Path,
        house: &str,
        verb: &str,
        more: &[&str],
        keys: &[(&str, &str)],
        setup: &str,
    ) -> Result<Seat> {
        let program = std::env::current_exe().context("finding this program")?;
        let data = data.to_str().ok_or_else(|| failed("the directory's name is no text"))?;
        let made = tokio::process::Command::new(&program)
            .args(["init", "--data", data, "--house", house, "--domain", "QCSD", "--kafka", brokers])
            .output()
            .await?;
        if !made.status.success() {
            return Err(failed(format!("{house}: {}", String::from_utf8_lossy(&made.stderr))));
        }
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0")?;
            free.local_addr()?.to_string()
        };
        let mut command = tokio::process::Command::new(program);
        command.arg(verb).args(more).args(["--data", data, "--kafka", brokers, "--listen", &address]);
        command.args([
            "--insecure-plaintext",
            "--set",
            "http.listen=",
            "--set",
            "console.listen=",
            "--set",
            "engine.timer=false",
        ]);
        command.args(["--set", "telemetry.filter=warn"]);
        for (key, value) in keys {
            command.args(["--set", &format!("{key}={value}")]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
        let connection = connect(&address).await?;
        let mut seat = Seat { child, address, connection, tongue: Tongue::new(setup)? };
        for inbound in seat.tongue.setup() {
            seat.submit(&inbound.command, "ines.data", "set-up of the stories").await?;
        }
        Ok(seat)
    }

    pub fn process(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Says a line; all its commands must be taken.
    pub async fn say(&mut self, actor: &str, why: &str, line: &str) -> Result<Option<Receipt>> {
        let mut last = None;
        for inbound in self.tongue.commands(line)? {
            last = Some(self.submit(&inbound.command, actor, why).await.context(line.to_owned())?);
        }
        Ok(last)
    }

    pub async fn submit(&self, command: &Command, actor: &str, why: &str) -> Result<Receipt> {
        let began = Instant::now();
        let mut refused = self.ask(command, actor, why).await?;
        // A day closes when its own work is done.
        while matches!(&refused, Err(code) if code == "WORK_UNFINISHED") && began.elapsed() < PATIENCE {
            tokio::time::sleep(STILL.1).await;
            refused = self.ask(command, actor, why).await?;
        }
        refused.map_err(|code| failed(format!("a {} command of {actor} was refused: {code}", command.name())))
    }

    /// Asks, and says the code of the refusal where the business says no.
    pub async fn ask(&self, command: &Command, actor: &str, why: &str) -> Result<Result<Receipt, String>> {
        let command = Some(wire::command::into_wire(command));
        let request = SubmitCommandRequest { command, request_id: new_request_id(), reason: why.to_owned() };
        match self.connection.operator().submit_command(signed(request, actor)?).await {
            Ok(response) => Ok(Ok(response.into_inner().receipt.unwrap_or_default())),
            Err(status) if status.code() == tonic::Code::FailedPrecondition => {
                Ok(Err(reason(&status).unwrap_or_else(|| status.message().to_owned())))
            }
            Err(status) => Err(from_status(status)),
        }
    }

    pub async fn head(&self) -> Result<u64> {
        Ok(answer(self.connection.log().get_head(GetHeadRequest {}).await)?.sequence)
    }

    async fn end(mut self) -> Result<()> {
        let Some(id) = self.child.id() else { return Err(failed("a service ended before its time")) };
        tokio::process::Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        let status = self.child.wait().await?;
        if status.success() { Ok(()) } else { Err(failed(format!("a service ended with {status}"))) }
    }
}

/// Waits until a service takes commands.
async fn connect(address: &str) -> Result<Connection> {
    let began = Instant::now();
    loop {
        if let Ok(connection) = Connection::open(address).await
            && let Ok(status) = connection.operator().get_status(GetStatusRequest {}).await
            && status.into_inner().state() == ShardState::Running
        {
            return Ok(connection);
        }
        if began.elapsed() > PATIENCE {
            return Err(failed(format!("nobody serves at {address}")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The front office.
pub struct Office {
    child: Child,
    told: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Office {
    fn start(brokers: &str) -> Result<Office> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = tokio::process::Command::new(program);
        command.args(["stories", "--office", "--kafka", brokers]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let (told, said) = (child.stdin.take(), child.stdout.take());
        let (Some(told), Some(said)) = (told, said) else { return Err(failed("the front office has no pipes")) };
        Ok(Office { child, told, said: BufReader::new(said).lines() })
    }

    pub fn process(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Tells it something; what it answers.
    pub async fn tell(&mut self, line: &str) -> Result<Vec<String>> {
        self.told.write_all(format!("{line}\n").as_bytes()).await.context("the front office does not listen")?;
        let mut answers = Vec::new();
        loop {
            match self.said.next_line().await? {
                Some(line) if line == "done" => return Ok(answers),
                Some(line) => answers.push(line),
                None => return Err(failed(format!("the front office ended at {line:?}"))),
            }
        }
    }

    async fn end(self) -> Result<()> {
        let Office { mut child, told, .. } = self;
        drop(told);
        let status = child.wait().await?;
        if status.success() { Ok(()) } else { Err(failed(format!("the front office ended with {status}"))) }
    }
}
