//! A copy of as much of the state as one instruction's settlement depends on: itself and its trade, what may match it, what
//! else wants or brings what its accounts lack, and those accounts. Reference data is shared, not copied.
//!
//! What is read is bounded: a part of the open instructions at a time is looked through for what touches the same accounts
//! ([`State::touching`]), so that nobody's decision waits for an explanation, and then one look makes the copy.

use crate::balances::location;
use crate::instruction::{Instruction, Stage};
use crate::limits::Limits;
use crate::matching::Key;
use crate::past::trade_key;
use crate::places;
use crate::slab::NONE;
use crate::state::{State, Trade};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, DomainIx, InstrumentIx, Kind, PartyIx};
use model::instruction::Movement;
use model::trade::Terms;

/// The most open instructions that are copied: beyond it an explanation says that it did not see all.
const MOST: usize = 600;
/// The most that a look over the open instructions notes.
const NOTED: usize = 400;
/// The most trades in repair that are looked at, and that are copied.
const REPAIRS: usize = 2_000;
const LOOSE: usize = 30;
/// Of so many unmatched ones what may match them is copied too: of the one sought first.
const COMPARED: u32 = 24;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// An open instruction, by its number.
    Instruction(u64),
    /// An open trade, by its source and id: it may be in repair.
    Trade(Identifier, Identifier),
}

/// What an explanation works on: no state that anything is decided on.
#[derive(Clone, Debug)]
pub struct Excerpt {
    pub(super) state: State,
    /// The trade it is about.
    pub(super) trade: u64,
    /// There was more than is copied.
    pub(super) partial: bool,
}

/// What the instructions that matter have in common with the one sought.
#[derive(Clone, Debug)]
pub struct Neighbourhood {
    domain: DomainIx,
    instrument: InstrumentIx,
    nostros: BTreeSet<AccountIx>,
    noted: Vec<u64>,
    full: bool,
}

impl Neighbourhood {
    /// Whether it may take from the same accounts, or bring the same securities. What is unmatched takes nothing.
    fn concerns(&self, instruction: &Instruction) -> bool {
        let matched = instruction.partner != NONE;
        let brings = matched || instruction.movement == Movement::Receive;
        let pays = matched && instruction.nostro.is_some_and(|nostro| self.nostros.contains(&nostro));
        instruction.domain == self.domain && (pays || (brings && instruction.instrument == self.instrument))
    }
}

impl State {
    fn sought(&self, sought: &Sought) -> Option<u32> {
        match sought {
            Sought::Instruction(number) => self.instruction(*number).map(|(_, instruction)| instruction.trade),
            Sought::Trade(source, id) => self.place_of(&trade_key(source, id)),
        }
    }

    /// Where to look for what matters; nothing when it is not open.
    pub fn neighbourhood(&self, sought: &Sought) -> Option<Neighbourhood> {
        let terms = self.terms_of(&self.trades[self.sought(sought)?]);
        let instruction = self.instructions.get(self.trades[self.sought(sought)?].instruction);
        let partner = instruction.and_then(|instruction| self.instructions.get(instruction.partner));
        let nostros = terms.nostro.into_iter().chain(partner.and_then(|partner| partner.nostro)).collect();
        let (domain, instrument) = (terms.domain, terms.instrument);
        Some(Neighbourhood { domain, instrument, nostros, noted: Vec::new(), full: false })
    }

    /// Looks at `budget` places of open instructions from `from` on and notes which touch the same accounts or instrument;
    /// where to go on, when there are more.
    pub fn touching(&self, around: &mut Neighbourhood, from: u32, budget: u32) -> Option<u32> {
        let end = (self.instructions.places.len() as u32).min(from.saturating_add(budget));
        for place in from..end {
            let Some(instruction) = self.instructions.get(place).filter(|each| around.concerns(each)) else { continue };
            if around.noted.len() == NOTED {
                around.full = true;
                return None;
            }
            around.noted.push(instruction.number);
        }
        (end < self.instructions.places.len() as u32).then_some(end)
    }

    /// The copy; nothing when what is sought is not open any more.
    pub fn excerpt(&self, sought: &Sought, around: &Neighbourhood) -> Option<Excerpt> {
        let trade = self.sought(sought)?;
        let mut copy = Copying::new(self);
        copy.partial = around.full;
        copy.trade(trade);
        for number in &around.noted {
            if let Some((place, _)) = self.instruction(*number) {
                copy.instruction(place);
            }
        }
        copy.follow();
        let (state, partial) = copy.finish();
        Some(Excerpt { state, trade: self.trades[trade].number, partial })
    }

    /// The copy in one go: for who has the state to himself.
    pub fn excerpt_now(&self, sought: &Sought) -> Option<Excerpt> {
        let mut around = self.neighbourhood(sought)?;
        self.touching(&mut around, 0, u32::MAX);
        self.excerpt(sought, &around)
    }
}

