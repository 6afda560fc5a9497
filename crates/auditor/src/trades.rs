//! Trades and instructions from capture to their end: each step must be one that may follow, with exactly the legs that the terms say.

use serde::Serialize;

use crate::facts::{Fact, Terms};
use crate::fault::{Fault, must};
use crate::names::Names;
use crate::numbered::Numbered;
use crate::posting::{Account, Asset, Posting, kind, net};
use crate::table::Named;

/// An open trade: what is still owed of it.
#[derive(Clone, Copy, Default)]
struct Trade {
    version: u32,
    /// Quantity and net are what is left.
    terms: Terms,
    /// 0: it has none.
    instruction: u64,
}

#[derive(Clone, Copy, Default)]
struct Instruction {
    trade: u64,
    delivers: bool,
    quantity: i64,
    amount: i64,
    /// 0 while unmatched.
    partner: u64,
    /// What the pair settles for.
    matched: i64,
    external: bool,
}

/// How many, and of how much in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub count: u64,
    #[serde(serialize_with = "as_text")]
    pub quantity: i128,
}

fn as_text<S: serde::Serializer>(number: &i128, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

impl Tally {
    fn add(&mut self, quantity: i64) {
        self.count += 1;
        self.quantity += i128::from(quantity);
    }
}

#[derive(Default)]
pub struct Trades {
    open: Numbered<Trade>,
    instructions: Numbered<Instruction>,
    /// The other half of a pair that was cancelled: it must go in the same record.
    orphans: Vec<u64>,
    expected: Vec<Posting>,
    pub instructed: Tally,
    pub settled: Tally,
    pub cancelled: Tally,
}

impl Trades {
    /// What is left of an open trade.
    pub fn terms_of(&self, trade: u64) -> Option<&Terms> {
        self.open.get(trade).map(|trade| &trade.terms)
    }

    /// The book of an open instruction.
    pub fn book_of(&self, instruction: u64) -> Option<u32> {
        self.open_one(instruction).and_then(|open| self.open_of(open)).ok().map(|trade| trade.terms.book)
    }

    /// Checks and takes a fact about trades and instructions.
    pub fn fact(&mut self, fact: &Fact<'_>, postings: &[Posting], names: &Names, at: u64) -> Result<(), Fault> {
        match fact {
            Fact::Captured { trade, terms, version, .. } => {
                must!(I6, *trade == self.open.given() + 1, "trade {trade} comes after {}", self.open.given());
                names.check_terms(terms, at)?;
                self.expected.clear();
                capture(&mut self.expected, terms, 1);
                self.exact(postings)?;
                self.open.push(Trade { version: *version, terms: *terms, instruction: 0 });
            }
            Fact::Changed { trade, version, terms, details_in } => {
                names.check_terms(terms, at)?;
                let open = self.open.get_mut(*trade).ok_or_else(|| ended("trade", *trade))?;
                let follows = *version >= open.version && *details_in <= at;
                must!(I6, follows, "version {version} comes after {}", open.version);
                self.expected.clear();
                capture(&mut self.expected, &open.terms, -1);
                capture(&mut self.expected, terms, 1);
                (open.version, open.terms) = (*version, *terms);
                self.exact(postings)?;
            }
            Fact::TradeCancelled { trade } => {
                let open = self.open.remove(*trade).ok_or_else(|| ended("trade", *trade))?;
                must!(I6, open.instruction == 0, "trade {trade} goes while instruction {} stands", open.instruction);
                self.expected.clear();
                capture(&mut self.expected, &open.terms, -1);
                self.exact(postings)?;
            }
            Fact::ChangeRequested { trade } => {
                must!(I6, self.open.get(*trade).is_some(), "trade {trade} is not open");
            }
            Fact::ChangeLapsed { trade } => {
                must!(I6, (1..=self.open.given()).contains(trade), "trade {trade} is not known");
            }
            Fact::Issued { .. } => self.issued(fact, names)?,
            Fact::Matched { deliver, receive, amount } => self.matched(*deliver, *receive, *amount)?,
            Fact::Pending { deliver, receive } => _ = self.pair(*deliver, *receive)?,
            Fact::Unmatched { instruction } => {
                must!(I6, self.open_one(*instruction)?.partner == 0, "instruction {instruction} is matched");
            }
            Fact::Touched { instruction, .. } => _ = self.open_one(*instruction)?,
            Fact::Settled { .. } => self.settles(fact, postings, names)?,
            Fact::Confirmed { .. } => self.confirmed(fact, postings)?,
            Fact::InstructionCancelled { instruction } => {
                let gone = self.end(*instruction)?;
                self.cancelled.add(gone.quantity);
                if gone.partner != 0 {
                    self.orphans.push(gone.partner);
                }
            }
            Fact::Failing { domain, date, instructions } => {
                must!(I6, names.day(*domain).date == *date, "they fail on {date}, and the day is another");
                for number in instructions {
                    must!(I6, self.open_one(*number)?.partner != 0, "instruction {number} fails unmatched");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn issued(&mut self, fact: &Fact<'_>, names: &Names) -> Result<(), Fault> {
        let Fact::Issued { instruction, trade, linked, delivers, quantity, amount } = *fact else { return Ok(()) };
        must!(
            I6,
            instruction == self.instructions.given() + 1,
            "instruction {instruction} comes after {}",
            self.instructions.given()
        );
        let open = self.open.get_mut(trade).ok_or_else(|| ended("trade", trade))?;
        must!(I6, open.instruction == 0, "trade {trade} has instruction {} already", open.instruction);
        let owed = if open.terms.paid { open.terms.net } else { 0 };
        let same = (quantity, amount) == (open.terms.quantity, owed) && linked == (quantity, amount);
        must!(I7, same && delivers != open.terms.buys, "instruction {instruction} is not what trade {trade} owes");
        must!(I20, open.terms.depot.is_some(), "instruction {instruction} names no depot");
        open.instruction = instruction;
        self.instructed.add(quantity);
        let external = names.is_external(open.terms.domain);
        self.instructions.push(Instruction { trade, delivers, quantity, amount, partner: 0, matched: 0, external });
        Ok(())
    }

    fn matched(&mut self, deliver: u64, receive: u64, amount: i64) -> Result<(), Fault> {
        let (one, other) = (self.open_one(deliver)?, self.open_one(receive)?);
        must!(I6, one.partner == 0 && other.partner == 0, "instructions {deliver} and {receive} are matched already");
        must!(
            I6,
            one.delivers && !other.delivers && !one.external && !other.external,
            "{deliver} and {receive} cannot match"
        );
        let (give, take) = (&self.open_of(one)?.terms, &self.open_of(other)?.terms);
        let mirrored = (give.party, give.counterparty) == (take.counterparty, take.party);
        let same = (give.instrument, give.domain, give.paid, give.settles)
            == (take.instrument, take.domain, take.paid, take.settles);
        let cash = !give.paid || give.currency == take.currency;
        let agree = mirrored && same && cash && one.quantity == other.quantity && amount == one.amount;
        must!(I8, agree, "instructions {deliver} and {receive} do not agree");
        for (number, partner) in [(deliver, receive), (receive, deliver)] {
            if let Some(instruction) = self.instructions.get_mut(number) {
                (instruction.partner, instruction.matched) = (partner, amount);
            }
        }
        Ok(())
    }

    fn pair(&self, deliver: u64, receive: u64) -> Result<(Instruction, Instruction), Fault> {
        let (one, other) = (self.open_one(deliver)?, self.open_one(receive)?);
        must!(
            I6,
            one.partner == receive && other.partner == deliver && one.delivers,
            "{deliver} and {receive} are no pair"
        );
        Ok((one, other))
    }

    fn settles(&mut self, fact: &Fact<'_>, postings: &[Posting], names: &Names) -> Result<(), Fault> {
        let Fact::Settled { deliver, receive, quantity, currency, amount, date, books, trades } = *fact else {
            return Ok(());
        };
        let (one, other) = self.pair(deliver, receive)?;
        must!(
            I7,
            one.quantity == quantity && amount == one.matched,
            "{deliver} settles {quantity} for {amount}, not as matched"
        );
        let (give, take) = (self.open_of(one)?.terms, self.open_of(other)?.terms);
        must!(
            I8,
            books == (give.book, take.book) && (!give.paid || currency == give.currency),
            "{deliver} settles in another name"
        );
        is_named(trades[0], one.trade, &give)?;
        is_named(trades[1], other.trade, &take)?;
        let day = names.day(give.domain);
        must!(I6, day.open && day.date == date, "{deliver} settles on {date}, and the open day is {}", day.date);
        self.expected.clear();
        for (side, instruction, sign) in [(&give, one, -1), (&take, other, 1)] {
            let paid = if side.paid { Some((side.nostro, instruction.amount, amount)) } else { None };
            settlement(&mut self.expected, side, side.depot, sign, quantity, paid);
        }
        self.exact(postings)?;
        for number in [deliver, receive] {
            let gone = self.end(number)?;
            self.settled.add(gone.quantity);
            self.open.remove(gone.trade);
        }
        Ok(())
    }

    fn confirmed(&mut self, fact: &Fact<'_>, postings: &[Posting]) -> Result<(), Fault> {
        let Fact::Confirmed { instruction, quantity, amount, left, ended, trade } = *fact else { return Ok(()) };
        let before = self.end(instruction)?;
        must!(I6, before.external, "instruction {instruction} is confirmed, and no agent has it");
        let parts =
            quantity > 0 && left.0 >= 0 && before.quantity.wrapping_sub(quantity) == left.0 && (ended || left.0 > 0);
        must!(
            I7,
            parts,
            "of {} of instruction {instruction} {quantity} settle and {} are left",
            before.quantity,
            left.0
        );
        self.settled.quantity += i128::from(quantity);
        let number = before.trade;
        let terms = self.open_of(before)?.terms;
        is_named(trade, number, &terms)?;
        // An agent may name another account of ours than we did: it must be one depot and one nostro, whichever.
        let any = |account: Account| {
            if account.is_location() { Account::new(kind::LOCATION, account.entity(), 0) } else { account }
        };
        let with_cash =
            terms.paid && (terms.nostro.is_some() || postings.iter().any(|posting| posting.asset.is_currency()));
        self.expected.clear();
        let sign = if before.delivers { -1 } else { 1 };
        let paid = with_cash.then_some((Some(0), before.amount.wrapping_sub(left.1), amount));
        settlement(&mut self.expected, &terms, Some(0), sign, quantity, paid);
        let moved: Vec<Posting> = postings.iter().map(|each| Posting { account: any(each.account), ..*each }).collect();
        self.exact(&moved)?;
        let open = self.open.get_mut(number).ok_or_else(|| ended_trade(number))?;
        (open.terms.quantity, open.terms.net) = (left.0, left.1);
        if !ended {
            self.instructions.put(instruction, Instruction { quantity: left.0, amount: left.1, ..before });
            open.instruction = instruction;
        } else if left.0 == 0 {
            self.settled.count += 1;
            self.open.remove(number);
        } else {
            self.cancelled.add(left.0);
        }
        Ok(())
    }

    fn open_one(&self, number: u64) -> Result<Instruction, Fault> {
        self.instructions.get(number).copied().ok_or_else(|| ended("instruction", number))
    }

    fn open_of(&self, instruction: Instruction) -> Result<&Trade, Fault> {
        self.open.get(instruction.trade).ok_or_else(|| ended_trade(instruction.trade))
    }

    /// Takes an instruction out; its trade stands without one.
    fn end(&mut self, number: u64) -> Result<Instruction, Fault> {
        let gone = self.instructions.remove(number).ok_or_else(|| ended("instruction", number))?;
        if let Some(trade) = self.open.get_mut(gone.trade) {
            trade.instruction = 0;
        }
        Ok(gone)
    }

    /// What was posted is what was expected, whatever the order.
    fn exact(&mut self, postings: &[Posting]) -> Result<(), Fault> {
        // Nearly always it comes in our order, and there is nothing to sort.
        self.expected.retain(|posting| posting.amount != 0);
        if self.expected == postings {
            return Ok(());
        }
        let mut seen = postings.to_vec();
        net(&mut seen);
        net(&mut self.expected);
        let off = seen.iter().find(|posting| !self.expected.contains(posting));
        if let Some(off) = off.or_else(|| self.expected.iter().find(|posting| !seen.contains(posting))) {
            let Posting { account: Account(account), asset: Asset(asset), amount } = off;
            must!(I8, false, "the legs are not those of the terms: {amount} of asset {asset} on account {account:#x}");
        }
        Ok(())
    }

    pub fn end_of_record(&mut self) -> Result<(), Fault> {
        for orphan in self.orphans.drain(..) {
            must!(
                I6,
                self.instructions.get(orphan).is_none(),
                "instruction {orphan} stays matched with one that was cancelled"
            );
        }
        Ok(())
    }

    /// What is open now.
    pub fn open_tally(&self) -> Tally {
        let mut open = Tally::default();
        self.instructions.open().for_each(|each| open.add(each.quantity));
        open
    }

    /// Everything instructed has settled, was cancelled or is open.
    pub fn check_end(&self) -> Result<(), Fault> {
        let (all, ends) = (self.instructed, [self.settled, self.cancelled, self.open_tally()]);
        let count: u64 = ends.iter().map(|end| end.count).sum();
        let quantity: i128 = ends.iter().map(|end| end.quantity).sum();
        must!(
            I7,
            (all.count, all.quantity) == (count, quantity),
            "{all:?} were instructed, {count} of {quantity} are accounted for"
        );
        Ok(())
    }
}

/// What a settlement names is the trade it settles, where it names one; a reversal will be dated by it.
fn is_named(named: Option<Named>, trade: u64, terms: &Terms) -> Result<(), Fault> {
    let same = named.is_none_or(|named| named == (terms.book, trade, terms.trade_date));
    must!(I8, same, "what settles is trade {trade} of {}, and {named:?} is named", terms.trade_date);
    Ok(())
}

fn ended(what: &str, number: u64) -> Fault {
    Fault::violated(crate::Invariant::I6, format!("{what} {number} is not open"))
}

fn ended_trade(number: u64) -> Fault {
    ended("trade", number)
}

/// Capture: the book against the counterparty, securities and (against payment) cash. `sign` -1 turns it round.
fn capture(into: &mut Vec<Posting>, terms: &Terms, sign: i64) {
    let sign = if terms.buys { sign } else { -sign };
    let book = Account::new(kind::BOOK, terms.party, terms.book);
    let owed = Account::new(kind::COUNTERPARTY, terms.party, terms.counterparty);
    let mut post = |asset, amount: i64| {
        into.push(Posting { account: book, asset, amount });
        into.push(Posting { account: owed, asset, amount: amount.wrapping_neg() });
    };
    post(Asset::instrument(terms.instrument), sign.wrapping_mul(terms.quantity));
    if terms.paid {
        post(terms.currency, (-sign).wrapping_mul(terms.net));
    }
}

/// Settlement: the counterparty and the location together; what a tolerance forgave goes to the difference account.
/// `paid`: the nostro, what is relieved, and what was paid.
fn settlement(
    into: &mut Vec<Posting>,
    terms: &Terms,
    depot: Option<u32>,
    sign: i64,
    quantity: i64,
    paid: Option<(Option<u32>, i64, i64)>,
) {
    let owed = Account::new(kind::COUNTERPARTY, terms.party, terms.counterparty);
    let lies = |account| Account::new(kind::LOCATION, terms.party, account);
    let securities = Asset::instrument(terms.instrument);
    let mut post = |account, asset, amount: i64| into.push(Posting { account, asset, amount });
    post(owed, securities, sign.wrapping_mul(quantity));
    post(lies(depot.unwrap_or_default()), securities, sign.wrapping_mul(quantity));
    if let Some((Some(nostro), own, paid)) = paid {
        post(owed, terms.currency, (-sign).wrapping_mul(own));
        post(lies(nostro), terms.currency, (-sign).wrapping_mul(paid));
        post(
            Account::new(kind::DIFFERENCE, terms.party, 0),
            terms.currency,
            (-sign).wrapping_mul(paid.wrapping_sub(own)),
        );
    }
}
