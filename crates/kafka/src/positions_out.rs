//! What each book and depot has of an instrument and how much of it is free to trade or to deliver, on a compacted topic.
//!
//! It is a feed ([`crate::feed`]): only records that nobody can undo are told of, each change carries the sequence of its
//! record, and where to go on is read from the topic. What changed several times while the brokers took the last messages
//! is told once, as it then stands. The rows are sums: the fold is kept beside the place, and a restart goes on from there.
//!
//! *Due in* and *due out* are what is open of trades, instructed or not. *Available to deliver* is what has settled less what
//! is due out; *available to trade* counts on what is due in too, except where it fails. Nothing else keeps a holding from
//! being used: there are no pledges in the log. See `quittance.status.v1.Position`.

mod fold;

use fold::Changed;
pub use fold::PositionsFold;

use crate::error::Error;
use crate::feed::{Feed, FeedTo, Letter, Letters};
use crate::instructions_out::{genesis, source};
use model::record::Genesis;
use std::sync::Arc;
use store::Log;

/// Starts to tell what is held and free. Needs no broker to start.
///
/// # Errors
/// [`Error::Settings`], [`Error::File`], and [`Error::Log`] when the log has no first record.
pub fn publish(log: Arc<Log>, to: FeedTo) -> Result<Feed, Error> {
    let Genesis { house, shard, .. } = genesis(&log)?;
    let options = to.options("positions", "quittance.position.v1", source(&house, shard));
    Feed::start(log, options, PositionsFold::default())
}

impl Letters for PositionsFold {
    const NEEDS_ALL: bool = true;
    const KEPT: Option<u32> = Some(fold::VERSION);

    fn record(&mut self, _: u64, bytes: &[u8], _: &mut Vec<Letter>) -> Result<(), wire::DecodeError> {
        self.fold(&wire::record::facts(bytes)?);
        Ok(())
    }

    fn latest(&mut self) -> Result<Vec<(u64, Letter)>, wire::DecodeError> {
        let letter = |Changed { sequence, key, position }| {
            let payload = position.map(|position| prost::Message::encode_to_vec(&position));
            (sequence, Letter::protobuf(format!("{sequence}/{key}"), key, payload))
        };
        Ok(self.changed()?.into_iter().map(letter).collect())
    }

    fn waiting(&self) -> usize {
        self.untold()
    }

    fn keep(&self) -> Vec<u8> {
        self.kept()
    }

    fn take_up(&mut self, kept: &[u8]) -> Result<(), String> {
        *self = PositionsFold::from_kept(kept)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
