//! What the front office says: a trade, known by source system and trade id, in versions.
//!
//! Fields after `sese.023` and the trade record of the domain notes 1.1. [`TradeMessage`] is as received (text
//! identifiers, decimals); [`Terms`] is the same trade resolved against reference data, in numbers and minor units.

use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{CurrencyCode, Identifier};
use crate::index::{AccountIx, BookIx, DomainIx, InstrumentIx, PartyIx};
use crate::instruction::Code;
use crate::timestamp::Timestamp;
use alloc::vec::Vec;

/// Bought or sold, seen from the executing entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Buy,
    Sell,
}

/// How the obligation is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Delivery versus payment: securities and cash in one record, or neither (BIS model 1, gross).
    Dvp,
    /// Free of payment: securities only.
    Fop,
}

/// What the quantity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuantityType {
    /// UNIT: pieces.
    Unit,
    /// FAMT: face amount in the instrument's currency.
    Face,
}

/// How the price is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceType {
    /// ACTU: an amount for one unit.
    Amount,
    /// PRCT: percent of par, clean.
    Percent,
}

/// Traded with or without the coming corporate action (TTCO//CCPN, XCPN), when the trade says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CumEx {
    Cum,
    Ex,
}

/// A fee, commission or tax, kept as a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// ISO code or the house's own (`COMM`, `CHAR`, `TRAX`, `STAM` …).
    pub kind: Code,
    /// What it costs us; a rebate is negative. In the settlement currency.
    pub amount: Decimal,
}

/// What a message does to the trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    New,
    Amend,
    Cancel,
}

/// A version of a trade as its source sent it. A cancel carries no details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeMessage {
    /// The system that owns the trade.
    pub source: Identifier,
    /// Its id there.
    pub id: Identifier,
    /// Counted by the source; higher replaces lower.
    pub version: u32,
    pub action: Action,
    /// Absent for a cancel, present for the rest (the wire checks it).
    pub details: Option<Details>,
}

/// The contents of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Executing entity.
    pub party: Identifier,
    pub counterparty: Identifier,
    /// Who owns it and earns the P&L.
    pub book: Identifier,
    pub side: Side,
    /// Our instrument id, or an ISIN.
    pub instrument: Identifier,
    pub quantity: Decimal,
    pub quantity_type: QuantityType,
    pub price: Decimal,
    pub price_type: PriceType,
    pub trade_date: Date,
    /// When it was executed, UTC; absent when the source does not say.
    pub traded_at: Option<Timestamp>,
    /// Contractual settlement date; computed from cycle and calendars when absent.
    pub intended_settlement_date: Option<Date>,
    /// Settlement currency.
    pub currency: CurrencyCode,
    /// Quantity times price, without interest and charges.
    pub gross: Decimal,
    /// Accrued interest, in the settlement currency; zero for what has none.
    pub accrued: Decimal,
    pub charges: Vec<Charge>,
    /// What is paid or received in all.
    pub net: Decimal,
    pub method: Method,
    /// Settlement domain (place of settlement).
    pub domain: Identifier,
    /// Market identifier code of the venue, when there was one.
    pub place_of_trade: Option<Identifier>,
    /// Settlement transaction type (`TRAD`, `OWNI`, `REPU` …).
    pub transaction_type: Code,
    pub cum_ex: Option<CumEx>,
    /// NOMC: no market claim wanted.
    pub opt_out: bool,
    pub common_reference: Option<Identifier>,
    /// Client behind the deliverer (SELL) and behind the receiver (BUYR).
    pub delivering_client: Option<Identifier>,
    pub receiving_client: Option<Identifier>,
    /// Our accounts, when the trade names them; else the SSI does.
    pub depot: Option<Identifier>,
    pub nostro: Option<Identifier>,
    /// Issue the instruction on hold (PREA).
    pub hold: bool,
    /// 1 (reserved) to 4 (normal); settlement takes the lower first.
    pub priority: u8,
    /// Unique transaction identifier.
    pub uti: Option<Identifier>,
    pub order_reference: Option<Identifier>,
    /// DEAL, MTCH or AOTC.
    pub capacity: Option<Code>,
}

