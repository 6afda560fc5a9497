//! Where the views get their blocks from: the log of this process, whoever writes it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use store::{Block, Hash, Head, Log};

/// Where blocks come from.
pub trait Source: Send + 'static {
    fn head(&self) -> Head;
    /// Waits until there is a record after `sequence`, or until the time is over.
    fn wait_past(&self, sequence: u64, timeout: Duration) -> Head;
    /// The chain after a record, nothing beyond the head.
    fn chain_at(&self, sequence: u64) -> Result<Option<Hash>, store::Error>;
    /// Hands over blocks from the one that holds `sequence` up to the head, until told to stop.
    fn read(&self, sequence: u64, visit: &mut dyn FnMut(&Block) -> ControlFlow<()>) -> Result<(), store::Error>;
}

/// Records behind the head from which on blocks that are not in memory are read from disk in one sweep.
const SWEEP: u64 = 100_000;

impl Source for Arc<Log> {
    fn head(&self) -> Head {
        Log::head(self)
    }

    fn wait_past(&self, sequence: u64, timeout: Duration) -> Head {
        Log::wait_past(self, sequence, timeout)
    }

    fn chain_at(&self, sequence: u64) -> Result<Option<Hash>, store::Error> {
        Log::chain_at(self, sequence)
    }

    fn read(&self, mut sequence: u64, visit: &mut dyn FnMut(&Block) -> ControlFlow<()>) -> Result<(), store::Error> {
        if Log::head(self).sequence.saturating_sub(sequence) > SWEEP && !self.is_recent(sequence) {
            for block in self.blocks_from(sequence) {
                if visit(&block?).is_break() {
                    break;
                }
            }
            return Ok(());
        }
        while let Some(block) = self.block_holding(sequence)? {
            sequence = block.last() + 1;
            if visit(&block).is_break() {
                break;
            }
        }
        Ok(())
    }
}
