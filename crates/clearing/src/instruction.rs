//! An open settlement instruction, as the state keeps it; and what issuing, settling and ending one does to the state.

use crate::outside::Outside;
use crate::places;
use crate::slab::NONE;
use crate::state::{Loose, State, Trade};
use crate::waiting::Rank;
use alloc::boxed::Box;
use alloc::vec::Vec;
use model::date::Date;
use model::event::Link;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, BookIx, DomainIx, InstrumentIx, PartyIx};
use model::instruction::{Code, Movement};
use model::ledger::{LedgerAccount, Posting};
use model::trade::{CumEx, Method, Side, Terms};

/// An open instruction.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub number: u64,
    /// The trade's place.
    pub trade: u32,
    /// The counter-instruction's place; `NONE` while unmatched.
    pub partner: u32,
    pub book: BookIx,
    pub party: PartyIx,
    pub counterparty: PartyIx,
    pub instrument: InstrumentIx,
    pub domain: DomainIx,
    pub depot: AccountIx,
    pub nostro: Option<AccountIx>,
    pub quantity: i64,
    /// This side's own amount.
    pub amount: i64,
    pub currency: Asset,
    pub trade_date: Date,
    pub date: Date,
    pub movement: Movement,
    pub method: Method,
    pub transaction_type: Code,
    pub priority: u8,
    pub held: bool,
    pub cancel_requested: bool,
    pub failing: bool,
    pub late: bool,
    pub cum_ex: Option<CumEx>,
    pub opt_out: bool,
    pub optional: Option<Box<Optional>>,
    /// Where it stands among what is unmatched between the same two parties.
    pub pair_place: u32,
    /// On the deliverer of a pair: where the pair stands.
    pub stage: Stage,
    /// On the deliverer of a pair: the amount that settles.
    pub matched_amount: i64,
    /// The last reasons told: of an unmatched one all codes, of a pair its own.
    pub reasons: Option<Box<[Code]>>,
    /// What the agent of an external domain says of it; absent in the internal seat.
    pub outside: Option<Box<Outside>>,
}

/// The optional matching fields, when at least one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Optional {
    pub common_reference: Option<Identifier>,
    pub delivering_client: Option<Identifier>,
    pub receiving_client: Option<Identifier>,
}

/// Where a matched pair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not matched, or held: in no queue.
    Idle,
    /// Waits for its date, or for the day.
    Due,
    /// Waits for an account (slot) to be credited.
    Waiting(u32),
}

impl Instruction {
    /// The currency whose cut-off ends it; `None` free of payment.
    pub fn cut_off(&self) -> Option<model::identifier::CurrencyCode> {
        match self.method {
            Method::Dvp => self.currency.as_currency(),
            Method::Fop => None,
        }
    }

    pub fn deliverer(&self) -> PartyIx {
        match self.movement {
            Movement::Deliver => self.party,
            Movement::Receive => self.counterparty,
        }
    }

    pub fn receiver(&self) -> PartyIx {
        match self.movement {
            Movement::Deliver => self.counterparty,
            Movement::Receive => self.party,
        }
    }

    /// An instruction as it will stand once issued from these terms. The accounts must be known.
    pub fn from_terms(number: u64, trade: u32, terms: &Terms) -> Instruction {
        let optional = Optional {
            common_reference: terms.common_reference.clone(),
            delivering_client: terms.delivering_client.clone(),
            receiving_client: terms.receiving_client.clone(),
        };
        Instruction {
            number,
            trade,
            partner: NONE,
            book: terms.book,
            party: terms.party,
            counterparty: terms.counterparty,
            instrument: terms.instrument,
            domain: terms.domain,
            depot: terms.depot.expect("terms without defects name a depot"),
            nostro: terms.nostro,
            quantity: terms.quantity,
            amount: match terms.method {
                Method::Dvp => terms.net,
                Method::Fop => 0,
            },
            currency: Asset::currency(terms.currency),
            trade_date: terms.trade_date,
            date: terms.intended_settlement_date,
            movement: match terms.side {
                Side::Buy => Movement::Receive,
                Side::Sell => Movement::Deliver,
            },
            method: terms.method,
            transaction_type: terms.transaction_type,
            priority: terms.priority,
            held: terms.hold,
            cancel_requested: false,
            failing: false,
            late: terms.late,
            cum_ex: terms.cum_ex,
            opt_out: terms.opt_out,
            optional: (optional != Optional::default()).then(|| Box::new(optional)),
            pair_place: NONE,
            stage: Stage::Idle,
            matched_amount: 0,
            reasons: None,
            outside: None,
        }
    }

