//! What becomes of a bank's instructions, as advices: a fold of the agent's log, record by record. Knows no broker.
//!
//! Every advice quotes the bank's reference, its id names the record it comes from. What is said of an instruction that settles in
//! parts is said of the whole: each part's confirmation says whether more will come (PAIN).

mod accounts;
mod legs;
mod letters;
mod said;

use crate::Bank;
use crate::instruct::root;
use accounts::Accounts;
use legs::{Leg, Legs};
use model::advice::{Advice, AdviceBody, AllegementRemoval, Answer, CashEntry, Status};
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::index::Kind;
use model::instruction::{Code, code};
use model::record::{Content, Outcome};
use model::rejection::{Reason, Rejection};
use model::trade::Action;
use said::{Request, entry_code, texts};
use std::collections::BTreeMap;

/// The fold for one bank.
pub struct Advices {
    agent: Identifier,
    bank: Bank,
    accounts: Accounts,
    legs: Legs,
    /// What counterparties instructed against the bank, by instruction; with the id of the allegement once it was told.
    street: BTreeMap<u64, Street>,
    /// The commands of a request that were refused, until its last one is answered.
    refused: BTreeMap<String, Code>,
    /// They go out as ISO 20022 XML.
    xml: bool,
    now: Now,
}

/// A counterparty's instruction that names the bank.
struct Street {
    trade: u64,
    /// What takes back the advice that alleged it.
    alleged: Option<AllegementRemoval>,
}

/// The record that is being folded.
#[derive(Default)]
struct Now {
    sequence: u64,
    said: Vec<Advice>,
    /// Instructions of the bank that ended without settlement, by trade.
    gone: Vec<(u64, Code)>,
}

impl Advices {
    /// Of an agent, for a bank.
    #[must_use]
    pub fn new(agent: Identifier, bank: Bank) -> Advices {
        let accounts = Accounts::new(bank.parties.clone());
        let (legs, street, refused) = (Legs::default(), BTreeMap::new(), BTreeMap::new());
        Advices { agent, bank, accounts, legs, street, refused, xml: false, now: Now::default() }
    }

    /// The same as ISO 20022 XML.
    #[must_use]
    pub fn as_xml(self) -> Advices {
        Advices { xml: true, ..self }
    }

    /// What a record makes the agent say to the bank.
    ///
    /// # Errors
    /// When the bytes are no record.
    pub fn of_record(&mut self, sequence: u64, bytes: &[u8]) -> Result<Vec<Advice>, wire::DecodeError> {
        let record = wire::record::decode(bytes)?;
        self.now = Now { sequence, ..Now::default() };
        if let Content::Decided { inbound, outcome } = &record.content {
            let request = self.request(inbound);
            if let (Some(request), Command::Trade(trade)) = (&request, &inbound.command) {
                let root = root(trade.id.as_str());
                match trade.action {
                    Action::Cancel => self.legs.asks_to_cancel(root, &request.reference),
                    Action::New if !matches!(outcome, Outcome::Duplicate { .. }) => {
                        self.legs.arrives(root, !request.is_last);
                    }
                    _ => {}
                }
            }
            match outcome {
                Outcome::Accepted(events) => {
                    events.iter().for_each(|event| self.event(event));
                    self.instructions_gone();
                    if let Some(request) = request {
                        self.carried_out(&request, &inbound.command, events);
                    }
                }
                Outcome::Rejected(rejection) => {
                    if let Some(request) = request {
                        self.refuse(&request, &inbound.command, rejection);
                    }
                }
                Outcome::Duplicate { .. } => {}
            }
        }
        Ok(std::mem::take(&mut self.now.said))
    }

    /// The bank's message that a command carries out.
    fn request(&self, inbound: &Inbound) -> Option<Request> {
        match &inbound.origin {
            Origin::Call { request_id } => Request::parse(request_id.as_str(), self.bank.house.as_str()),
            _ => None,
        }
    }

    fn say(&mut self, reference: &str, instruction: Option<u64>, body: AdviceBody) {
        self.now.said.push(Advice {
            sender: self.agent.clone(),
            id: advice_id(self.now.sequence, self.now.said.len()),
            reference: reference.to_owned(),
            agent_reference: instruction.map(|number| format!("{}-{number}", self.agent)).unwrap_or_default(),
            body,
        });
    }

    fn status(&mut self, reference: &str, instruction: Option<u64>, status: &str, reasons: &[Code]) {
        let (status, reasons, narrative) = (status.to_owned(), texts(reasons), String::new());
        self.say(reference, instruction, AdviceBody::Status(Status { status, reasons, narrative }));
    }

