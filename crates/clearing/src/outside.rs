//! The external seat: an instruction is sent, not matched; the agent's advices say what came of it, and our records
//! mirror them. Hold, release, priority and cancellation are requests until the agent answers, one at a time.

mod advice;
mod confirmation;
mod requests;
mod statement;

pub(crate) use advice::decide_advice;
pub(crate) use requests::{request_change, steer, steer_wanted};

use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::past::outbound_key;
use crate::state::State;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use model::breaks::AgentStanding;
use model::decimal::Decimal;
use model::event::{Event, Link};
use model::identifier::Identifier;
use model::index::{AccountIx, Kind};
use model::outbound::{Instruct, OutboundBody, OutboundInstruction};
use model::trade::{Method, Terms};

/// What an open instruction knows of the agent's side of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    pub standing: AgentStanding,
    pub agent_reference: String,
    /// How many requests were sent.
    pub requests: u32,
    /// The one that has no answer yet.
    pub request: Option<Request>,
    /// Hold and priority as the front office wants them, to be asked for once the pending request is answered.
    pub wanted: Option<(bool, u8)>,
}

/// What the agent was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Cancel,
    /// Hold and priority as they are to be.
    Modify(bool, u8),
}

impl Instruction {
    /// Hold and priority as they are, or as the agent was or will be asked to make them.
    pub(crate) fn asked(&self) -> (bool, u8) {
        let asked = self.outside.as_ref().and_then(|outside| match outside.request {
            Some(Request::Modify(held, priority)) => outside.wanted.or(Some((held, priority))),
            _ => outside.wanted,
        });
        asked.unwrap_or((self.held, self.priority))
    }
}

/// Our reference of an instruction: short enough for every network, and ours alone by shard and number.
pub(crate) fn reference_of(state: &State, number: u64) -> Identifier {
    let shard = state.genesis.as_ref().map_or(0, |genesis| genesis.shard);
    Identifier::parse(&format!("Q{shard}-{number}")).expect("it is short and plain")
}

/// Whom a quoted reference means.
pub(crate) enum Quoted<'a> {
    /// An open instruction of an external domain, its place, and the request when it quotes one.
    Open(u32, &'a Instruction, &'a Outside, Option<u32>),
    /// One that has ended, as it was sent.
    Ended(u64, Box<Instruct>),
    Unknown,
}

/// Finds what a quoted reference means, among what is open, then in the log.
pub(crate) fn quoted<'a>(draft: &Draft<'a>, text: &str) -> Quoted<'a> {
    let shard = draft.state.genesis.as_ref().map_or(0, |genesis| genesis.shard);
    let plain = text.strip_prefix(&*format!("Q{shard}-")).unwrap_or_default();
    let (number, request) = match plain.split_once('-') {
        None => (plain.parse(), None),
        Some((number, request)) => (number.parse(), request.parse::<u32>().ok()),
    };
    let Ok(number) = number else { return Quoted::Unknown };
    if let Some((place, instruction)) = draft.state.instruction(number) {
        return match &instruction.outside {
            Some(outside) => Quoted::Open(place, instruction, outside, request),
            None => Quoted::Unknown,
        };
    }
    let sent = draft.past.sequence_of(&outbound_key(&reference_of(draft.state, number)));
    let Some(record) = sent.and_then(|sequence| draft.past.record(sequence)) else { return Quoted::Unknown };
    let message = record.events().iter().find_map(|event| match event {
        Event::InstructionSent { instruction, message } if *instruction == number => match &message.body {
            OutboundBody::Instruct(instruct) => Some(instruct.clone()),
            _ => None,
        },
        _ => None,
    });
    message.map_or(Quoted::Unknown, |message| Quoted::Ended(number, message))
}

/// Makes an instruction of an obligation and sends it.
pub(crate) fn issue(draft: &mut Draft<'_>, trade: u64, place: u32, terms: &Terms) {
    let number = draft.instruction_number();
    let instruction = Instruction::from_terms(number, place, terms);
    draft.push(Event::InstructionIssued {
        instruction: number,
        links: alloc::vec![Link { trade, quantity: instruction.quantity, amount: instruction.amount }],
        movement: instruction.movement,
        quantity: instruction.quantity,
        amount: instruction.amount,
    });
    let reference = reference_of(draft.state, number);
    let instruct = message(draft, trade, &instruction);
    send(draft, &instruction, reference, OutboundBody::Instruct(Box::new(instruct)));
}

