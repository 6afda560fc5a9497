//! Following an answer that is computed when it is asked: it is looked at again when there are new records, a few times a
//! second at most, once for all who follow it, and each of them is told what changed since it was told last.

use std::future::Future;
use std::hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _, RandomState};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use projections::{Mark, Roll};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tonic::Status;

use crate::backend::Backend;
use crate::failure;
use crate::watch::News;

/// Between two looks at least.
const PACE: Duration = Duration::from_millis(250);
/// Rows in one message.
const ROWS: usize = 200;
/// Answers that are remembered when nobody follows them any more, so that who was cut off goes on.
const KEPT: usize = 16;

/// What is followed, for one who follows it.
pub(crate) trait Question: Clone + Send + Sync + 'static {
    type Key: Ord + Clone + Send + Sync + 'static;
    type Row: PartialEq + Clone + Send + Sync + 'static;
    type Update: Send + 'static;

    /// The rows, with all records up to one in them, whoever asks.
    fn ask(&self, backend: &Backend) -> impl Future<Output = Result<Look<Self>, Status>> + Send;

    /// Whether a row concerns who asks, by what never changes in it.
    fn concerns(&self, key: &Self::Key) -> bool;

    fn update(&self, sequence: u64, resume_token: String, said: Said<Self::Key, Self::Row>) -> Self::Update;
}

/// Rows, and the record up to which everything is in them.
pub(crate) type Look<Q> = (u64, Vec<(<Q as Question>::Key, <Q as Question>::Row)>);

/// Tells questions apart.
pub(crate) fn question_hash(question: &impl prost::Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    question.encode_to_vec().hash(&mut hasher);
    hasher.finish()
}

/// One message.
pub(crate) enum Said<K, R> {
    Reset,
    Snapshot { rows: Vec<R>, last: bool },
    Changes { rows: Vec<R>, left: Vec<K> },
    Heartbeat,
}

/// The rolls of one kind of answer, by a hash of the question.
pub(crate) struct Rolls<K, R>(std::sync::Mutex<Vec<(u64, SharedRoll<K, R>)>>);

type SharedRoll<K, R> = Arc<Mutex<Looked<K, R>>>;

pub(crate) struct Looked<K, R> {
    roll: Roll<K, R>,
    /// When it may be looked at again.
    next: Option<Instant>,
}

impl<K, R> Default for Rolls<K, R> {
    fn default() -> Rolls<K, R> {
        Rolls(std::sync::Mutex::default())
    }
}

impl<K: Ord + Clone, R: PartialEq> Rolls<K, R> {
    /// The roll of a question; a new one, where none is remembered.
    fn of(&self, question: u64) -> SharedRoll<K, R> {
        let mut rolls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rolls.iter().position(|(hash, _)| *hash == question);
        let found = match known {
            Some(place) => rolls.remove(place),
            // Random: a roll of the process before is another one.
            None => {
                let roll = Roll::new(RandomState::new().hash_one(question));
                (question, Arc::new(Mutex::new(Looked { roll, next: None })))
            }
        };
        let roll = found.1.clone();
        rolls.push(found);
        while rolls.len() > KEPT
            && let Some(idle) = rolls.iter().position(|(_, roll)| Arc::strong_count(roll) == 1)
        {
            rolls.remove(idle);
        }
        roll
    }
}

/// How far one who follows has come.
enum Phase<K> {
    /// Says first that what the subscriber has is out of date.
    Reset,
    /// Rows up to a key are sent, changes count from a look.
    Snapshot { after: Option<K>, since: u64 },
    /// Changes from one look to another are being sent, up to a key.
    Changing { after: K, from: u64, to: u64 },
    /// All up to a look is sent.
    Following { after: u64 },
}

/// A running subscription. Dropping it ends it.
pub(crate) struct Computed<Q: Question> {
    backend: Backend,
    question: Q,
    roll: SharedRoll<Q::Key, Q::Row>,
    steps: watch::Receiver<u64>,
    mark: Mark,
    phase: Phase<Q::Key>,
    /// Of the last message that has one.
    token: String,
}

impl Backend {
    /// Follows an answer from a token on, or from a snapshot that has a record in it. `same` tells which question it is for
    /// everybody.
    pub(crate) async fn follow<Q: Question>(
        &self,
        question: Q,
        (rolls, same): (&Rolls<Q::Key, Q::Row>, u64),
        mark: Mark,
        (resume, min_sequence): (&str, u64),
    ) -> Result<Computed<Q>, Status> {
        let (roll, steps) = (rolls.of(same), self.views()?.steps());
        let (phase, token) = (Phase::Following { after: 0 }, resume.to_owned());
        let mut followed = Computed { backend: self.clone(), question, roll, steps, mark, phase, token };
        let since = match tokio::time::timeout(self.limits.wait, followed.reach(min_sequence)).await {
            Ok(reached) => reached?,
            Err(_) => {
                let at = followed.roll.lock().await.roll.at().unwrap_or_default();
                return Err(failure::view(projections::Error::TooOld { view: "followed", at, wanted: min_sequence }));
            }
        };
        followed.phase = if resume.is_empty() {
            Phase::Snapshot { after: None, since }
        } else {
            let looked = followed.roll.lock().await;
            let place = mark.place(&looked.roll, resume).map_err(|error| failure::view(error.into()))?;
            place.map_or(Phase::Reset, |after| Phase::Following { after })
        };
        Ok(followed)
    }
}