    fn event(&mut self, event: &Event) {
        self.accounts.fold(event);
        match event {
            Event::TradeCaptured { trade, source, id, terms, defects, .. } => {
                if self.accounts.name(Kind::Source, source.0) == Some(&self.bank.house) {
                    self.legs.capture(*trade, id.as_str(), (**terms).clone());
                    if !defects.is_empty() {
                        let defects: Vec<String> =
                            defects.iter().map(|defect| format!("{} {}", defect.kind.code(), defect.subject)).collect();
                        let (status, narrative) = ("PPRC".to_owned(), defects.join(", "));
                        let body = AdviceBody::Status(Status { status, reasons: Vec::new(), narrative });
                        self.say(root(id.as_str()), None, body);
                    }
                } else if self.accounts.is_bank(terms.counterparty) {
                    self.legs.street(*trade, (**terms).clone());
                }
            }
            Event::TradeChanged { trade, terms, .. } => self.legs.change(*trade, terms),
            Event::InstructionIssued { instruction, links, .. } => {
                for link in links {
                    self.issued(*instruction, link.trade);
                }
            }
            Event::InstructionUnmatched { instruction, reasons } => {
                if let Some(leg) = self.legs.of(*instruction) {
                    let reference = leg.root.clone();
                    self.status(&reference, Some(*instruction), "NMAT", reasons);
                } else {
                    self.allege(*instruction);
                }
            }
            Event::InstructionsMatched { deliver, receive, reasons, .. } => {
                let (deliverers, receivers) = reasons.unzip();
                for (instruction, reason) in [(*deliver, deliverers), (*receive, receivers)] {
                    self.heard_of(instruction);
                    self.pending(instruction, reason.as_slice(), true);
                }
            }
            Event::InstructionsPending { deliver, receive, reasons, .. } => {
                self.pending(*deliver, &[reasons.0], false);
                self.pending(*receive, &[reasons.1], false);
            }
            Event::InstructionsFailing { instructions, .. } => {
                for instruction in instructions {
                    let Some(leg) = self.legs.of_mut(*instruction) else { continue };
                    leg.failing = true;
                    // What found no counterpart stays unmatched, as late as it may be.
                    if leg.matched {
                        let (reference, reasons) = (leg.root.clone(), leg.reasons.clone());
                        self.status(&reference, Some(*instruction), "PENF", &reasons);
                    }
                }
            }
            Event::InstructionsSettled { deliver, receive, quantity, currency, amount, value_date, .. } => {
                for instruction in [*deliver, *receive] {
                    self.heard_of(instruction);
                    let settled =
                        said::Settled { quantity: *quantity, currency: *currency, amount: *amount, date: *value_date };
                    self.settled(instruction, &settled);
                }
            }
            Event::InstructionCancelled { instruction, reason } => {
                self.heard_of(*instruction);
                if let Some(trade) = self.legs.ended(*instruction) {
                    self.now.gone.push((trade, *reason));
                }
            }
            Event::TradeCancelled { trade, .. } => self.legs.cancelled(*trade),
            Event::TradeChangeLapsed { trade, cancel: true, .. } => {
                if let Some((request, _)) = self.legs.no_cancellation(*trade) {
                    self.answer(&request, true, "DEND", &[code::DSET]);
                }
            }
            Event::Transferred { postings, .. } => {
                for body in self.accounts.moved(postings, "TRANSFER") {
                    self.say("", None, body);
                }
            }
            Event::Reversed { postings, .. } => {
                for body in self.accounts.moved(postings, "REVERSAL") {
                    self.say("", None, body);
                }
            }
            Event::DayClosed { domain, date } => {
                for body in self.accounts.statements(*domain, *date) {
                    self.say("", None, body);
                }
            }
            _ => {}
        }
    }

    fn issued(&mut self, instruction: u64, trade: u64) {
        match self.legs.issue(instruction, trade) {
            Some(legs::Issued::First(reference)) => self.status(&reference, Some(instruction), "PACK", &[]),
            Some(legs::Issued::Street) => _ = self.street.insert(instruction, Street { trade, alleged: None }),
            Some(legs::Issued::Again) | None => {}
        }
    }

    /// What a pair waits for: pending, or failing once its date's cut-off has passed.
    fn pending(&mut self, instruction: u64, reasons: &[Code], matched_now: bool) {
        let Some(leg) = self.legs.of_mut(instruction) else { return };
        if !matched_now && leg.matched && leg.reasons == reasons {
            // Tried again, and it waits for the same.
            return;
        }
        (leg.matched, leg.reasons) = (true, reasons.to_vec());
        let (reference, failing) = (leg.root.clone(), leg.failing);
        match (matched_now, reasons.is_empty()) {
            // It settles in this record: its confirmation says all.
            (true, true) => {}
            (true, false) if !failing => {
                self.status(&reference, Some(instruction), "MACH", &[]);
                self.status(&reference, Some(instruction), "PEND", reasons);
            }
            _ => self.status(&reference, Some(instruction), if failing { "PENF" } else { "PEND" }, reasons),
        }
    }

    /// The counterparty's side of what the bank has not said.
    fn allege(&mut self, instruction: u64) {
        let Some(street) = self.street.get_mut(&instruction).filter(|street| street.alleged.is_none()) else { return };
        let Some(terms) = self.legs.street_terms(street.trade) else { return };
        let said = self.accounts.allegement(terms);
        let allegement = advice_id(self.now.sequence, self.now.said.len());
        let (movement, payment) = (Some(said.movement), Some(terms.method));
        street.alleged = Some(AllegementRemoval { allegement, movement, payment });
        self.say("", Some(instruction), AdviceBody::Allegement(Box::new(said)));
    }

