//! What comes in, one thing at a time: a call, a message, a cut-off, a step of long work.

use super::{Doing, Shard};
use crate::commit::{MOST_LINKS, ReplyTo};
use crate::crash::Place;
use crate::decode::{Arrival, Chunk, Read, set_aside};
use crate::error::SubmitError;
use crate::follow::ImportError;
use crate::handle::{Answer, Call, Request, Submission};
use crate::intake::{RawBatch, RawMessage};
use crate::snapshot::Live;
use crate::step::Draft;
use clearing::next_task;
use model::command::{Command, Inbound, Origin, Task};
use model::identifier::Identifier;
use model::record::Outcome;
use model::timestamp::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::DecodeError;
use wire::record::Received;

/// A chunk being worked off.
pub(super) struct Messages {
    batch: Arc<RawBatch>,
    /// The number of its partition in `Sources`.
    source: usize,
    /// Which message comes next.
    next: usize,
    reads: std::vec::IntoIter<Read>,
    /// The last message's record, to be filled again.
    draft: Option<Draft>,
}

/// A message that an operator has ordered to be set aside.
pub(super) struct ToSetAside {
    topic: Identifier,
    partition: u32,
    offset: u64,
    reason: String,
    actor: Identifier,
    reply: ReplyTo,
}

impl Shard {
    /// Decides the next thing that waits; `false` when nothing does.
    pub(super) fn take_one(&mut self) -> bool {
        if self.calls_in_block < self.limits.calls
            && let Ok(call) = self.lanes.calls.try_recv()
        {
            self.calls_in_block += 1;
            self.take_call(call);
            return true;
        }
        if self.halted.is_some() {
            return self.take_call_after_all();
        }
        // The clock is read once a block, not for each message.
        if (self.messages.is_none() || self.decider.records() == 0) && self.take_day_step() {
            return true;
        }
        if self.messages.is_some() || self.receive() {
            self.take_message();
            return true;
        }
        self.take_call_after_all() || self.take_idle_task()
    }

    /// Calls beyond their share of the block, when no message wants the rest.
    fn take_call_after_all(&mut self) -> bool {
        let call = self.lanes.calls.try_recv();
        call.map(|call| self.take_call(call)).is_ok()
    }

    fn take_call(&mut self, call: Call) {
        match call {
            Call::Submit(submission) => self.submit(*submission),
            Call::Ask { question, permit } => {
                drop(permit);
                // A question changes nothing, so one that panics harms nobody but who asked.
                let asked = catch_unwind(AssertUnwindSafe(|| question(&self.decider.state)));
                if let Ok(release) = asked {
                    self.waits.after(self.decider.state.sequence(), self.decider.committed(), release);
                }
            }
            Call::Resume { order, done } => drop(done.send(self.resume(order))),
            // Who asked for it may have gone.
            Call::Snapshot { to } => drop(to.send(Live::of(&self.decider.state))),
            Call::Import { done, .. } => drop(done.send(Err(ImportError::NotFollowing))),
            Call::Promote { done } => drop(done.send(Ok(()))),
            Call::Stop => self.stopping = true,
            Call::Wake => {}
        }
    }

    fn submit(&mut self, submission: Submission) {
        let Submission { request, reply, span, permit } = submission;
        drop(permit);
        if let Some(error) = self.refuses(&request.origin) {
            let _ = reply.send(Err(error));
            return;
        }
        let Request { command, origin, actor, reason, at, raw_trade } = request;
        self.doing = match &origin {
            Origin::Call { request_id } => Doing::Call(request_id.clone()),
            Origin::File { line } => Doing::Line(*line),
            Origin::Engine | Origin::Kafka { .. } => Doing::Own,
        };
        let sequence = self.decider.next_sequence();
        self.arm(|| Place::of(&origin, sequence));
        let at = at.unwrap_or_else(|| self.clock.now());
        let mut draft = Draft::new(Inbound { command, origin, actor, reason, at });
        self.decider.decide(&mut draft, raw_trade.as_deref().map(Received::Protobuf));
        if let Some(span) = span
            && self.traces.spans.len() < MOST_LINKS
        {
            self.traces.spans.push(span);
        }
        if !matches!(draft.inbound().command, Command::Trade(_)) {
            self.timer.look_again();
        }
        let answer = answer(draft);
        let at = answer.at;
        self.waits.answer_with_block(reply, answer);
        self.follow_up(at);
        self.doing = Doing::Nothing;
    }

