//! External domains in words: what was sent, what the agent said, and what it contradicts us in.

use super::view::{BreakRow, Standing, View};
use model::breaks::{Answered, BreakItem, Resolution};
use model::event::Event;
use model::index::{Asset, Kind};
use model::instruction::Code;
use model::outbound::OutboundBody;
use model::trade::Method;

impl View {
    /// Takes in an event of an external domain.
    pub(super) fn fold_outside(&mut self, event: &Event) {
        match event {
            Event::InstructionSent { instruction, message } => {
                let row = self.instruction_mut(*instruction);
                if let OutboundBody::Instruct(_) = message.body {
                    row.agent = Some("sent".to_owned());
                }
            }
            Event::InstructionAdvised { instruction, status, reasons, .. } => {
                self.instruction_mut(*instruction).agent = Some(format!("at the agent {}", said(status, reasons)));
            }
            Event::InstructionConfirmed { instruction, effective_date, open_quantity, open_amount, ended, .. } => {
                let row = self.instruction_mut(*instruction);
                if !*ended || *open_quantity > 0 {
                    (row.quantity, row.amount) = (*open_quantity, *open_amount);
                }
                if *ended {
                    row.standing = match *open_quantity {
                        0 => Standing::Settled(*effective_date),
                        _ => Standing::Cancelled(Code::of("PARC")),
                    };
                }
            }
            Event::BreakOpened { number, kind, instruction, subject, items, booked, since, .. } => {
                let row = BreakRow {
                    kind: *kind,
                    about: *instruction,
                    subject: subject.clone(),
                    items: items.clone(),
                    booked: *booked,
                    since: *since,
                    owner: None,
                };
                self.breaks.insert(*number, row);
            }
            Event::BreakChanged { number, items } => self.break_mut(*number).items.clone_from(items),
            Event::BreakAssigned { number, owner } => self.break_mut(*number).owner = Some(owner.clone()),
            Event::BreakClosed { number, .. } => _ = self.breaks.remove(number),
            _ => {}
        }
    }

    fn break_mut(&mut self, number: u64) -> &mut BreakRow {
        self.breaks.get_mut(&number).expect("an event is about a break that was opened")
    }
}

/// `PEND LACK CLAC`.
fn said(status: &str, reasons: &[String]) -> String {
    reasons.iter().fold(status.to_owned(), |text, reason| text + " " + reason)
}

pub(super) fn tell(view: &View, event: &Event) -> Option<String> {
    Some(match event {
        Event::InstructionSent { instruction, message } => {
            let name = &view.instructions[instruction].name;
            match &message.body {
                OutboundBody::Instruct(_) => format!("sent {name} as {}", message.reference),
                OutboundBody::Cancel(_) => format!("asked to cancel {name}, {}", message.reference),
                OutboundBody::Modify(asked) => {
                    let hold = asked.hold.map(|hold| if hold { "hold" } else { "release" }.to_owned());
                    let priority = asked.priority.map(|priority| format!("priority {priority}"));
                    let asked: Vec<_> = hold.into_iter().chain(priority).collect();
                    format!("asked to change {name}, {}: {}", message.reference, asked.join(", "))
                }
            }
        }
        Event::InstructionAdvised { instruction, status, reasons, narrative, agent_reference, .. } => {
            let mut text = format!("{} at the agent {}", view.instructions[instruction].name, said(status, reasons));
            for (word, what) in [(agent_reference, "its reference "), (narrative, "")] {
                if !word.is_empty() {
                    text += &format!(", {what}{word}");
                }
            }
            text
        }
        Event::InstructionConfirmed { .. } => confirmed(view, event),
        Event::RequestAnswered { instruction, cancel, answered, status, reasons } => {
            let what = if *cancel { "cancel" } else { "change" };
            let how = match answered {
                Answered::Done => "done",
                Answered::Refused => "refused",
                Answered::Underway => "under way",
            };
            format!("asked to {what} {}: {how} ({})", view.instructions[instruction].name, said(status, reasons))
        }
        Event::BreakOpened { number, .. } => format!("break {number} {}", shown(view, &view.breaks[number])),
        Event::BreakChanged { number, items } => format!("break {number} now {}", listed(view, items)),
        Event::BreakAssigned { number, owner } => format!("break {number} is looked after by {owner}"),
        Event::BreakClosed { number, resolution, .. } => {
            let how = match resolution {
                Resolution::Explained => "explained",
                Resolution::ToBook => "booked to a book",
                Resolution::ToParty => "owed to a party",
                Resolution::WriteOff => "written off",
                Resolution::Undo => "undone",
            };
            format!("break {number} closed: {how}")
        }
        _ => return None,
    })
}

fn confirmed(view: &View, event: &Event) -> String {
    let Event::InstructionConfirmed {
        instruction,
        quantity,
        currency,
        amount,
        effective_date,
        open_quantity,
        open_amount,
        ended,
        ..
    } = event
    else {
        return String::new();
    };
    let row = &view.instructions[instruction];
    let terms = &view.trades[&row.trade].terms;
    let figures = |quantity: i64, amount: i64| {
        let quantity = view.amount(Asset::instrument(terms.instrument), i128::from(quantity));
        match terms.method {
            Method::Dvp => {
                format!("{quantity} against {}", view.amount(Asset::currency(*currency), i128::from(amount)))
            }
            Method::Fop => format!("{quantity} free"),
        }
    };
    let rest = match (*open_quantity, ended) {
        (0, _) => String::new(),
        (_, false) => format!("; open {}", figures(*open_quantity, *open_amount)),
        (_, true) => format!("; no more will come of {}", figures(*open_quantity, *open_amount)),
    };
    format!("settled {}: {}, value {effective_date}{rest}", row.name, figures(*quantity, *amount))
}

/// `OTHER_AMOUNT A1: ALPHA-CASH EUR -12000.00, agent -12010.00; on the break account`.
fn shown(view: &View, row: &BreakRow) -> String {
    let about = row.about.map_or(String::new(), |number| match view.instructions.get(&number) {
        Some(instruction) => format!(" {}", instruction.name),
        None => format!(" #{number}"),
    });
    let subject = if row.subject.is_empty() { String::new() } else { format!(" ({})", row.subject) };
    let items = if row.items.is_empty() { String::new() } else { format!(": {}", listed(view, &row.items)) };
    let booked = if row.booked { "; on the break account" } else { "" };
    format!("{}{about}{subject}{items}{booked}", row.kind.code())
}

fn listed(view: &View, items: &[BreakItem]) -> String {
    let each = |item: &BreakItem| {
        let place = item.account.map_or(String::new(), |account| format!("{} ", view.named(Kind::Account, account.0)));
        let (ours, theirs) =
            (view.amount(item.asset, i128::from(item.ours)), view.amount(item.asset, i128::from(item.theirs)));
        format!("{place}ours {ours}, theirs {theirs}")
    };
    items.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// What the query `breaks` answers.
pub(super) fn breaks(view: &View) -> Vec<String> {
    if view.breaks.is_empty() {
        return vec!["no breaks".to_owned()];
    }
    let each = |(number, row): (&u64, &BreakRow)| {
        let owner = row.owner.as_ref().map_or(String::new(), |owner| format!(", {owner}"));
        format!("{number} since {}{owner}: {}", row.since, shown(view, row))
    };
    view.breaks.iter().map(each).collect()
}