    /// A counterparty's instruction found its counterpart, or is no more: what was alleged is taken back.
    fn heard_of(&mut self, instruction: u64) {
        if let Some(Street { alleged: Some(removal), .. }) = self.street.remove(&instruction) {
            self.say("", Some(instruction), AdviceBody::AllegementRemoval(removal));
        }
    }

    fn settled(&mut self, instruction: u64, settled: &said::Settled) {
        let Some(Leg { root, terms, .. }) = self.legs.settle(instruction) else { return };
        let partial = if self.legs.is_open(&root) { "PAIN" } else { "" };
        let confirmation = self.accounts.confirmation(&terms, settled, partial);
        let cash = confirmation.amount.zip(confirmation.currency).filter(|(amount, _)| !amount.is_zero());
        let account = confirmation.cash_account.clone();
        let sign = if confirmation.movement == model::instruction::Movement::Deliver { 1 } else { -1 };
        self.say(&root, Some(instruction), AdviceBody::Confirmation(Box::new(confirmation)));
        if let Some((mut amount, currency)) = cash {
            amount.unscaled *= sign;
            let (code, narrative) = (entry_code().to_owned(), String::new());
            let entry = CashEntry { account, currency, amount, value_date: settled.date, code, narrative };
            self.say(&root, Some(instruction), AdviceBody::CashEntry(entry));
        }
    }

    /// What the record's cancellations come to, once all of it is folded.
    fn instructions_gone(&mut self) {
        for (trade, reason) in std::mem::take(&mut self.now.gone) {
            let Some(root) = self.legs.root_of(trade).map(str::to_owned) else { continue };
            if self.legs.has_instruction(trade) {
                // Replaced by another in the same record.
                continue;
            }
            match self.legs.cancellation_done(&root) {
                legs::Cancellation::NotAsked => self.status(&root, None, "CAND", &[reason]),
                legs::Cancellation::Waits => {}
                legs::Cancellation::Done(request) => self.answer(&request, true, "CAND", &[reason]),
            }
        }
    }

    fn answer(&mut self, request: &str, cancel: bool, status: &str, reasons: &[Code]) {
        let answer = Answer { status: status.to_owned(), reasons: texts(reasons), narrative: String::new() };
        let body = if cancel { AdviceBody::CancellationAnswer(answer) } else { AdviceBody::ModificationAnswer(answer) };
        self.say(request, None, body);
    }

    /// A bank's command was taken: what is still to be said of the request as such.
    fn carried_out(&mut self, request: &Request, command: &Command, events: &[Event]) {
        match command {
            Command::Trade(trade) if trade.action == Action::Cancel => {
                if events.iter().any(|event| matches!(event, Event::TradeAwaited { .. })) {
                    self.legs.forget_cancellation(root(trade.id.as_str()));
                    self.answer(&request.reference, true, "REJT", &[said::REFE]);
                } else if events.iter().any(|event| matches!(event, Event::TradeChangeRequested { .. })) {
                    // Under way: the counterparty must agree.
                    if request.is_last {
                        self.answer(&request.reference, true, "CANP", &[]);
                    }
                } else if let Some((asked, reason)) = self.legs.cancelled_without_instruction(root(trade.id.as_str())) {
                    self.answer(&asked, true, "CAND", &[reason]);
                }
            }
            Command::Steer { .. } => self.steered(request, None),
            _ => {}
        }
    }

    /// The answer to a modification, with its last command.
    fn steered(&mut self, request: &Request, refused: Option<Code>) {
        if let Some(code) = refused {
            self.refused.insert(request.reference.clone(), code);
        }
        if request.is_last {
            match self.refused.remove(&request.reference) {
                None => self.answer(&request.reference, false, "MODC", &[]),
                Some(code) => self.answer(&request.reference, false, "REJT", &[code]),
            }
        }
    }

    fn refuse(&mut self, request: &Request, command: &Command, rejection: &Rejection) {
        match command {
            Command::Trade(trade) if trade.action == Action::Cancel => {
                self.legs.forget_cancellation(root(trade.id.as_str()));
                let reason = match rejection.reason {
                    Reason::TradeSettled => code::DSET,
                    Reason::TradeCancelled => said::DCAN,
                    _ => said::OTHR,
                };
                self.answer(&request.reference, true, "DEND", &[reason]);
            }
            Command::Trade(trade) => {
                let (status, narrative) = ("REJT".to_owned(), rejection.to_string());
                let body = AdviceBody::Status(Status { status, reasons: Vec::new(), narrative });
                self.say(root(trade.id.as_str()), None, body);
            }
            // It stands so already.
            Command::Steer { .. } if rejection.reason == Reason::NothingToChange => self.steered(request, None),
            Command::Steer { .. } => self.steered(request, Some(said::OTHR)),
            _ => {}
        }
    }
}

/// The id of the advice that is said next of a record of which some are said.
fn advice_id(sequence: u64, said: usize) -> Identifier {
    Identifier::parse(&format!("A{sequence}-{}", said + 1)).expect("two numbers are a name")
}
