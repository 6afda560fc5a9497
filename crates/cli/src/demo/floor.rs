//! The trading floor: the front offices of all members, each with a connection of its own, trades pipelined.

use std::collections::{BTreeMap, VecDeque};

use anyhow::Result;
use model::command::Command;
use testkit::flow::{Body, Message};
use tonic::client::Grpc;
use tonic_prost::ProstCodec;
use wire::pb::record::command::Kind;
use wire::pb::service::submit_trades_response::Outcome;
use wire::pb::service::{SubmitTradeResponse, SubmitTradesRequest};

use super::answers::{Answers, Got};
use crate::connection::{Connection, signed};
use crate::fault::{failed, from_status};
use crate::pipeline::Pipeline;

/// Where a message of any bytes goes.
const SUBMIT_TRADE: &str = "/quittance.service.v1.TradeService/SubmitTrade";

/// All front offices, over gRPC.
pub struct Floor {
    address: String,
    offices: BTreeMap<String, Office>,
    /// Messages so large that the interface does not take them: not sent.
    pub withheld: u64,
}

/// A member's front office, and the places of the messages that it has no answer for.
struct Office {
    pipeline: Pipeline,
    waiting: VecDeque<usize>,
}

impl Floor {
    pub fn new(address: String) -> Floor {
        Floor { address, offices: BTreeMap::new(), withheld: 0 }
    }

    /// How many front offices have sent something.
    pub fn offices(&self) -> usize {
        self.offices.len()
    }

    /// Sends without waiting for the answer, save where the bytes are no message at all.
    pub async fn send(&mut self, place: usize, message: &Message, answers: &mut Answers) -> Result<()> {
        match &message.body {
            Body::Trade(trade) => {
                answers.sent(place, message.expected);
                let Some(Kind::Trade(wire)) = wire::command::into_wire(&Command::Trade(trade.clone())).kind else {
                    return Err(failed("a trade is a trade on the wire"));
                };
                let source = trade.source.as_str();
                if !self.offices.contains_key(source) {
                    let pipeline = Pipeline::open(&Connection::open(&self.address).await?, source)?;
                    self.offices.insert(source.to_owned(), Office { pipeline, waiting: VecDeque::new() });
                }
                let Some(office) = self.offices.get_mut(source) else { return Err(failed("no such front office")) };
                let request =
                    SubmitTradesRequest { trade: Some(wire), request_id: String::new(), reason: String::new() };
                office.pipeline.send(request).await?;
                office.waiting.push_back(place);
                let outcomes = office.pipeline.ready();
                office.note(outcomes, answers);
                Ok(())
            }
            Body::Bytes(bytes) if bytes.len() > wire::MAX_TRADE => {
                self.withheld += 1;
                Ok(())
            }
            Body::Bytes(bytes) => {
                answers.sent(place, message.expected);
                let got = self.send_bytes(bytes.clone(), answers).await?;
                answers.answered(place, got.0, got.1);
                Ok(())
            }
        }
    }

    /// Waits until everything sent is answered.
    pub async fn drain(&mut self, answers: &mut Answers) -> Result<()> {
        for office in self.offices.values_mut() {
            let outcomes = office.pipeline.drain().await?;
            office.note(outcomes, answers);
        }
        Ok(())
    }

    /// Ends all streams.
    pub async fn close(self) -> Result<()> {
        for office in self.offices.into_values() {
            office.pipeline.close().await?;
        }
        Ok(())
    }

    /// Sends bytes as they are in the place of a trade: a client that is broken, as the generated one cannot be.
    async fn send_bytes(&self, bytes: Vec<u8>, answers: &mut Answers) -> Result<(Got, Option<u64>)> {
        let connection = Connection::open(&self.address).await?;
        let mut grpc = Grpc::new(connection.channel());
        grpc.ready().await?;
        // Bytes alone are written as field 1, which is where SubmitTradeRequest has its trade.
        let codec: ProstCodec<Vec<u8>, SubmitTradeResponse> = ProstCodec::default();
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(SUBMIT_TRADE);
        match grpc.unary(signed(bytes, "FO-LEGACY")?, path, codec).await {
            Ok(response) => {
                let receipt = response.into_inner().receipt.unwrap_or_default();
                Ok((if receipt.duplicate { Got::Duplicate } else { Got::Accepted }, Some(receipt.sequence)))
            }
            Err(status) => match (status.code(), crate::fault::reason(&status)) {
                (tonic::Code::FailedPrecondition, Some(code)) => Ok((Got::Rejected(code), None)),
                (tonic::Code::InvalidArgument | tonic::Code::Internal, _) => {
                    answers.at_the_door.push(status.message().to_owned());
                    Ok((Got::Unreadable, None))
                }
                _ => Err(from_status(status)),
            },
        }
    }
}

impl Office {
    fn note(&mut self, outcomes: Vec<Outcome>, answers: &mut Answers) {
        for outcome in outcomes {
            let place = self.waiting.pop_front().expect("an answer for each message sent");
            let (got, sequence) = match outcome {
                Outcome::Accepted(receipt) if receipt.duplicate => (Got::Duplicate, Some(receipt.sequence)),
                Outcome::Accepted(receipt) => (Got::Accepted, Some(receipt.sequence)),
                Outcome::Rejected(no) if no.duplicate => (Got::Duplicate, Some(no.sequence)),
                Outcome::Rejected(no) => (Got::Rejected(no.reason), Some(no.sequence)),
                Outcome::Malformed(_) => (Got::Unreadable, None),
            };
            answers.answered(place, got, sequence);
        }
    }
}