    /// Why a call is not even decided.
    fn refuses(&self, origin: &Origin) -> Option<SubmitError> {
        if let Some(suspect) = &self.halted {
            return Some(SubmitError::Halted(suspect.clone()));
        }
        let suspect = self.marker.previous.as_ref().filter(|suspect| suspect.exact)?;
        match origin {
            Origin::Call { request_id } if suspect.place == Place::of(origin, 0) => {
                Some(SubmitError::Crashed { request_id: request_id.to_string(), cause: suspect.cause.clone() })
            }
            _ => None,
        }
    }

    fn resume(&mut self, order: Option<(String, Identifier, ReplyTo)>) -> Result<(), SubmitError> {
        let nothing = |why| Err(SubmitError::NothingToQuarantine(why));
        let Some(suspect) = self.halted.clone() else { return nothing("the shard is not halted") };
        match (order, &suspect.place) {
            (None, place) => tracing::warn!(%place, "going on; the same will be tried again"),
            (Some((reason, actor, reply)), Place::Kafka { topic, partition, offset }) => {
                tracing::warn!(%topic, partition, offset, %actor, reason, "going on; the message will be set aside");
                let (topic, partition, offset) = (topic.clone(), *partition, *offset);
                self.set_aside = Some(ToSetAside { topic, partition, offset, reason, actor, reply });
            }
            (Some(_), _) => {
                return nothing("the engine's own work crashed it: install another release and let it try again");
            }
        }
        self.halted = None;
        self.shared.set_halted(None);
        Ok(())
    }

    /// Takes what the decode stage has ready, until there is a message; `false` when there is none.
    fn receive(&mut self) -> bool {
        while let Ok(arrival) = self.lanes.arrivals.try_recv() {
            match arrival {
                Arrival::Chunk(Chunk { batch, first, reads }) => {
                    let source = self.sources.number(&batch.topic, batch.partition);
                    let reads = reads.into_iter();
                    self.messages = Some(Box::new(Messages { batch, source, next: first, reads, draft: None }));
                    return true;
                }
                Arrival::Through { source, at } => self.sources.consumed_through(source, at),
                Arrival::End => self.ended = true,
            }
        }
        false
    }

    fn take_message(&mut self) {
        let Some(mut messages) = self.messages.take() else { return };
        if let Some(read) = messages.reads.next() {
            let place = messages.next;
            messages.next += 1;
            if self.sources.is_known(messages.source, messages.batch.messages[place].offset) {
                self.decider.counts.redelivered += 1;
            } else {
                self.decide_message(&mut messages, place, read.into());
            }
        }
        if messages.reads.len() > 0 {
            self.messages = Some(messages);
        }
    }

    fn decide_message(&mut self, messages: &mut Messages, place: usize, command: Command) {
        let batch = &messages.batch;
        let message = &batch.messages[place];
        let (topic, partition, offset) = (&batch.topic, batch.partition, message.offset);
        self.doing = Doing::Message { source: messages.source, offset };
        self.arm(|| Place::Kafka { topic: topic.clone(), partition, offset });
        let draft = messages.draft.get_or_insert_with(|| {
            let origin = Origin::Kafka { topic: topic.clone(), partition, offset };
            let (actor, reason, at) = (self.names.intake.clone(), String::new(), message.at);
            Draft::new(Inbound { command: Command::Continue(Task::Retry), origin, actor, reason, at })
        });
        let inbound = draft.inbound();
        inbound.command = command;
        inbound.at = message.at;
        if let Origin::Kafka { offset, .. } = &mut inbound.origin {
            *offset = message.offset;
        }
        let raw = batch.raw(message);
        let (actor, received) = match &inbound.command {
            Command::Trade(trade) => (&trade.source, Some(Received::Protobuf(raw))),
            Command::Advice(advice) if message.document => (&advice.sender, Some(Received::Document(raw))),
            Command::Advice(advice) => (&advice.sender, Some(Received::Protobuf(raw))),
            _ => (&self.names.intake, None),
        };
        if inbound.actor != *actor {
            inbound.actor = actor.clone();
        }
        let ordered = self
            .set_aside
            .take_if(|order| order.offset == offset && order.partition == partition && order.topic == *topic);
        let at = match ordered {
            None => {
                self.decider.decide(draft, received);
                draft.inbound().at
            }
            Some(order) => {
                let draft = messages.draft.take().expect("just filled");
                self.decide_set_aside(order, draft, raw, message)
            }
        };
        self.sources.decided(messages.source, batch, place);
        if let Some(parent) = &message.traceparent
            && self.traces.parents.len() < MOST_LINKS
        {
            self.traces.parents.push(parent.clone());
        }
        self.follow_up(at);
        self.doing = Doing::Nothing;
    }

