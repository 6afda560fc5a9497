//! The business says no: a flat, closed list in order of precedence, with stable codes.

use alloc::string::String;
use core::fmt;

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $help:literal;)*) => {
        /// Why a command was refused. Declared in order of precedence: the first that applies is the answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Reason { $($(#[$doc])* $name = $number,)* }

        impl Reason {
            /// All of them, in order of precedence.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];
            /// Stable; on disk and in the interface.
            pub fn code(self) -> &'static str { match self { $(Reason::$name => $code,)* } }
            /// What it means and what to do, for people.
            pub fn help(self) -> &'static str { match self { $(Reason::$name => $help,)* } }
            /// The reason with this number, if there is one.
            pub fn from_number(number: u16) -> Option<Reason> { match number { $($number => Some(Reason::$name),)* _ => None } }
        }
    };
}

rejections! {
    NotPermitted = 120, "NOT_PERMITTED", "whoever asks may not do this, or not here: an administrator grants it";
    RequestIdReused = 1, "REQUEST_ID_REUSED", "this request id was used before for another command: choose a fresh one";
    NotOurDomain = 3, "NOT_OUR_DOMAIN", "this shard does not own the settlement domain: send it to the shard that does";
    QuantityNotPositive = 10, "QUANTITY_NOT_POSITIVE", "the quantity must be above zero; a reversal is a cancel, not a minus";
    QuantityTooFine = 11, "QUANTITY_TOO_FINE", "the quantity has more decimals than the instrument counts";
    AmountTooFine = 12, "AMOUNT_TOO_FINE", "the amount has more decimals than the currency has minor units";
    AmountNegative = 13, "AMOUNT_NEGATIVE", "gross and net must not be below zero";
    AmountTooLarge = 14, "AMOUNT_TOO_LARGE", "a balance would leave the range of a signed 64-bit integer";
    UnknownCurrency = 15, "UNKNOWN_CURRENCY", "not a currency of ISO 4217";
    DateOutOfRange = 16, "DATE_OUT_OF_RANGE", "trade and settlement dates must lie within ten years of each other and of the business day";
    SettlesBeforeTrade = 17, "SETTLES_BEFORE_TRADE", "the intended settlement date is before the trade date";
    PriorityOutOfRange = 18, "PRIORITY_OUT_OF_RANGE", "priority is 1 (reserved) to 4 (normal)";
    VersionConflict = 20, "VERSION_CONFLICT", "this version was sent before with other content: send a higher version";
    VersionTooOld = 21, "VERSION_TOO_OLD", "a higher version of the trade is already in force";
    TradeSettled = 22, "TRADE_SETTLED", "the trade has settled: correct it with `reverse` and a new trade that refers to it";
    TradeCancelled = 23, "TRADE_CANCELLED", "the trade is cancelled: send a new trade";
    NotInRepair = 24, "NOT_IN_REPAIR", "the trade is not in repair";
    UnknownTrade = 25, "UNKNOWN_TRADE", "no trade with this source and id is open";
    AwaitedTooMany = 26, "AWAITED_TOO_MANY", "too many amendments wait for trades that never came";
    UnknownInstruction = 30, "UNKNOWN_INSTRUCTION", "no open instruction has this number: it never existed, or it has settled or was cancelled";
    NothingToChange = 31, "NOTHING_TO_CHANGE", "the instruction already stands so";
    UnknownName = 40, "UNKNOWN_NAME", "the command names reference data that is not defined";
    ReferenceInUse = 41, "REFERENCE_IN_USE", "what was used cannot change in this way: balances are counted in it";
    ReferenceInvalid = 42, "REFERENCE_INVALID", "the reference data contradicts itself";
    RolesConflict = 121, "ROLES_CONFLICT", "one person must not have both duties, or a system none of a person";
    NoAdministrator = 122, "NO_ADMINISTRATOR", "somebody must administer, for all books and counterparties, from today on";
    InsufficientSecurities = 50, "INSUFFICIENT_SECURITIES", "the account does not hold that much";
    InsufficientCash = 51, "INSUFFICIENT_CASH", "the account's cash and credit line do not cover it";
    AccountNotAllowed = 52, "ACCOUNT_NOT_ALLOWED", "the account is of another holder, domain or kind";
    NotReversible = 53, "NOT_REVERSIBLE", "there is no record with postings at this sequence, or it is reversed already";
    DayNotOpen = 60, "DAY_NOT_OPEN", "the settlement day is not open";
    DayAlreadyOpen = 61, "DAY_ALREADY_OPEN", "a settlement day is open: close it first";
    NotABusinessDay = 62, "NOT_A_BUSINESS_DAY", "the domain's calendar is closed that day, or does not reach it";
    DayNotAfter = 63, "DAY_NOT_AFTER", "the settlement day does not come after the last one";
    CutOffPassed = 64, "CUT_OFF_PASSED", "that cut-off has passed already";
    WorkUnfinished = 65, "WORK_UNFINISHED", "the day's own work has not finished: try again in a moment";
    UnknownProposal = 70, "UNKNOWN_PROPOSAL", "no proposal waits under this number";
    SamePerson = 71, "SAME_PERSON", "maker and checker must be two persons";
    ProposalLapsed = 72, "PROPOSAL_LAPSED", "the proposal is too old: propose again";
    ReasonMissing = 73, "REASON_MISSING", "this command needs a reason";
    PayloadDiffers = 123, "PAYLOAD_DIFFERS", "what was proposed is not what the approval names: look at the proposal again";
    NotQuarantined = 80, "NOT_QUARANTINED", "no quarantined record is open under this sequence";
    NothingToDo = 81, "NOTHING_TO_DO", "there is no such work to continue";
    ControlDayGone = 130, "CONTROL_DAY_GONE", "the day was closed long ago: its control totals are not kept any more";
    NothingToSignOff = 131, "NOTHING_TO_SIGN_OFF", "the source sent no control totals for it, or they agree";
    ControlTotalsDiffer = 132, "CONTROL_TOTALS_DIFFER", "control totals differ from the log: send what is missing, correct them, or sign the difference off";
    AccountingDayNotOpen = 133, "ACCOUNTING_DAY_NOT_OPEN", "that accounting day of the entity is not open; a closed day is not opened again";
    AccountingDayOpen = 134, "ACCOUNTING_DAY_OPEN", "an accounting day of the entity is open: close it first";
    AccountingDayNotAfter = 135, "ACCOUNTING_DAY_NOT_AFTER", "the accounting day does not come after the entity's last one";
    UnknownPriceSet = 136, "UNKNOWN_PRICE_SET", "no such set of prices and rates is recorded";
    PartlySettled = 100, "PARTLY_SETTLED", "a part has settled: the rest can only be cancelled, or instructed again as it is";
    RequestPending = 101, "REQUEST_PENDING", "the agent has not answered the last request for this instruction: wait for its answer";
    CannotRecall = 102, "CANNOT_RECALL", "a request that was sent to the agent cannot be taken back: wait for its answer";
    UnknownBreak = 103, "UNKNOWN_BREAK", "no break is open under this number";
    ResolutionNotAllowed = 104, "RESOLUTION_NOT_ALLOWED", "this break cannot be closed so: what stands on the break account must be booked, and what does not cannot";
    AdviceIdReused = 105, "ADVICE_ID_REUSED", "the sender used the id of this advice too often for other ones: let it use a fresh one";
    UnknownMarginAccount = 150, "UNKNOWN_MARGIN_ACCOUNT", "there is no such margin account on that date";
    CommitmentsGone = 152, "COMMITMENTS_GONE", "what was dealt in on that date is not kept any more: it was more than 31 days before the account's last";
    UnknownMarginCall = 151, "UNKNOWN_MARGIN_CALL", "no margin call is open under this number";
}

/// A refusal: the reason, and which field or name it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub reason: Reason,
    /// What it is about: a field, a name, a figure. May be empty.
    pub subject: String,
}

impl Rejection {
    /// A refusal about something.
    pub fn new(reason: Reason, subject: impl Into<String>) -> Rejection {
        Rejection { reason, subject: subject.into() }
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Rejection {
        Rejection { reason, subject: String::new() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.is_empty() {
            write!(f, "{}: {}", self.reason.code(), self.reason.help())
        } else {
            write!(f, "{} ({}): {}", self.reason.code(), self.subject, self.reason.help())
        }
    }
}
