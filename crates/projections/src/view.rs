//! What a view is: rows folded from facts, kept in memory while they change, written when asked.
//!
//! A view never decides: amounts, dates, accounts and the status reached stand in the facts. What it writes at a record
//! depends on the facts up to that record only, never on when it was asked to write before: rebuilding from the log gives
//! the same bytes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use model::record::Facts;
use store::{Batch, Checkpoint, Head, Views};

use crate::Error;

/// A fold of the log into rows.
pub(crate) trait View: Default + Send + Sync {
    /// Its name: of its checkpoint, in answers, logs and metrics.
    const NAME: &'static str;
    /// Raised with every change of the fold or of the rows: the rows are then rebuilt.
    const VERSION: u32;
    /// Writes its rows only after so many records, unless asked: for views whose records touch the same few rows again and again.
    const PATIENCE: u64 = 0;
    /// The tables that are its own.
    const TABLES: &'static [u8];

    /// Takes in a record. It may assert what the log guarantees: a view that fails so stops alone.
    fn fold(&mut self, facts: &Facts);
    /// Writes every row that changed since the last time; `views` is what was written before.
    fn save(&self, views: &Views, batch: &mut Batch<'_>) -> Result<(), Error>;
    /// What [`View::save`] wrote is in the database: what has ended need not be remembered.
    fn saved(&mut self);
    /// Reads back what is kept in memory, as of the record at `sequence`.
    fn load(&mut self, rows: &Views, sequence: u64) -> Result<(), Error>;
}

/// A view with how far it has come.
#[derive(Default)]
pub(crate) struct Kept<V> {
    pub(crate) view: V,
    /// The last record folded.
    pub(crate) sequence: u64,
    /// The last record whose rows are written.
    saved: u64,
    /// Why it goes on no more.
    pub(crate) stopped: Option<String>,
}

impl<V: View> Kept<V> {
    /// The view, if it answers.
    pub(crate) fn live(&self) -> Result<&V, Error> {
        match &self.stopped {
            None => Ok(&self.view),
            Some(reason) => Err(Error::Unavailable { view: V::NAME, reason: reason.clone() }),
        }
    }
}

/// A kept view, whichever it is.
pub(crate) trait Member {
    fn name(&self) -> &'static str;
    fn version(&self) -> u32;
    fn tables(&self) -> &'static [u8];
    fn sequence(&self) -> u64;
    fn stopped(&self) -> Option<&str>;
    fn stop(&mut self, reason: String);
    fn fold(&mut self, facts: &[Facts]);
    /// The last record whose rows are written.
    fn saved_up_to(&self) -> u64;
    fn wants_saving(&self, head: Head, all: bool) -> bool;
    fn save(&self, rows: &Views, head: Head) -> Result<(), Error>;
    fn saved(&mut self, head: Head);
    fn load(&mut self, rows: &Views) -> Result<Option<Checkpoint>, Error>;
    fn wipe(&mut self, rows: &Views) -> Result<(), Error>;
}

impl<V: View> Member for Kept<V> {
    fn name(&self) -> &'static str {
        V::NAME
    }

    fn version(&self) -> u32 {
        V::VERSION
    }

