//! What the cash view keeps of an open instruction.

use model::date::Date;
use model::identifier::CurrencyCode;
use model::index::{AccountIx, Asset};
use model::trade::{Method, Side, Terms};
use wire::pb::view as pb;

use crate::Error;
use crate::rows;
use crate::view::table;

/// Where and when cash moves, known from the trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlowTerms {
    pub(super) account: Option<AccountIx>,
    pub(super) currency: CurrencyCode,
    pub(super) date: Date,
    pub(super) free: bool,
    pub(super) held: bool,
    /// Who delivers securities receives cash.
    pub(super) receives_cash: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) trade: u64,
    pub(super) terms: FlowTerms,
    pub(super) amount: i64,
    pub(super) held: bool,
    /// Its own side or the other holds it. Follows from the two rows.
    pub(super) pair_held: bool,
    /// Zero while unmatched.
    pub(super) counter: u64,
    pub(super) ended: bool,
    pub(super) dirty: bool,
    pub(super) on_disk: bool,
    /// The last record that changed it since the start.
    pub(super) touched: u64,
}

/// What a flow adds to the sums of its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) account: AccountIx,
    pub(super) currency: CurrencyCode,
    pub(super) date: Date,
    pub(super) receives_cash: bool,
    pub(super) amount: i64,
    /// Both sides agree and neither holds it.
    pub(super) sure: bool,
}

impl From<&Terms> for FlowTerms {
    fn from(terms: &Terms) -> FlowTerms {
        FlowTerms {
            account: terms.nostro,
            currency: terms.currency,
            date: terms.intended_settlement_date,
            free: terms.method == Method::Fop,
            held: terms.hold,
            receives_cash: terms.side == Side::Sell,
        }
    }
}

impl Flow {
    /// Nothing when it has ended, is free of payment, or no account is known.
    pub(super) fn share(&self) -> Option<Share> {
        let FlowTerms { account, currency, date, free, receives_cash, .. } = self.terms;
        let sure = self.counter != 0 && !self.pair_held;
        let moves = !self.ended && !free;
        account.filter(|_| moves).map(|account| Share {
            account,
            currency,
            date,
            receives_cash,
            amount: self.amount,
            sure,
        })
    }

    pub(super) fn row(&self) -> pb::FlowRow {
        pb::FlowRow {
            trade: self.trade,
            terms: Some(self.terms.row()),
            amount: self.amount,
            held: self.held,
            counter: self.counter,
        }
    }

    pub(super) fn from_row(row: &pb::FlowRow) -> Result<Flow, Error> {
        let terms = rows::present(table::FLOWS, row.terms.as_ref(), "terms")?;
        Ok(Flow {
            trade: row.trade,
            terms: FlowTerms::from_row(table::FLOWS, terms)?,
            amount: row.amount,
            held: row.held,
            pair_held: row.held,
            counter: row.counter,
            ended: false,
            dirty: false,
            on_disk: true,
            touched: 0,
        })
    }
}

impl FlowTerms {
    pub(super) fn row(&self) -> pb::FlowTermsRow {
        pb::FlowTermsRow {
            account: self.account.map(|account| account.0),
            currency: Asset::currency(self.currency).0,
            date: self.date.days(),
            free: self.free,
            held: self.held,
            receives_cash: self.receives_cash,
        }
    }

    pub(super) fn from_row(table: u8, row: &pb::FlowTermsRow) -> Result<FlowTerms, Error> {
        Ok(FlowTerms {
            account: row.account.map(AccountIx),
            currency: rows::present(table, Asset(row.currency).as_currency(), "currency")?,
            date: rows::date(table, row.date)?,
            free: row.free,
            held: row.held,
            receives_cash: row.receives_cash,
        })
    }
}
