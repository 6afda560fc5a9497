//! What an agent says of a trade's instruction, and what becomes of a settlement afterwards: it may be reversed.

use super::{Before, Place, StatusFold, Update};
use crate::status_out::trade::{number, stamp};
use model::breaks::{AgentStanding, Answered};
use model::event::Event;
use smol_str::SmolStr;
use std::sync::Arc;
use wire::pb::status::{AnswerKind, TradeState};

impl StatusFold {
    /// Takes in an event of an external domain.
    pub(super) fn outside(&mut self, place: Place, event: &Event) {
        match event {
            Event::InstructionAdvised { instruction, standing, reasons, .. } => {
                self.legs(*instruction, |leg| {
                    leg.matched = standing.is_matched();
                    leg.failing = *standing == AgentStanding::Failing;
                    leg.reasons = reasons.iter().map(SmolStr::new).collect();
                });
            }
            Event::InstructionConfirmed { instruction, quantity, effective_date, open_quantity, ended, .. } => {
                self.note_settled(place, *instruction);
                for &trade in &*self.trades_of(*instruction) {
                    let row = self.trade(trade);
                    row.settled += quantity;
                    row.status.settled_on = Some(number(*effective_date));
                    if let Some(leg) = row.leg_mut(*instruction) {
                        leg.quantity = *open_quantity;
                    }
                }
                if *ended {
                    // PARC: what is left falls back to the trade.
                    let left = *open_quantity > 0;
                    self.end(*instruction, |row, _| row.ended_for = left.then(|| "PARC".to_owned()));
                }
            }
            Event::RequestAnswered { instruction, cancel: true, answered: Answered::Refused, reasons, .. } => {
                for &trade in &*self.trades_of(*instruction) {
                    let waits = self.open.get(&trade).and_then(|row| row.status.answer.as_ref());
                    if waits.is_some_and(|answer| answer.kind == AnswerKind::Waiting as i32)
                        && let Some(answer) = &mut self.trade(trade).status.answer
                    {
                        answer.kind = AnswerKind::Lapsed as i32;
                        answer.code = reasons.first().cloned().unwrap_or_default();
                        "the agent refused to cancel the instruction".clone_into(&mut answer.text);
                    }
                }
            }
            _ => {}
        }
    }

    /// Keeps which record settled what: somebody may reverse it.
    pub(super) fn note_settled(&mut self, place: Place, instruction: u64) {
        for &trade in &*self.trades_of(instruction) {
            self.settled.push((place.sequence, instruction, self.open[&trade].key.clone()));
        }
    }

    /// A person reversed what a record settled; where it settled several pairs, that of the named deliverer and its receiver.
    pub(super) fn reversed(
        &mut self,
        place: Place,
        sequence: u64,
        named: Option<u64>,
        before: Before<'_>,
        out: &mut Vec<Update>,
    ) {
        let settled = match self.settled_by(sequence) {
            [] => (before.settled)(sequence),
            known => known.iter().map(|(_, instruction, key)| (*instruction, key.clone())).collect(),
        };
        // A record notes a pair's deliverer first, its receiver behind it.
        let from = named.map_or(0, |named| {
            settled.iter().position(|(instruction, _)| *instruction == named).unwrap_or(settled.len())
        });
        let count = named.map_or(usize::MAX, |_| 2);
        for (_, key) in settled.iter().skip(from).take(count) {
            if let Some(number) = self.numbers.get(key).copied() {
                // A part of it: the rest goes its way.
                self.trade(number).status.reversed_at = Some(place.sequence);
                continue;
            }
            let Some(mut status) = self.known(key, before) else { continue };
            status.state = TradeState::Reversed as i32;
            (status.sequence, status.at) = (place.sequence, Some(stamp(place.at)));
            status.reversed_at = Some(place.sequence);
            self.tell_ended(status, out);
        }
    }

    /// What a record settled since the last time it was saved.
    fn settled_by(&self, sequence: u64) -> &[(u64, u64, Arc<str>)] {
        let from = self.settled.partition_point(|(settled, ..)| *settled < sequence);
        let to = self.settled.partition_point(|(settled, ..)| *settled <= sequence);
        &self.settled[from..to]
    }
}