    /// The message that crashed the shard: kept, not tried again.
    #[cold]
    fn decide_set_aside(&mut self, order: ToSetAside, mut draft: Draft, raw: &[u8], message: &RawMessage) -> Timestamp {
        let cause = self.marker.previous.as_ref().map_or("", |suspect| &suspect.cause);
        let reason = format!("it crashed the shard: {cause}");
        let unreadable = set_aside(DecodeError { path: String::new(), reason }, raw, message);
        let inbound = draft.inbound();
        inbound.command = Command::Quarantine(unreadable);
        inbound.actor = order.actor;
        inbound.reason = order.reason;
        self.decider.decide(&mut draft, None);
        let answer = answer(draft);
        let at = answer.at;
        self.waits.answer_with_block(order.reply, answer);
        at
    }

    /// The long work that a command leaves behind, as much as the pace allows.
    fn follow_up(&mut self, at: Timestamp) {
        self.stuck = false;
        let (mut retries, mut steps) = (self.limits.pace.retries, self.limits.pace.steps);
        while let Some(task) = next_task(&self.decider.state) {
            let left = if task == Task::Retry { &mut retries } else { &mut steps };
            if *left == 0 || self.stuck {
                return;
            }
            *left -= 1;
            self.go_on(task, at);
        }
    }

    /// Long work when nobody asks for anything.
    fn take_idle_task(&mut self) -> bool {
        if !self.limits.pace.when_idle || self.stuck || self.stopping {
            return false;
        }
        let Some(task) = next_task(&self.decider.state) else { return false };
        let at = self.decider.state.at().unwrap_or(Timestamp::EPOCH);
        let sequence = self.decider.next_sequence();
        self.arm(|| Place::Own { sequence });
        self.doing = Doing::Own;
        self.go_on(task, at);
        self.doing = Doing::Nothing;
        true
    }

    fn go_on(&mut self, task: Task, at: Timestamp) {
        if task != Task::Retry {
            // A day that is to close waits for its cycle.
            self.timer.look_again();
        }
        let actor = self.names.engine.clone();
        let mut draft = self.own(Command::Continue(task), actor, at);
        if !matches!(draft.outcome(), Outcome::Accepted(_)) {
            let sequence = draft.sequence();
            tracing::error!(?task, sequence, "long work was refused: it rests until the next command");
            self.stuck = true;
        }
    }

    /// Takes the next step of a settlement day when its instant has come and every source has been heard up to it.
    fn take_day_step(&mut self) -> bool {
        if !self.limits.timer || self.stopping {
            return false;
        }
        let Some((instant, step)) = self.timer.next(&self.decider.state) else { return false };
        let now = self.clock.now();
        let intakes = self.shared.intakes.load(Ordering::Acquire);
        if now < instant || !self.sources.all_through(intakes, instant) {
            return false;
        }
        let command = Command::Day(step.clone());
        let actor = self.names.timer.clone();
        let sequence = self.decider.next_sequence();
        self.arm(|| Place::Own { sequence });
        self.doing = Doing::Own;
        let mut draft = self.own(command, actor, now);
        self.timer.passed(matches!(draft.outcome(), Outcome::Accepted(_)));
        self.follow_up(draft.inbound().at);
        self.doing = Doing::Nothing;
        true
    }

    fn own(&mut self, command: Command, actor: Identifier, at: Timestamp) -> Draft {
        let mut draft = Draft::new(Inbound { command, origin: Origin::Engine, actor, reason: String::new(), at });
        self.decider.decide(&mut draft, None);
        draft
    }
}

/// What is told to who asked.
fn answer(mut draft: Draft) -> Answer {
    let outcome = std::mem::replace(draft.outcome(), Outcome::Accepted(Vec::new()));
    Answer { sequence: draft.sequence(), at: draft.inbound().at, outcome }
}
