//! The faults a forger or a defect may plant, each at a place and by an amount that chance chooses.

use std::path::Path;

use model::event::Event;
use model::ledger::Posting;
use model::record::{Content, Outcome, Record};
use sha2::{Digest, Sha256};
use testkit::flow::Random;

use crate::rewrite::{self, encode, history, put, records, rows};

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A balance of the ledger view is another.
    Balance,
    /// One leg of a fact is another amount.
    Leg,
    /// Two legs are, so that the fact balances all the same.
    LegPair,
    /// What a settlement, instruction or trade is of.
    Terms,
    /// A record says another number than its place.
    Sequence,
    /// A bit of a stored block turns over, and nothing is computed again.
    Bit,
    /// The cursor of a source.
    Cursor,
    /// A record is left out, and those after it are numbered anew.
    Dropped,
    /// A record is there twice, and those after it are numbered anew.
    Doubled,
    /// Two neighbours change places, and their numbers.
    Swapped,
    /// A byte of a snapshot, its manifest computed again.
    Snapshot,
    /// A row of any view.
    ViewRow,
    /// An id leads to another record.
    Id,
    /// The end is cut off, or a sentence of a record is another.
    Story,
}

impl Fault {
    pub const ALL: [Fault; 14] = [
        Fault::Balance,
        Fault::Leg,
        Fault::LegPair,
        Fault::Terms,
        Fault::Sequence,
        Fault::Bit,
        Fault::Cursor,
        Fault::Dropped,
        Fault::Doubled,
        Fault::Swapped,
        Fault::Snapshot,
        Fault::ViewRow,
        Fault::Id,
        Fault::Story,
    ];

    /// Whether a skilled forger may leave a history that is possible: then only what he cannot reach tells.
    pub fn may_make_sense(self) -> bool {
        matches!(self, Fault::Story)
    }
}

/// Plants one; what was done.
pub fn plant(fault: Fault, data: &Path, random: &mut Random) -> String {
    match fault {
        Fault::Balance => balance(data, random),
        Fault::Leg => change(data, random, &mut leg),
        Fault::LegPair => change(data, random, &mut leg_pair),
        Fault::Terms => change(data, random, &mut terms),
        Fault::Sequence => sequence(data, random),
        Fault::Bit => bit(data, random),
        Fault::Cursor => cursor(data, random),
        Fault::Dropped | Fault::Doubled | Fault::Swapped => order(fault, data, random),
        Fault::Snapshot => snapshot(data, random),
        Fault::ViewRow => view_row(data, random),
        Fault::Id => id(data, random),
        Fault::Story => story(data, random),
    }
}

fn pick(random: &mut Random, of: usize) -> usize {
    random.below(of as u64) as usize
}

fn amount(random: &mut Random) -> i128 {
    let size = random.between(1, 100_000);
    i128::from(if random.chance(5_000) { size } else { -size })
}

fn decode(bytes: &[u8]) -> Record {
    wire::record::decode(bytes).expect("a record of our own")
}

fn events_of(record: &mut Record) -> &mut [Event] {
    match &mut record.content {
        Content::Decided { outcome: Outcome::Accepted(events), .. } => events,
        _ => &mut [],
    }
}

fn postings_of(event: &mut Event) -> &mut [Posting] {
    match event {
        Event::Opened { postings, .. }
        | Event::Transferred { postings, .. }
        | Event::Reversed { postings, .. }
        | Event::TradeCaptured { postings, .. }
        | Event::TradeChanged { postings, .. }
        | Event::TradeCancelled { postings, .. }
        | Event::InstructionConfirmed { postings, .. }
        | Event::BreakOpened { postings, .. }
        | Event::BreakClosed { postings, .. }
        | Event::InstructionsSettled { postings, .. } => postings,
        _ => &mut [],
    }
}

/// Tries events of records that chance chooses until one can be changed so, and writes the history with it.
fn change(data: &Path, random: &mut Random, how: &mut dyn FnMut(&mut Event, &mut Random) -> Option<String>) -> String {
    let mut all = records(data);
    loop {
        let place = pick(random, all.len());
        let mut record = decode(&all[place]);
        let events = events_of(&mut record);
        if events.is_empty() {
            continue;
        }
        let which = pick(random, events.len());
        if let Some(what) = how(&mut events[which], random) {
            all[place] = encode(&record);
            history(data, &all);
            return format!("record {}, {what}", place + 1);
        }
    }
}

