//! The second pass: every record in order, its facts held against all that was said before. Plain maps, nothing decided.

use std::collections::{BTreeMap, BTreeSet};

use crate::books::{Moves, Told, TrialLine};
use crate::bytes::{Fields, Value, last, text};
use crate::facts::{self, Fact, Reader};
use crate::fault::{Fault, must};
use crate::first::First;
use crate::limits::Limits;
use crate::margin::Margin;
use crate::names::{Names, date_of, kind};
use crate::people::People;
use crate::posting::{Account, Asset, Posting, kind as account_kind};
use crate::record::{Command, Content, Decided, Message, Origin, Outcome, Record, command};
use crate::reversals::Reversals;
use crate::trades::Trades;

/// What was last taken from a partition.
pub(crate) struct Taken {
    pub offset: u64,
    /// The message, or its hash where it made no sense.
    pub message: Result<Vec<u8>, Vec<u8>>,
}

/// How many records and facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub records: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicates: u64,
    pub facts: u64,
    pub postings: u64,
}

/// Everything the records say up to one of them.
#[derive(Default)]
pub struct Fold {
    pub(crate) first: First,
    pub(crate) house: String,
    at: i64,
    /// The date of that.
    today: u32,
    pub(crate) counts: Counts,
    pub(crate) names: Names,
    pub(crate) trades: Trades,
    pub(crate) people: People,
    pub(crate) limits: Limits,
    pub(crate) margin: Margin,
    pub(crate) sources: BTreeMap<(String, u32), Taken>,
    quarantined: BTreeSet<u64>,
    breaks_given: u64,
    breaks: BTreeSet<u64>,
    reversals: Reversals,
    reader: Reader,
}

impl Fold {
    /// Takes the next record, in both passes.
    pub fn record(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), Fault> {
        let mut moves = Moves::default();
        self.first.record(sequence, bytes, &mut moves)?;
        self.second(sequence, bytes, &mut moves.told())
    }

    /// Takes the next record, which the first pass has read.
    pub(crate) fn second(&mut self, sequence: u64, bytes: &[u8], moves: &mut Told<'_>) -> Result<(), Fault> {
        let record = Record::read(bytes)?;
        must!(I10, record.sequence == sequence, "it says it is record {}", record.sequence);
        must!(I10, record.at >= self.at || sequence == 1, "it is stamped {} and the one before {}", record.at, self.at);
        (self.at, self.today) = (record.at, date_of(record.at));
        self.counts.records += 1;
        match record.content {
            Content::Genesis { house } => {
                must!(I10, sequence == 1, "a second genesis");
                self.house = house.to_owned();
                Ok(())
            }
            Content::Decided(decided) => {
                must!(I10, sequence > 1, "the first record is no genesis");
                self.decided(sequence, &decided, moves)
            }
        }
    }

    /// What must hold of the whole, and what lies where at the end.
    pub fn end(&self) -> Result<Vec<TrialLine>, Fault> {
        self.trades.check_end()?;
        self.limits.end(|trade| self.trades.terms_of(trade).is_some())?;
        self.first.books.trial_balance(&self.names)
    }

    fn decided(&mut self, sequence: u64, decided: &Decided<'_>, moves: &mut Told<'_>) -> Result<(), Fault> {
        self.origin(decided)?;
        let message = decided.message()?;
        let mut facts = match &decided.outcome {
            Outcome::Accepted(facts) => facts.clone(),
            Outcome::Rejected(_) => {
                self.counts.rejected += 1;
                return Ok(());
            }
            Outcome::Duplicate(_) => {
                self.counts.duplicates += 1;
                return Ok(());
            }
        };
        self.counts.accepted += 1;
        let needs_second = self.people.accepted(decided, self.at)?;
        let mut taken = Effects { command: Some(decided.command), ..Effects::default() };
        let mut reader = std::mem::take(&mut self.reader);
        while let Some((kind, body)) = facts::next(&mut facts)? {
            let (fact, postings) = (reader.read(kind, body)?, moves.fact());
            must!(I15, !needs_second || matches!(fact, Fact::Proposed { .. }), "done by one person, and it needs two");
            self.fact(sequence, decided, message, &fact, postings, &mut taken)?;
            self.counts.facts += 1;
            self.counts.postings += postings.len() as u64;
        }
        self.reader = reader;
        self.trades.end_of_record()?;
        for (account, asset, stands) in moves.record() {
            self.names.check_floor(account.other(), *asset, *stands, self.today)?;
        }
        self.limits.end_of_record(self.today)
    }