impl<Q: Question> Computed<Q> {
    /// Looks until a record is in the answer, and says up to which everything is.
    async fn reach(&mut self, sequence: u64) -> Result<u64, Status> {
        loop {
            self.steps.mark_unchanged();
            self.look().await?;
            let at = self.roll.lock().await.roll.at();
            if let Some(at) = at.filter(|at| *at >= sequence) {
                return Ok(at);
            }
            if self.steps.changed().await.is_err() {
                return Err(failure::stopped("the service ends".to_owned()));
            }
        }
    }

    /// Looks at the answer again when the views are ahead of it.
    async fn look(&self) -> Result<(), Status> {
        let (backend, question, roll) = (self.backend.clone(), self.question.clone(), self.roll.clone());
        // A task of its own: who has no time to wait for it finds it done the next time.
        let look = tokio::spawn(async move {
            let mut looked = roll.lock().await;
            let is_new = |backend: &Backend, at: Option<u64>| {
                let slowest = backend.views()?.slowest();
                Ok::<_, Status>(at.is_none_or(|at| slowest.is_some_and(|slowest| slowest > at)))
            };
            if !is_new(&backend, looked.roll.at())? {
                return Ok(());
            }
            if let Some(next) = looked.next {
                tokio::time::sleep_until(next).await;
            }
            let began = Instant::now();
            let (at, rows) = question.ask(&backend).await?;
            // What takes long is looked at half of the time at most.
            looked.next = Some(Instant::now() + PACE.max(began.elapsed()));
            looked.roll.look(at, rows);
            Ok(())
        });
        look.await.map_err(|error| failure::internal(format!("the answer was not looked at: {error}")))?
    }

    /// The next message, if there is something to say of the last look.
    async fn poll(&mut self) -> Option<Q::Update> {
        let looked = self.roll.lock().await;
        let roll = &looked.roll;
        let at = roll.at().unwrap_or_default();
        let (said, sequence, phase) = match &self.phase {
            Phase::Reset => (Said::Reset, at, Phase::Snapshot { after: None, since: at }),
            Phase::Snapshot { after, since } => {
                // Rows may be newer than the look: the changes that follow bring them again, which does no harm.
                let mut standing = roll.standing(after.as_ref()).filter(|(key, _)| self.question.concerns(key));
                let part: Vec<_> = standing.by_ref().take(ROWS).collect();
                let phase = match part.last().filter(|_| standing.next().is_some()) {
                    Some((key, _)) => Phase::Snapshot { after: Some((*key).clone()), since: *since },
                    None => Phase::Following { after: *since },
                };
                let last = matches!(phase, Phase::Following { .. });
                (Said::Snapshot { rows: part.into_iter().map(|(_, row)| row.clone()).collect(), last }, *since, phase)
            }
            Phase::Following { after } | Phase::Changing { from: after, .. } if !roll.reaches(*after) => {
                (Said::Reset, at, Phase::Snapshot { after: None, since: at })
            }
            Phase::Following { after } if *after == at => return None,
            Phase::Following { .. } | Phase::Changing { .. } => {
                let (key, from, to) = match &self.phase {
                    Phase::Changing { after, from, to } => (Some(after), *from, *to),
                    Phase::Following { after } => (None, *after, at),
                    Phase::Reset | Phase::Snapshot { .. } => unreachable!("matched above"),
                };
                let mut changed = roll.changed(from, key).filter(|(key, _)| self.question.concerns(key));
                let part: Vec<_> = changed.by_ref().take(ROWS).collect();
                let phase = match part.last().filter(|_| changed.next().is_some()) {
                    Some((key, _)) => Phase::Changing { after: (*key).clone(), from, to },
                    None => Phase::Following { after: to },
                };
                let (mut rows, mut left) = (Vec::new(), Vec::new());
                for (key, row) in part {
                    row.map_or_else(|| left.push(key.clone()), |row| rows.push(row.clone()));
                }
                (Said::Changes { rows, left }, to, phase)
            }
        };
        let token = match &phase {
            Phase::Following { after } => self.mark.token(roll, *after),
            _ => String::new(),
        };
        drop(looked);
        self.phase = phase;
        if !token.is_empty() {
            self.token.clone_from(&token);
        }
        match &said {
            // What changed concerns others.
            Said::Changes { rows, left } if rows.is_empty() && left.is_empty() => None,
            _ => Some(self.question.update(sequence, token, said)),
        }
    }
}

impl<Q: Question> News for Computed<Q> {
    type Update = Q::Update;

    async fn next(&mut self) -> Result<Option<Q::Update>, Status> {
        loop {
            // Marked as seen before looking: a step that comes while looking wakes the wait below.
            self.steps.mark_unchanged();
            if let Phase::Following { .. } = self.phase {
                self.look().await?;
            }
            if let Some(update) = self.poll().await {
                return Ok(Some(update));
            }
            if self.steps.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    fn heartbeat(&self) -> Q::Update {
        match &self.phase {
            Phase::Following { after } => self.question.update(*after, self.token.clone(), Said::Heartbeat),
            _ => self.question.update(0, String::new(), Said::Heartbeat),
        }
    }
}
