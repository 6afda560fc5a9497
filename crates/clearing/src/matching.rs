//! Matching: which two instructions agree, field class by field class (domain notes 2.2 to 2.4), and which fields keep
//! an unmatched one from its nearest counter-instruction.

use crate::Map;
use crate::bucket::{Buckets, Entry};
use crate::draft::Draft;
use crate::instruction::{Instruction, Optional};
use crate::slab::NONE;
use crate::state::State;
use alloc::vec::Vec;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::{Code, Movement, code};
use model::trade::{CumEx, Method};

/// The mandatory fields but the amount, and the additional ones, in which blank matches only blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    domain: u32,
    deliverer: u32,
    receiver: u32,
    instrument: u32,
    quantity: i64,
    currency: u32,
    trade_date: i32,
    date: i32,
    method: Method,
    movement: Movement,
    cum_ex: Option<CumEx>,
    opt_out: bool,
}

impl Key {
    pub(crate) fn of(instruction: &Instruction, movement: Movement) -> Key {
        Key {
            domain: instruction.domain.0,
            deliverer: instruction.deliverer().0,
            receiver: instruction.receiver().0,
            instrument: instruction.instrument.0,
            quantity: instruction.quantity,
            currency: match instruction.method {
                Method::Dvp => instruction.currency.0,
                Method::Fop => 0,
            },
            trade_date: instruction.trade_date.days(),
            date: instruction.date.days(),
            method: instruction.method,
            movement,
            cum_ex: instruction.cum_ex,
            opt_out: instruction.opt_out,
        }
    }
}

/// What is unmatched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matching {
    pub buckets: Buckets,
    /// Between deliverer and receiver: where to look for the nearest when nothing agrees.
    pub pairs: Map<(u32, u32), Vec<u32>>,
}

impl State {
    pub(crate) fn add_unmatched(&mut self, place: u32) {
        self.matching.buckets.add(&self.instructions, place);
        let instruction = &self.instructions[place];
        let pair = self.matching.pairs.entry((instruction.deliverer().0, instruction.receiver().0)).or_default();
        let pair_place = pair.len() as u32;
        pair.push(place);
        self.instructions[place].pair_place = pair_place;
    }

    /// Puts an unmatched instruction back where it stood before the snapshot; `false` where nothing could have stood.
    #[must_use]
    pub(crate) fn restore_unmatched(&mut self, place: u32) -> bool {
        self.matching.buckets.add(&self.instructions, place);
        let instruction = &self.instructions[place];
        let pair = self.matching.pairs.entry((instruction.deliverer().0, instruction.receiver().0)).or_default();
        let at = instruction.pair_place as usize;
        if at >= self.instructions.len() {
            return false;
        }
        if pair.len() <= at {
            pair.resize(at + 1, NONE);
        }
        core::mem::replace(&mut pair[at], place) == NONE
    }

    pub(crate) fn remove_unmatched(&mut self, place: u32) {
        self.matching.buckets.remove(&self.instructions, place);
        let instruction = &self.instructions[place];
        let parties = (instruction.deliverer().0, instruction.receiver().0);
        let at = instruction.pair_place as usize;
        let pair = self.matching.pairs.get_mut(&parties).expect("an unmatched instruction has its pair");
        pair.swap_remove(at);
        if let Some(moved) = pair.get(at).copied() {
            self.instructions[moved].pair_place = at as u32;
        } else if pair.is_empty() {
            self.matching.pairs.remove(&parties);
        }
        self.instructions[place].pair_place = NONE;
    }

    /// The widest difference a deliverer's amount allows (2.3: the band is the deliverer's; inclusive).
    fn tolerance(&self, deliverer_amount: i64, instruction: &Instruction) -> i64 {
        match instruction.cut_off() {
            Some(currency) => self.tolerance_of(currency, deliverer_amount, instruction),
            None => 0,
        }
    }

