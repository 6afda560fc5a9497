//! Leading: the fence, and what is published after it.

use super::{FENCE, LEVEL, Pause, Reading, SOON, Sent, Session, WAIT, WINDOW_BLOCKS, WINDOW_BYTES};
use crate::produce::{Outgoing, Producer};
use crate::records::{RecordsHalt, RecordsState, header};
use crate::source::Halt;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Messages that an idempotent producer of librdkafka has on their way when it begins to wait (`RD_KAFKA_IDEMP_MAX_INFLIGHT`).
const IN_FLIGHT: u64 = 5;

impl Session<'_> {
    /// Writes a fence and reads up to it.
    pub(super) fn fence(&mut self, reading: &mut Reading) -> Result<(Producer, u64), Pause> {
        self.tell(RecordsState::Fencing);
        self.fences += 1;
        let instance = format!("{}/{}", self.instance, self.fences);
        let producer = Producer::for_blocks(&self.options.brokers).map_err(|error| Pause::Wait(error.to_string()))?;
        let (event, headers) = header::fence(&instance, "/quittance/shard/0");
        let message = Outgoing { payload: instance.as_bytes(), ..self.outgoing(event) };
        producer.send_with(&message, headers).map_err(|error| Pause::Wait(error.to_string()))?;
        let deadline = Instant::now() + FENCE;
        loop {
            self.step(reading, SOON)?;
            if let Some((generation, written)) = &reading.fence
                && *written == instance
            {
                let generation = *generation;
                self.shared.counters.generation.store(generation, Ordering::Release);
                self.metrics.generation.set(generation as f64);
                return Ok((producer, generation));
            }
            if producer.failed() > 0 || Instant::now() > deadline {
                return Err(Pause::Wait("the fence was not written in time".to_owned()));
            }
        }
    }

    fn outgoing<'b>(&'b self, event: crate::Event<'b>) -> Outgoing<'b> {
        let partition = i32::try_from(self.options.partition).ok();
        Outgoing { topic: &self.options.topic, partition, key: "", payload: &[], event, tag: 0 }
    }

    /// What was accepted up to the fence must be the log's own history.
    pub(super) fn compare(&self, reading: &Reading) -> Result<(), Pause> {
        let last = reading.rule.last;
        let ours = self.replica.log().chain_at(last.sequence);
        match ours {
            Ok(chain) if chain == Some(last.chain) => Ok(()),
            Ok(_) => Err(Pause::Halt(RecordsHalt::Diverged { name: self.name.to_owned(), sequence: last.sequence })),
            Err(error) => Err(Pause::Halt(RecordsHalt::Topic(Halt::Settings(error.to_string())))),
        }
    }

    /// Publishes what the log has and the topic has not, and reads it back, until something interrupts.
    pub(super) fn publish(
        &mut self,
        reading: &mut Reading,
        producer: &Producer,
        generation: u64,
    ) -> Result<std::convert::Infallible, Pause> {
        let mut sent: VecDeque<Sent> = VecDeque::new();
        let (mut bytes, mut next) = (0, reading.rule.last.sequence + 1);
        let backlog = self.replica.log().head().sequence;
        loop {
            let head = match sent.is_empty() {
                true => self.replica.log().wait_past(next - 1, WAIT),
                false => self.replica.log().head(),
            };
            // librdkafka sends no request while so many messages are on their way, and asks for its turn 27,000 times a second while
            // others wait behind them: those wait in the log, and go together in one request.
            let room = producer.in_flight() < IN_FLIGHT;
            while room && next <= head.sequence && bytes < WINDOW_BYTES && sent.len() < WINDOW_BLOCKS {
                let on_its_way = self.send(producer, generation, next)?;
                self.shared.counters.backlog.fetch_add(u64::from(next <= backlog), Ordering::Release);
                (bytes, next) = (bytes + on_its_way.stored.len(), on_its_way.block.last() + 1);
                sent.push_back(on_its_way);
            }
            self.metrics.behind.set(head.sequence.saturating_sub(reading.rule.last.sequence) as f64);
            // All that is there: the first may be waited for.
            let mut wait = if sent.is_empty() { Duration::ZERO } else { SOON };
            loop {
                let before = reading.fence.as_ref().map(|(offset, _)| *offset);
                let read = self.step_expecting(reading, wait, sent.front())?;
                if reading.fence.as_ref().map(|(offset, _)| *offset) != before {
                    return Err(Pause::Wait("an earlier fence of this engine came late".to_owned()));
                }
                let Some(block) = read else { break };
                wait = Duration::ZERO;
                match sent.pop_front() {
                    Some(ours) if ours.block.last() == block.last() => bytes -= ours.stored.len(),
                    // The log holds what was read, so nothing is wrong with it; but this is not the order of sending.
                    _ => return Err(Pause::Wait("blocks came back otherwise than they were sent".to_owned())),
                }
            }
            if producer.failed() > 0 {
                return Err(Pause::Wait("the brokers did not take what was published".to_owned()));
            }
        }
    }

    /// Sends the block that begins at a record, verbatim.
    fn send(&self, producer: &Producer, generation: u64, first: u64) -> Result<Sent, Pause> {
        let log = self.replica.log();
        let unreadable = |error: store::Error| Pause::Halt(RecordsHalt::Topic(Halt::Settings(error.to_string())));
        let missing = || Pause::Wait(format!("record {first} is not in the log"));
        let block = log.block_holding(first).map_err(unreadable)?.ok_or_else(missing)?;
        let (block, stored) = match log.stored_block(first).map_err(unreadable)? {
            Some(stored) => (block, stored),
            // The topic has its first part from an engine that cut it otherwise.
            None => {
                let rest = block.after(first - 1).ok_or_else(missing)?;
                let stored = rest.to_stored(LEVEL).map_err(unreadable)?;
                (rest, stored)
            }
        };
        let id = format!("{first}-{}", block.last());
        let (event, headers) = header::block(&id, "/quittance/shard/0", generation);
        let message = Outgoing { payload: &stored, ..self.outgoing(event) };
        producer.send_with(&message, headers).map_err(|error| Pause::Wait(error.to_string()))?;
        self.shared.counters.sent.fetch_add(1, Ordering::Release);
        self.metrics.sent.increment(1);
        Ok(Sent { block, stored })
    }
}