    fn origin(&mut self, decided: &Decided<'_>) -> Result<(), Fault> {
        let Origin::Kafka { topic, partition, offset } = decided.origin else { return Ok(()) };
        let Command { kind, body, .. } = decided.command;
        let unread = kind == command::QUARANTINE;
        let from = match decided.document {
            Some(document) => document,
            None if unread => last(body, 4)?.map_or(Ok(&[][..]), Value::bytes)?,
            None => body,
        };
        let source = self.sources.iter_mut().find(|((name, number), _)| name == topic && *number == partition);
        match source {
            Some((_, taken)) => {
                must!(
                    I12,
                    offset > taken.offset,
                    "offset {offset} of {topic}/{partition} comes after {}",
                    taken.offset
                );
                taken.offset = offset;
                let mut kept = match &mut taken.message {
                    Ok(kept) | Err(kept) => std::mem::take(kept),
                };
                kept.clear();
                kept.extend_from_slice(from);
                taken.message = if unread { Err(kept) } else { Ok(kept) };
            }
            None => {
                let message = if unread { Err(from.to_vec()) } else { Ok(from.to_vec()) };
                self.sources.insert((topic.to_owned(), partition), Taken { offset, message });
            }
        }
        Ok(())
    }

    fn fact(
        &mut self,
        sequence: u64,
        decided: &Decided<'_>,
        message: Option<Message<'_>>,
        fact: &Fact<'_>,
        postings: &[Posting],
        taken: &mut Effects<'_>,
    ) -> Result<(), Fault> {
        let book = match fact {
            Fact::Confirmed { instruction, .. } => self.trades.book_of(*instruction),
            _ => None,
        };
        self.reversals.fact(sequence, fact, postings, book)?;
        self.trades.fact(fact, postings, &self.names, sequence)?;
        self.margin.fact(fact)?;
        self.limits.fact((sequence, self.today), (fact, postings), &self.trades, &self.names)?;
        match fact {
            Fact::Captured { source, id, version, terms, defects, .. } => {
                self.captured(message, (*source, id, *version), terms, *defects)?;
            }
            Fact::Interned { kind, index, id } => self.names.intern(*kind, *index, id)?,
            Fact::ReferenceSet { reference, scale } => {
                self.names.set(sequence, reference, *scale)?;
                self.people.set(reference)?;
                self.limits.set(&self.names, reference)?;
                let asked = taken.asked().filter(|(kind, _)| *kind == command::SET_REFERENCE);
                must!(I20, asked.is_some_and(|(_, body)| body == *reference), "other reference data than was sent");
            }
            Fact::Opened => self.opened(taken, postings)?,
            Fact::Transferred => self.transferred(taken, postings)?,
            Fact::DayOpened { domain, date } => self.names.open_day(*domain, *date)?,
            Fact::CutOffPassed { domain, date } => self.names.in_day(*domain, *date)?,
            Fact::DayClosed { domain, date } => self.names.close_day(*domain, *date)?,
            Fact::Proposed { proposal, command } => {
                self.people.proposed(sequence, *proposal, command, decided, self.at)?;
            }
            Fact::ProposalClosed { proposal, approved } => {
                taken.approved = self.people.closed(*proposal, *approved, decided, self.at)?;
                taken.command = None;
            }
            Fact::Quarantined => {
                must!(I6, decided.command.kind == command::QUARANTINE, "what can be read is set aside");
                self.quarantined.insert(sequence);
            }
            Fact::QuarantineClosed { sequence: of } => {
                must!(I6, self.quarantined.remove(of), "record {of} is not set aside");
            }
            Fact::BreakOpened { number } => {
                must!(I6, *number == self.breaks_given + 1, "break {number} comes after {}", self.breaks_given);
                self.breaks_given = *number;
                self.breaks.insert(*number);
            }
            Fact::BreakTouched { number } => must!(I6, self.breaks.contains(number), "break {number} is not open"),
            Fact::BreakClosed { number } => must!(I6, self.breaks.remove(number), "break {number} is not open"),
            _ => {}
        }
        Ok(())
    }