fn leg(event: &mut Event, random: &mut Random) -> Option<String> {
    let postings = postings_of(event);
    let which = (!postings.is_empty()).then(|| pick(random, postings.len()))?;
    let by = amount(random);
    postings[which].amount += by;
    Some(format!("leg {which} by {by}"))
}

/// The two legs of one asset that balance each other: both change so that they still do.
fn leg_pair(event: &mut Event, random: &mut Random) -> Option<String> {
    let postings = postings_of(event);
    let first = (!postings.is_empty()).then(|| pick(random, postings.len()))?;
    let key = |posting: &Posting| (posting.account.entity(), posting.asset);
    let other = (0..postings.len()).find(|at| *at != first && key(&postings[*at]) == key(&postings[first]))?;
    let by = amount(random);
    let same = postings[first].account.axis() == postings[other].account.axis();
    postings[first].amount += by;
    postings[other].amount += if same { -by } else { by };
    Some(format!("legs {first} and {other} by {by}"))
}

fn terms(event: &mut Event, random: &mut Random) -> Option<String> {
    let by = random.between(1, 1_000);
    let what = match event {
        Event::TradeCaptured { terms, .. } if random.chance(5_000) => {
            terms.quantity += by;
            "quantity captured"
        }
        Event::TradeCaptured { terms, .. } => {
            core::mem::swap(&mut terms.party, &mut terms.counterparty);
            "parties captured change places"
        }
        Event::InstructionIssued { quantity, .. } => {
            *quantity += by;
            "quantity issued"
        }
        Event::InstructionsMatched { amount, .. } => {
            *amount += by;
            "amount matched"
        }
        Event::InstructionsSettled { quantity, amount, .. } => {
            *if random.chance(5_000) { quantity } else { amount } += by;
            "what settles"
        }
        Event::LimitReserved(reserved) if reserved.amount != 0 => {
            reserved.amount += by;
            "amount reserved"
        }
        Event::HoldingReserved(reserved) if reserved.amount != 0 => {
            reserved.amount += by;
            "amount that a holding reserves"
        }
        Event::LimitBreached(breach) => {
            breach.used += by;
            "what is used when a limit is breached"
        }
        _ => return None,
    };
    Some(format!("{what} by {by}"))
}

fn sequence(data: &Path, random: &mut Random) -> String {
    let mut all = records(data);
    let place = pick(random, all.len());
    let mut record = decode(&all[place]);
    record.sequence += random.between(1, 9) as u64;
    all[place] = encode(&record);
    history(data, &all);
    format!("record {} says it is {}", place + 1, record.sequence)
}

fn bit(data: &Path, random: &mut Random) -> String {
    let db = rewrite::log(data);
    let blocks = rows(&db, "blocks");
    let (key, mut stored) = blocks[pick(random, blocks.len())].clone();
    let (at, bit) = (pick(random, stored.len()), random.below(8));
    stored[at] ^= 1 << bit;
    put(&db, "blocks", &key, &stored);
    format!("bit {bit} of byte {at} of block {key:?}")
}

fn cursor(data: &Path, random: &mut Random) -> String {
    let db = rewrite::log(data);
    let cursors: Vec<_> = rows(&db, "default").into_iter().filter(|(key, _)| key[0] == 3).collect();
    let (key, mut row) = cursors[pick(random, cursors.len())].clone();
    let at = 1 + pick(random, 40);
    row[at] ^= 1 << random.below(8);
    put(&db, "default", &key, &row);
    format!("byte {at} of {}", String::from_utf8_lossy(&key[1..]))
}

/// What brought facts with postings or a message of a partition: leaving such a one out changes what is so.
fn weighs(bytes: &[u8]) -> bool {
    let mut record = decode(bytes);
    events_of(&mut record).iter().any(|event| {
        matches!(
            event,
            Event::TradeCaptured { .. }
                | Event::InstructionsSettled { .. }
                | Event::Opened { .. }
                | Event::Transferred { .. }
        )
    })
}

