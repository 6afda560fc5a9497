//! What a trade and its instruction have in common: who, what, how much, when and where.

use model::date::Date;
use model::identifier::CurrencyCode;
use model::index::{AccountIx, Asset, BookIx, DomainIx, InstrumentIx, PartyIx};
use model::instruction::{Code, code};
use model::trade::{Method, Side, Terms};
use wire::pb::view as pb;

use crate::Error;
use crate::rows;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) party: PartyIx,
    pub(crate) counterparty: PartyIx,
    pub(crate) book: BookIx,
    pub(crate) domain: DomainIx,
    pub(crate) instrument: InstrumentIx,
    /// The party receives the securities.
    pub(crate) receives: bool,
    pub(crate) method: Method,
    pub(crate) quantity: i64,
    pub(crate) currency: CurrencyCode,
    /// Net, in minor units.
    pub(crate) amount: i64,
    pub(crate) trade_date: Date,
    pub(crate) intended: Date,
    pub(crate) late: bool,
    pub(crate) depot: Option<AccountIx>,
    pub(crate) nostro: Option<AccountIx>,
    pub(crate) transaction_type: Code,
    pub(crate) held: bool,
    pub(crate) priority: u8,
}

impl From<&Terms> for Outline {
    fn from(terms: &Terms) -> Outline {
        Outline {
            party: terms.party,
            counterparty: terms.counterparty,
            book: terms.book,
            domain: terms.domain,
            instrument: terms.instrument,
            receives: terms.side == Side::Buy,
            method: terms.method,
            quantity: terms.quantity,
            currency: terms.currency,
            amount: terms.net,
            trade_date: terms.trade_date,
            intended: terms.intended_settlement_date,
            late: terms.late,
            depot: terms.depot,
            nostro: terms.nostro,
            transaction_type: terms.transaction_type,
            held: terms.hold,
            priority: terms.priority,
        }
    }
}

impl Outline {
    pub(crate) fn row(&self) -> pb::OutlineRow {
        pb::OutlineRow {
            party: self.party.0,
            counterparty: self.counterparty.0,
            book: self.book.0,
            domain: self.domain.0,
            instrument: self.instrument.0,
            receives: self.receives,
            free: self.method == Method::Fop,
            quantity: self.quantity,
            currency: Asset::currency(self.currency).0,
            amount: self.amount,
            trade_date: self.trade_date.days(),
            settles_after: self.intended.days() - self.trade_date.days(),
            late: self.late,
            depot: self.depot.map(|account| account.0),
            nostro: self.nostro.map(|account| account.0),
            transaction_type: match self.transaction_type {
                code::TRAD => String::new(),
                other => other.to_string(),
            },
            held: self.held,
            priority: u32::from(self.priority),
        }
    }

    pub(crate) fn from_row(table: u8, row: &pb::OutlineRow) -> Result<Outline, Error> {
        let trade_date = rows::date(table, row.trade_date)?;
        let intended = rows::sound(table, trade_date.add_days(row.settles_after))?;
        let transaction_type = match row.transaction_type.as_str() {
            "" => code::TRAD,
            other => rows::present(table, Code::parse(other), "transaction type")?,
        };
        Ok(Outline {
            party: PartyIx(row.party),
            counterparty: PartyIx(row.counterparty),
            book: BookIx(row.book),
            domain: DomainIx(row.domain),
            instrument: InstrumentIx(row.instrument),
            receives: row.receives,
            method: if row.free { Method::Fop } else { Method::Dvp },
            quantity: row.quantity,
            currency: rows::present(table, Asset(row.currency).as_currency(), "currency")?,
            amount: row.amount,
            trade_date,
            intended,
            late: row.late,
            depot: row.depot.map(AccountIx),
            nostro: row.nostro.map(AccountIx),
            transaction_type,
            held: row.held,
            priority: rows::sound(table, u8::try_from(row.priority))?,
        })
    }
}