    /// What was captured is what the front office sent.
    fn captured(
        &self,
        message: Option<Message<'_>>,
        (source, id, version): (u32, &str, u32),
        terms: &crate::facts::Terms,
        defects: bool,
    ) -> Result<(), Fault> {
        let Some(message) = message else { return Ok(()) };
        let named = self.names.name(kind::SOURCE, source);
        let same = (message.source, message.id, message.version) == (named.unwrap_or(""), id, version);
        must!(I13, same, "trade {id} is captured of a message about {}", message.id);
        match message.details {
            Some(details) if !defects => self.names.check_details(terms, details),
            _ => Ok(()),
        }
    }

    /// How much a command says is opened or moved, where it can be told without knowing more.
    fn amount_of(&self, body: &[u8], fields: (u32, u32, u32)) -> Result<Option<(Asset, i128)>, Fault> {
        let (currency, instrument, quantity) = (text(body, fields.0)?, text(body, fields.1)?, last(body, fields.2)?);
        let Some(quantity) = quantity else { return Ok(None) };
        self.names.amount(currency, instrument, quantity.bytes()?)
    }

    /// An opening says what already lay there: in one book and one account, as much as was asked.
    fn opened(&self, taken: &Effects<'_>, postings: &[Posting]) -> Result<(), Fault> {
        let [one, other] = postings else { return Err(strange("an opening")) };
        let kinds = (one.account.kind(), other.account.kind()) == (account_kind::BOOK, account_kind::LOCATION);
        must!(I5, kinds && (one.asset, one.amount) == (other.asset, other.amount), "an opening of something else");
        let (_, body) =
            taken.asked().filter(|(kind, _)| *kind == command::OPEN).ok_or_else(|| strange("an opening"))?;
        if let Some((asset, amount)) = self.amount_of(body, (3, 4, 5))? {
            must!(
                I5,
                (asset, amount) == (one.asset, one.amount.into()),
                "{amount} were to be opened, {} are",
                one.amount
            );
        }
        Ok(())
    }

    fn transferred(&self, taken: &Effects<'_>, postings: &[Posting]) -> Result<(), Fault> {
        let own = |account: Account| [account_kind::BOOK, account_kind::LOCATION].contains(&account.kind());
        must!(I5, postings.iter().all(|posting| own(posting.account)), "a transfer that moves more than what is ours");
        let (_, body) =
            taken.asked().filter(|(kind, _)| *kind == command::TRANSFER).ok_or_else(|| strange("a transfer"))?;
        if let Some((asset, amount)) = self.amount_of(body, (5, 6, 7))? {
            let same = |posting: &Posting| posting.asset == asset && i128::from(posting.amount).abs() == amount;
            must!(I5, postings.iter().all(same), "{amount} were to be moved, and something else was");
        }
        Ok(())
    }
}

fn strange(what: &str) -> Fault {
    Fault::violated(crate::Invariant::I5, format!("{what} that nobody asked for"))
}

/// What a record has done so far.
#[derive(Default)]
struct Effects<'a> {
    /// What was asked; an approval asks for what was proposed.
    command: Option<Command<'a>>,
    approved: Option<Vec<u8>>,
}

impl Effects<'_> {
    /// The command that is carried out: its kind and body.
    fn asked(&self) -> Option<(u32, &[u8])> {
        match (&self.approved, self.command) {
            (Some(proposed), _) => match Fields::of(proposed).next() {
                Ok(Some((kind, Value::Bytes(body)))) => Some((kind, body)),
                _ => None,
            },
            (None, command) => command.map(|command| (command.kind, command.body)),
        }
    }
}
