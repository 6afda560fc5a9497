//! Events: `quittance.record.v1.Event`, the facts that recovery and views fold.

use crate::error::Fault;
use crate::read::Key;
use crate::schema::{Message, Wire, choice, enumeration, message, message_field, read_fields, required, write_fields};
use crate::trade::NORMAL_PRIORITY;
use model::breaks::{AgentStanding, Answered, BreakItem, BreakKind, Resolution};
use model::event::{Cursor, Event, Link, ReversedTrade, TradeRef, Wait};
use model::identifier::CurrencyCode;
use model::index::{BookIx, Kind};
use model::instruction::{Code, Movement, code};
use model::trade::{Defect, DefectKind, Terms};

choice! { Event as "event" {
    1 "trade_captured" TradeCaptured { 1 trade, 2 source, 3 id, 4 version, 5 terms, 6 postings, 7 defects },
    2 "instruction_issued" InstructionIssued { 1 instruction, 2 links, 3 movement, 4 quantity, 5 amount },
    3 "instructions_matched" InstructionsMatched { 1 deliver, 2 receive, 3 amount, 4 reasons },
    4 "instructions_settled" InstructionsSettled {
        1 deliver, 2 receive, 3 quantity, 4 currency, 5 amount, 6 value_date, 7 postings, 8..=9 books, 10 deliver_trade,
        11 receive_trade
    },
    5 "instructions_pending" InstructionsPending { 1 deliver, 2 receive, 3 reasons, 4 waits },
    6 "instruction_unmatched" InstructionUnmatched { 1 instruction, 2 reasons },
    7 "trade_changed" TradeChanged { 1 trade, 2 version, 3 economic, 4 terms, 5 postings, 6 defects, 7 details_in, 8 amounts_accepted },
    8 "trade_cancelled" TradeCancelled { 1 trade, 2 version, 3 postings },
    9 "interned" Interned { 1 kind, 2 index, 3 id },
    10 "reference_set" ReferenceSet { 1 reference, 2 scale },
    11 "progressed" Progressed { 1 task, 2 examined, 3 remaining, 4 cursor },
    12 "instruction_steered" InstructionSteered { 1 instruction, 2 held, 3 priority, 4 cancel_requested },
    13 "transferred" Transferred { 1..=2 what, 3 postings },
    14 "instructions_failing" InstructionsFailing { 1 domain, 2 date, 3 instructions },
    15 "instruction_cancelled" InstructionCancelled { 1 instruction, 2 reason },
    16 "opened" Opened { 1 account, 2 book, 3 postings, 4..=5 cost },
    17 "reversed" Reversed { 1 sequence, 2 postings, 3 instruction, 4 trades },
    18 "trade_change_requested" TradeChangeRequested { 1 trade, 2 version, 3 cancel },
    19 "trade_awaited" TradeAwaited { 1 source, 2 message },
    20 "day_opened" DayOpened { 1 domain, 2 date, 3 cut_offs },
    21 "cut_off_passed" CutOffPassed { 1 domain, 2 date, 3 currency },
    22 "day_closed" DayClosed { 1 domain, 2 date },
    23 "proposed" Proposed { 1 proposal, 2 command },
    24 "proposal_closed" ProposalClosed { 1 proposal, 2 approved },
    25 "quarantined" Quarantined {},
    26 "quarantine_closed" QuarantineClosed { 1 sequence, 2 replayed },
    60 "trade_change_lapsed" TradeChangeLapsed { 1 trade, 2 version, 3 cancel, 4 reason },
    61 "control_totals_compared" ControlTotalsCompared {
        1 source, 2 trade_date, 3 currency, 4 stated, 5 counted, 6 agreed
    },
    62 "control_signed_off" ControlSignedOff { 1 source, 2 trade_date, 3 currency, 4 counted },
    63 "accounting_day_opened" AccountingDayOpened { 1 entity, 2 date },
    64 "accounting_day_closed" AccountingDayClosed { 1 entity, 2 date, 3 clean, 4 sets },
    65 "prior_day" PriorDay { 1 entity, 2 trade, 3 belongs_to, 4 shows_on },
    40 "instruction_sent" InstructionSent { 1 instruction, 2 message },
    41 "advice_taken" AdviceTaken { 1 sender, 2 id, 3 reuse, 4 instruction },
    42 "instruction_advised" InstructionAdvised {
        1 instruction, 2 standing, 3 status, 4 reasons, 5 narrative, 6 agent_reference
    },
    43 "instruction_confirmed" InstructionConfirmed {
        1 instruction, 2 book, 3 quantity, 4 currency, 5 amount, 6 effective_date, 7 open_quantity, 8 open_amount,
        9 ended, 10 postings, 11 trade
    },
    44 "request_answered" RequestAnswered { 1 instruction, 2 cancel, 3 answered, 4 status, 5 reasons },
    45 "break_opened" BreakOpened {
        1 number, 2 kind, 3 instruction, 4 subject, 5 items, 6 booked, 7 since, 8 postings
    },
    46 "break_changed" BreakChanged { 1 number, 2 items },
    47 "break_assigned" BreakAssigned { 1 number, 2 owner },
    48 "break_closed" BreakClosed { 1 number, 2 resolution, 3 postings },
    80 "limit_reserved" LimitReserved(reserved),
    81 "limit_breached" LimitBreached(breach),
    82 "limit_cured" LimitCured(cure),
    83 "margin_assessed" MarginAssessed(assessment),
    84 "margin_call_moved" MarginCallMoved(moved),
    85 "holding_reserved" HoldingReserved(reserved),
    86 "initial_assessed" InitialAssessed(assessment),
} }

