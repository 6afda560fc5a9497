//! A seeded stream of trades that match, wait, settle, fail, are held, amended and cancelled: valid, and in no special order.

use model::accounting::FrozenSet;
use model::command::{Command, Repair};
use model::decimal::Decimal;
use model::event::Event;
use model::index::BookIx;
use model::instruction::code;
use model::ledger::reversed;
use model::reference::{Book, Price, PriceSet, Priced, Reference};
use model::trade::{Defect, DefectKind, Side, Terms};

use super::{Stream, T2S, accounts, capture, capture_postings, change, day, id, issue, settled, terms};

/// A number generator of 64 bits (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

struct Open {
    trade: u64,
    instruction: u64,
    version: u32,
    terms: Terms,
    held: bool,
}

#[derive(Default)]
struct Market {
    next: u64,
    alone: Vec<Open>,
    pairs: Vec<(Open, Open)>,
    repair: Vec<(u64, Terms)>,
    proposals: Vec<u64>,
    quarantined: Vec<u64>,
}

impl Stream {
    /// Goes on with so many records.
    pub fn wander(&mut self, records: u64, seed: u64) {
        let mut market = Market { next: 1_000_000 * (seed + 1), ..Market::default() };
        let mut random = Random(seed);
        let begun = self.last();
        let end = begun + records;
        let mut closes = 0;
        while self.last() < end {
            market.step(self, &mut random);
            // Now and then prices are set, corrected, and one side closes its books: what changes afterwards was closed over.
            if self.last() > begun + 400 * (closes + 1) {
                closes += 1;
                self.close_books(closes as u32);
            }
        }
    }

    fn close_books(&mut self, number: u32) {
        if number == 1 {
            for (book, owner) in [("A-ONE", "ALPHA"), ("B-ONE", "BRAVO"), ("A-TWO", "ALPHA")] {
                let book = Reference::Book(Book { id: id(book), name: String::new(), owner: id(owner) });
                self.accept(vec![Event::ReferenceSet { reference: Box::new(book), scale: None }]);
            }
        }
        let (date, version) = (day("2026-03-02").add_days(number as i32 / 2).unwrap(), number);
        let price = Price {
            of: Priced::Instrument(id("BUND")),
            currency: super::eur(),
            value: Decimal::new(9_900 + i64::from(number), 2).unwrap(),
            accrued: Decimal::new(125, 2).ok(),
        };
        let set = PriceSet { date, snap: id("CLOSE"), source: id("DESK"), version, prices: vec![price] };
        let frozen = FrozenSet { date, snap: id("CLOSE"), source: id("DESK"), version };
        let reference = Box::new(Reference::PriceSet(set));
        self.accept(vec![Event::ReferenceSet { reference, scale: None }]);
        let entity = if number.is_multiple_of(2) { super::ALPHA } else { super::BRAVO };
        self.accept(vec![Event::AccountingDayClosed { entity, date, clean: true, sets: vec![frozen] }]);
    }
}