fn order(fault: Fault, data: &Path, random: &mut Random) -> String {
    let mut all = records(data);
    let place = loop {
        let place = 1 + pick(random, all.len() - 2);
        let differ = all[place] != all[place + 1];
        if weighs(&all[place]) && differ && (fault != Fault::Swapped || weighs(&all[place + 1])) {
            break place;
        }
    };
    match fault {
        Fault::Dropped => _ = all.remove(place),
        Fault::Doubled => all.insert(place + 1, all[place].clone()),
        _ => all.swap(place, place + 1),
    }
    for (at, bytes) in all.iter_mut().enumerate().skip(place) {
        let mut record = decode(bytes);
        record.sequence = at as u64 + 1;
        *bytes = encode(&record);
    }
    history(data, &all);
    format!("record {}", place + 1)
}

fn snapshot(data: &Path, random: &mut Random) -> String {
    let db = rewrite::log(data);
    let mut pieces = rows(&db, "snapshots");
    let which = pick(random, pieces.len());
    let at = pick(random, pieces[which].1.len());
    pieces[which].1[at] ^= 1 << random.below(8);
    put(&db, "snapshots", &pieces[which].0, &pieces[which].1);
    let number = pieces[which].0[..8].to_vec();
    let mut digest = Sha256::new();
    for (_, piece) in pieces.iter().filter(|(key, _)| key[..8] == number[..]) {
        digest.update((piece.len() as u64).to_be_bytes());
        digest.update(piece);
    }
    let key = [&[4], &number[..]].concat();
    let (_, mut manifest) = rows(&db, "default").into_iter().find(|(own, _)| *own == key).expect("its manifest");
    manifest[57..].copy_from_slice(&digest.finalize());
    put(&db, "default", &key, &manifest);
    format!("byte {at} of piece {which}")
}

fn rows_of_views(data: &Path, fits: impl Fn(&[u8]) -> bool) -> (rocksdb::DB, Vec<rewrite::Row>) {
    let db = rewrite::views(data);
    let found = rows(&db, "default").into_iter().filter(|(key, row)| fits(key) && !row.is_empty()).collect();
    (db, found)
}

fn balance(data: &Path, random: &mut Random) -> String {
    let table = if random.chance(5_000) { 48 } else { 34 };
    let (db, found) = rows_of_views(data, |key| key[0] == table);
    let (key, mut row) = found[pick(random, found.len())].clone();
    *row.last_mut().expect("a byte") ^= 1;
    db.put(&key, &row).expect("writes");
    format!("row {key:?}")
}

fn view_row(data: &Path, random: &mut Random) -> String {
    let (db, found) = rows_of_views(data, |key| key[0] != 0);
    let (key, mut row) = found[pick(random, found.len())].clone();
    match random.below(3) {
        0 => db.delete(&key).expect("deletes"),
        1 => {
            let at = pick(random, row.len());
            row[at] ^= 2;
            db.put(&key, &row).expect("writes");
        }
        _ => {
            let at = row.len() - 1;
            row[at] ^= 1;
            db.put(&key, &row).expect("writes");
        }
    }
    format!("row {key:?}")
}

fn id(data: &Path, random: &mut Random) -> String {
    let db = rewrite::log(data);
    let (table, width) = if rows(&db, "ids").is_empty() || random.chance(5_000) { ("claims", 24) } else { ("ids", 8) };
    let all = rows(&db, table);
    let (key, mut row) = all[pick(random, all.len())].clone();
    let at = row.len() - width + pick(random, width);
    row[at] ^= 1 << random.below(8);
    put(&db, table, &key, &row);
    format!("byte {at} of a row of {table}")
}

/// A history that could have been: the end is missing, or somebody else asked, or for another reason.
fn story(data: &Path, random: &mut Random) -> String {
    let mut all = records(data);
    if random.chance(3_000) {
        let cut = 1 + pick(random, 5);
        all.truncate(all.len() - cut);
        history(data, &all);
        return format!("the last {cut} records are gone");
    }
    loop {
        let place = 1 + pick(random, all.len() - 1);
        let mut record = decode(&all[place]);
        let Content::Decided { inbound, .. } = &mut record.content else { continue };
        if inbound.reason.is_empty() {
            continue;
        }
        inbound.reason.push_str(" (as was agreed)");
        all[place] = encode(&record);
        history(data, &all);
        return format!("record {} was asked for another reason", place + 1);
    }
}
