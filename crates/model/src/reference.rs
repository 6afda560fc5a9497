//! What all business stands on: reference data, effective-dated, each piece set by a command with actor and reason.
//!
//! Nothing here is hard-coded elsewhere: cut-offs, cycles, tolerances, limits, calendars and who needs a second pair of
//! eyes are rows with the date from which they hold. A later row for the same key replaces from its date on.

use crate::calendar::Calendar;
use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{Bic, Cfi, CurrencyCode, Identifier, Isin, Lei};
use crate::limit::{AddOn, CounterpartyLimit};
use crate::margin::{ClearingTerms, MarginAccount};
use crate::permission::Grant;
use crate::trade::{Method, QuantityType};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// In so many decimals an instrument is counted that was traded before it was defined: for ever, since no balance is ever
/// counted anew.
pub const PROVISIONAL_SCALE: u8 = 6;

/// One piece of reference data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    Party(Party),
    Book(Book),
    Account(Account),
    Domain(Domain),
    Instrument(Instrument),
    Calendar(Box<NamedCalendar>),
    Currency(Currency),
    Cycle(Cycle),
    Ssi(Ssi),
    Tolerance(Tolerance),
    CreditLimit(CreditLimit),
    PriceSet(PriceSet),
    Parameters(Parameters),
    Grant(Grant),
    BookPolicy(BookPolicy),
    CounterpartyLimit(CounterpartyLimit),
    AddOn(AddOn),
    MarginAccount(MarginAccount),
    Issuer(Issuer),
    ClearingTerms(ClearingTerms),
}

/// What a party is to us. One party may have several roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    LegalEntity = 1,
    Counterparty = 2,
    Client = 3,
    Agent = 4,
    Ccp = 5,
    Csd = 6,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub id: Identifier,
    pub name: String,
    pub lei: Option<Lei>,
    pub bic: Option<Bic>,
    pub roles: Vec<Role>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    pub id: Identifier,
    pub name: String,
    /// The legal entity (or member) that owns it.
    pub owner: Identifier,
}

/// Which lots a closing trade takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LotMethod {
    /// The oldest by trade date first.
    Fifo,
    /// All alike: one pool with one total cost.
    Average,
}

/// How a book's results are counted, from a trade date on. Without any: FIFO, fees expensed, each result in its own currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookPolicy {
    pub book: Identifier,
    /// First trade date.
    pub valid_from: Date,
    pub method: LotMethod,
    /// Fees are part of the cost (an investment book); else a line of their own (a trading book).
    pub fees_in_cost: bool,
    /// What results are reported in; absent: each in its own currency.
    pub currency: Option<CurrencyCode>,
}

/// Who issued an instrument: what risk adds up by. Decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub instrument: Identifier,
    /// Its name among us; it need not be a party.
    pub issuer: Identifier,
    pub lei: Option<Lei>,
}

/// Where something lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// Securities at an agent or CSD.
    Depot,
    /// Cash at an agent.
    Nostro,
    /// Kept by ourselves.
    Internal,
}

/// For whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capacity {
    Own,
    /// Several clients together.
    Omnibus,
    /// One client's alone: it covers no delivery of anyone else.
    Segregated(Identifier),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: Identifier,
    pub kind: AccountKind,
    /// Whose ledger it is in.
    pub holder: Identifier,
    /// Where it settles.
    pub domain: Identifier,
    pub capacity: Capacity,
    /// May go below zero in securities (an issuer's account). Never true of a depot of ours.
    pub may_go_short: bool,
}

/// Who settles there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DomainKind {
    /// Our own books: we match and post, as a CSD does.
    Internal,
    /// A CSD or custodian: an instruction goes out, advices come in.
    External,
}

/// When a day's settlement in a currency or free of payment ends, in the domain's own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOffRule {
    /// Absent: free of payment.
    pub currency: Option<CurrencyCode>,
    /// Minutes after midnight, in the domain's zone.
    pub minute_of_day: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    pub id: Identifier,
    pub kind: DomainKind,
    pub calendar: Identifier,
    /// IANA name. Only the edge resolves it, to instants, when it opens a day.
    pub zone: String,
    pub cut_offs: Vec<CutOffRule>,
    /// When the timer opens and closes its days; absent: people do.
    pub schedule: Option<DaySchedule>,
    /// Who settles there and whose advices of it count; only where others settle. Absent: whoever advises.
    pub agent: Option<Identifier>,
}

/// When a settlement day begins and ends, in minutes from midnight of its date in the domain's own time. Below zero is
/// the evening before: T2S opens the settlement day at 18:45 of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySchedule {
    pub opens: i32,
    pub closes: i32,
}

impl Domain {
    /// # Errors
    /// Which of its times cannot be.
    pub fn check_times(&self) -> Result<(), &'static str> {
        if self.cut_offs.iter().any(|rule| rule.minute_of_day >= 24 * 60) {
            return Err("cut_offs: a minute of the day is below 1440");
        }
        let Some(DaySchedule { opens, closes }) = self.schedule else { return Ok(()) };
        let range = -24 * 60..2 * 24 * 60;
        let sound = range.contains(&opens) && range.contains(&closes) && opens < closes;
        let inside = |rule: &CutOffRule| (opens + 1..=closes).contains(&i32::from(rule.minute_of_day));
        match sound && self.cut_offs.iter().all(inside) {
            true => Ok(()),
            false => Err("schedule: opens before it closes, with every cut-off between"),
        }
    }
}

