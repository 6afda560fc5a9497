//! What turning a record round must post: kept as a digest when it is booked, and compared when somebody reverses it.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use sha2::{Digest, Sha256};

use crate::facts::Fact;
use crate::fault::{Fault, must};
use crate::posting::{Account, Posting, kind, net};
use crate::table::Named;

/// By record, and by instruction where it was a settlement.
#[derive(Default)]
pub struct Reversals {
    expected: HashMap<(u64, u64), u64, FixedState>,
    scratch: Vec<Posting>,
}

impl Reversals {
    /// Remembers what a fact booked, or checks that it turns round what an earlier one did, once.
    pub fn fact(
        &mut self,
        sequence: u64,
        fact: &Fact<'_>,
        postings: &[Posting],
        book: Option<u32>,
    ) -> Result<(), Fault> {
        match fact {
            Fact::Opened | Fact::Transferred => self.booked((sequence, 0), postings, None, &[]),
            Fact::Settled { deliver, books, trades, .. } => {
                self.booked((sequence, *deliver), postings, Some(*books), trades);
            }
            Fact::Confirmed { instruction, trade, .. } => {
                self.booked((sequence, *instruction), postings, book.map(|book| (book, book)), &[*trade]);
            }
            Fact::Reversed { sequence: of, instruction, trades } => {
                let expected = self.expected.remove(&(*of, *instruction));
                must!(I6, expected.is_some(), "record {of} booked nothing that can be turned round, or was already");
                self.scratch.clear();
                self.scratch.extend_from_slice(postings);
                let digest = self.digest(trades.iter().copied());
                must!(I8, expected == Some(digest), "what is booked, or its trades, is not record {of} turned round");
            }
            _ => {}
        }
        Ok(())
    }

    /// A settlement is turned round with the capture of both trades: what counterparties got goes back to the books. The deliverer's legs
    /// come first; the receiver's begin with the securities it is no longer owed.
    fn booked(&mut self, key: (u64, u64), postings: &[Posting], books: Option<(u32, u32)>, trades: &[Option<Named>]) {
        self.scratch.clear();
        let mut book = books.map(|(deliver, _)| deliver);
        for posting in postings {
            let mut account = posting.account;
            if let (kind::COUNTERPARTY, Some((_, receive))) = (account.kind(), books) {
                if !posting.asset.is_currency() && posting.amount > 0 {
                    book = Some(receive);
                }
                account = Account::new(kind::BOOK, account.entity(), book.unwrap_or_default());
            }
            self.scratch.push(Posting { account, asset: posting.asset, amount: posting.amount.wrapping_neg() });
        }
        let digest = self.digest(trades.iter().copied().flatten());
        self.expected.insert(key, digest);
    }

    /// Of the postings in hand, and the trades whose they are.
    fn digest(&mut self, trades: impl Iterator<Item = Named>) -> u64 {
        net(&mut self.scratch);
        let mut hash = Sha256::new();
        for posting in &self.scratch {
            hash.update(posting.account.0.to_be_bytes());
            hash.update(posting.asset.0.to_be_bytes());
            hash.update(posting.amount.to_be_bytes());
        }
        for (book, trade, date) in trades {
            hash.update(book.to_be_bytes());
            hash.update(trade.to_be_bytes());
            hash.update(date.to_be_bytes());
        }
        hash.finalize()[..8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
    }
}
