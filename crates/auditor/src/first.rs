//! The first of two passes over a record: what its bytes tell alone, whatever was said of trades before. What it moves is booked, its ids
//! are held against all earlier ones. The second pass is `fold`; it runs beside this one, some blocks behind.

use crate::books::{Books, Moves};
use crate::facts;
use crate::fault::Fault;
use crate::ids::{Ids, Said};
use crate::record::{Content, Outcome, Record};

#[derive(Default)]
pub struct First {
    pub books: Books,
    pub ids: Ids,
}

impl First {
    /// Reads a record; adds what it moves to `moves`, for the second pass.
    pub fn record(&mut self, sequence: u64, bytes: &[u8], moves: &mut Moves) -> Result<(), Fault> {
        let Content::Decided(decided) = Record::read(bytes)?.content else { return Ok(()) };
        let said = Said::of(&decided)?;
        self.ids.before(sequence, &decided, &said)?;
        let Outcome::Accepted(mut outcome) = decided.outcome else { return Ok(()) };
        let (mut facts, mut captured) = (0, false);
        while let Some((kind, body)) = facts::next(&mut outcome)? {
            self.books.fact(kind, body, moves)?;
            self.ids.fact(sequence, (kind, body), &said)?;
            (facts, captured) = (facts + 1, captured || kind == facts::CAPTURED);
        }
        if facts > 0 && !captured {
            self.ids.version(sequence, &said);
        }
        self.books.end_of_record(moves);
        Ok(())
    }
}
