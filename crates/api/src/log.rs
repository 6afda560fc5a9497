//! LogService: the log byte for byte. A reader is sent what it asks for as fast as it reads; nothing is kept for it.

use std::pin::Pin;
use std::sync::Arc;

use prost::Message as _;
use store::{Block, Log, chain};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::pb::record::Record;
use wire::pb::service as pb;
use wire::pb::service::log_service_server::LogService;

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::failure;
use crate::past::OpenPastStream;
use crate::watch::Placed;

/// About as many stored bytes go in one message.
const MESSAGE: usize = 256 * 1024;
/// About as many are read at a time, and wait for a reader that is slow.
const PIECE: usize = 1024 * 1024;

#[tonic::async_trait]
impl LogService for Backend {
    type ReadRecordsStream = Pin<Box<dyn Stream<Item = Result<pb::ReadRecordsResponse, Status>> + Send>>;

    async fn read_records(
        &self,
        request: Request<pb::ReadRecordsRequest>,
    ) -> Result<Response<Self::ReadRecordsStream>, Status> {
        // A record may hold anybody's business.
        let unlimited = Sight::of(request.extensions())?.is_unlimited();
        let request = request.into_inner();
        let reading = Reading {
            next: request.from_sequence.max(1),
            last: match request.limit {
                _ if !unlimited => 0,
                0 => u64::MAX,
                limit => request.from_sequence.max(1).saturating_add(limit - 1),
            },
            decode: request.decode,
        };
        let place = self.place()?;
        let (sender, receiver) = mpsc::channel(1);
        let backend = self.clone();
        tokio::spawn(async move {
            if let Err(status) = backend.send_records(reading, request.follow, &sender).await {
                // The reader may be gone already.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(Placed::new(ReceiverStream::new(receiver), place))))
    }

    async fn get_record(
        &self,
        request: Request<pb::GetRecordRequest>,
    ) -> Result<Response<pb::GetRecordResponse>, Status> {
        let unlimited = Sight::of(request.extensions())?.is_unlimited();
        let sequence = request.into_inner().sequence;
        let block = self.log()?.block_holding(sequence).map_err(|error| failure::store(&error))?;
        let block = block.filter(|_| unlimited).ok_or_else(|| failure::not_found("record", sequence))?;
        let stored = block.record(sequence).unwrap_or_default();
        let record = stored_record(sequence, stored, true)?;
        let chain = block.chain_at(sequence).unwrap_or_default().to_vec();
        Ok(Response::new(pb::GetRecordResponse { record: Some(record), chain }))
    }

    type OpenPastStream = OpenPastStream;

    async fn open_past(&self, request: Request<pb::OpenPastRequest>) -> Result<Response<Self::OpenPastStream>, Status> {
        self.open_past_stream(&request)
    }

    async fn get_head(&self, _: Request<pb::GetHeadRequest>) -> Result<Response<pb::GetHeadResponse>, Status> {
        let head = self.log()?.head();
        Ok(Response::new(pb::GetHeadResponse { sequence: head.sequence, chain: head.chain.to_vec() }))
    }
}

impl Backend {
    /// Sends what is there and, when following, what comes; ends when the reader does.
    async fn send_records(
        &self,
        mut reading: Reading,
        follow: bool,
        sender: &mpsc::Sender<Result<pb::ReadRecordsResponse, Status>>,
    ) -> Result<(), Status> {
        let mut head = self.shard()?.head();
        let end = if follow { u64::MAX } else { self.log()?.head().sequence };
        reading.last = reading.last.min(end);
        let ended = || failure::stopped("the service ends: go on where the last message ended".to_owned());
        while reading.next <= reading.last {
            if self.is_closing() {
                return Err(ended());
            }
            let log = self.log()?;
            let read = tokio::task::spawn_blocking(move || {
                let messages = reading.piece(&log);
                (reading, messages)
            });
            let messages;
            (reading, messages) = read.await.map_err(|error| failure::internal(format!("reading the log: {error}")))?;
            let messages = messages?;
            let idle = messages.is_empty();
            for message in messages {
                if sender.send(Ok(message)).await.is_err() {
                    return Ok(());
                }
            }
            if !idle {
                continue;
            }
            let grown = async { head.wait_for(|head| head.sequence >= reading.next).await.is_ok() };
            let quiet = tokio::select! {
                () = sender.closed() => return Ok(()),
                () = self.closing() => return Err(ended()),
                grown = grown => {
                    if !grown {
                        return Err(ended());
                    }
                    false
                }
                () = tokio::time::sleep(self.limits.heartbeat) => true,
            };
            let nothing = pb::ReadRecordsResponse { head: self.log()?.head().sequence, ..Default::default() };
            if quiet && sender.send(Ok(nothing)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Where a reader stands.
#[derive(Clone, Copy)]
struct Reading {
    next: u64,
    /// The last record wanted.
    last: u64,
    decode: bool,
}

impl Reading {
    /// The next messages, about a [`PIECE`] of them; none at the head.
    fn piece(&mut self, log: &Arc<Log>) -> Result<Vec<pb::ReadRecordsResponse>, Status> {
        let mut messages = Vec::new();
        let head = log.head().sequence;
        let mut bytes = 0;
        // The newest blocks are in memory, the others are read one after the other.
        let near = self.next + 64 > head;
        let mut blocks = if near { None } else { Some(log.blocks_from(self.next)) };
        while self.next <= self.last.min(head) && bytes < PIECE {
            let block = match &mut blocks {
                None => log.block_holding(self.next),
                Some(blocks) => blocks.next().transpose(),
            };
            let Some(block) = block.map_err(|error| failure::store(&error))? else { break };
            bytes += block.byte_len();
            self.messages(&block, head, &mut messages)?;
        }
        Ok(messages)
    }

    /// The wanted part of a block.
    fn messages(
        &mut self,
        block: &Block,
        head: u64,
        messages: &mut Vec<pb::ReadRecordsResponse>,
    ) -> Result<(), Status> {
        let mut chain = block.chain_at(self.next - 1).unwrap_or_default();
        let mut message = pb::ReadRecordsResponse { head, ..Default::default() };
        let mut bytes = 0;
        for (sequence, stored) in block.iter() {
            if sequence < self.next || sequence > self.last {
                continue;
            }
            message.records.push(stored_record(sequence, stored, self.decode)?);
            chain = chain::link(&chain, &chain::leaf(stored));
            bytes += stored.len();
            self.next = sequence + 1;
            if bytes >= MESSAGE {
                message.chain = chain.to_vec();
                messages.push(std::mem::replace(&mut message, pb::ReadRecordsResponse { head, ..Default::default() }));
                bytes = 0;
            }
        }
        if !message.records.is_empty() {
            message.chain = chain.to_vec();
            messages.push(message);
        }
        Ok(())
    }
}

fn stored_record(sequence: u64, stored: &[u8], decode: bool) -> Result<pb::StoredRecord, Status> {
    let record = if decode {
        let wrong = |error| failure::damaged(format!("record {sequence} cannot be read: {error}"));
        Some(Record::decode(stored).map_err(wrong)?)
    } else {
        None
    };
    Ok(pb::StoredRecord { sequence, stored: stored.to_vec(), record })
}
