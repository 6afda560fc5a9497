//! What an agent tells us: facts from outside, kept as they came and never refused.
//!
//! Codes, references, accounts and names of instruments are texts as received: whether we know them is found out when
//! the advice is decided, and what we do not know is a break, not an error. An empty text is an absent one.

use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{CurrencyCode, Identifier};
use crate::instruction::Movement;
use crate::trade::Method;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// An advice. Known for ever by its sender and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The agent that says it.
    pub sender: Identifier,
    /// Its reference of this message.
    pub id: Identifier,
    /// Our reference that it quotes: of the instruction, or of the request it answers.
    pub reference: String,
    /// The agent's own reference of the instruction.
    pub agent_reference: String,
    pub body: AdviceBody,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdviceBody {
    /// How an instruction stands (sese.024).
    Status(Status),
    /// Securities, and cash where it is against payment, have moved (sese.025).
    Confirmation(Box<Confirmation>),
    /// The answer to a request to cancel (sese.027).
    CancellationAnswer(Answer),
    /// The answer to a request to hold, release or prioritise (sese.031).
    ModificationAnswer(Answer),
    /// What a counterparty says of us and we have not said (sese.028).
    Allegement(Box<Allegement>),
    /// A cash account was credited or debited (camt.054).
    CashEntry(CashEntry),
    /// What lies in a securities account at the end of a day (semt.002).
    SecuritiesBalances(SecuritiesBalances),
    /// What lies in a cash account at the end of a day (camt.053).
    CashBalances(CashBalances),
    /// A counterparty says no more what was alleged (sese.029).
    AllegementRemoval(AllegementRemoval),
}

/// How an instruction stands: PACK, MACH, NMAT, PEND, PENF, REJT, CAND, CANP, or a code we do not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub status: String,
    /// Codes of the reasons.
    pub reasons: Vec<String>,
    pub narrative: String,
}

/// A settlement, in whole or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Which way, for us.
    pub movement: Movement,
    /// ISIN or our id; empty: what was instructed.
    pub instrument: String,
    /// What moved now, not in all.
    pub quantity: Decimal,
    /// Absent, as the amount, when free of payment.
    pub currency: Option<CurrencyCode>,
    /// What was paid now, not in all; not below zero.
    pub amount: Option<Decimal>,
    /// PAIN: the rest stays open; PARC: no more will come; else: all of it.
    pub partial: String,
    /// Effective settlement date.
    pub effective_date: Date,
    /// Our accounts there; empty: those instructed.
    pub account: String,
    pub cash_account: String,
}

/// The answer to a request: CAND or MODC done, DEND or REJT refused, else still under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: String,
    /// Codes of the reasons.
    pub reasons: Vec<String>,
    pub narrative: String,
}

/// A counterparty's instruction that found none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allegement {
    /// Which way it would go for us.
    pub movement: Movement,
    pub instrument: String,
    pub quantity: Decimal,
    pub currency: Option<CurrencyCode>,
    pub amount: Option<Decimal>,
    pub trade_date: Option<Date>,
    pub settlement_date: Option<Date>,
    /// Who says it.
    pub counterparty: String,
    pub account: String,
}

/// The end of an allegement: it found its counterpart, or was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllegementRemoval {
    /// The id of the sender's advice that alleged it.
    pub allegement: Identifier,
    /// Which way it would have gone for us, and how it would have been paid, where the sender says so.
    pub movement: Option<Movement>,
    pub payment: Option<Method>,
}

/// An entry of a cash account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashEntry {
    pub account: String,
    pub currency: CurrencyCode,
    /// Above zero: a credit; below: a debit.
    pub amount: Decimal,
    pub value_date: Date,
    /// What it is (BkTxCd), as received.
    pub code: String,
    pub narrative: String,
}

/// What lies in a securities account at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecuritiesBalances {
    pub account: String,
    pub date: Date,
    /// What is not listed is zero; else it is a page of a longer statement.
    pub complete: bool,
    pub lines: Vec<SecuritiesBalance>,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecuritiesBalance {
    /// ISIN or our id.
    pub instrument: String,
    pub quantity: Decimal,
}

/// What lies in a cash account at the end of a day, booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashBalances {
    pub account: String,
    pub date: Date,
    pub lines: Vec<CashBalance>,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashBalance {
    pub currency: CurrencyCode,
    pub amount: Decimal,
}

/// The most lines of one statement.
pub const MAX_LINES: usize = 1_000;

impl Advice {
    /// The word for what it says, with the message it comes from.
    pub fn name(&self) -> &'static str {
        match &self.body {
            AdviceBody::Status(_) => "status (sese.024)",
            AdviceBody::Confirmation(_) => "confirmation (sese.025)",
            AdviceBody::CancellationAnswer(_) => "answer to a cancellation (sese.027)",
            AdviceBody::ModificationAnswer(_) => "answer to a modification (sese.031)",
            AdviceBody::Allegement(_) => "allegement (sese.028)",
            AdviceBody::CashEntry(_) => "cash entry (camt.054)",
            AdviceBody::SecuritiesBalances(_) => "securities balances (semt.002)",
            AdviceBody::CashBalances(_) => "cash balances (camt.053)",
            AdviceBody::AllegementRemoval(_) => "removal of an allegement (sese.029)",
        }
    }

    /// Every text that came from outside: what they may contain is checked where they enter.
    pub fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = alloc::vec![&self.reference, &self.agent_reference];
        match &self.body {
            AdviceBody::Status(Status { status, reasons, narrative })
            | AdviceBody::CancellationAnswer(Answer { status, reasons, narrative })
            | AdviceBody::ModificationAnswer(Answer { status, reasons, narrative }) => {
                texts.extend([status.as_str(), narrative]);
                texts.extend(reasons.iter().map(String::as_str));
            }
            AdviceBody::Confirmation(said) => {
                texts.extend([said.instrument.as_str(), &said.partial, &said.account, &said.cash_account]);
            }
            AdviceBody::Allegement(said) => {
                texts.extend([said.instrument.as_str(), &said.counterparty, &said.account]);
            }
            AdviceBody::CashEntry(said) => texts.extend([said.account.as_str(), &said.code, &said.narrative]),
            AdviceBody::SecuritiesBalances(said) => {
                texts.push(&said.account);
                texts.extend(said.lines.iter().map(|line| line.instrument.as_str()));
            }
            AdviceBody::CashBalances(said) => texts.push(&said.account),
            AdviceBody::AllegementRemoval(_) => {}
        }
        texts
    }
}
