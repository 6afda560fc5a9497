//! The agent of the external domain: what it says of what it was asked, right, partial, wrong, twice or from a stranger.

use super::Generator;
use crate::books::Books;
use crate::input::Input;
use crate::world::{self, cash, decimal, id};
use model::advice::{
    Advice, AdviceBody, Allegement, AllegementRemoval, Answer, CashBalance, CashBalances, CashEntry, Confirmation,
    SecuritiesBalance, SecuritiesBalances, Status,
};
use model::breaks::{CloseBreak, Resolution};
use model::command::Command;
use model::instruction::Movement;
use std::rc::Rc;

impl Generator {
    pub(super) fn agent_says(&mut self, books: &Books) -> Input {
        let open: Vec<u64> =
            books.instructions.values().filter(|each| each.is_outside()).map(|each| each.number).collect();
        let ended: Vec<u64> = books.ended.keys().copied().collect();
        let number = match self.random.below(20) {
            0 => self.one_of(&ended).unwrap_or(1),
            1 => self.random.between(1, 500) as u64,
            _ => match self.one_of(&open) {
                Some(number) => number,
                None => return self.trade(),
            },
        };
        let reference = match self.random.below(30) {
            0 => String::new(),
            1 => "THEIR-OWN".to_owned(),
            _ => format!("Q0-{number}"),
        };
        let (reference, body) = match self.random.below(20) {
            0..=4 => (reference, self.status()),
            5..=11 => (reference, self.confirmation(books, number)),
            12..=13 => {
                let request = self.random.between(0, 3);
                let reference = if request == 0 { reference } else { format!("{reference}-{request}") };
                (reference, AdviceBody::CancellationAnswer(self.answer(&["CAND", "CAND", "DEND", "PACK"])))
            }
            14..=15 => (reference, AdviceBody::ModificationAnswer(self.answer(&["MODC", "MODC", "REJT", "PEND"]))),
            16 => (String::new(), self.allegement()),
            17 => {
                let (account, currency) = (self.account("EUR"), cash("EUR"));
                let amount = decimal(self.random.between(-3_000, 3_000), 2);
                let (code, narrative) = ("PMNT".to_owned(), String::new());
                let value_date = self.now.date_utc();
                let body = CashEntry { account, currency, amount, value_date, code, narrative };
                (if self.random.chance(3_000) { reference } else { String::new() }, AdviceBody::CashEntry(body))
            }
            _ => (String::new(), self.statement(books)),
        };
        self.advise(reference, body)
    }

    fn advise(&mut self, reference: String, body: AdviceBody) -> Input {
        let fresh = self.advices == 0 || self.random.chance(9_700);
        self.advices += u64::from(fresh);
        let place = if fresh { self.advices } else { 1 + self.random.below(self.advices) };
        let sender = id(if self.random.chance(400) { world::STRANGER } else { world::AGENT });
        let agent_reference = if self.random.chance(3_000) { "A-1".to_owned() } else { String::new() };
        let advice = Advice { sender, id: id(&format!("ADV-{place}")), reference, agent_reference, body };
        let mut bytes = Vec::new();
        wire::settlement::encode_advice(&advice, &mut bytes);
        let means = wire::settlement::decode_advice(&bytes).ok().map(|read| Rc::new(Command::Advice(Box::new(read))));
        let input = Input::Message { partition: 2, bytes: Rc::new(bytes), means };
        if self.random.chance(600) {
            // It comes late, and what it tells may have been overtaken.
            self.at_later_step(input.clone(), 30);
        }
        input
    }

    /// What the agent said before, as somebody takes it in by hand; or that under an id of its own.
    pub(super) fn replayed_advice(&mut self) -> Option<Box<Advice>> {
        let place = self.random.below(self.messages.len().max(1) as u64) as usize;
        let said = self.messages[place.min(self.messages.len())..].iter().find_map(|input| match input {
            Input::Message { means: Some(command), .. } => match &**command {
                Command::Advice(advice) => Some(advice.clone()),
                _ => None,
            },
            _ => None,
        });
        let mut advice = said?;
        if self.random.chance(7_000) {
            self.advices += 1;
            advice.id = id(&format!("ADV-{}", self.advices));
        }
        Some(advice)
    }

    fn status(&mut self) -> AdviceBody {
        let status = *self.random.pick(&["PACK", "NMAT", "MACH", "MACH", "PEND", "PENF", "REJT", "CAND", "XYZ"]);
        let reasons = match self.random.below(3) {
            0 => Vec::new(),
            1 => vec!["LACK".to_owned()],
            _ => vec!["their own words".to_owned(), "CMIS".to_owned()],
        };
        AdviceBody::Status(Status { status: status.to_owned(), reasons, narrative: String::new() })
    }

    fn answer(&mut self, statuses: &[&str]) -> Answer {
        let status = (*self.random.pick(statuses)).to_owned();
        Answer { status, reasons: Vec::new(), narrative: String::new() }
    }