impl Market {
    fn step(&mut self, stream: &mut Stream, random: &mut Random) {
        match random.below(100) {
            0..40 => self.new_trade(stream, random),
            40..58 => self.settle(stream, random),
            58..64 => self.pend(stream, random),
            64..70 => self.hold(stream, random),
            70..75 => self.cancel(stream, random),
            75..82 => self.amend(stream, random),
            82..87 => self.cancel_matched(stream, random),
            87..90 => self.fail(stream, random),
            90..93 => self.send_to_repair(stream, random),
            93..96 => self.out_of_repair(stream, random),
            96..98 => self.aside(stream, random),
            _ => self.unmatched_reason(stream, random),
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn some_terms(&mut self, random: &mut Random) -> Terms {
        let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let quantity = 100 * (random.below(1_000) as i64 + 1);
        let mut terms = terms(side, quantity, quantity + random.below(50) as i64);
        terms.intended_settlement_date = terms.intended_settlement_date.add_days(random.below(4) as i32).unwrap();
        terms.hold = random.below(10) == 0;
        terms
    }

    /// The other side's view of the same trade.
    fn mirror(terms: &Terms, random: &mut Random) -> Terms {
        let side = if terms.side == Side::Buy { Side::Sell } else { Side::Buy };
        let mut other = super::terms(side, terms.quantity, terms.net + random.below(3) as i64);
        other.intended_settlement_date = terms.intended_settlement_date;
        other
    }

    fn new_trade(&mut self, stream: &mut Stream, random: &mut Random) {
        let waiting = self.alone.len() as u64;
        let (number, instruction) = (self.number(), self.number());
        if waiting == 0 || random.below(5) == 0 {
            let terms = self.some_terms(random);
            let held = terms.hold;
            stream.accept(vec![capture(number, &terms, &[]), issue(instruction, number, &terms)]);
            self.alone.push(Open { trade: number, instruction, version: 1, terms, held });
            return;
        }
        let first = self.alone.swap_remove(random.below(waiting) as usize);
        let terms = Market::mirror(&first.terms, random);
        let second = Open { trade: number, instruction, version: 1, held: terms.hold, terms };
        let (deliver, receive) = ordered(first, second);
        let amount = deliver.terms.net;
        let mut events = vec![capture(number, &trade_terms(&deliver, &receive, number), &[])];
        events.push(issue(instruction, number, &trade_terms(&deliver, &receive, number)));
        let at_once = random.below(2) == 0 && !deliver.held && !receive.held;
        let reasons = (!at_once).then_some((code::FUTU, code::FUTU));
        events.push(Event::InstructionsMatched {
            deliver: deliver.instruction,
            receive: receive.instruction,
            amount,
            reasons,
        });
        if at_once {
            events.push(settlement(&deliver, &receive));
        } else {
            self.pairs.push((deliver, receive));
        }
        stream.accept(events);
    }

    fn settle(&mut self, stream: &mut Stream, random: &mut Random) {
        let Some((deliver, receive)) = self.take_pair(random) else { return };
        stream.accept(vec![settlement(&deliver, &receive)]);
    }

    fn pend(&mut self, stream: &mut Stream, random: &mut Random) {
        let Some((deliver, receive)) = self.take_pair(random) else { return };
        stream.lacking(
            deliver.instruction,
            receive.instruction,
            accounts(deliver.terms.party).0,
            deliver.terms.quantity,
        );
        self.pairs.push((deliver, receive));
    }

    fn hold(&mut self, stream: &mut Stream, random: &mut Random) {
        let Some((mut deliver, receive)) = self.take_pair(random) else { return };
        deliver.held = !deliver.held;
        stream.steer(deliver.instruction, deliver.held, false);
        self.pairs.push((deliver, receive));
    }

    fn cancel(&mut self, stream: &mut Stream, random: &mut Random) {
        if self.alone.is_empty() {
            return;
        }
        let open = self.alone.swap_remove(random.below(self.alone.len() as u64) as usize);
        stream.accept(cancellation(&open).to_vec());
    }

    fn amend(&mut self, stream: &mut Stream, random: &mut Random) {
        if self.alone.is_empty() {
            return;
        }
        let at = random.below(self.alone.len() as u64) as usize;
        let instruction = self.number();
        let open = &mut self.alone[at];
        let before = open.terms.clone();
        open.version += 1;
        if random.below(2) == 0 {
            open.terms.book = BookIx(2 - open.terms.book.0);
            stream.accept(vec![change(open.trade, open.version, false, &before, &open.terms)]);
            return;
        }
        open.terms.net += 7;
        let cancelled = Event::InstructionCancelled { instruction: open.instruction, reason: code::CANZ };
        open.instruction = instruction;
        let (changed, issued) =
            (change(open.trade, open.version, true, &before, &open.terms), issue(instruction, open.trade, &open.terms));
        // Either order says the same.
        stream.accept(if random.below(2) == 0 {
            vec![cancelled, changed, issued]
        } else {
            vec![changed, issued, cancelled]
        });
    }

    fn cancel_matched(&mut self, stream: &mut Stream, random: &mut Random) {
        let Some((deliver, receive)) = self.take_pair(random) else { return };
        stream.accept(vec![
            Event::TradeChangeRequested { trade: deliver.trade, version: deliver.version + 1, cancel: true },
            Event::InstructionSteered {
                instruction: deliver.instruction,
                held: deliver.held,
                priority: 4,
                cancel_requested: true,
            },
        ]);
        match random.below(3) {
            0 => {
                stream.steer(deliver.instruction, deliver.held, false);
                self.pairs.push((deliver, receive));
            }
            1 => {
                // The instructions end, and their trades later.
                let both = [&deliver, &receive]
                    .map(|open| Event::InstructionCancelled { instruction: open.instruction, reason: code::CANI });
                stream.accept(both.to_vec());
                for open in [deliver, receive] {
                    stream.accept(vec![trade_cancelled(&open)]);
                }
            }
            _ => {
                let mut events = cancellation(&deliver).to_vec();
                events.extend(cancellation(&receive).into_iter().rev());
                stream.accept(events);
            }
        }
    }

    fn fail(&mut self, stream: &mut Stream, random: &mut Random) {
        let Some((deliver, receive)) = self.take_pair(random) else { return };
        let mut instructions = vec![deliver.instruction, receive.instruction];
        instructions.extend(self.alone.first().map(|open| open.instruction));
        stream.accept(vec![Event::InstructionsFailing { domain: T2S, date: day("2026-03-04"), instructions }]);
        self.pairs.push((deliver, receive));
    }

    fn send_to_repair(&mut self, stream: &mut Stream, random: &mut Random) {
        let (number, mut terms) = (self.number(), self.some_terms(random));
        (terms.depot, terms.nostro) = (None, None);
        let defect = Defect { kind: DefectKind::MissingSsi, subject: id("ALPHA") };
        stream.accept(vec![capture(number, &terms, &[defect])]);
        self.repair.push((number, terms));
    }

    fn out_of_repair(&mut self, stream: &mut Stream, random: &mut Random) {
        if self.repair.is_empty() {
            return;
        }
        let (trade, before) = self.repair.swap_remove(random.below(self.repair.len() as u64) as usize);
        let (depot, nostro) = accounts(before.party);
        let terms = Terms { depot: Some(depot), nostro: Some(nostro), ..before.clone() };
        let instruction = self.number();
        let economic = random.below(2) == 0;
        stream.accept(vec![change(trade, 1, economic, &before, &terms), issue(instruction, trade, &terms)]);
        self.alone.push(Open { trade, instruction, version: 1, held: terms.hold, terms });
    }

    fn aside(&mut self, stream: &mut Stream, random: &mut Random) {
        match random.below(5) {
            0 => self.quarantined.push(stream.accept(vec![Event::Quarantined {}])),
            1 => {
                let repair = Repair { source: id("FO-A"), id: id("T-1"), details: None };
                let proposal = stream.last() + 1;
                stream.accept(vec![Event::Proposed { proposal, command: Box::new(Command::Repair(Box::new(repair))) }]);
                self.proposals.push(proposal);
            }
            2 => {
                if let Some(sequence) = self.quarantined.pop() {
                    stream.accept(vec![Event::QuarantineClosed { sequence, replayed: true }]);
                }
            }
            3 => {
                if let Some(proposal) = self.proposals.pop() {
                    stream.accept(vec![Event::ProposalClosed { proposal, approved: true }]);
                }
            }
            _ => {
                stream.fund(super::ALPHA, 1 + i128::from(random.below(1_000)));
            }
        }
    }

    fn unmatched_reason(&mut self, stream: &mut Stream, random: &mut Random) {
        if self.alone.is_empty() {
            return;
        }
        let open = &self.alone[random.below(self.alone.len() as u64) as usize];
        let reasons = if random.below(2) == 0 { vec![code::CMIS] } else { vec![code::DQUA, code::DMON] };
        stream.accept(vec![Event::InstructionUnmatched { instruction: open.instruction, reasons }]);
    }

    fn take_pair(&mut self, random: &mut Random) -> Option<(Open, Open)> {
        let count = self.pairs.len() as u64;
        (count > 0).then(|| self.pairs.swap_remove(random.below(count) as usize))
    }
}

fn ordered(first: Open, second: Open) -> (Open, Open) {
    if first.terms.side == Side::Sell { (first, second) } else { (second, first) }
}

fn trade_terms(deliver: &Open, receive: &Open, trade: u64) -> Terms {
    if deliver.trade == trade { deliver.terms.clone() } else { receive.terms.clone() }
}

fn settlement(deliver: &Open, receive: &Open) -> Event {
    let on = deliver.terms.intended_settlement_date;
    settled((deliver.instruction, &deliver.terms), (receive.instruction, &receive.terms), deliver.terms.net, on)
}

fn trade_cancelled(open: &Open) -> Event {
    let postings = reversed(&capture_postings(&open.terms));
    Event::TradeCancelled { trade: open.trade, version: open.version + 1, postings }
}

fn cancellation(open: &Open) -> [Event; 2] {
    [Event::InstructionCancelled { instruction: open.instruction, reason: code::CANI }, trade_cancelled(open)]
}
