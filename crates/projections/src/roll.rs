//! Following an answer that is computed when it is asked, as used limits and margin are: what its rows were when it was last
//! looked at, and with which look each of them changed.
//!
//! A look names a record up to which everything is in it. Whoever has all rows up to one look gets from a later one what has
//! changed in between, once and as it then stands: nothing is missed, nothing comes twice. How long ago that was does not
//! matter, since of each row only the last change counts.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::token::{Purpose, Scope, TokenError, hash};

/// Rows that are no more are remembered up to so many, for those who still have them.
const GONE: usize = if cfg!(test) { 50 } else { 10_000 };

/// An answer as it was last looked at.
#[derive(Debug)]
pub struct Roll<K, R> {
    /// Another roll of the same question, in this process or the one before, has another: its looks are not ours.
    id: u64,
    /// What changed up to this record is not known.
    since: u64,
    /// The last look; none was taken yet.
    at: Option<u64>,
    lines: BTreeMap<K, Line<R>>,
    gone: usize,
}

#[derive(Debug)]
struct Line<R> {
    /// The look that told it last.
    changed: u64,
    /// None: it is no more.
    row: Option<R>,
}

impl<K: Ord + Clone, R: PartialEq> Roll<K, R> {
    #[must_use]
    pub fn new(id: u64) -> Roll<K, R> {
        Roll { id, since: 0, at: None, lines: BTreeMap::new(), gone: 0 }
    }

    /// The record of the last look.
    #[must_use]
    pub fn at(&self) -> Option<u64> {
        self.at
    }

    /// Takes a look: the rows as they are, with all records up to one in them. One that is not newer tells nothing.
    pub fn look(&mut self, at: u64, rows: impl IntoIterator<Item = (K, R)>) {
        if self.at.is_some_and(|before| before >= at) {
            return;
        }
        let mut found: BTreeMap<K, R> = rows.into_iter().collect();
        for (key, line) in &mut self.lines {
            let now = found.remove(key);
            if line.row != now {
                match (&line.row, &now) {
                    (Some(_), None) => self.gone += 1,
                    (None, Some(_)) => self.gone -= 1,
                    _ => {}
                }
                *line = Line { changed: at, row: now };
            }
        }
        self.lines.extend(found.into_iter().map(|(key, row)| (key, Line { changed: at, row: Some(row) })));
        if self.at.is_none() {
            self.since = at;
        }
        self.at = Some(at);
        self.forget();
    }

    /// Forgets the half of what is no more that went first, when it is too much: who has not heard of it starts anew.
    fn forget(&mut self) {
        if self.gone <= GONE {
            return;
        }
        let mut gone: Vec<u64> =
            self.lines.values().filter(|line| line.row.is_none()).map(|line| line.changed).collect();
        gone.sort_unstable();
        self.since = self.since.max(gone[gone.len() / 2]);
        self.lines.retain(|_, line| line.row.is_some() || line.changed > self.since);
        self.gone = self.lines.values().filter(|line| line.row.is_none()).count();
    }

    /// Whether what changed since a look is known.
    #[must_use]
    pub fn reaches(&self, look: u64) -> bool {
        self.at.is_some() && look >= self.since
    }

    /// The rows as they stand, behind one.
    pub fn standing<'a>(&'a self, after: Option<&'a K>) -> impl Iterator<Item = (&'a K, &'a R)> {
        self.behind(after).filter_map(|(key, line)| Some((key, line.row.as_ref()?)))
    }

    /// What changed since a look, behind one: rows as they stand, or that they are no more.
    pub fn changed<'a>(
        &'a self,
        since: u64,
        after: Option<&'a K>,
    ) -> impl Iterator<Item = (&'a K, Option<&'a R>)> + use<'a, K, R> {
        self.behind(after).filter(move |(_, line)| line.changed > since).map(|(key, line)| (key, line.row.as_ref()))
    }

    fn behind<'a>(&'a self, after: Option<&'a K>) -> impl Iterator<Item = (&'a K, &'a Line<R>)> + use<'a, K, R> {
        self.lines.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }
}

/// Where subscribers to a roll stand, as tokens.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    scope: Scope,
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    Limits,
    Margin,
    /// Any other answer: which one is told by the filter's bytes.
    Answer,
}

impl Mark {
    /// Of a shard and a filter, which is told by its bytes.
    #[must_use]
    pub fn new(followed: Followed, shard: u32, filter: &[u8]) -> Mark {
        let purpose = match followed {
            Followed::Limits => Purpose::LimitSubscription,
            Followed::Margin => Purpose::MarginSubscription,
            Followed::Answer => Purpose::AnswerSubscription,
        };
        Mark { scope: Scope { purpose, shard, filter: hash(filter) } }
    }

