//! What may be asked of the state: for queries that need more than a view, for tests and for tie-outs.

use crate::matching::why_unmatched;
use crate::slab::NONE;
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use model::breaks::AgentStanding;
use model::calendar::Convention;
use model::command::CutOff;
use model::date::Date;
use model::identifier::Identifier;
use model::index::{Asset, DomainIx, Kind};
use model::instruction::Code;
use model::ledger::LedgerAccount;
use model::record::Genesis;
use model::reference::CutOffRule;
use model::timestamp::Timestamp;

/// An open instruction, as people ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstructionFacts {
    pub number: u64,
    pub trade: u64,
    pub standing: Standing,
    pub counter: Option<u64>,
    pub reasons: Vec<Code>,
    pub held: bool,
    pub cancel_requested: bool,
    pub priority: u8,
    pub quantity: i64,
    pub amount: i64,
    pub intended_settlement_date: Date,
}

/// Where an open instruction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    Unmatched,
    Pending,
    Failing,
}

impl State {
    /// Who may do what.
    pub fn grants(&self) -> &model::permission::Grants {
        &self.grants
    }

    /// The last record folded; 0 before the genesis.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the last record was stamped: nothing may be stamped earlier.
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }

    pub fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_ref()
    }

    /// An account's balance in an asset.
    pub fn balance(&self, account: LedgerAccount, asset: Asset) -> i128 {
        self.balances.amount(account, asset)
    }

    /// Every balance that was ever touched, in order of first use.
    pub fn balances(&self) -> impl Iterator<Item = (LedgerAccount, Asset, i128)> {
        self.balances
            .slots
            .iter()
            .filter_map(|slot| Some((LedgerAccount::unpack(slot.account)?, slot.asset, slot.amount)))
    }

    /// A name's number.
    pub fn find(&self, kind: Kind, name: &str) -> Option<u32> {
        self.names.find(kind, name)
    }

    /// A number's name.
    pub fn name(&self, kind: Kind, index: u32) -> Option<&Identifier> {
        self.names.name(kind, index)
    }

    /// Decimals in which an instrument's balances are counted.
    pub fn scale(&self, instrument: model::index::InstrumentIx) -> u8 {
        self.reference.scale(instrument)
    }

    /// The holder of an account, once it is defined.
    pub fn holder(&self, account: model::index::AccountIx) -> Option<model::index::PartyIx> {
        self.reference.account(account).map(|entry| entry.holder)
    }

    /// An open instruction.
    pub fn instruction_facts(&self, number: u64) -> Option<InstructionFacts> {
        let (_, instruction) = self.instruction(number)?;
        let counter = self.instructions.get(instruction.partner).map(|other| other.number);
        let heard = instruction.outside.as_ref().map(|outside| outside.standing);
        let standing = match (counter, instruction.failing) {
            (None, true) if heard.is_some() => Standing::Failing,
            (None, _) if heard.is_some_and(AgentStanding::is_matched) => Standing::Pending,
            (None, _) => Standing::Unmatched,
            (Some(_), false) => Standing::Pending,
            (Some(_), true) => Standing::Failing,
        };
        Some(InstructionFacts {
            number,
            trade: self.trades[instruction.trade].number,
            standing,
            counter,
            reasons: instruction.reasons.as_deref().unwrap_or_default().to_vec(),
            held: instruction.held,
            cancel_requested: instruction.cancel_requested,
            priority: instruction.priority,
            quantity: instruction.quantity,
            amount: instruction.amount,
            intended_settlement_date: instruction.date,
        })
    }

    /// Why an instruction is unmatched, computed now; `None` when it is not open or is matched.
    pub fn why_unmatched(&self, number: u64) -> Option<Vec<Code>> {
        let (_, instruction) = self.instruction(number)?;
        (instruction.partner == NONE && instruction.outside.is_none()).then(|| why_unmatched(self, instruction))
    }

    /// The open instruction of an open trade.
    pub fn instruction_of(&self, source: &Identifier, id: &Identifier) -> Option<u64> {
        let place = self.place_of(&crate::past::trade_key(source, id))?;
        self.instructions.get(self.trades[place].instruction).map(|instruction| instruction.number)
    }

    /// Whether a trade is known and has not ended.
    pub fn is_open(&self, source: &Identifier, id: &Identifier) -> bool {
        self.place_of(&crate::past::trade_key(source, id)).is_some()
    }

    /// How much is open: trades, instructions, trades in repair, awaited changes, proposals, quarantined records, breaks.
    pub fn open_counts(&self) -> [(&'static str, usize); 7] {
        [
            ("trades", self.trades.len()),
            ("instructions", self.instructions.len()),
            ("in_repair", self.repairs.len()),
            ("awaited", self.awaited.len()),
            ("proposals", self.proposals.len()),
            ("quarantined", self.quarantined.len()),
            ("breaks", self.breaks.open.len()),
        ]
    }

    /// The numbers of the breaks that nobody has closed.
    pub fn open_breaks(&self) -> impl Iterator<Item = u64> {
        self.breaks.open.keys().copied()
    }

    /// The quarantined records that nobody has closed.
    pub fn quarantined(&self) -> impl Iterator<Item = u64> {
        self.quarantined.iter().copied()
    }

    /// Whether anybody's name is defined (not only used) under a kind.
    pub fn names(&self, kind: Kind) -> &[Identifier] {
        self.names.all(kind)
    }

    /// What a domain's timer needs: zone, rules, calendar days.
    pub fn domain_rules(&self, domain: DomainIx) -> Option<(String, Vec<CutOffRule>)> {
        self.reference.domain(domain).map(|entry| (entry.zone.clone(), entry.cut_offs.clone()))
    }

    /// Whether a date is a settlement day of a domain; `None` when its calendar cannot tell.
    pub fn is_settlement_day(&self, domain: DomainIx, date: Date) -> Option<bool> {
        let entry = self.reference.domain(domain)?;
        self.reference.calendar(entry.calendar)?.is_business_day(date).ok()
    }

    /// What the schedule of a domain has next: the date it opens (the first business day after the last one, or from
    /// today on), or the date that is open and closes once its cycle is through. With the minute of that date.
    pub fn scheduled(&self, domain: DomainIx) -> Option<(Date, bool, i32)> {
        let entry = self.reference.domain(domain)?;
        let schedule = entry.schedule?;
        let day = self.day(domain);
        match day.and_then(|day| Some((day.date?, day.open))) {
            Some((date, true)) => day.is_some_and(|day| day.cycle.is_none()).then_some((date, false, schedule.closes)),
            last => {
                let calendar = self.reference.calendar(entry.calendar)?;
                let date = match last {
                    Some((last, _)) => calendar.next_business_day(last),
                    None => calendar.adjust(self.at()?.date_utc(), Convention::Following),
                };
                Some((date.ok()?, true, schedule.opens))
            }
        }
    }

    /// A domain's settlement day: the last date opened, whether it is open, and the cut-offs still to come.
    pub fn settlement_day(&self, domain: DomainIx) -> Option<(Date, bool, Vec<CutOff>)> {
        let day = self.day(domain)?;
        let coming = day.cut_offs.iter().filter(|each| !day.passed.contains(&each.currency)).cloned().collect();
        Some((day.date?, day.open, coming))
    }
}
