//! An open trade and an open instruction, as the bookkeeper keeps them.

use super::outside::Outside;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::{Code, Movement};
use model::trade::{CumEx, DefectKind, Details, Method, Side};
use std::rc::Rc;

/// A trade's terms, by names.
#[derive(Clone, Debug, PartialEq)]
pub struct Deal {
    pub(super) party: Identifier,
    pub(super) counterparty: Identifier,
    pub(super) book: Identifier,
    pub(super) domain: Identifier,
    pub(super) instrument: Identifier,
    pub(super) side: Side,
    pub(super) method: Method,
    pub(super) quantity: i64,
    pub(super) currency: CurrencyCode,
    pub(super) net: i64,
    pub(super) trade_date: Date,
    pub(super) date: Date,
    pub(super) depot: Option<Identifier>,
    pub(super) nostro: Option<Identifier>,
    pub(super) transaction_type: Code,
    pub(super) cum_ex: Option<CumEx>,
    pub(super) opt_out: bool,
    pub(super) common_reference: Option<Identifier>,
    pub(super) delivering_client: Option<Identifier>,
    pub(super) receiving_client: Option<Identifier>,
    pub(super) hold: bool,
    pub(super) priority: u8,
}

/// An open trade.
#[derive(Clone, Debug)]
pub struct Trade {
    pub source: Identifier,
    pub id: Identifier,
    pub(super) deal: Deal,
    pub(super) defects: Vec<DefectKind>,
    pub(super) in_repair: bool,
    /// The details in force.
    pub(super) current: Rc<Details>,
    pub(super) version: u32,
    pub(super) amounts_accepted: bool,
    pub(super) partly_settled: bool,
    pub instruction: Option<u64>,
    pub(super) pending: Option<Pending>,
}

/// A change that waits for somebody's consent; without details it cancels.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) version: u32,
    pub(super) details: Option<Rc<Details>>,
}

/// Where a matched pair waits; kept on its deliverer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Idle,
    Due,
    /// For this balance.
    Waiting(usize),
}

/// An open instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    pub number: u64,
    pub trade: u64,
    pub(super) deal: Deal,
    pub quantity: i64,
    pub amount: i64,
    pub partner: Option<u64>,
    pub held: bool,
    pub priority: u8,
    pub cancel_requested: bool,
    pub failing: bool,
    pub reasons: Vec<Code>,
    pub(super) stage: Stage,
    pub(super) matched_amount: i64,
    /// The agent's side of it, in an external domain.
    pub(super) outside: Option<Outside>,
}

impl Instruction {
    pub(super) fn movement(&self) -> Movement {
        if self.deal.side == Side::Buy { Movement::Receive } else { Movement::Deliver }
    }

    /// Its trade, whose it is and the day it belongs to.
    pub(super) fn dated(&self) -> (u64, Identifier, Date) {
        (self.trade, self.deal.party.clone(), self.deal.trade_date)
    }

    pub(super) fn delivers(&self) -> bool {
        self.deal.side == Side::Sell
    }

    pub fn date(&self) -> Date {
        self.deal.date
    }

    /// Which way the securities go.
    pub fn direction(&self) -> Movement {
        self.movement()
    }

    pub fn instrument(&self) -> &Identifier {
        &self.deal.instrument
    }

    pub fn currency(&self) -> &str {
        self.deal.currency.as_str()
    }

    pub fn is_free(&self) -> bool {
        self.deal.method == Method::Fop
    }

    /// The domain is an agent's.
    pub fn is_outside(&self) -> bool {
        self.outside.is_some()
    }

    /// The agent says that the counterparty has said the same.
    pub fn is_matched_outside(&self) -> bool {
        self.outside.as_ref().is_some_and(|outside| outside.standing.is_matched())
    }

    /// The terms as they stand now: what a trade gets back when its instruction goes.
    pub(super) fn terms(&self) -> Deal {
        Deal {
            hold: self.held,
            priority: self.priority,
            quantity: self.quantity,
            net: self.amount,
            ..self.deal.clone()
        }
    }

    /// Whose cut-off ends it.
    pub(super) fn cut_off(&self) -> Option<CurrencyCode> {
        (self.deal.method == Method::Dvp).then_some(self.deal.currency)
    }
}