    /// The token of who has all up to a look.
    #[must_use]
    pub fn token<K, R>(&self, roll: &Roll<K, R>, look: u64) -> String {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&look.to_be_bytes());
        place[8..].copy_from_slice(&roll.id.to_be_bytes());
        self.scope.token(&place)
    }

    /// The look after which a token goes on; none: the roll does not know what changed since then.
    ///
    /// # Errors
    /// A token that belongs elsewhere.
    pub fn place<K: Ord + Clone, R: PartialEq>(
        &self,
        roll: &Roll<K, R>,
        token: &str,
    ) -> Result<Option<u64>, TokenError> {
        let place = u128::from_be_bytes(self.scope.place(token)?);
        let (look, id) = ((place >> 64) as u64, place as u64);
        match roll.at {
            Some(at) if look > at => Err(TokenError::Ahead { token: look, at }),
            _ => Ok((id == roll.id && roll.reaches(look)).then_some(look)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(roll: &Roll<&'static str, u32>, since: u64) -> Vec<(&'static str, Option<u32>)> {
        roll.changed(since, None).map(|(key, row)| (*key, row.copied())).collect()
    }

    #[test]
    fn each_change_is_told_once_and_as_it_stands() {
        let mut roll = Roll::new(1);
        roll.look(10, [("A", 1), ("B", 2)]);
        roll.look(12, [("A", 1), ("B", 3), ("C", 4)]);
        assert_eq!(told(&roll, 10), [("B", Some(3)), ("C", Some(4))], "A is as it was");
        assert_eq!(told(&roll, 12), []);
        roll.look(15, [("A", 1), ("C", 5)]);
        assert_eq!(told(&roll, 12), [("B", None), ("C", Some(5))]);
        assert_eq!(told(&roll, 10), [("B", None), ("C", Some(5))], "what came in between is conflated");
        roll.look(16, [("A", 1), ("B", 2), ("C", 5)]);
        assert_eq!(told(&roll, 15), [("B", Some(2))], "it is back");
        assert_eq!(roll.standing(Some(&"A")).map(|(key, _)| *key).collect::<Vec<_>>(), ["B", "C"]);
    }

    #[test]
    fn a_look_that_is_not_newer_tells_nothing() {
        let mut roll = Roll::new(1);
        roll.look(10, [("A", 1)]);
        roll.look(10, [("A", 2)]);
        roll.look(9, []);
        assert_eq!((roll.at(), told(&roll, 0)), (Some(10), vec![("A", Some(1))]));
    }

    #[test]
    fn what_is_no_more_is_forgotten_and_who_has_it_starts_anew() {
        let mut roll = Roll::new(1);
        let most = u32::try_from(GONE).expect("small") + 2;
        roll.look(1, (0..most).map(|key| (key, 0)));
        // They go one by one; the last look is the one that is too much.
        for gone in 0..most {
            roll.look(2 + u64::from(gone), (gone + 1..most).map(|key| (key, 0)));
        }
        assert!(!roll.reaches(1) && roll.reaches(u64::from(most)), "from {}", roll.since);
        assert!(roll.lines.len() < GONE, "{} are kept", roll.lines.len());
        assert_eq!(roll.gone, roll.lines.len());
    }

    #[test]
    fn a_token_is_of_one_roll_filter_and_kind() {
        let mut roll: Roll<&str, u32> = Roll::new(1);
        let mark = Mark::new(Followed::Limits, 7, b"filter");
        roll.look(10, [("A", 1)]);
        let token = mark.token(&roll, 10);
        assert_eq!(mark.place(&roll, &token), Ok(Some(10)));
        assert_eq!(Mark::new(Followed::Limits, 7, b"other").place(&roll, &token), Err(TokenError::OtherFilter));
        assert_eq!(Mark::new(Followed::Margin, 7, b"filter").place(&roll, &token), Err(TokenError::OtherPurpose));
        let mut another: Roll<&str, u32> = Roll::new(2);
        another.look(10, [("A", 2)]);
        assert_eq!(mark.place(&another, &token), Ok(None), "its looks are not ours, though the record is the same");
        let mut behind: Roll<&str, u32> = Roll::new(1);
        behind.look(9, []);
        assert_eq!(mark.place(&behind, &token), Err(TokenError::Ahead { token: 10, at: 9 }));
    }
}
