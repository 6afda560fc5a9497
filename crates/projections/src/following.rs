//! Following a view, whatever it is about: a snapshot of what fits, then the changes, for as long as one reads.
//!
//! A subscriber is a place in the window of recent changes, nothing more: the fold does not know it, queues nothing for it and
//! never waits for it. It reads when it likes; what changed several times in between it gets once, as it then stands. When its
//! place has left the window it is cut off with a token, and whoever comes with a token outside the window starts anew.

use std::collections::BTreeSet;

use tokio::sync::watch;

use crate::Error;
use crate::status::Changes;
use crate::token::{Scope, TokenError};

/// Rows or changes looked at for one message: what a subscriber can hold up the fold with.
pub(crate) const EXAMINED: usize = 10_000;

/// What a stream of messages is made from.
pub trait Following: Send + 'static {
    type Update: Send;

    /// The next message if there is something to say now.
    ///
    /// # Errors
    /// A view that has stopped.
    fn poll(&mut self) -> Result<Option<Self::Update>, Error>;

    /// Says that nothing has changed, and where that is: for when nothing came for a while.
    fn heartbeat(&self) -> Self::Update;

    /// The steps of the views, and whether it was cut off.
    #[doc(hidden)]
    fn steps(&mut self) -> (&mut watch::Receiver<u64>, bool);

    /// The next message, once there is something to say; None after it was cut off. May be dropped and called again.
    ///
    /// # Errors
    /// As [`Following::poll`].
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Update>, Error>> + Send {
        async {
            loop {
                // Marked as seen before looking: a step that comes while looking wakes the wait below.
                self.steps().0.mark_unchanged();
                if let Some(update) = self.poll()? {
                    return Ok(Some(update));
                }
                let (steps, cut_off) = self.steps();
                if cut_off || steps.changed().await.is_err() {
                    return Ok(None);
                }
            }
        }
    }
}

/// How far a subscriber has come; `after` is its place in the snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase<P> {
    /// Says first that what the subscriber has is out of date.
    Reset,
    /// Rows up to a place are sent; changes count from the record at `since`.
    Snapshot {
        after: P,
        since: u64,
    },
    /// Changes up to this record are sent.
    Following {
        after: u64,
    },
    CutOff,
}

impl<P: Default> Phase<P> {
    /// Where one begins who brings a token, or none, while a view stands at a record.
    pub(crate) fn begin(resume: Option<&str>, scope: Scope, changes: &Changes, at: u64) -> Result<Phase<P>, Error> {
        Ok(match resume.filter(|token| !token.is_empty()) {
            None => Phase::Snapshot { after: P::default(), since: at },
            Some(token) => match u64::from_be_bytes(scope.place(token)?) {
                token if token > at => return Err(TokenError::Ahead { token, at }.into()),
                after if changes.reaches(after) => Phase::Following { after },
                _ => Phase::Reset,
            },
        })
    }

    /// After a part of the snapshot, which may be its last.
    pub(crate) fn snapped(after: P, since: u64, last: bool) -> Phase<P> {
        if last { Phase::Following { after: since } } else { Phase::Snapshot { after, since } }
    }
}

/// What has changed since a record, at most about so many rows, and up to which record that is all, while the view stands
/// at one. None: the place has left the window.
pub(crate) fn changed(changes: &Changes, after: u64, rows: usize, at: u64) -> Option<(BTreeSet<u64>, u64)> {
    if !changes.reaches(after) {
        return None;
    }
    // Up to a whole record: a token never stands in the middle of one.
    let (mut numbers, mut to) = (BTreeSet::new(), after);
    for (count, (sequence, number)) in changes.since(after).enumerate() {
        if sequence != to && (count >= EXAMINED || numbers.len() >= rows) {
            break;
        }
        to = sequence;
        numbers.insert(number);
    }
    if changes.since(to).next().is_none() {
        // Nothing else has changed: it is all true up to here.
        to = at;
    }
    Some((numbers, to))
}
