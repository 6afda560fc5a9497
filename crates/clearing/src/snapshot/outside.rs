//! What a snapshot holds of the external seat and of breaks.

use super::SnapshotError;
use super::codec::{Codec, Input, Output, choices, fields, texts};
use crate::addresses::Addresses;
use crate::breaks::{Break, Breaks};
use crate::outside::{Outside, Request};
use alloc::collections::BTreeMap;
use model::breaks::{AgentStanding, BreakItem, BreakKind};
use model::identifier::{Bic, Isin, Lei};

texts!(Lei, Bic, Isin);

choices! {
    AgentStanding {
        Sent = 1, Accepted = 2, Unmatched = 3, Matched = 4, Pending = 5, Failing = 6, Rejected = 7, Cancelled = 8,
        Other = 9,
    }
}

fields! {
    Addresses { external, parties, instruments }
    Outside { standing, agent_reference, requests, request, wanted }
    Break { kind, items, booked }
    BreakItem { account, asset, ours, theirs }
}

impl Codec for Request {
    fn put(&self, out: &mut Output<'_>) {
        match self {
            Request::Cancel => 0u8.put(out),
            Request::Modify(held, priority) => {
                1u8.put(out);
                (*held, *priority).put(out);
            }
        }
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        match u8::get(input)? {
            0 => Ok(Request::Cancel),
            1 => <(bool, u8)>::get(input).map(|(held, priority)| Request::Modify(held, priority)),
            _ => Err(SnapshotError("a request is unknown")),
        }
    }
}

impl Codec for BreakKind {
    fn put(&self, out: &mut Output<'_>) {
        (*self as u8).put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let number = u8::get(input)?;
        let kind = BreakKind::ALL.iter().copied().find(|kind| *kind as u8 == number);
        kind.ok_or(SnapshotError("a break is unknown"))
    }
}

impl Codec for Breaks {
    fn put(&self, out: &mut Output<'_>) {
        self.next.put(out);
        self.open.put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let next = u64::get(input)?;
        let mut breaks = Breaks::default();
        for (number, entry) in <BTreeMap<u64, Break> as Codec>::get(input)? {
            if number >= next {
                return Err(SnapshotError("a break has a number that was not given yet"));
            }
            breaks.insert(number, entry);
        }
        breaks.next = next;
        Ok(breaks)
    }
}
