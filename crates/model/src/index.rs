//! Interned names: a small number for each identifier of reference data, given once by the log and never reused.
//!
//! Events carry these numbers; [`crate::event::Event::Interned`] is the record in which a number gets its name.

/// What kind of thing a number names. The discriminants are on disk: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    Party = 1,
    Book = 2,
    Account = 3,
    Instrument = 4,
    Domain = 5,
    Calendar = 6,
    Source = 7,
}

impl Kind {
    /// Every kind, in the order of its code.
    pub const ALL: [Kind; 7] =
        [Kind::Party, Kind::Book, Kind::Account, Kind::Instrument, Kind::Domain, Kind::Calendar, Kind::Source];

    /// The word people use for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Party => "party",
            Kind::Book => "book",
            Kind::Account => "account",
            Kind::Instrument => "instrument",
            Kind::Domain => "settlement domain",
            Kind::Calendar => "calendar",
            Kind::Source => "source system",
        }
    }
}

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident = $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl $name {
            /// The kind this number belongs to.
            pub const KIND: Kind = Kind::$kind;
            /// As a position in a table.
            pub fn at(self) -> usize { self.0 as usize }
        }
    )*};
}

index! {
    /// A party: one of our legal entities, or a counterparty, client, agent, CCP or CSD.
    PartyIx = Party;
    /// A book: who owns it and earns the P&L.
    BookIx = Book;
    /// An account: where it lies (depot, nostro, internal).
    AccountIx = Account;
    /// An instrument.
    InstrumentIx = Instrument;
    /// A settlement domain.
    DomainIx = Domain;
    /// A calendar.
    CalendarIx = Calendar;
    /// A source system.
    SourceIx = Source;
}

/// What a balance is counted in: a currency (minor units) or an instrument (its smallest quantity unit).
///
/// Packed in 32 bits: the high bit tells currencies; a currency's code is three base-26 letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset(pub u32);

const CURRENCY: u32 = 1 << 31;

impl Asset {
    /// An instrument's balance.
    pub fn instrument(index: InstrumentIx) -> Asset {
        assert!(index.0 < CURRENCY, "instrument numbers fit in 31 bits");
        Asset(index.0)
    }

    /// A currency's balance.
    pub fn currency(code: crate::identifier::CurrencyCode) -> Asset {
        let mut packed = 0u32;
        for letter in code.as_str().bytes() {
            packed = packed * 26 + u32::from(letter - b'A');
        }
        Asset(CURRENCY | packed)
    }

    /// The instrument, unless it is a currency.
    pub fn as_instrument(self) -> Option<InstrumentIx> {
        (self.0 & CURRENCY == 0).then_some(InstrumentIx(self.0))
    }

    /// The currency, unless it is an instrument.
    pub fn as_currency(self) -> Option<crate::identifier::CurrencyCode> {
        if self.0 & CURRENCY == 0 {
            return None;
        }
        let mut rest = self.0 & !CURRENCY;
        let mut letters = [0u8; 3];
        for letter in letters.iter_mut().rev() {
            *letter = b'A' + (rest % 26) as u8;
            rest /= 26;
        }
        core::str::from_utf8(&letters).ok().and_then(|text| crate::identifier::CurrencyCode::parse(text).ok())
    }
}

impl core::fmt::Debug for Asset {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.as_currency() {
            Some(code) => write!(f, "{}", code.as_str()),
            None => write!(f, "instrument#{}", self.0),
        }
    }
}