/// An ISIN from a date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsinFrom {
    pub valid_from: Date,
    pub isin: Isin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    pub id: Identifier,
    pub isins: Vec<IsinFrom>,
    pub cfi: Cfi,
    pub currency: CurrencyCode,
    pub quantity_type: QuantityType,
    /// Decimals of a quantity; with it the smallest unit a balance counts.
    pub decimals: u8,
    /// Smallest quantity that settles, and what every quantity is a multiple of.
    pub minimum_unit: Decimal,
    pub multiple: Decimal,
    /// Names the settlement cycle.
    pub market: Identifier,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCalendar {
    pub id: Identifier,
    pub calendar: Calendar,
}

/// A currency we settle in: its calendar. Its exponent is ISO 4217's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currency {
    pub code: CurrencyCode,
    pub calendar: Identifier,
}

/// How many settlement days after the trade date a market settles, from a trade date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    pub market: Identifier,
    pub valid_from: Date,
    pub days: u8,
}

/// A standing settlement instruction: which accounts to use. The most specific that fits wins; a blank fits all, except
/// the client: without one it is for the house's own trades only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssi {
    pub id: Identifier,
    pub party: Identifier,
    pub valid_from: Date,
    pub domain: Option<Identifier>,
    pub currency: Option<CurrencyCode>,
    /// First letters of the CFI it is for.
    pub cfi_prefix: Option<String>,
    pub method: Option<Method>,
    /// The client whose trades these accounts serve.
    pub client: Option<Identifier>,
    pub depot: Identifier,
    pub nostro: Option<Identifier>,
}

/// Up to and including a counter-value, amounts may differ by so much and still match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// Inclusive; absent: no upper end.
    pub up_to: Option<Decimal>,
    pub tolerance: Decimal,
}

/// Matching tolerance of a currency (EU 2018/1229 Art. 6: EUR 2 up to 100,000, 25 above), and how far a trade's own
/// figures may be from what is recomputed before it goes to repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tolerance {
    pub currency: CurrencyCode,
    pub valid_from: Date,
    pub bands: Vec<Band>,
    pub recompute: Decimal,
}

/// How far below zero a cash account may go in a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditLimit {
    pub account: Identifier,
    pub currency: CurrencyCode,
    pub valid_from: Date,
    pub amount: Decimal,
}

/// What a price set prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Priced {
    Instrument(Identifier),
    /// One unit of this in the row's currency.
    Currency(CurrencyCode),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub of: Priced,
    pub currency: CurrencyCode,
    /// Clean, where interest accrues: percent of nominal for what is counted in face, else money for one piece.
    pub value: Decimal,
    /// Interest accrued to the set's date, counted as the value is; negative ex-dividend. Absent: not said, which is not
    /// zero for what is counted in face.
    pub accrued: Option<Decimal>,
}

/// Prices and FX rates of one date and snap from one source; a correction is a higher version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceSet {
    pub date: Date,
    /// `CLOSE`, `1600` …
    pub snap: Identifier,
    /// See [`is_synthetic`].
    pub source: Identifier,
    pub version: u32,
    pub prices: Vec<Price>,
}

/// Whether a source of prices says of itself, by its name, that it made them and did not observe them: `SYNTHETIC`, or what
/// begins so. Nothing stands on such prices unless it is asked to, and then says so.
pub fn is_synthetic(source: &Identifier) -> bool {
    source.as_str().starts_with("SYNTHETIC")
}

/// What a command must be for it to need a second person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FourEyes {
    Ssi = 1,
    CreditLimit = 2,
    Opening = 3,
    Transfer = 4,
    Adjustment = 5,
    Parameters = 6,
    PriceSet = 7,
    /// Differences of control totals let stand.
    SignOff = 30,
    /// Who may do what.
    Grant = 20,
}

/// The house's own rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// What is proposed by one person and approved by another.
    pub four_eyes: Vec<FourEyes>,
    /// A proposal lapses after so many minutes.
    pub proposal_minutes: u32,
    /// Settlement attempts in one step of a cycle or retry; 1 to [`Parameters::MOST_ATTEMPTS`].
    pub attempts_per_step: u32,
    /// Instructions examined in one step of a walk over all that is open; 1 to [`Parameters::MOST_EXAMINED`].
    pub examined_per_step: u32,
    /// Counter-instructions compared when telling why one is unmatched; 1 to [`Parameters::MOST_COMPARED`].
    pub candidates_compared: u32,
}

impl Parameters {
    /// A step's record must fit the largest record there is; `wire`'s tests hold these to it.
    pub const MOST_ATTEMPTS: u32 = 128;
    /// See [`Parameters::MOST_ATTEMPTS`].
    pub const MOST_EXAMINED: u32 = 2_048;
    /// Bounds the work of telling why one instruction is unmatched.
    pub const MOST_COMPARED: u32 = 1_024;

    /// # Errors
    /// The name of the first budget that is out of its range.
    pub fn check_budgets(&self) -> Result<(), &'static str> {
        let budgets = [
            ("attempts_per_step", self.attempts_per_step, Parameters::MOST_ATTEMPTS),
            ("examined_per_step", self.examined_per_step, Parameters::MOST_EXAMINED),
            ("candidates_compared", self.candidates_compared, Parameters::MOST_COMPARED),
        ];
        let off = budgets.iter().find(|(_, budget, most)| !(1..=*most).contains(budget));
        off.map_or(Ok(()), |(name, ..)| Err(*name))
    }
}

impl Default for Parameters {
    /// What holds until the house says otherwise: one pair of eyes, since somebody must load the first data.
    fn default() -> Self {
        Parameters {
            four_eyes: Vec::new(),
            proposal_minutes: 24 * 60,
            attempts_per_step: 64,
            examined_per_step: 2_048,
            candidates_compared: 64,
        }
    }
}
