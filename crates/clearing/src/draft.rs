//! A decision in the making: the state as it was, and what has been decided on top of it so far.

use crate::accounting::prior_day;
use crate::balances::RANGE;
use crate::instruction::Instruction;
use crate::limits::{Overlay, follow};
use crate::margin;
use crate::past::Past;
use crate::settlement::lapsed_changes;
use crate::state::State;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use model::command::Inbound;
use model::date::Date;
use model::event::Event;
use model::identifier::Identifier;
use model::index::{Asset, InstrumentIx, Kind};
use model::ledger::{LedgerAccount, Posting};
use model::reference::PROVISIONAL_SCALE;
use model::rejection::{Reason, Rejection};
use model::timestamp::Timestamp;
use model::trade::Details;

/// Events so far, and what they changed that a later part of the same decision must see.
pub(crate) struct Draft<'a> {
    pub state: &'a State,
    pub past: &'a dyn Past,
    pub at: Timestamp,
    /// The sequence the record will have.
    pub sequence: u64,
    pub events: Vec<Event>,
    /// The details this very command brings, for a change that both sides now agree on.
    pub own_details: Option<Details>,
    interned: Vec<(Kind, u32, Identifier)>,
    /// What this record does to limits.
    pub limits: Overlay,
    /// Issued by this record.
    pub fresh: Vec<Instruction>,
    /// The trade (its place) of which this very record settles a part.
    pub settled_part: Option<u32>,
    /// Matched, settled or cancelled by this record.
    gone: Vec<u64>,
    next_trade: u64,
    next_instruction: u64,
}

impl<'a> Draft<'a> {
    pub fn new(state: &'a State, inbound: &Inbound, past: &'a dyn Past) -> Draft<'a> {
        Draft {
            state,
            past,
            at: inbound.at,
            sequence: state.sequence + 1,
            events: Vec::with_capacity(4),
            own_details: None,
            interned: Vec::new(),
            limits: Overlay::default(),
            fresh: Vec::new(),
            settled_part: None,
            gone: Vec::new(),
            next_trade: state.next_trade.max(1),
            next_instruction: state.next_instruction.max(1),
        }
    }

    pub fn push(&mut self, event: Event) {
        let prior = prior_day(self.state, &event);
        let lapsed = lapsed_changes(self.state, &self.events, &event);
        let mut counted = if self.state.limits.is_empty() { Vec::new() } else { follow(self, &event) };
        if !self.state.margin.calls.is_empty() {
            counted.extend(margin::follow(self, &event));
        }
        self.events.push(event);
        self.events.extend(prior.into_iter().chain(lapsed.into_iter().flatten()).chain(counted));
    }

    /// The number of a name; given now if it has none yet.
    pub fn intern(&mut self, kind: Kind, name: &Identifier) -> u32 {
        if let Some(index) = self.state.names.find(kind, name.as_str()) {
            return index;
        }
        if let Some((_, index, _)) = self.interned.iter().find(|(k, _, known)| *k == kind && known == name) {
            return *index;
        }
        let earlier = self.interned.iter().filter(|(k, _, _)| *k == kind).count() as u32;
        let index = self.state.names.count(kind) + earlier;
        self.interned.push((kind, index, name.clone()));
        self.push(Event::Interned { kind, index, id: name.clone() });
        index
    }

    pub fn trade_number(&mut self) -> u64 {
        self.next_trade += 1;
        self.next_trade - 1
    }

    pub fn instruction_number(&mut self) -> u64 {
        self.next_instruction += 1;
        self.next_instruction - 1
    }

    /// Whether a part of a trade (its place) has settled.
    pub fn partly_settled(&self, trade: u32) -> bool {
        self.state.trades[trade].partly_settled || self.settled_part == Some(trade)
    }

    /// A balance as it will be after what is decided so far.
    pub fn balance(&self, account: LedgerAccount, asset: Asset) -> i128 {
        self.state.balances.amount(account, asset) + self.moved(account, asset)
    }

    /// What is decided so far moves a balance by so much.
    pub fn moved(&self, account: LedgerAccount, asset: Asset) -> i128 {
        let postings = self.events.iter().flat_map(Event::postings);
        postings.filter(|each| each.account == account && each.asset == asset).map(|each| each.amount).sum()
    }

    pub fn instrument_scale(&self, index: u32) -> u8 {
        self.state.reference.scales.get(index as usize).copied().flatten().unwrap_or(PROVISIONAL_SCALE)
    }

    /// For want of what something has no worth, by name; an instrument that this very record names has one only here.
    pub fn lack(&self, lack: String, instrument: InstrumentIx) -> String {
        let own = |(kind, index, _): &&(Kind, u32, Identifier)| (*kind, *index) == (Kind::Instrument, instrument.0);
        let name = self.interned.iter().find(own).filter(|_| lack.is_empty());
        name.map_or(lack, |(_, _, name)| name.as_str().to_string())
    }

    pub fn is_gone(&self, number: u64) -> bool {
        self.gone.contains(&number)
    }

    pub fn set_gone(&mut self, number: u64) {
        self.gone.push(number);
    }

    /// The date of the record, UTC: in force where no settlement day is.
    pub fn today(&self) -> Date {
        self.at.date_utc()
    }

    /// Refuses postings after which a balance would leave the range of the wire.
    pub fn check_range(&self, postings: &[Posting]) -> Result<(), Rejection> {
        let total: i128 = postings.iter().map(|posting| posting.amount.abs()).sum();
        if self.state.balances.high_water + total <= RANGE {
            return Ok(());
        }
        for posting in postings {
            let same = postings.iter().filter(|each| (each.account, each.asset) == (posting.account, posting.asset));
            let after = self.balance(posting.account, posting.asset) + same.map(|each| each.amount).sum::<i128>();
            if after.abs() > RANGE || posting.amount.abs() > RANGE {
                return Err(Reason::AmountTooLarge.into());
            }
        }
        Ok(())
    }
}
