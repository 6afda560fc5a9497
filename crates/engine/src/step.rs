//! One command becomes one record: decided, encoded into the block, remembered, applied.

use crate::metrics::Counts;
use crate::past::{ShardPast, UncommittedIds};
use clearing::State;
use model::command::{Command, Inbound, Origin};
use model::ledger::check_balanced;
use model::record::{Content, Genesis, Outcome, RULES_VERSION, Record};
use model::timestamp::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use store::{BlockBuilder, Log, Records, RecordsBuilder};
use wire::record::Received;

/// The state with all it needs to take one more command. The only one who decides.
pub(crate) struct Decider {
    pub state: State,
    log: Arc<Log>,
    ids: UncommittedIds,
    building: RecordsBuilder,
    in_flight: VecDeque<Records>,
    /// The last record that is known to be on disk.
    committed: u64,
    /// Ids claimed by the block being built.
    claimed: Vec<([u8; 16], u64)>,
    /// What the block being built came to.
    pub counts: Counts,
}

/// A record to be: the command is in it, place and outcome are filled in when it is decided. It may be used again with
/// the next command, so that nothing large is moved or made for each message.
pub(crate) struct Draft(Record);

impl Draft {
    pub fn new(inbound: Inbound) -> Draft {
        let outcome = Outcome::Accepted(Vec::new());
        Draft(Record { sequence: 0, rules_version: RULES_VERSION, content: Content::Decided { inbound, outcome } })
    }

    /// The record's place, once it is decided.
    pub fn sequence(&self) -> u64 {
        self.0.sequence
    }

    pub fn inbound(&mut self) -> &mut Inbound {
        self.parts().0
    }

    pub fn outcome(&mut self) -> &mut Outcome {
        self.parts().1
    }

    fn parts(&mut self) -> (&mut Inbound, &mut Outcome) {
        match &mut self.0.content {
            Content::Decided { inbound, outcome } => (inbound, outcome),
            Content::Genesis(_) => unreachable!("made by `new`"),
        }
    }
}

/// What a block takes to the disk besides its cursors. It is hashed there: nothing that is decided needs the chain.
pub(crate) struct Cut {
    pub records: Records,
    pub ids: Vec<([u8; 16], u64)>,
    pub counts: Counts,
}

impl Decider {
    /// Goes on where the log ends; the state must stand there.
    pub fn new(state: State, log: Arc<Log>) -> Decider {
        let head = log.head();
        assert_eq!(state.sequence(), head.sequence, "the state stands where the log ends");
        Decider {
            state,
            log,
            ids: UncommittedIds::default(),
            building: RecordsBuilder::new(head.sequence + 1),
            in_flight: VecDeque::new(),
            committed: head.sequence,
            claimed: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Decides the command of a draft, which becomes the next record. It is stamped no earlier than what went before it.
    pub fn decide(&mut self, draft: &mut Draft, raw: Option<Received<'_>>) {
        let sequence = self.next_sequence();
        let (inbound, outcome) = draft.parts();
        inbound.at = self.stamp(inbound.at);
        *outcome = clearing::decide(&self.state, inbound, &self.past());
        self.count(inbound, outcome);
        draft.0.sequence = sequence;
        let record = &draft.0;
        assert_balanced(record);
        let before = self.building.byte_len();
        let placed = self.building.push_with(|out| wire::record::encode(record, raw, out));
        assert_eq!(placed, sequence, "the block goes on where the state stands");
        let bytes = self.building.byte_len() - before;
        // Budgets and limits of commands see to it (docs/decisions/0004): if not, this is our mistake, and is not committed.
        assert!(
            bytes <= wire::MAX_RECORD,
            "record {sequence} of {bytes} bytes: followers take {} at most",
            wire::MAX_RECORD
        );
        for key in clearing::ids(&self.state, record) {
            self.ids.insert(key, sequence);
            self.claimed.push((key, sequence));
        }
        let Content::Decided { inbound, .. } = &record.content else { unreachable!("made by `new`") };
        clearing::apply(&mut self.state, sequence, inbound.at, &inbound.actor, record.events());
    }

    /// What the log remembers, with what is on its way there.
    pub fn past(&self) -> ShardPast<'_> {
        ShardPast { ids: &self.ids, building: &self.building, in_flight: &self.in_flight, log: &self.log }
    }

    /// Never earlier than the last record.
    fn stamp(&self, at: Timestamp) -> Timestamp {
        self.state.at().map_or(at, |last| last.max(at))
    }

    fn count(&mut self, inbound: &Inbound, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted(_) => self.counts.accepted += 1,
            Outcome::Duplicate { .. } => self.counts.duplicates += 1,
            Outcome::Rejected(rejection) => self.counts.reject(rejection.reason),
        }
        if matches!(inbound.command, Command::Quarantine(_)) {
            self.counts.quarantined += 1;
        }
        if inbound.origin == Origin::Engine {
            self.counts.own += 1;
        }
    }