    fn tolerance_of(&self, currency: CurrencyCode, amount: i64, instruction: &Instruction) -> i64 {
        self.reference.matching_tolerance(currency, instruction.trade_date, amount)
    }

    fn agrees(&self, one: &Instruction, other: &Instruction) -> bool {
        let deliver = if one.movement == Movement::Deliver { one } else { other };
        let difference = one.amount.abs_diff(other.amount);
        difference <= self.tolerance(deliver.amount, deliver).unsigned_abs() && optional_agree(one, other).is_some()
    }
}

/// `None` when a field given by both differs; else how many are given by both and agree.
fn optional_agree(one: &Instruction, other: &Instruction) -> Option<u32> {
    let (one, other) = match (&one.optional, &other.optional) {
        (Some(one), Some(other)) => (one, other),
        _ => return Some(0),
    };
    let mut equal = 0;
    for (mine, theirs) in fields(one).into_iter().zip(fields(other)) {
        match (mine, theirs) {
            (Some(mine), Some(theirs)) if mine == theirs => equal += 1,
            (Some(_), Some(_)) => return None,
            _ => {}
        }
    }
    Some(equal)
}

fn fields(optional: &Optional) -> [Option<&Identifier>; 3] {
    [optional.common_reference.as_ref(), optional.delivering_client.as_ref(), optional.receiving_client.as_ref()]
}

/// The better of two candidates ranks lower: the nearest amount, then more optional fields in common, then the older.
type Preference = (u64, core::cmp::Reverse<u32>, u64);

impl Draft<'_> {
    /// The best counter-instruction for one that is about to be issued (2.4). The order is total, so that the answer
    /// is the same in every run.
    pub(crate) fn best_match(&self, fresh: &Instruction) -> Option<Instruction> {
        let state = self.state;
        let opposite = Key::of(fresh, fresh.movement.opposite());
        let mut best: Option<(Preference, &Instruction)> = None;
        let consider = |candidate: &'_ Instruction| -> Option<Preference> {
            if !state.agrees(fresh, candidate) {
                return None;
            }
            let equal = optional_agree(fresh, candidate)?;
            Some((fresh.amount.abs_diff(candidate.amount), core::cmp::Reverse(equal), candidate.number))
        };
        let mut one = [Entry::default()];
        let bucket = state.matching.buckets.get(&opposite, &state.instructions, &mut one);
        if !bucket.is_empty() {
            // Outwards from the own amount; beyond the best difference nothing can be better.
            let middle = bucket.partition_point(|(amount, _, _)| *amount < fresh.amount);
            let above = bucket[middle..].iter();
            let below = bucket[..middle].iter().rev();
            for side in [Outward::Above(above), Outward::Below(below)] {
                for (amount, _, place) in side {
                    let difference = amount.abs_diff(fresh.amount);
                    if best.as_ref().is_some_and(|(preference, _)| difference > preference.0)
                        || difference > state.reference.widest_tolerance(fresh.cut_off(), fresh.trade_date)
                    {
                        break;
                    }
                    let candidate = &state.instructions[*place];
                    if self.is_gone(candidate.number) {
                        continue;
                    }
                    if let Some(preference) = consider(candidate)
                        && best.as_ref().is_none_or(|(held, _)| preference < *held)
                    {
                        best = Some((preference, candidate));
                    }
                }
            }
        }
        // What this very record issued is not in the state yet.
        for candidate in self.fresh.iter().filter(|each| !self.is_gone(each.number)) {
            if candidate.movement != fresh.movement
                && Key::of(candidate, candidate.movement) == opposite
                && let Some(preference) = consider(candidate)
                && best.as_ref().is_none_or(|(held, _)| preference < *held)
            {
                best = Some((preference, candidate));
            }
        }
        best.map(|(_, candidate)| candidate.clone())
    }
}