/// A trade resolved: what it names in numbers, what it is worth in minor units, when it settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub party: PartyIx,
    pub counterparty: PartyIx,
    pub book: BookIx,
    pub domain: DomainIx,
    pub instrument: InstrumentIx,
    pub side: Side,
    pub method: Method,
    /// In the instrument's smallest quantity unit.
    pub quantity: i64,
    pub currency: CurrencyCode,
    /// In minor units of the currency, as are the next three. Zero for all when free of payment.
    pub gross: i64,
    pub accrued: i64,
    pub charges: i64,
    pub net: i64,
    pub trade_date: Date,
    pub intended_settlement_date: Date,
    /// The intended date had passed when the trade came.
    pub late: bool,
    /// Where it lies; absent only in repair.
    pub depot: Option<AccountIx>,
    pub nostro: Option<AccountIx>,
    /// Sequence of the record that set the SSI used; absent when the trade named the accounts.
    pub ssi: Option<u64>,
    pub transaction_type: Code,
    pub cum_ex: Option<CumEx>,
    pub opt_out: bool,
    pub common_reference: Option<Identifier>,
    pub delivering_client: Option<Identifier>,
    pub receiving_client: Option<Identifier>,
    pub hold: bool,
    pub priority: u8,
}

/// Why a trade is in repair. The trade counts in position from trade date all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defect {
    pub kind: DefectKind,
    /// The name that is unknown, or the field that is off.
    pub subject: Identifier,
}

/// The kinds of defect; the codes are on disk and in the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DefectKind {
    /// The executing entity is not known.
    UnknownParty = 1,
    UnknownCounterparty = 2,
    UnknownBook = 3,
    UnknownInstrument = 4,
    UnknownDomain = 5,
    UnknownAccount = 6,
    /// No standing settlement instruction fits.
    MissingSsi = 7,
    /// No settlement cycle is in force for the instrument's market.
    MissingCycle = 8,
    /// A calendar is missing or does not reach the date.
    MissingCalendar = 9,
    /// Gross, as recomputed from quantity and price, differs by more than the tolerance.
    GrossDiffers = 10,
    /// Net, as recomputed from gross, accrued and charges, differs by more than the tolerance.
    NetDiffers = 11,
    /// The account is not the party's, or holds another client's assets.
    AccountNotAllowed = 12,
    /// Below the minimum unit or not a multiple (MINO, MUNO).
    OddLot = 13,
    /// The book belongs to another party.
    BookNotOwned = 14,
    /// The quantity counts pieces where the instrument counts face amount, or the other way round.
    QuantityTypeDiffers = 30,
}

impl DefectKind {
    /// Every kind, in the order of its code.
    pub const ALL: [DefectKind; 15] = [
        DefectKind::UnknownParty,
        DefectKind::UnknownCounterparty,
        DefectKind::UnknownBook,
        DefectKind::UnknownInstrument,
        DefectKind::UnknownDomain,
        DefectKind::UnknownAccount,
        DefectKind::MissingSsi,
        DefectKind::MissingCycle,
        DefectKind::MissingCalendar,
        DefectKind::GrossDiffers,
        DefectKind::NetDiffers,
        DefectKind::AccountNotAllowed,
        DefectKind::OddLot,
        DefectKind::BookNotOwned,
        DefectKind::QuantityTypeDiffers,
    ];

    /// The stable code people and programs see.
    pub fn code(self) -> &'static str {
        match self {
            DefectKind::UnknownParty => "UNKNOWN_PARTY",
            DefectKind::UnknownCounterparty => "UNKNOWN_COUNTERPARTY",
            DefectKind::UnknownBook => "UNKNOWN_BOOK",
            DefectKind::UnknownInstrument => "UNKNOWN_INSTRUMENT",
            DefectKind::UnknownDomain => "UNKNOWN_DOMAIN",
            DefectKind::UnknownAccount => "UNKNOWN_ACCOUNT",
            DefectKind::MissingSsi => "MISSING_SSI",
            DefectKind::MissingCycle => "MISSING_CYCLE",
            DefectKind::MissingCalendar => "MISSING_CALENDAR",
            DefectKind::GrossDiffers => "GROSS_DIFFERS",
            DefectKind::NetDiffers => "NET_DIFFERS",
            DefectKind::AccountNotAllowed => "ACCOUNT_NOT_ALLOWED",
            DefectKind::OddLot => "ODD_LOT",
            DefectKind::BookNotOwned => "BOOK_NOT_OWNED",
            DefectKind::QuantityTypeDiffers => "QUANTITY_TYPE_DIFFERS",
        }
    }
}
