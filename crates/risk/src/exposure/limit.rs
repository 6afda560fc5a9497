//! Limits by reservation: what is asked for is reserved, what settles or is booked is used, what is over is given back.
//! Arithmetic only: who approves a breach, and what the limit is for, is the caller's.

use crate::amount::{Overflow, minus, plus};
use thiserror::Error;

/// How much of a limit is taken, in minor units. Neither part is ever negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Promised, not used yet.
    pub reserved: i128,
    pub used: i128,
}

/// A limit that does not suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    pub limit: i128,
    /// Reserved and used, with what was asked for.
    pub usage: i128,
    /// Above the limit.
    pub excess: i128,
    /// We asked for more; passive is when the market moved or the limit was lowered.
    pub active: bool,
}

/// Why a reservation is not made or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The limit does not suffice; nothing was reserved.
    #[error("over the limit of {} by {}", .0.limit, .0.excess)]
    Breach(Breach),
    /// More is moved than is there.
    #[error("{asked} is more than the {there} there is")]
    NotThere { asked: i128, there: i128 },
    /// A negative amount.
    #[error("{0} is negative")]
    Negative(i128),
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl Usage {
    /// Reserved and used.
    pub fn total(&self) -> Result<i128, Overflow> {
        plus(self.reserved, self.used)
    }

    /// What is left under a limit; negative in a breach.
    pub fn headroom(&self, limit: i128) -> Result<i128, Overflow> {
        minus(limit, self.total()?)
    }

    /// The passive breach of a limit, if there is one.
    pub fn breach(&self, limit: i128) -> Result<Option<Breach>, Overflow> {
        let usage = self.total()?;
        let excess = minus(usage, limit)?;
        Ok((excess > 0).then_some(Breach { limit, usage, excess, active: false }))
    }

    /// Reserves, if the limit suffices: the check before a deal. At the limit is within it.
    pub fn reserve(self, amount: i128, limit: i128) -> Result<Usage, Fault> {
        let next = self.take(amount)?;
        match next.breach(limit)? {
            Some(breach) => Err(Fault::Breach(Breach { active: true, ..breach })),
            None => Ok(next),
        }
    }

    /// Reserves whatever the limit says: a trade that is done is a fact, and its breach is reported, not refused.
    pub fn take(self, amount: i128) -> Result<Usage, Fault> {
        let amount = positive(amount)?;
        Ok(Usage { reserved: plus(self.reserved, amount)?, ..self })
    }

    /// Turns a reservation into use: it has settled, or we have sent.
    pub fn convert(self, amount: i128) -> Result<Usage, Fault> {
        let reserved = part(self.reserved, amount)?;
        Ok(Usage { reserved, used: plus(self.used, amount)? })
    }

    /// Gives a reservation back: cancelled, or smaller than thought.
    pub fn cancel(self, amount: i128) -> Result<Usage, Fault> {
        Ok(Usage { reserved: part(self.reserved, amount)?, ..self })
    }

    /// Gives use back: the counter-value has come with finality.
    pub fn release(self, amount: i128) -> Result<Usage, Fault> {
        Ok(Usage { used: part(self.used, amount)?, ..self })
    }
}

fn positive(amount: i128) -> Result<i128, Fault> {
    if amount < 0 { Err(Fault::Negative(amount)) } else { Ok(amount) }
}

fn part(there: i128, amount: i128) -> Result<i128, Fault> {
    if positive(amount)? > there {
        return Err(Fault::NotThere { asked: amount, there });
    }
    Ok(minus(there, amount)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_used_and_given_back() {
        let usage = Usage::default().reserve(700, 1_000).unwrap().reserve(300, 1_000).unwrap();
        assert_eq!(usage.headroom(1_000), Ok(0));
        let breach = Breach { limit: 1_000, usage: 1_001, excess: 1, active: true };
        assert_eq!(usage.reserve(1, 1_000), Err(Fault::Breach(breach)));
        let usage = usage.convert(400).unwrap();
        assert_eq!(usage, Usage { reserved: 600, used: 400 });
        let usage = usage.cancel(100).unwrap().release(400).unwrap();
        assert_eq!(usage, Usage { reserved: 500, used: 0 });
        assert_eq!(usage.release(1), Err(Fault::NotThere { asked: 1, there: 0 }));
        assert_eq!(usage.cancel(-1), Err(Fault::Negative(-1)));
    }

    #[test]
    fn a_done_trade_is_a_fact_and_a_lowered_limit_a_passive_breach() {
        let usage = Usage::default().take(1_200).unwrap();
        assert_eq!(usage.breach(1_000), Ok(Some(Breach { limit: 1_000, usage: 1_200, excess: 200, active: false })));
        assert_eq!(usage.breach(1_200), Ok(None));
        assert_eq!(usage.take(i128::MAX), Err(Fault::Overflow(Overflow)));
    }
}