enum Outward<'a> {
    Above(core::slice::Iter<'a, Entry>),
    Below(core::iter::Rev<core::slice::Iter<'a, Entry>>),
}

impl<'a> Iterator for Outward<'a> {
    type Item = &'a Entry;
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Outward::Above(iter) => iter.next(),
            Outward::Below(iter) => iter.next(),
        }
    }
}

/// Why an unmatched instruction is unmatched: every field in which the nearest counter-instruction of the same two
/// parties at the same place of settlement differs; CMIS when there is none. A bounded number is compared.
pub(crate) fn why_unmatched(state: &State, instruction: &Instruction) -> Vec<Code> {
    let parties = (instruction.deliverer().0, instruction.receiver().0);
    let compared = state.reference.parameters.candidates_compared as usize;
    let nearest = state
        .matching
        .pairs
        .get(&parties)
        .into_iter()
        .flatten()
        .map(|place| &state.instructions[*place])
        .filter(|other| other.movement != instruction.movement && other.domain == instruction.domain)
        .take(compared)
        .map(|other| (differences(state, instruction, other), other.number))
        // A wrong instrument is the farthest: weighs more than all other fields together.
        .min_by_key(|(codes, number)| (codes.contains(&code::DSEC), codes.len(), *number));
    match nearest {
        Some((codes, _)) if !codes.contains(&code::DSEC) || codes.len() <= 2 => codes,
        _ => same_direction(state, instruction, compared).unwrap_or_else(|| alloc::vec![code::CMIS]),
    }
}

/// The counterparty has instructed the same movement, so that both would deliver or both receive: DELN, and what else
/// differs. Only where hardly anything else does: else it is other business between the two. Who trades with himself
/// is not his own counterparty's instruction.
fn same_direction(state: &State, mine: &Instruction, compared: usize) -> Option<Vec<Code>> {
    let turned = (mine.receiver().0, mine.deliverer().0);
    let candidates = state.matching.pairs.get(&turned)?.iter().map(|place| &state.instructions[*place]);
    candidates
        .filter(|other| other.movement == mine.movement && other.domain == mine.domain && other.number != mine.number)
        .take(compared)
        .map(|other| (differences(state, mine, other), other.number))
        .filter(|(codes, _)| codes.len() <= 1 && !codes.contains(&code::DSEC))
        .min_by_key(|(codes, number)| (codes.len(), *number))
        .map(|(codes, _)| core::iter::once(code::DELN).chain(codes).collect())
}

/// The codes of the fields in which two instructions differ.
pub(crate) fn differences(state: &State, mine: &Instruction, other: &Instruction) -> Vec<Code> {
    let deliver = if mine.movement == Movement::Deliver { mine } else { other };
    let empty = Optional::default();
    let (own, theirs) = (mine.optional.as_deref().unwrap_or(&empty), other.optional.as_deref().unwrap_or(&empty));
    let differs = |one: &Option<Identifier>, two: &Option<Identifier>| one.is_some() && two.is_some() && one != two;
    let same_terms = mine.method == other.method && mine.currency == other.currency;
    let tolerance = state.tolerance(deliver.amount, deliver).unsigned_abs();
    let checks = [
        (mine.instrument != other.instrument, code::DSEC),
        (mine.quantity != other.quantity, code::DQUA),
        (mine.date != other.date, code::DDAT),
        (mine.trade_date != other.trade_date, code::DTRD),
        (mine.method != other.method, code::FRAP),
        (mine.method == other.method && mine.currency != other.currency, code::NCRR),
        (same_terms && mine.amount.abs_diff(other.amount) > tolerance, code::DMON),
        (mine.cum_ex != other.cum_ex, code::DCMX),
        (mine.opt_out != other.opt_out, code::DMCT),
        (differs(&own.common_reference, &theirs.common_reference), code::IIND),
        (differs(&own.delivering_client, &theirs.delivering_client), code::ICUS),
        (differs(&own.receiving_client, &theirs.receiving_client), code::IEXE),
    ];
    checks.into_iter().filter_map(|(differs, code)| differs.then_some(code)).collect()
}
