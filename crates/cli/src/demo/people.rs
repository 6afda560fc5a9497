//! Operations in the week: what people and the timer ask for, each with the numbers that only the service knows.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use model::command::{Command, DayStep, Inbound, Origin, Replay, Step as DayPart};
use model::identifier::Identifier;
use testkit::flow::Step;
use wire::pb::service::{GetHeadRequest, SubmitCommandRequest, SubmitTradeRequest};
use wire::pb::view::InstructionStatus;

use super::answers::Answers;
use crate::connection::{Connection, signed};
use crate::fault::{failed, from_status, reason};
use crate::paging::answer;
use crate::trades;

/// How long long work may take before a day that cannot be closed is an error.
const PATIENCE: Duration = Duration::from_secs(30);

/// What people did.
#[derive(Default)]
pub struct Done {
    pub commands: u64,
    /// The business said no, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// Everybody in operations.
pub struct People {
    connection: Connection,
    /// Proposals by the request that made them.
    proposals: BTreeMap<Identifier, u64>,
    /// Whether what could not be read is in the log, to be closed there.
    quarantines: bool,
    calls: u64,
    pub done: Done,
}

impl People {
    pub fn new(connection: Connection, quarantines: bool) -> People {
        People { connection, proposals: BTreeMap::new(), quarantines, calls: 0, done: Done::default() }
    }

    /// Does what a step of the week says. Everything sent before it must have been answered.
    pub async fn act(&mut self, step: &Step, answers: &mut Answers) -> Result<()> {
        match step {
            Step::Message(_) => Ok(()),
            Step::Command(inbound) => self.command(inbound, answers).await,
            Step::Steer { source, id, steer, actor } => {
                let trade = trades::get(&self.connection, source.as_str(), id.as_str(), answers.sequence).await?;
                let ended = [InstructionStatus::Settled, InstructionStatus::Cancelled];
                let open = trade.instructions.iter().rev().find(|each| !ended.contains(&each.status()));
                let Some(open) = open else { return Ok(()) };
                let command = Command::Steer { instruction: open.number, steer: *steer };
                self.ask(&command, actor, "the client has confirmed", None, answers).await.map(drop)
            }
            Step::Approve { request, actor } => {
                let proposal = self.proposals.get(request).copied();
                let proposal = proposal.ok_or_else(|| failed(format!("{request} was not proposed")))?;
                self.ask(&Command::Approve { proposal, payload_hash: None }, actor, "", None, answers).await.map(drop)
            }
            Step::CloseUnreadable { unreadable, replay, actor, reason } => {
                if self.quarantines {
                    let sequence = answers.quarantined.get(*unreadable as usize).copied();
                    let sequence = sequence.ok_or_else(|| failed("nothing was quarantined"))?;
                    let replay = replay.clone().map(Replay::Trade);
                    let command = Command::CloseQuarantined { sequence, replay };
                    return self.ask(&command, actor, reason, None, answers).await.map(drop);
                }
                // Refused at the door, it is not in the log: the person sends it as it should have been.
                match replay {
                    Some(trade) => self.trade(Command::Trade(trade.clone()), actor, reason, answers).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn command(&mut self, inbound: &Inbound, answers: &mut Answers) -> Result<()> {
        let id = match &inbound.origin {
            Origin::Call { request_id } => Some(request_id.clone()),
            _ => None,
        };
        if let Command::Day(DayStep { step: DayPart::Close { .. }, .. }) = &inbound.command {
            return self.close(inbound, answers).await;
        }
        let proposal = self.ask(&inbound.command, &inbound.actor, &inbound.reason, id.as_ref(), answers).await?;
        if let (Some(proposal), Some(id)) = (proposal, id) {
            self.proposals.insert(id, proposal);
        }
        Ok(())
    }

    /// A day is closed when its own work is done; a person who is early asks again.
    async fn close(&mut self, inbound: &Inbound, answers: &mut Answers) -> Result<()> {
        settle_down(&self.connection).await?;
        let started = std::time::Instant::now();
        loop {
            let refused = self.done.refused.get("WORK_UNFINISHED").copied();
            self.ask(&inbound.command, &inbound.actor, &inbound.reason, None, answers).await?;
            if self.done.refused.get("WORK_UNFINISHED").copied() == refused || started.elapsed() > PATIENCE {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks, and notes the answer; the number of the proposal where it became one.
    async fn ask(
        &mut self,
        command: &Command,
        actor: &Identifier,
        why: &str,
        id: Option<&Identifier>,
        answers: &mut Answers,
    ) -> Result<Option<u64>> {
        self.calls += 1;
        let request_id = id.map_or_else(|| format!("week-{:06}", self.calls), ToString::to_string);
        let request = SubmitCommandRequest {
            command: Some(wire::command::into_wire(command)),
            request_id,
            reason: why.to_owned(),
        };
        let answer = self.connection.operator().submit_command(signed(request, actor.as_str())?).await;
        self.done.commands += 1;
        match answer {
            Ok(response) => {
                let receipt = response.into_inner().receipt.unwrap_or_default();
                answers.seen(receipt.sequence);
                Ok(receipt.proposal)
            }
            Err(status) if status.code() == tonic::Code::FailedPrecondition => {
                let code = reason(&status).unwrap_or_else(|| status.message().to_owned());
                *self.done.refused.entry(code).or_default() += 1;
                Ok(None)
            }
            Err(status) => Err(from_status(status).context(format!("a {} command of {actor}", command.name()))),
        }
    }

    async fn trade(&mut self, command: Command, actor: &Identifier, why: &str, answers: &mut Answers) -> Result<()> {
        let Some(wire::pb::record::command::Kind::Trade(trade)) = wire::command::into_wire(&command).kind else {
            return Err(failed("a trade is a trade on the wire"));
        };
        let request = SubmitTradeRequest { trade: Some(trade), request_id: String::new(), reason: why.to_owned() };
        let response = answer(self.connection.trades().submit_trade(signed(request, actor.as_str())?).await)?;
        self.done.commands += 1;
        answers.seen(response.receipt.unwrap_or_default().sequence);
        Ok(())
    }
}

/// Waits until nothing more is written: the work that commands set going is done. The last record.
pub async fn settle_down(connection: &Connection) -> Result<u64> {
    let mut client = connection.log();
    let (mut last, mut same) = (0, 0);
    loop {
        let head = answer(client.get_head(GetHeadRequest {}).await)?.sequence;
        same = if head == last { same + 1 } else { 0 };
        last = head;
        if same == 3 {
            return Ok(head);
        }
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}
