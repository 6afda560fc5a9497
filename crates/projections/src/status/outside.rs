//! What each event of an external domain does to the rows of the status view.

use model::breaks::{AgentStanding, Answered};
use model::event::Event;
use model::instruction::Code;
use model::outbound::OutboundBody;
use model::record::Facts;
use wire::pb::view as pb;

use super::Status;
use super::instruction::{Instruction, Stage};

impl Status {
    pub(super) fn outside_event(&mut self, facts: &Facts, event: &Event) {
        let sequence = facts.sequence;
        match event {
            Event::InstructionSent { instruction, message } => {
                let request = match message.body {
                    OutboundBody::Instruct(_) => "",
                    OutboundBody::Cancel(_) => "cancel",
                    OutboundBody::Modify(_) => "change",
                };
                if let Some(row) = self.instructions.get(*instruction).filter(|row| row.agent.is_none()) {
                    self.figures.withdrawn(row);
                }
                self.with(*instruction, sequence, |row| agent(row).request = request.to_owned());
            }
            Event::InstructionAdvised { instruction, standing, status, reasons, narrative, agent_reference } => {
                self.with(*instruction, sequence, |row| {
                    row.stage = if standing.is_matched() { Stage::Matched } else { Stage::Unmatched };
                    row.failing = *standing == AgentStanding::Failing;
                    row.reasons = reasons.iter().filter_map(|text| Code::parse(text)).collect();
                    let agent = agent(row);
                    agent.status.clone_from(status);
                    agent.reasons.clone_from(reasons);
                    agent.narrative.clone_from(narrative);
                    if !agent_reference.is_empty() {
                        agent.reference.clone_from(agent_reference);
                    }
                });
            }
            Event::InstructionConfirmed {
                instruction, quantity, amount, effective_date, open_quantity, ended, ..
            } => {
                let (sum, rest) = ((*quantity, *amount), open_amounts(event));
                match (*ended, *open_quantity) {
                    (false, _) => self.with(*instruction, sequence, |row| settle_part(row, sum, rest)),
                    (true, 0) => self.end(*instruction, sequence, |row| {
                        settle_part(row, sum, rest);
                        let settled = (agent(row).settled_quantity, agent(row).settled_amount);
                        stands_for(row, settled);
                        (row.stage, row.settled_on) = (Stage::Settled, Some(*effective_date));
                        row.wait_for(None, None);
                    }),
                    // No more will come: what is left is the trade's again.
                    (true, _) => self.end(*instruction, sequence, |row| {
                        settle_part(row, sum, rest);
                        row.stage = Stage::Cancelled;
                        row.wait_for(Some(Code::of("PARC")), None);
                    }),
                }
            }
            Event::RequestAnswered { instruction, cancel, answered, status, reasons } => {
                self.with(*instruction, sequence, |row| {
                    let agent = agent(row);
                    let asked = if *cancel { "cancel" } else { "change" };
                    agent.answer = reasons.iter().fold(format!("{asked}: {status}"), |text, code| text + " " + code);
                    if *answered != Answered::Underway {
                        agent.request.clear();
                    }
                });
            }
            event => self.break_event(facts, event),
        }
    }
}

fn open_amounts(event: &Event) -> (i64, i64) {
    match event {
        Event::InstructionConfirmed { open_quantity, open_amount, .. } => (*open_quantity, *open_amount),
        _ => (0, 0),
    }
}

fn agent(row: &mut Instruction) -> &mut pb::AgentRow {
    row.agent.get_or_insert_default()
}

/// What settled is added up; the row stands for what is left.
fn settle_part(row: &mut Instruction, (quantity, amount): (i64, i64), rest: (i64, i64)) {
    let agent = agent(row);
    agent.settled_quantity += quantity;
    agent.settled_amount += amount;
    stands_for(row, rest);
}

fn stands_for(row: &mut Instruction, (quantity, amount): (i64, i64)) {
    (row.outline.quantity, row.outline.amount) = (quantity, amount);
    // One trade an instruction: of several the shares would stand in the event.
    if let [link] = &mut *row.links {
        (link.quantity, link.amount) = (quantity, amount);
    }
}
