//! Trades in bulk: one task reads and submits, another answers; between them stand as many as the limit allows.
//!
//! What is submitted is taken in the order of the stream, so answers come in that order and nothing has to be sorted. A caller that
//! does not read its answers fills the space between, and is then not read from.

use engine::Pending;
use model::identifier::Identifier;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::Instrument as _;
use wire::pb::service as pb;
use wire::pb::service::submit_trades_response::Outcome;

use crate::ack::Ack;
use crate::backend::{Backend, request};
use crate::receipt::{Verdict, timestamp};
use crate::trade::{read_trade, trade_request_id};
use crate::{caller, failure};

/// One message of the stream on its way to its answer.
enum Sent {
    /// The shard has it.
    Taken(Pending),
    /// It made no sense.
    Malformed(pb::TradeMalformed),
    /// The stream ends with this.
    Failed(Status),
}

impl Backend {
    /// Submits what comes and answers in the same order.
    pub(crate) fn submit_all(
        &self,
        actor: Identifier,
        ack: Ack,
        mut trades: Streaming<pb::SubmitTradesRequest>,
    ) -> impl Stream<Item = Result<pb::SubmitTradesResponse, Status>> + Send + use<> {
        let (taken, mut in_flight) = mpsc::channel(self.limits.in_flight_per_stream);
        let (answered, answers) = mpsc::channel(256);
        let backend = self.clone();
        let reading = async move {
            let mut closing = std::pin::pin!(backend.closing());
            loop {
                let next = tokio::select! {
                    biased;
                    () = &mut closing => {
                        Some(Sent::Failed(failure::stopped("the service ends: send again what was not answered".to_owned())))
                    }
                    // The answers have nobody to go to: what is submitted stays submitted, no more is taken.
                    () = taken.closed() => None,
                    message = trades.message() => match message {
                        Ok(Some(message)) => Some(backend.send(&actor, message).await),
                        Ok(None) => None,
                        Err(status) => Some(Sent::Failed(status)),
                    },
                };
                let Some(sent) = next else { return };
                let last = matches!(sent, Sent::Failed(_));
                if taken.send(sent).await.is_err() || last {
                    return;
                }
            }
        };
        // The blocks that hold these trades are linked to the caller's trace.
        tokio::spawn(reading.in_current_span());
        let backend = self.clone();
        tokio::spawn(async move {
            let mut index = 0;
            while let Some(sent) = in_flight.recv().await {
                let answer = backend
                    .answer(sent, &ack)
                    .await
                    .map(|outcome| pb::SubmitTradesResponse { index, outcome: Some(outcome) });
                let last = answer.is_err();
                if answered.send(answer).await.is_err() || last {
                    return;
                }
                index += 1;
            }
        });
        ReceiverStream::new(answers)
    }

    /// Reads one message and gives it to the shard.
    async fn send(&self, actor: &Identifier, message: pb::SubmitTradesRequest) -> Sent {
        let trade = match read_trade(message.trade.as_ref()) {
            Ok(trade) => trade,
            Err(malformed) => return Sent::Malformed(malformed),
        };
        let checked = trade_request_id(&message.request_id, &trade)
            .and_then(|request_id| Ok((request_id, caller::reason(&message.reason)?)));
        let (request_id, reason) = match checked {
            Ok(checked) => checked,
            Err(fault) => {
                return Sent::Malformed(pb::TradeMalformed { path: fault.path.to_owned(), reason: fault.why });
            }
        };
        let command = model::command::Command::Trade(Box::new(trade));
        let shard = match self.shard() {
            Ok(shard) => shard,
            Err(status) => return Sent::Failed(status),
        };
        match shard.send(request(command, request_id, actor.clone(), reason)).await {
            Ok(pending) => Sent::Taken(pending),
            Err(error) => Sent::Failed(failure::shard(error)),
        }
    }

    async fn answer(&self, sent: Sent, ack: &Ack) -> Result<Outcome, Status> {
        match sent {
            Sent::Malformed(malformed) => Ok(Outcome::Malformed(malformed)),
            Sent::Failed(status) => Err(status),
            Sent::Taken(pending) => {
                let answer = pending.await.map_err(failure::shard)?;
                let verdict = self.verdict(answer.sequence, answer.at, &answer.outcome)?;
                self.acknowledged(ack, verdict.sequence).await?;
                Ok(outcome(verdict))
            }
        }
    }
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict.outcome {
        Ok(receipt) => Outcome::Accepted(*receipt),
        Err(rejection) => Outcome::Rejected(pb::TradeRejected {
            sequence: verdict.sequence,
            at: Some(timestamp(verdict.at)),
            reason: rejection.reason.code().to_owned(),
            help: rejection.reason.help().to_owned(),
            subject: rejection.subject,
            duplicate: verdict.duplicate,
        }),
    }
}