    fn confirmation(&mut self, books: &Books, number: u64) -> AdviceBody {
        let open = books.instructions.get(&number);
        let (mut quantity, mut amount) = open.map_or((5, 1_000), |open| (open.quantity, open.amount));
        let scale = open.map_or(0, |open| u32::from(books.scale(open.instrument())));
        let mut movement = open.map_or(Movement::Deliver, |open| open.direction());
        let free = open.is_some_and(|open| open.is_free());
        let mut partial = String::new();
        if quantity > 1 && self.random.chance(3_500) {
            let part = self.random.between(1, quantity - 1);
            amount = (i128::from(amount) * i128::from(part) / i128::from(quantity)) as i64;
            quantity = part;
            partial = (if self.random.chance(8_000) { "PAIN" } else { "PARC" }).to_owned();
        }
        let (mut account, mut cash_account, mut instrument) = (String::new(), String::new(), String::new());
        match self.random.below(40) {
            0 => amount += self.random.between(1, 4_000),
            1 => amount -= self.random.between(0, amount.clamp(0, 3_000)),
            2 => quantity += self.random.between(1, 40),
            3 => movement = movement.opposite(),
            4 => instrument = (*self.random.pick(&["SAP", "BUND", "WHAT"])).to_owned(),
            5 => account = world::depot(self.name(&world::MEMBERS), "XCSD"),
            6 => account = "NO-DEPOT".to_owned(),
            7 => cash_account = self.account("EUR"),
            8 => cash_account = world::nostro("ALPHA", "MAIN", "EUR"),
            9..=11 => instrument = open.map_or(String::new(), |open| open.instrument().to_string()),
            _ => {}
        }
        let against = !free || self.random.chance(300);
        let currency = cash(if self.random.chance(300) { "USD" } else { open.map_or("EUR", |open| open.currency()) });
        AdviceBody::Confirmation(Box::new(Confirmation {
            movement,
            instrument,
            quantity: decimal(quantity, scale),
            currency: against.then_some(currency),
            amount: against.then(|| decimal(amount, 2)),
            partial,
            effective_date: self.now.date_utc(),
            account,
            cash_account,
        }))
    }

    fn account(&mut self, currency: &str) -> String {
        if self.random.chance(800) {
            return "NO-ACCOUNT".to_owned();
        }
        world::nostro(self.name(&world::MEMBERS), "XCSD", currency)
    }

    fn allegement(&mut self) -> AdviceBody {
        if self.random.chance(4_000) && self.advices > 0 {
            let place = 1 + self.random.below(self.advices);
            let allegement = id(&format!("ADV-{place}"));
            return AdviceBody::AllegementRemoval(AllegementRemoval { allegement, movement: None, payment: None });
        }
        AdviceBody::Allegement(Box::new(Allegement {
            movement: Movement::Deliver,
            instrument: "SAP".to_owned(),
            quantity: decimal(self.random.between(1, 90), 0),
            currency: Some(cash("EUR")),
            amount: Some(decimal(500, 2)),
            trade_date: None,
            settlement_date: Some(self.now.date_utc()),
            counterparty: "SOMEBODY".to_owned(),
            account: world::depot("BETA", "XCSD"),
        }))
    }

    /// What lies in an account: as our mirror says, or not.
    fn statement(&mut self, books: &Books) -> AdviceBody {
        let member = *self.random.pick(&world::MEMBERS);
        let date = self.now.date_utc();
        let off = if self.random.chance(5_000) { 0 } else { self.random.between(-2, 2) };
        if self.random.chance(5_000) {
            let account = world::nostro(member, "XCSD", "EUR");
            let amount = decimal(books.lies(member, &account, "EUR") + off * 100, 2);
            let lines = vec![CashBalance { currency: cash("EUR"), amount }];
            return AdviceBody::CashBalances(CashBalances { account, date, lines });
        }
        let account = world::depot(member, "XCSD");
        let papers = world::PAPERS.iter().filter(|_| self.random.chance(7_000));
        let papers: Vec<&str> = papers.copied().collect();
        let lines = papers.into_iter().map(|paper| {
            let quantity = decimal(books.lies(member, &account, paper) + off, u32::from(books.scale(&id(paper))));
            SecuritiesBalance { instrument: paper.to_owned(), quantity }
        });
        let lines = lines.collect();
        AdviceBody::SecuritiesBalances(SecuritiesBalances { account, date, complete: self.random.chance(3_000), lines })
    }

    /// A person says where a difference belongs.
    pub(super) fn break_closed(&mut self, books: &Books) -> Command {
        let open: Vec<u64> = books.breaks.keys().copied().collect();
        let number = if self.random.chance(500) { 999 } else { self.one_of(&open).unwrap_or(999) };
        if self.random.chance(1_500) {
            return Command::AssignBreak { number, owner: id("wu") };
        }
        let (resolution, target) = match self.random.below(6) {
            0..=1 => (Resolution::Explained, None),
            2 => (Resolution::ToBook, Some(id(&world::book(self.name(&world::MEMBERS), 0)))),
            3 => (Resolution::ToParty, Some(id(self.name(&["BETA", "NOBODY-AT-ALL"])))),
            4 => (Resolution::WriteOff, None),
            _ => (Resolution::Undo, None),
        };
        Command::CloseBreak(CloseBreak { number, resolution, target })
    }
}
