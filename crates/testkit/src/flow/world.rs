//! The fixed part of a flow: who is a member, what is traded, which days there are.

use super::market::{self, Security, day};
use super::random::Zipf;
use super::shape::Shape;
use model::calendar::{self, Calendar};
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::timestamp::Timestamp;

/// The one settlement domain: internal, in Paris. All its week is winter time, so an hour ahead of UTC.
pub const DOMAIN: &str = "QCSD";
/// Monday of the week. Thursday of it is Thanksgiving, when dollars do not settle.
pub const MONDAY: &str = "2026-11-23";

/// Minutes after midnight UTC.
pub mod hour {
    pub const TAKE_OVER: i64 = 4 * 60;
    pub const OPEN: i64 = 6 * 60;
    pub const FIRST_TRADE: i64 = 6 * 60 + 30;
    pub const LAST_TRADE: i64 = 16 * 60 + 30;
    pub const CUT_OFF_EUR: i64 = 15 * 60;
    pub const CUT_OFF_OTHER: i64 = 16 * 60;
    pub const CUT_OFF_FREE: i64 = 17 * 60;
    pub const PRICES: i64 = 16 * 60 + 40;
    pub const CLOSE: i64 = 17 * 60 + 30;
}

/// A member of the market with its front office, books and accounts.
#[derive(Clone, Debug)]
pub struct Member {
    pub party: Identifier,
    /// Its front office: the source system of its trades.
    pub source: Identifier,
    pub book: Identifier,
    pub other_book: Identifier,
    pub client_book: Identifier,
    pub depot: Identifier,
    pub client: Identifier,
    pub client_depot: Identifier,
}

impl Member {
    fn new(name: &str) -> Member {
        let named = |suffix: &str| identifier(&format!("{name}{suffix}"));
        Member {
            party: identifier(name),
            source: identifier(&format!("FO-{name}")),
            book: named("-EQ"),
            other_book: named("-ARB"),
            client_book: named("-CLIENTS"),
            depot: named("-DEPOT"),
            client: named("-FUND"),
            client_depot: named("-FUND-DEPOT"),
        }
    }

    /// Its cash account in a currency.
    pub fn nostro(&self, currency: CurrencyCode) -> Identifier {
        identifier(&format!("{}-{currency}", self.party))
    }

    /// Its client's cash account in a currency.
    pub fn client_nostro(&self, currency: CurrencyCode) -> Identifier {
        identifier(&format!("{}-{currency}", self.client))
    }
}

/// Everything about a flow that does not change while it runs.
#[derive(Clone, Debug)]
pub struct World {
    pub seed: u64,
    pub shape: Shape,
    pub domain: Identifier,
    pub members: Vec<Member>,
    pub securities: Vec<Security>,
    /// Business days of the week.
    pub days: Vec<Date>,
    pub target: Calendar,
    pub dollar: Calendar,
    pub by_activity: Zipf,
    pub by_size: Zipf,
}

impl World {
    pub fn new(seed: u64, shape: Shape) -> World {
        assert!(
            shape.members >= 3 && shape.instruments >= 2 && (1..=5).contains(&shape.days),
            "a market, for some days"
        );
        let shipped = |name: &str| {
            let (_, text) = calendar::SHIPPED.iter().find(|(shipped, _)| *shipped == name).expect("a shipped calendar");
            Calendar::from_text(text).expect("shipped calendars are valid")
        };
        let members = (0..shape.members)
            .map(|rank| Member::new(&if shape.ccp && rank == 0 { "CCP".to_owned() } else { market::member_name(rank) }))
            .collect();
        World {
            seed,
            domain: identifier(DOMAIN),
            members,
            securities: market::securities(shape.instruments),
            days: (0..i32::from(shape.days)).map(|after| later(day(MONDAY), after)).collect(),
            target: shipped("TARGET"),
            dollar: shipped("USDTC"),
            by_activity: Zipf::new(traded(&shape)),
            by_size: Zipf::new(shape.members),
            shape,
        }
    }

    /// How many securities, from the first, ordinary trades are in.
    pub fn traded(&self) -> usize {
        traded(&self.shape)
    }

    /// In the story: the security that nobody has defined before Tuesday.
    pub fn undefined_at_first(&self) -> Option<usize> {
        self.shape.story.then(|| 13.min(self.securities.len() - 1))
    }

    /// In the story: the member whose dollar instruction is missing before Tuesday, and who is short of cash.
    pub fn poor_member(&self) -> Option<usize> {
        self.shape.story.then(|| self.members.len() - 1)
    }

    /// Whether the member begins without any of the security.
    pub fn lacks(&self, member: usize, security: usize) -> bool {
        if self.shape.story {
            (member * 7 + security * 3) % 19 == 4 || self.undefined_at_first() == Some(security)
        } else {
            security == self.securities.len() - 1
        }
    }

    /// The calendars a settlement in that currency needs open: the domain's and the currency's.
    pub fn calendars(&self, currency: CurrencyCode) -> [&Calendar; 2] {
        [&self.target, if currency.as_str() == "USD" { &self.dollar } else { &self.target }]
    }

    /// The settlement date by the market's cycle.
    pub fn settlement_date(&self, security: &Security, traded: Date) -> Date {
        let (_, days, _) = market::CYCLES
            .iter()
            .find(|(market, ..)| *market == security.market.as_str())
            .expect("every market has one");
        calendar::advance(traded, u32::from(*days), &self.calendars(security.currency)).expect("within 2024 to 2030")
    }

    /// That many settlement days before a date, in TARGET.
    pub fn business_days_before(&self, date: Date, days: u32) -> Date {
        (0..days).fold(date, |date, _| self.target.previous_business_day(date).expect("within 2024 to 2030"))
    }

    /// How much of a security each member that has any begins with, in pieces or face.
    pub fn opening_quantity(&self, security: &Security) -> i64 {
        match (self.shape.story, security.coupon.is_some()) {
            // Long only, and for any number of messages: a bench is about settling, not about stock.
            (false, _) => 1_000_000_000_000,
            (true, false) => 400_000,
            (true, true) => 200_000_000,
        }
    }

    /// With how much cash a member begins, in minor units.
    pub fn opening_cash(&self, member: usize) -> i64 {
        match (self.shape.story, self.poor_member() == Some(member)) {
            (false, _) => 1_000_000_000_000_000,
            (true, false) => 200_000_000_000,
            (true, true) => 150_000_000,
        }
    }
}

/// The last security of a plain shape is the one nobody holds, so ordinary trades leave it out.
fn traded(shape: &Shape) -> usize {
    if shape.story { shape.instruments } else { shape.instruments - 1 }
}

/// A name known when writing.
pub fn identifier(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

/// A day so many calendar days later.
pub fn later(date: Date, days: i32) -> Date {
    date.add_days(days).expect("a day near the week")
}

/// An instant of a day, by minutes after midnight UTC.
pub fn instant(date: Date, minute: i64) -> Timestamp {
    Timestamp::start_of(date).add_micros(minute * 60_000_000).expect("an instant near the week")
}