    /// What the next record will be.
    pub fn next_sequence(&self) -> u64 {
        self.state.sequence() + 1
    }

    /// Records of the block being built.
    pub fn records(&self) -> usize {
        self.building.len()
    }

    /// Bytes of the block being built.
    pub fn bytes(&self) -> usize {
        self.building.byte_len()
    }

    /// Blocks that are not known to be on disk.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The last record that is known to be on disk.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// Cuts the block.
    pub fn cut(&mut self) -> Cut {
        let records = self.building.finish();
        self.in_flight.push_back(records.clone());
        let room = self.claimed.len() + self.claimed.len() / 8;
        let ids = std::mem::replace(&mut self.claimed, Vec::with_capacity(room));
        Cut { records, ids, counts: std::mem::take(&mut self.counts) }
    }

    /// The oldest block in flight is on disk.
    pub fn committed_through(&mut self, sequence: u64) {
        let records = self.in_flight.pop_front().expect("a commit is of a block in flight");
        assert_eq!(records.last(), sequence, "blocks are committed in order");
        self.committed = sequence;
        self.ids.forget_through(sequence);
    }

    /// The state, once everything is on disk.
    pub fn into_state(self) -> State {
        self.state
    }
}

/// Ownership and location move together in everything that is decided. If not, this is our mistake, and is not committed.
fn assert_balanced(record: &Record) {
    for event in record.events() {
        if let Err(off) = check_balanced(event.postings()) {
            panic!("record {}: ownership and location would part by {off}", record.sequence);
        }
    }
}

/// Writes record 1 into an empty log.
pub(crate) fn write_genesis(log: &Log, genesis: &Genesis) -> Result<(), store::Error> {
    let record = Record { sequence: 1, rules_version: RULES_VERSION, content: Content::Genesis(genesis.clone()) };
    let mut building = BlockBuilder::after(log.head());
    building.push_with(|out| wire::record::encode(&record, None, out));
    log.commit(&building.finish(), &[], &[]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::event::Event;
    use model::identifier::Identifier;
    use model::index::{AccountIx, Asset, BookIx, InstrumentIx, PartyIx};
    use model::ledger::{LedgerAccount, Posting};

    fn moved(into_book: i128, into_depot: i128) -> Record {
        let (entity, asset) = (PartyIx(1), Asset::instrument(InstrumentIx(7)));
        let post = |account, amount| Posting { account, asset, amount };
        let book = LedgerAccount::Book { entity, book: BookIx(3) };
        let depot = LedgerAccount::Location { entity, account: AccountIx(9) };
        let inbound = Inbound {
            command: Command::Continue(model::command::Task::Retry),
            origin: Origin::Engine,
            actor: Identifier::parse("engine").expect("a name"),
            reason: String::new(),
            at: Timestamp::from_micros(0).expect("an instant"),
        };
        let postings = vec![post(book, into_book), post(depot, into_depot)];
        let event = Event::Opened { account: AccountIx(9), book: BookIx(3), postings, cost: None };
        let outcome = Outcome::Accepted(vec![event]);
        Record { sequence: 5, rules_version: RULES_VERSION, content: Content::Decided { inbound, outcome } }
    }

    #[test]
    fn what_owners_and_locations_have_moves_together() {
        assert_balanced(&moved(100, 100));
    }

    #[test]
    #[should_panic(expected = "record 5: ownership and location would part by 1")]
    fn what_does_not_balance_is_never_written() {
        assert_balanced(&moved(100, 99));
    }
}