    fn tables(&self) -> &'static [u8] {
        V::TABLES
    }

    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    fn stop(&mut self, reason: String) {
        if self.stopped.is_none() {
            tracing::error!(view = V::NAME, sequence = self.sequence, reason, "a view stopped; the others go on");
            self.stopped = Some(reason);
        }
    }

    fn fold(&mut self, facts: &[Facts]) {
        if self.stopped.is_some() {
            return;
        }
        // One guard for many records: what a panic leaves half done is not asked again, since the view answers no more.
        let folded = catch_unwind(AssertUnwindSafe(|| {
            for each in facts {
                // A view that was rebuilt is behind the others: these have seen the record.
                if each.sequence > self.sequence {
                    self.view.fold(each);
                    self.sequence = each.sequence;
                }
            }
        }));
        if let Err(panic) = folded {
            let at = self.sequence + 1;
            self.stop(format!("at record {at}: {}", message(&*panic)));
        }
    }

    fn saved_up_to(&self) -> u64 {
        self.saved
    }

    fn wants_saving(&self, head: Head, all: bool) -> bool {
        let unsaved = head.sequence.saturating_sub(self.saved);
        self.stopped.is_none() && self.sequence == head.sequence && unsaved > 0 && (all || unsaved >= V::PATIENCE)
    }

    fn save(&self, rows: &Views, head: Head) -> Result<(), Error> {
        let mut batch = rows.begin(V::NAME);
        self.view.save(rows, &mut batch)?;
        batch.commit(Checkpoint { sequence: head.sequence, chain: head.chain, version: V::VERSION })?;
        Ok(())
    }

    fn saved(&mut self, head: Head) {
        self.view.saved();
        self.saved = head.sequence;
    }

    fn load(&mut self, rows: &Views) -> Result<Option<Checkpoint>, Error> {
        let checkpoint = rows.checkpoint(V::NAME)?;
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.version == V::VERSION) {
            *self = Kept { sequence: checkpoint.sequence, saved: checkpoint.sequence, ..Kept::default() };
            self.view.load(rows, checkpoint.sequence)?;
        }
        Ok(checkpoint)
    }

    fn wipe(&mut self, rows: &Views) -> Result<(), Error> {
        rows.wipe(V::NAME, V::TABLES)?;
        *self = Kept::default();
        Ok(())
    }
}

/// What a panic said.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a message".to_owned(),
    }
}

/// Every table of every view. Numbers are on disk: never reuse one.
pub(crate) mod table {
    // names
    pub(crate) const GENESIS: u8 = 1;
    pub(crate) const NAMES: u8 = 2;
    pub(crate) const INSTRUMENTS: u8 = 3;
    pub(crate) const ACCOUNTS: u8 = 4;
    pub(crate) const DOMAINS: u8 = 5;
    pub(crate) const CALENDARS: u8 = 6;
    pub(crate) const GRANTS: u8 = 15;
    // status
    pub(crate) const OPEN: u8 = 16;
    pub(crate) const ENDED: u8 = 17;
    pub(crate) const TRADES: u8 = 18;
    pub(crate) const LOOSE: u8 = 19;
    pub(crate) const SUMS: u8 = 20;
    pub(crate) const QUARANTINED: u8 = 21;
    pub(crate) const PROPOSALS: u8 = 22;
    pub(crate) const STATUS_DAYS: u8 = 23;
    pub(crate) const REVERSED: u8 = 24;
    pub(crate) const BREAKS: u8 = 25;
    pub(crate) const FIGURES: u8 = 30;
    // cash
    pub(crate) const FLOWS: u8 = 32;
    pub(crate) const TERMS: u8 = 33;
    pub(crate) const CASH: u8 = 34;
    pub(crate) const LIMITS: u8 = 35;
    pub(crate) const CASH_DAYS: u8 = 36;
    // ledger
    pub(crate) const BALANCES: u8 = 48;
    pub(crate) const TURNOVER: u8 = 49;
    // positions
    pub(crate) const POSITIONS: u8 = 60;
    pub(crate) const POSITION_ENTRIES: u8 = 61;
    pub(crate) const POSITION_TRADES: u8 = 62;
    // 63 had the trades of instructions, which the rows of trades name now.
    pub(crate) const POSITION_FORMER: u8 = 64;
    pub(crate) const POSITION_CLOSED: u8 = 65;
    // valuation
    pub(crate) const PRICE_SETS: u8 = 66;
    pub(crate) const GROUNDS: u8 = 67;
    pub(crate) const CLOSES: u8 = 68;
    // 70 and 71 were the market view's, which the valuation view took in.
}
