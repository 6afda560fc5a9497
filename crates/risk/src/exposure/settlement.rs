//! Settlement exposure by phase: replacement cost while delivery versus payment protects the principal, the principal
//! itself once we have sent and have not received (BCBS 241; Basel CRE70.1: from trade date, booked or not).

use crate::amount::{Overflow, minus};
use model::instruction::Movement;
use model::trade::Method;

/// A trade that has not settled in full, in minor units of one currency. After a partial settlement, what is open of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub method: Method,
    /// Which way the securities move, seen from us.
    pub movement: Movement,
    /// What the securities are worth now.
    pub market: i128,
    /// What is paid for them: the agreed settlement price.
    pub contract: i128,
    /// Our leg can no longer be stopped, or is gone. For DvP neither leg goes alone.
    pub sent: bool,
    /// The other leg has come, finally and reconciled.
    pub received: bool,
    /// The intended settlement date has passed.
    pub late: bool,
}

/// Where a trade stands for exposure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// From trade date until we send: a failure costs the price move.
    PreSettlement,
    /// Due and not settled, nothing sent: the same, and it grows old.
    Failing,
    /// Sent free of payment, nothing received: the principal.
    Delivery,
    /// Received: nothing is owed to us.
    Over,
}

/// What a failure of the counterparty would cost now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    pub phase: Phase,
    /// The price move against us, never negative.
    pub replacement: i128,
    /// What we sent and have nothing for: the value of what we are owed. Zero before.
    pub principal: i128,
}

impl Exposure {
    /// The greater of the two: what we are owed already has the price move in it.
    pub fn amount(&self) -> i128 {
        self.replacement.max(self.principal)
    }
}

impl Open {
    /// The price move against us: what it would cost more to replace the trade in the market.
    pub fn replacement(&self) -> Result<i128, Overflow> {
        let cost = match self.movement {
            Movement::Receive => minus(self.market, self.contract)?,
            Movement::Deliver => minus(self.contract, self.market)?,
        };
        Ok(cost.max(0))
    }

    pub fn phase(&self) -> Phase {
        match (self.method, self.sent, self.received) {
            (_, _, true) => Phase::Over,
            (Method::Fop, true, false) => Phase::Delivery,
            _ if self.late => Phase::Failing,
            _ => Phase::PreSettlement,
        }
    }

    pub fn exposure(&self) -> Result<Exposure, Overflow> {
        let phase = self.phase();
        let (replacement, principal) = match phase {
            Phase::Over => (0, 0),
            Phase::PreSettlement | Phase::Failing => (self.replacement()?, 0),
            Phase::Delivery => match self.movement {
                Movement::Receive => (self.replacement()?, self.market),
                Movement::Deliver => (self.replacement()?, self.contract),
            },
        };
        Ok(Exposure { phase, replacement, principal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUY: Open = Open {
        method: Method::Dvp,
        movement: Movement::Receive,
        market: 10_800_000,
        contract: 10_000_000,
        sent: false,
        received: false,
        late: false,
    };

    fn of(open: Open) -> (Phase, i128) {
        let exposure = open.exposure().unwrap();
        (exposure.phase, exposure.amount())
    }

    /// A purchase of 1,000 at 100 that is worth 108: replacing it costs 8,000 more; the seller loses nothing.
    #[test]
    fn delivery_versus_payment_risks_the_price_move() {
        assert_eq!(of(BUY), (Phase::PreSettlement, 800_000));
        assert_eq!(of(Open { late: true, ..BUY }), (Phase::Failing, 800_000));
        assert_eq!(of(Open { movement: Movement::Deliver, ..BUY }), (Phase::PreSettlement, 0));
        assert_eq!(of(Open { market: 9_500_000, ..BUY }), (Phase::PreSettlement, 0));
        // Sent to the depository under DvP: still only both legs or none.
        assert_eq!(of(Open { sent: true, ..BUY }), (Phase::PreSettlement, 800_000));
    }

    #[test]
    fn free_of_payment_risks_the_principal_once_sent() {
        let free = Open { method: Method::Fop, ..BUY };
        assert_eq!(of(free), (Phase::PreSettlement, 800_000));
        // Paid, securities not received: they are worth 108,000.
        assert_eq!(of(Open { sent: true, ..free }), (Phase::Delivery, 10_800_000));
        // Delivered, not paid: 100,000 is owed.
        assert_eq!(of(Open { sent: true, movement: Movement::Deliver, ..free }), (Phase::Delivery, 10_000_000));
        assert_eq!(of(Open { sent: true, received: true, ..free }), (Phase::Over, 0));
    }
}
