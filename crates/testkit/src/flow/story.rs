//! What is not a trade: the settlement days, and the set pieces of the demonstration week.

use super::deal::message;
use super::poison;
use super::setup::{self, CHECKER, MAKER, currency, decimal};
use super::week::Week;
use super::world::{hour, identifier, instant};
use super::{Body, Message, Step as Item};
use model::command::{Command, CutOff, DayStep, Inbound, Origin, Step, Transfer, What};
use model::date::Date;
use model::identifier::CurrencyCode;
use model::reference::Reference;

/// Puts the days into the week, and the story if it has one.
pub(super) fn schedule(week: &mut Week) {
    let world = week.world.clone();
    for &date in &world.days {
        open(week, date);
        if world.shape.story {
            close(week, date);
        }
    }
    if !world.shape.story {
        return;
    }
    for (number, &date) in (1..).zip(&world.days) {
        // Up one day and down the next, by a few thousandths.
        let drift = [4, -3, 6, 1, -5][number as usize % 5];
        let prices = Reference::PriceSet(setup::prices(&world, date, drift));
        let at = instant(date, hour::PRICES).micros();
        week.call(at, MAKER, "closing prices", Command::SetReference(Box::new(prices)));
        poor_member(week, date);
    }
    if let Some(&tuesday) = world.days.get(1) {
        late_security(week, tuesday);
        late_instruction(week, tuesday);
    }
    for (place, (body, expected)) in (0..).zip(poison::all(&world)) {
        let date = world.days[place as usize % world.days.len()];
        let at = instant(date, 8 * 60 + 37 * place).micros();
        week.schedule(at, Item::Message(Message { key: world.domain.clone(), body, expected }));
    }
    if let Some(&wednesday) = world.days.get(2) {
        quarantine(week, wednesday);
    }
}

fn timer(week: &mut Week, at: i64, step: Step) {
    let at = model::timestamp::Timestamp::from_micros(at).expect("an instant of the week");
    let command = Command::Day(DayStep { domain: week.world.domain.clone(), step });
    let inbound = Inbound { command, origin: Origin::Engine, actor: identifier("timer"), reason: String::new(), at };
    week.schedule(at.micros(), Item::Command(inbound));
}

/// The day's cut-offs as instants: a currency whose own calendar is closed that day has none.
fn cut_offs(week: &Week, date: Date) -> Vec<CutOff> {
    let rows = [("EUR", hour::CUT_OFF_EUR), ("USD", hour::CUT_OFF_OTHER), ("GBP", hour::CUT_OFF_OTHER)];
    let open = |code: CurrencyCode| {
        week.world.calendars(code).iter().all(|calendar| calendar.is_business_day(date).expect("within 2024 to 2030"))
    };
    rows.into_iter()
        .filter(|(code, _)| open(currency(code)))
        .map(|(code, minute)| CutOff { currency: Some(currency(code)), at: instant(date, minute) })
        .chain([CutOff { currency: None, at: instant(date, hour::CUT_OFF_FREE) }])
        .collect()
}

fn open(week: &mut Week, date: Date) {
    let cut_offs = cut_offs(week, date);
    timer(week, instant(date, hour::OPEN).micros(), Step::Open { date, cut_offs });
}

fn close(week: &mut Week, date: Date) {
    for CutOff { currency, at } in cut_offs(week, date) {
        timer(week, at.micros(), Step::CutOff { date, currency });
    }
    timer(week, instant(date, hour::CLOSE).micros(), Step::Close { date });
}

/// The member that is short of cash gets a million each noon.
fn poor_member(week: &mut Week, date: Date) {
    let world = week.world.clone();
    let Some(rank) = world.poor_member() else { return };
    let (member, euro) = (&world.members[rank], currency("EUR"));
    let funding = Transfer {
        from: None,
        to: Some(member.nostro(euro)),
        book: member.book.clone(),
        to_book: None,
        what: What::Currency(euro),
        quantity: decimal(100_000_000, 2),
    };
    week.call(instant(date, 11 * 60).micros(), "lena.settlements", "intraday funding", Command::Transfer(funding));
}

/// A security that was traded before anybody defined it; then everybody gets some.
fn late_security(week: &mut Week, date: Date) {
    let world = week.world.clone();
    let Some(place) = world.undefined_at_first() else { return };
    let security = &world.securities[place];
    let at = instant(date, 8 * 60 + 10).micros();
    week.call(at, MAKER, "new listing", Command::SetReference(Box::new(setup::instrument(security))));
    for (number, member) in (1..).zip(&world.members) {
        let deposit = Transfer {
            from: None,
            to: Some(member.depot.clone()),
            book: member.book.clone(),
            to_book: None,
            what: What::Instrument(security.id.clone()),
            quantity: decimal(world.opening_quantity(security) / 8, 0),
        };
        let at = at + number * 20_000_000;
        week.call(at, "lena.settlements", "first delivery of a new listing", Command::Transfer(deposit));
    }
}

/// The standing instruction that was missing: proposed by one person, approved by another.
fn late_instruction(week: &mut Week, date: Date) {
    let world = week.world.clone();
    let Some(rank) = world.poor_member() else { return };
    let ssi = setup::ssi(&world, &world.members[rank], currency("USD"));
    let at = instant(date, 9 * 60 + 50).micros();
    let request = week.call(at, MAKER, "confirmed by call-back", Command::SetReference(Box::new(Reference::Ssi(ssi))));
    let approval = Item::Approve { request, actor: identifier(CHECKER) };
    week.schedule(at + 600_000_000, approval);
}

/// Of the messages that could not be read, the first is replayed, mended, and the second discarded.
fn quarantine(week: &mut Week, date: Date) {
    let world = week.world.clone();
    let actor = || identifier("lena.settlements");
    let deal = poison::mended(&world);
    let replay = Some(Box::new(message(&deal.0, &deal.1, 1, deal.2)));
    let at = instant(date, 10 * 60).micros();
    week.schedule(
        at,
        Item::CloseUnreadable { unreadable: 0, replay, actor: actor(), reason: "sent again by mail".to_owned() },
    );
    let reason = "a test message of the source".to_owned();
    week.schedule(at + 60_000_000, Item::CloseUnreadable { unreadable: 1, replay: None, actor: actor(), reason });
}

/// So that the poison list can say what it is about.
pub(super) fn bytes(body: Vec<u8>) -> Body {
    Body::Bytes(body)
}