message! { Terms {
    1 party, 2 counterparty, 3 book, 4 domain, 5 instrument, 6 side, 7 method, 8 quantity, 9 currency, 10 gross, 11 net,
    12 trade_date, 13 intended_settlement_date, 14 depot, 15 nostro, 16 accrued, 17 charges, 18 late, 19 ssi,
    20 transaction_type = code::TRAD, 21 cum_ex, 22 opt_out, 23 common_reference, 24 delivering_client,
    25 receiving_client, 26 hold, 27 priority = NORMAL_PRIORITY
} }
message! { Defect { 1 kind, 2 subject } }
message! { Link { 1 trade, 2 quantity, 3 amount } }
message! { TradeRef { 1 trade, 2 trade_date } }
message! { ReversedTrade { 1 entity, 2 book, 3 trade, 4 trade_date } }
message! { Wait { 1 account, 2..=3 asset, 4 need } }
message! { Cursor { 1 priority, 2 date, 3 place } }

message! { BreakItem { 1 account, 2..=3 asset, 4 ours, 5 theirs } }

enumeration! { BreakKind {
    1 UnknownReference, 2 SettledAfterEnd, 3 OtherAmount, 4 OtherQuantity, 5 OtherTerms, 6 OtherAccount,
    7 UnknownAccount, 8 UnknownInstrument, 9 MirrorBelowZero, 10 UnexpectedCash, 11 BalanceDiffers, 12 Alleged,
    13 AdviceIdReused, 14 EndedOutside, 15 UnexpectedAnswer, 16 CannotBook, 17 NotTheAgent
} }
enumeration! { Resolution { 1 Explained, 2 ToBook, 3 ToParty, 4 WriteOff, 5 Undo } }
enumeration! { AgentStanding {
    1 Sent, 2 Accepted, 3 Unmatched, 4 Matched, 5 Pending, 6 Failing, 7 Rejected, 8 Cancelled, 9 Other
} }
enumeration! { Answered { 1 Done, 2 Refused, 3 Underway } }
enumeration! { Kind { 1 Party, 2 Book, 3 Account, 4 Instrument, 5 Domain, 6 Calendar, 7 Source } }
enumeration! { Movement { 1 Deliver, 2 Receive } }
enumeration! { DefectKind {
    1 UnknownParty, 2 UnknownCounterparty, 3 UnknownBook, 4 UnknownInstrument, 5 UnknownDomain, 6 UnknownAccount,
    7 MissingSsi, 8 MissingCycle, 9 MissingCalendar, 10 GrossDiffers, 11 NetDiffers, 12 AccountNotAllowed, 13 OddLot,
    14 BookNotOwned, 30 QuantityTypeDiffers
} }

message_field! { (Code, Code) }

/// `PairReasons`: the deliverer's and the receiver's.
impl Message for (Code, Code) {
    #[inline]
    fn body(&self, out: &mut Vec<u8>) {
        let (deliver, receive) = self;
        write_fields!(out: 1 deliver, 2 receive);
    }

    #[inline]
    fn read(bytes: &[u8]) -> Result<(Code, Code), Fault> {
        struct Flat {
            deliver: Code,
            receive: Code,
        }
        let Flat { deliver, receive } = read_fields!(bytes => [Flat] { 1 deliver, 2 receive });
        Ok((deliver, receive))
    }
}

/// The cost of an opening: `string cost_currency` and `sint64 cost_amount`, two fields beside the others.
impl Wire for (CurrencyCode, i64) {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        self.0.put(number, out);
        self.1.write(number + 1, out);
    }

    fn merge<'a>(
        slot: &mut Option<(CurrencyCode, i64)>,
        first: u32,
        key: Key,
        bytes: &'a [u8],
    ) -> Result<&'a [u8], Fault> {
        if key.number() == first {
            let mut currency = None;
            let rest = CurrencyCode::merge(&mut currency, first, key, bytes)?;
            *slot = currency.map(|currency| (currency, 0));
            return Ok(rest);
        }
        let mut amount = None;
        let rest = i64::merge(&mut amount, first, key, bytes)?;
        let (currency, _) = required(slot.take(), "currency")?;
        *slot = Some((currency, required(amount, "amount")?));
        Ok(rest)
    }
}

/// The deliverer's and the receiver's book: two numbers beside the others.
impl Wire for (BookIx, BookIx) {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        self.0.write(number, out);
        self.1.write(number + 1, out);
    }

    #[inline]
    fn merge<'a>(
        slot: &mut Option<(BookIx, BookIx)>,
        first: u32,
        key: Key,
        bytes: &'a [u8],
    ) -> Result<&'a [u8], Fault> {
        let mut book = None;
        let rest = BookIx::merge(&mut book, first, key, bytes)?;
        let (mut books, book) = (slot.unwrap_or_default(), book.unwrap_or_default());
        if key.number() == first {
            books.0 = book
        } else {
            books.1 = book
        }
        *slot = Some(books);
        Ok(rest)
    }

    #[inline]
    fn absent() -> Option<(BookIx, BookIx)> {
        Some((BookIx(0), BookIx(0)))
    }
}
