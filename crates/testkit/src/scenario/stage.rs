//! Where a scenario's commands go: a shard in memory, in several ways, or another engine behind the same trait.

use super::Mode;
use crate::memory::Shard;
use clearing::{Explanation, Sought, State};
use model::command::Inbound;
use model::index::Asset;
use model::instruction::Code;
use model::ledger::LedgerAccount;
use model::record::Record;

/// An engine that scenarios can be played on.
pub trait Stage {
    /// Decides a command. With `work`, also all the work it sets going. Its own record first, then those of the work.
    fn submit(&mut self, inbound: Inbound, work: bool) -> Vec<Record>;

    /// One step of the work left undone by `submit` without `work`.
    fn work(&mut self) -> Option<Record>;

    /// Why an instruction is unmatched, computed now.
    fn why(&mut self, instruction: u64) -> Option<Vec<Code>>;

    /// What keeps a trade or an instruction from settling, and what would settle it.
    fn explain(&mut self, sought: &Sought) -> Option<Explanation>;

    /// Every balance, to be compared with what the events say; `None` where the engine does not tell.
    fn balances(&mut self) -> Option<Vec<(LedgerAccount, Asset, i128)>>;

    /// Called between commands: here an engine may be stopped and started.
    fn rest(&mut self);
}

/// The shard in memory.
pub struct InMemory {
    shard: Option<Shard>,
    mode: Mode,
}

impl InMemory {
    pub fn new(mode: Mode) -> InMemory {
        InMemory { shard: Some(Shard::new(super::genesis())), mode }
    }

    pub fn shard(&self) -> &Shard {
        self.shard.as_ref().expect("there is a shard between two calls")
    }

    fn shard_mut(&mut self) -> &mut Shard {
        self.shard.as_mut().expect("there is a shard between two calls")
    }
}

impl Stage for InMemory {
    fn submit(&mut self, inbound: Inbound, work: bool) -> Vec<Record> {
        let shard = self.shard_mut();
        let first = shard.records().len();
        if work {
            shard.submit(inbound)
        } else {
            shard.submit_alone(inbound)
        };
        shard.records()[first..].to_vec()
    }

    fn work(&mut self) -> Option<Record> {
        self.shard_mut().work().cloned()
    }

    fn why(&mut self, instruction: u64) -> Option<Vec<Code>> {
        self.shard().state().why_unmatched(instruction)
    }

    fn explain(&mut self, sought: &Sought) -> Option<Explanation> {
        self.shard().explain(sought)
    }

    fn balances(&mut self) -> Option<Vec<(LedgerAccount, Asset, i128)>> {
        Some(self.shard().state().balances().collect())
    }

    fn rest(&mut self) {
        if let Err(differs) = self.shard().state().recount_limits() {
            panic!("limits counted anew are not what was kept: {differs}");
        }
        if self.mode == Mode::Restarts {
            let before = self.shard.take().expect("there is a shard between two calls");
            let (running, recovered) = (snapshot(before.state()), before.recovered());
            assert!(running == snapshot(recovered.state()), "recovery gives another state than the one that ran");
            let restored = recovered.restored();
            assert!(
                running == snapshot(restored.state()),
                "a snapshot gives another state than the one that was written"
            );
            self.shard = Some(restored);
        }
    }
}

fn snapshot(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.write_snapshot(&mut |piece| bytes.extend_from_slice(piece));
    bytes
}