    /// The terms again, as far as the ledger and a new instruction need them.
    pub fn terms(&self) -> Terms {
        let optional = self.optional.as_deref().cloned().unwrap_or_default();
        Terms {
            party: self.party,
            counterparty: self.counterparty,
            book: self.book,
            domain: self.domain,
            instrument: self.instrument,
            side: match self.movement {
                Movement::Receive => Side::Buy,
                Movement::Deliver => Side::Sell,
            },
            method: self.method,
            quantity: self.quantity,
            currency: self.currency.as_currency().expect("an instruction's currency is one"),
            gross: 0,
            accrued: 0,
            charges: 0,
            net: self.amount,
            trade_date: self.trade_date,
            intended_settlement_date: self.date,
            late: self.late,
            depot: Some(self.depot),
            nostro: self.nostro,
            ssi: None,
            transaction_type: self.transaction_type,
            cum_ex: self.cum_ex,
            opt_out: self.opt_out,
            common_reference: optional.common_reference,
            delivering_client: optional.delivering_client,
            receiving_client: optional.receiving_client,
            hold: self.held,
            priority: self.priority,
        }
    }
}

/// What capture moves: the book against the counterparty, securities and (against payment) cash.
pub(crate) fn capture_postings(terms: &Terms) -> Vec<Posting> {
    let book = LedgerAccount::Book { entity: terms.party, book: terms.book };
    let owed = LedgerAccount::Counterparty { entity: terms.party, party: terms.counterparty };
    let securities = Asset::instrument(terms.instrument);
    let sign = match terms.side {
        Side::Buy => 1i128,
        Side::Sell => -1,
    };
    let quantity = sign * i128::from(terms.quantity);
    let mut postings = Vec::with_capacity(4);
    postings.push(Posting { account: book, asset: securities, amount: quantity });
    postings.push(Posting { account: owed, asset: securities, amount: -quantity });
    if terms.method == Method::Dvp && terms.net != 0 {
        let cash = Asset::currency(terms.currency);
        let amount = -sign * i128::from(terms.net);
        postings.push(Posting { account: book, asset: cash, amount });
        postings.push(Posting { account: owed, asset: cash, amount: -amount });
    }
    postings
}

/// The difference between what was captured and what shall be, as postings; what agrees falls out.
pub(crate) fn change_postings(before: &Terms, after: &Terms) -> Vec<Posting> {
    let mut net = model::ledger::reversed(&capture_postings(before));
    for posting in capture_postings(after) {
        match net.iter_mut().find(|each| each.account == posting.account && each.asset == posting.asset) {
            Some(same) => same.amount += posting.amount,
            None => net.push(posting),
        }
    }
    net.retain(|posting| posting.amount != 0);
    net
}

/// What settlement moves: the counterparty back, and the location with it, on both sides.
pub(crate) fn settlement_postings(deliver: &Instruction, receive: &Instruction, amount: i64) -> Vec<Posting> {
    let mut postings = Vec::with_capacity(9);
    let securities = Asset::instrument(deliver.instrument);
    let quantity = i128::from(deliver.quantity);
    let mut post = |account, asset, amount: i128| {
        if amount != 0 {
            postings.push(Posting { account, asset, amount });
        }
    };
    for (side, sign) in [(deliver, -1i128), (receive, 1)] {
        let owed = LedgerAccount::Counterparty { entity: side.party, party: side.counterparty };
        post(owed, securities, sign * quantity);
        post(LedgerAccount::Location { entity: side.party, account: side.depot }, securities, sign * quantity);
        if let (Method::Dvp, Some(nostro)) = (side.method, side.nostro) {
            let (own, paid) = (-sign * i128::from(side.amount), -sign * i128::from(amount));
            post(owed, side.currency, own);
            post(LedgerAccount::Location { entity: side.party, account: nostro }, side.currency, paid);
            // What the tolerance forgave: the two amounts may differ, the paid one is the deliverer's.
            post(LedgerAccount::Difference { entity: side.party }, side.currency, paid - own);
        }
    }
    postings
}

impl State {
    /// The terms in force of an open trade.
    pub(crate) fn terms_of(&self, trade: &Trade) -> Terms {
        match (&trade.loose, self.instructions.get(trade.instruction)) {
            (Some(loose), _) => loose.terms.clone(),
            (None, Some(instruction)) => instruction.terms(),
            (None, None) => unreachable!("an open trade keeps its terms or has an instruction"),
        }
    }

    pub(crate) fn apply_issued(&mut self, number: u64, links: &[Link]) {
        let (place, _) = self.trade(links[0].trade).expect("an instruction is issued of an open trade");
        let loose = self.trades[place].loose.take().expect("a trade without instruction keeps its terms");
        let instruction = Instruction::from_terms(number, place, &loose.terms);
        let issued = self.instructions.insert(instruction);
        self.trades[place].instruction = issued;
        self.instruction_by_number.add(places::of_number(number), issued);
        self.next_instruction = self.next_instruction.max(number + 1);
        // What an agent settles is sent, by the next event of the record, and not matched here.
        if !self.is_external(loose.terms.domain) {
            self.add_unmatched(issued);
        }
    }