fn send(draft: &mut Draft<'_>, instruction: &Instruction, reference: Identifier, body: OutboundBody) {
    let names = &draft.state.names;
    let domain = names.name(Kind::Domain, instruction.domain.0).expect("a known domain has its name").clone();
    let own = reference_of(draft.state, instruction.number);
    let message = OutboundInstruction { sender: None, reference, domain, instruction: own, body };
    draft.push(Event::InstructionSent { instruction: instruction.number, message: Box::new(message) });
}

/// The instruction in the agent's words.
fn message(draft: &Draft<'_>, trade: u64, instruction: &Instruction) -> Instruct {
    let state = draft.state;
    let (isin, quantity_type) = state.addresses.instrument(instruction.instrument, instruction.trade_date);
    let named = |kind, index| state.names.name(kind, index).expect("what is instructed has its name").clone();
    let optional = instruction.optional.as_deref().cloned().unwrap_or_default();
    let currency = instruction.currency.as_currency().filter(|_| instruction.method == Method::Dvp);
    let places = currency.and_then(model::currency::exponent).map_or(0, u32::from);
    Instruct {
        movement: instruction.movement,
        payment: instruction.method,
        trade_date: instruction.trade_date,
        settlement_date: instruction.date,
        instrument: named(Kind::Instrument, instruction.instrument.0),
        isin,
        quantity: quantity(instruction.quantity, state.reference.scale(instruction.instrument)),
        quantity_type,
        currency,
        amount: currency.map(|_| decimal(instruction.amount, places)),
        party: state.party_reference(instruction.party),
        counterparty: state.party_reference(instruction.counterparty),
        depot: named(Kind::Account, instruction.depot.0),
        nostro: instruction.nostro.map(|AccountIx(nostro)| named(Kind::Account, nostro)),
        transaction_type: instruction.transaction_type,
        hold: instruction.held,
        priority: instruction.priority,
        common_reference: optional.common_reference,
        delivering_client: optional.delivering_client,
        receiving_client: optional.receiving_client,
        cum_ex: instruction.cum_ex,
        opt_out: instruction.opt_out,
        trade,
    }
}

fn decimal(units: i64, places: u32) -> Decimal {
    Decimal::from_units(i128::from(units), places).expect("64 bits and a known scale are a decimal")
}

/// A quantity without the zeros that only our way of counting adds.
fn quantity(mut units: i64, scale: u8) -> Decimal {
    let mut places = u32::from(scale);
    while places > 0 && units % 10 == 0 {
        (units, places) = (units / 10, places - 1);
    }
    decimal(units, places)
}

impl State {
    pub(crate) fn apply_sent(&mut self, number: u64, message: &OutboundInstruction) {
        let (place, _) = self.instruction(number).expect("what is sent is open");
        let instruction = &mut self.instructions[place];
        let (held, priority) = (instruction.held, instruction.priority);
        let Some(outside) = &mut instruction.outside else {
            instruction.outside = Some(Box::new(Outside {
                standing: AgentStanding::Sent,
                agent_reference: String::new(),
                requests: 0,
                request: None,
                wanted: None,
            }));
            return;
        };
        outside.requests += 1;
        outside.request = match &message.body {
            OutboundBody::Instruct(_) => None,
            OutboundBody::Cancel(_) => Some(Request::Cancel),
            OutboundBody::Modify(asked) => {
                outside.wanted = None;
                Some(Request::Modify(asked.hold.unwrap_or(held), asked.priority.unwrap_or(priority)))
            }
        };
    }

    pub(crate) fn apply_advised(&mut self, number: u64, standing: AgentStanding, reasons: &[String], agent: &str) {
        let (place, _) = self.instruction(number).expect("an advice is about what is open");
        let instruction = &mut self.instructions[place];
        let outside = instruction.outside.as_mut().expect("an agent has it");
        outside.standing = standing;
        if !agent.is_empty() {
            outside.agent_reference = agent.into();
        }
        instruction.failing = standing == AgentStanding::Failing;
        // Codes of four letters are shown where those of the internal seat are; all of them stand in the event.
        let codes: Vec<_> = reasons.iter().filter_map(|text| model::instruction::Code::parse(text)).collect();
        instruction.reasons = Some(codes.into());
    }

    pub(crate) fn apply_answered(&mut self, number: u64, answered: model::breaks::Answered) {
        let (place, _) = self.instruction(number).expect("an answer is about what is open");
        let outside = self.instructions[place].outside.as_mut().expect("an agent has it");
        if answered != model::breaks::Answered::Underway {
            outside.request = None;
        }
    }
}