/// What was chosen so far, by place.
struct Copying<'a> {
    from: &'a State,
    instructions: BTreeSet<u32>,
    /// Trades without an instruction.
    loose: BTreeSet<u32>,
    slots: BTreeSet<u32>,
    next: VecDeque<u32>,
    compared: u32,
    partial: bool,
}

impl<'a> Copying<'a> {
    fn new(from: &'a State) -> Copying<'a> {
        Copying {
            from,
            instructions: BTreeSet::new(),
            loose: BTreeSet::new(),
            slots: BTreeSet::new(),
            next: VecDeque::new(),
            compared: 0,
            partial: false,
        }
    }

    /// The trade sought: with its instruction, the accounts of both parties, and the other side where that is in repair.
    fn trade(&mut self, place: u32) {
        let from = self.from;
        let trade = &from.trades[place];
        match trade.has_instruction() {
            true => self.instruction(trade.instruction),
            false => _ = self.loose.insert(place),
        }
        let terms = from.terms_of(trade);
        self.accounts(&terms);
        if !trade.has_instruction() {
            self.would_meet(place, &terms);
        }
        // What reference data would set going besides: the other side, and what else is in repair with either party.
        for place in from.repairs.values().take(REPAIRS) {
            let Some(loose) = &from.trades[*place].loose else { continue };
            if ![terms.party, terms.counterparty].contains(&loose.terms.party) {
                continue;
            }
            if self.loose.len() >= LOOSE {
                self.partial = true;
                break;
            }
            if self.loose.insert(*place) {
                self.accounts(&loose.terms);
                self.would_meet(*place, &loose.terms);
            }
        }
    }

    /// What both parties of a trade have of its instrument and its currency.
    fn accounts(&mut self, terms: &Terms) {
        let assets = [Asset::instrument(terms.instrument), Asset::currency(terms.currency)];
        for (index, entry) in self.from.reference.accounts.iter().enumerate() {
            let Some(entry) = entry else { continue };
            if entry.domain == terms.domain && [terms.party, terms.counterparty].contains(&entry.holder) {
                assets.iter().for_each(|asset| self.slot(entry.holder, AccountIx(index as u32), *asset));
            }
        }
    }

    /// What a trade would meet once it is instructed: where it will lie does not matter for that.
    fn would_meet(&mut self, place: u32, terms: &Terms) {
        let depot = terms.depot.or(Some(AccountIx(0)));
        self.candidates(&Instruction::from_terms(u64::MAX, place, &Terms { depot, ..terms.clone() }));
    }

    fn instruction(&mut self, place: u32) {
        if self.instructions.contains(&place) {
            return;
        }
        if self.instructions.len() >= MOST {
            self.partial = true;
            return;
        }
        self.instructions.insert(place);
        self.next.push_back(place);
    }

    /// An account's balance, and who waits for more of it.
    fn slot(&mut self, holder: PartyIx, account: AccountIx, asset: Asset) {
        let Some(place) = self.from.balances.place(location(holder, account), asset) else { return };
        if !self.slots.insert(place) {
            return;
        }
        let tree = self.from.balances.slots[place as usize].waiting;
        let mut after = None;
        while let Some((rank, deliver)) = tree.next_fitting(&self.from.waiting, after.as_ref(), i128::MAX) {
            self.instruction(deliver);
            if self.partial {
                break;
            }
            after = Some(rank);
        }
    }

    /// What an unmatched instruction is compared with, and what would be matched in its place.
    fn candidates(&mut self, instruction: &Instruction) {
        let from = self.from;
        let compared = from.reference.parameters.candidates_compared as usize;
        let mut one = [Default::default()];
        for movement in [instruction.movement, instruction.movement.opposite()] {
            let bucket = from.matching.buckets.get(&Key::of(instruction, movement), &from.instructions, &mut one);
            bucket.iter().take(compared).for_each(|(_, _, place)| self.instruction(*place));
        }
        let (deliverer, receiver) = (instruction.deliverer().0, instruction.receiver().0);
        for parties in [(deliverer, receiver), (receiver, deliverer)] {
            let all = from.matching.pairs.get(&parties).into_iter().flatten();
            all.take(compared).for_each(|place| self.instruction(*place));
        }
    }

    /// What depends on what was chosen.
    fn follow(&mut self) {
        while let Some(place) = self.next.pop_front() {
            let instruction = &self.from.instructions[place];
            if instruction.partner != NONE {
                self.instruction(instruction.partner);
            } else if instruction.outside.is_none() && self.compared < COMPARED {
                self.compared += 1;
                self.candidates(instruction);
            }
            self.slot(instruction.party, instruction.depot, Asset::instrument(instruction.instrument));
            if let Some(nostro) = instruction.nostro {
                self.slot(instruction.party, nostro, instruction.currency);
            }
        }
        // Of a pair both or none: what found no room for its partner stays out.
        let whole = |place: &u32| {
            let partner = self.from.instructions[*place].partner;
            partner == NONE || self.instructions.contains(&partner)
        };
        self.instructions = self.instructions.iter().copied().filter(whole).collect();
    }

    fn finish(self) -> (State, bool) {
        let from = self.from;
        let mut to = State {
            genesis: from.genesis.clone(),
            sequence: from.sequence,
            at: from.at,
            names: from.names.clone(),
            reference: from.reference.clone(),
            grants: from.grants.clone(),
            addresses: from.addresses.clone(),
            marks: from.marks.clone(),
            next_trade: from.next_trade,
            next_instruction: from.next_instruction,
            days: from.days.clone(),
            proposals: from.proposals.clone(),
            control: from.control.clone(),
            ..State::default()
        };
        to.balances.high_water = from.balances.high_water;
        let mut slots = BTreeMap::new();
        for place in &self.slots {
            let slot = &from.balances.slots[*place as usize];
            let fresh = to.balances.slots.len() as u32;
            let copy = crate::balances::Slot { waiting: crate::waiting::Tree::default(), ..slot.clone() };
            assert!(to.balances.restore(copy), "a slot of a state is one of its copy");
            if slot.queued {
                to.retry.push_back(fresh);
            }
            slots.insert(*place, fresh);
        }
        to.days.iter_mut().for_each(|day| day.survey = None);

        let mut places = BTreeMap::new();
        for place in &self.instructions {
            let instruction = &from.instructions[*place];
            let trade = &from.trades[instruction.trade];
            let copied = to.trades.insert(Trade { instruction: NONE, ..trade.clone() });
            let fresh = to.instructions.insert(Instruction { trade: copied, ..instruction.clone() });
            to.trades[copied].instruction = fresh;
            to.index_trade(&trade.key, trade.number, copied);
            to.instruction_by_number.add(places::of_number(instruction.number), fresh);
            if from.repairs.contains_key(&trade.number) {
                to.repairs.insert(trade.number, copied);
            }
            places.insert(*place, fresh);
        }
        for place in &self.loose {
            let trade = &from.trades[*place];
            let copied = to.trades.insert(trade.clone());
            to.index_trade(&trade.key, trade.number, copied);
            if from.repairs.contains_key(&trade.number) {
                to.repairs.insert(trade.number, copied);
            }
        }
        for fresh in places.values() {
            let instruction = &mut to.instructions[*fresh];
            instruction.partner = places.get(&instruction.partner).copied().unwrap_or(NONE);
        }
        // In the order in which they stand, so that of two that are as near the same is the nearest.
        let mut unmatched: Vec<(u32, u32)> = Vec::new();
        for (place, fresh) in &places {
            let instruction = &from.instructions[*place];
            match instruction.stage {
                _ if instruction.outside.is_some() => {}
                _ if instruction.partner == NONE => unmatched.push((instruction.pair_place, *fresh)),
                Stage::Idle => {}
                stage if instruction.movement == Movement::Deliver => {
                    to.instructions[*fresh].stage = Stage::Idle;
                    match stage {
                        Stage::Waiting(slot) => match slots.get(&slot) {
                            Some(slot) => to.queue_waiting(*fresh, *slot),
                            None => to.queue_due(*fresh),
                        },
                        _ => to.queue_due(*fresh),
                    }
                }
                _ => {}
            }
        }
        unmatched.sort_unstable();
        unmatched.into_iter().for_each(|(_, place)| to.add_unmatched(place));
        self.copy_limits(&mut to);
        (to, self.partial)
    }

    /// What the copied trades reserve, and the limits they reserve it of.
    fn copy_limits(&self, to: &mut State) {
        let from = &self.from.limits;
        if from.is_empty() {
            return;
        }
        let (mut parties, mut instruments) = (BTreeSet::new(), BTreeSet::new());
        let mut reserved = BTreeMap::new();
        for (_, trade) in to.trades.iter() {
            let terms = to.terms_of(trade);
            parties.extend([(terms.party, terms.counterparty), (terms.counterparty, terms.party)]);
            instruments.insert(terms.instrument);
            let issuer = from.issuers.get(&terms.instrument);
            let issuer = issuer.and_then(|issuer| self.from.names.find(Kind::Party, issuer.as_str()));
            parties.extend(issuer.map(|issuer| (terms.party, PartyIx(issuer))));
            if let Some(all) = from.reserved.get(&trade.number) {
                reserved.insert(trade.number, all.clone());
            }
        }
        let concerns = |entity, counterparty| parties.contains(&(entity, counterparty));
        to.limits = Limits {
            limits: from.limits.iter().filter(|(key, _)| concerns(key.0, key.1)).map(copied).collect(),
            add_ons: from.add_ons.clone(),
            used: from.used.iter().filter(|(line, _)| concerns(line.entity, line.counterparty)).map(copied).collect(),
            reserved,
            surveying: None,
            issuers: from
                .issuers
                .iter()
                .filter(|(instrument, _)| instruments.contains(*instrument))
                .map(copied)
                .collect(),
            held: from
                .held
                .iter()
                .filter(|((instrument, _), _)| instruments.contains(instrument))
                .map(copied)
                .collect(),
        };
    }
}

fn copied<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}