    pub(crate) fn apply_matched(&mut self, deliver: u64, receive: u64, amount: i64, reasons: Option<(Code, Code)>) {
        let (d, _) = self.instruction(deliver).expect("both are open");
        let (r, _) = self.instruction(receive).expect("both are open");
        self.remove_unmatched(d);
        self.remove_unmatched(r);
        self.instructions[d].partner = r;
        self.instructions[r].partner = d;
        self.instructions[d].matched_amount = amount;
        self.instructions[d].reasons = None;
        self.instructions[r].reasons = None;
        if let Some(reasons) = reasons {
            self.set_pair_reasons(d, reasons);
            self.queue_due(d);
        }
    }

    pub(crate) fn set_pair_reasons(&mut self, deliver: u32, reasons: (Code, Code)) {
        let receive = self.instructions[deliver].partner;
        self.instructions[deliver].reasons = Some(Box::new([reasons.0]));
        self.instructions[receive].reasons = Some(Box::new([reasons.1]));
    }

    /// Puts a pair where it waits for its date, unless a hold keeps it out.
    pub(crate) fn queue_due(&mut self, deliver: u32) {
        self.leave_queue(deliver);
        let instruction = &self.instructions[deliver];
        if instruction.held || self.instructions[instruction.partner].held {
            return;
        }
        self.due.insert((instruction.domain.0, self.pair_rank(instruction)), deliver);
        self.instructions[deliver].stage = Stage::Due;
    }

    /// A pair's place in the order of settlement, by its deliverer.
    pub(crate) fn pair_rank(&self, deliver: &Instruction) -> Rank {
        let other = &self.instructions[deliver.partner];
        Rank { priority: deliver.priority.min(other.priority), date: deliver.date.days(), number: deliver.number }
    }

    /// Puts a pair where it waits for an account to be credited.
    pub(crate) fn queue_waiting(&mut self, deliver: u32, slot: u32) {
        self.leave_queue(deliver);
        let instruction = &self.instructions[deliver];
        let need = match self.balances.slots[slot as usize].asset.as_instrument() {
            Some(_) => instruction.quantity,
            None => instruction.matched_amount,
        };
        let rank = self.pair_rank(&self.instructions[deliver]);
        self.balances.slots[slot as usize].waiting.insert(&mut self.waiting, rank, need, deliver);
        self.instructions[deliver].stage = Stage::Waiting(slot);
    }

    /// Takes a pair out of whichever queue it is in.
    pub(crate) fn leave_queue(&mut self, deliver: u32) {
        let instruction = &self.instructions[deliver];
        if instruction.stage == Stage::Idle {
            return;
        }
        let (rank, domain) = (self.pair_rank(instruction), instruction.domain.0);
        match instruction.stage {
            Stage::Idle => {}
            Stage::Due => {
                self.due.remove(&(domain, rank)).expect("what is due stands in the queue");
            }
            Stage::Waiting(slot) => self.balances.slots[slot as usize].waiting.remove(&mut self.waiting, &rank),
        }
        self.instructions[deliver].stage = Stage::Idle;
    }

    /// Takes an instruction out of the open business. A pair's partner must be taken out too, or freed.
    pub(crate) fn close_instruction(&mut self, place: u32) -> Instruction {
        let instruction = &self.instructions[place];
        if instruction.outside.is_some() {
            // It stands in no queue of ours.
        } else if instruction.partner == NONE {
            self.remove_unmatched(place);
        } else if instruction.movement == Movement::Deliver {
            self.leave_queue(place);
        }
        let instruction = self.instructions.remove(place);
        self.instruction_by_number.remove(places::of_number(instruction.number), place);
        instruction
    }

    pub(crate) fn apply_settled(&mut self, deliver: u64, receive: u64) {
        for number in [deliver, receive] {
            let (place, _) = self.instruction(number).expect("what settles is open, and settles once");
            let instruction = self.close_instruction(place);
            self.close_trade(instruction.trade);
        }
    }

    /// Ends an instruction without settlement: its trade gets its terms back.
    pub(crate) fn apply_instruction_cancelled(&mut self, number: u64) {
        let (place, instruction) = self.instruction(number).expect("what is cancelled is open");
        let (trade, partner, movement) = (instruction.trade, instruction.partner, instruction.movement);
        if partner != NONE && movement == Movement::Receive && self.instructions.get(partner).is_some() {
            // The deliverer carries the pair's place in the queues; it goes in the same record.
            self.leave_queue(partner);
        }
        let instruction = self.close_instruction(place);
        let terms = instruction.terms();
        self.trades[trade].loose = Some(Box::new(Loose { terms, defects: Vec::new() }));
        self.trades[trade].instruction = NONE;
    }

    /// Takes a trade out of the open business.
    pub(crate) fn close_trade(&mut self, place: u32) {
        let trade = self.trades.remove(place);
        self.trade_by_key.remove(places::of_key(&trade.key), place);
        self.trade_by_number.remove(places::of_number(trade.number), place);
        self.repairs.remove(&trade.number);
    }
}
