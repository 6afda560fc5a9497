//! A history of closes before the week, made and not observed: its source is SYNTHETIC, and every answer says so.
//!
//! One market moves all shares, one rate all bonds, the two against each other; on stormy days all of them by more, and now
//! and then a share by itself: correlated, with heavy tails. The walk goes backwards from the first observed close, so the
//! two series meet. Whole numbers only, so that a seed gives the same closes on every machine.

use super::Random;
use super::market::Security;
use super::setup::{self, MAKER, currency, decimal};
use super::world::{World, identifier, instant, later};
use model::command::{Command, Inbound, Origin};
use model::reference::{Issuer, Price, PriceSet, Priced, Reference};

/// Who says so: a name that says that nobody observed it.
pub const SOURCE: &str = "SYNTHETIC";

/// The generator's own stream of chance, so that the week does not change with the history.
const STREAM: u64 = 0x4849_5354_4f52_5900;

/// Moves in millionths.
struct Storm {
    market: i64,
    rates: i64,
    dollar: i64,
    pound: i64,
    /// How much wilder than an ordinary day.
    scale: i64,
}

/// Nearly normal with a mean of zero: the sum of twelve even draws.
fn normal(random: &mut Random, deviation: i64) -> i64 {
    let sum: i64 = (0..12).map(|_| random.between(-500, 500)).sum();
    sum * deviation / 1_000
}

impl Storm {
    fn draw(random: &mut Random) -> Storm {
        let scale = match random.below(100) {
            0..=1 => 4,
            2..=11 => 2,
            _ => 1,
        };
        let market = normal(random, 9_000) * scale;
        // Bonds rise a little when shares fall.
        let rates = normal(random, 2_500) * scale - market / 8;
        let dollar = normal(random, 4_500) * scale - market / 10;
        let pound = normal(random, 3_500) * scale + market / 20;
        Storm { market, rates, dollar, pound, scale }
    }

    /// What the day did to a security, which has more or less of the market or the rate in it by its place.
    fn moves(&self, random: &mut Random, place: usize, security: &Security) -> i64 {
        let share = |of: i64, thousandths: i64| of * thousandths / 1_000;
        let moved = if security.coupon.is_some() {
            share(self.rates, 400 + (place as i64 * 37) % 1_200) + normal(random, 400)
        } else {
            let alone = if random.below(100) < 3 { 4 } else { 1 };
            share(self.market, 700 + (place as i64 * 53) % 700) + normal(random, 11_000 * alone) * self.scale.min(2)
        };
        moved.clamp(-300_000, 300_000)
    }
}

/// What it was the evening before it moved so to what it is.
fn before(price: i64, moved: i64) -> i64 {
    (price * 1_000_000 / (1_000_000 + moved)).max(1)
}

/// Who issues what, and so many closes before the first observed one, the oldest first.
pub(super) fn commands(world: &World, closes: usize) -> Vec<Inbound> {
    let start = instant(later(world.days[0], -1), 20 * 60);
    let mut list: Vec<Reference> = Vec::new();
    let defined = |place: &usize| world.undefined_at_first() != Some(*place);
    for (_, security) in world.securities.iter().enumerate().filter(|(place, _)| defined(place)) {
        list.push(Reference::Issuer(issuer(security)));
    }
    let mut random = Random::new(world.seed ^ STREAM);
    // Four decimals of a share's currency, five of a bond's percent; six of the rates of dollar and pound.
    let mut prices: Vec<i64> = world.securities.iter().map(|security| security.price * 100).collect();
    let mut rates = [("USD", 864_200), ("GBP", 1_140_500)];
    let mut date = world.business_days_before(world.days[0], 1);
    let mut sets = Vec::with_capacity(closes);
    for _ in 0..closes {
        let storm = Storm::draw(&mut random);
        for (place, (price, security)) in prices.iter_mut().zip(&world.securities).enumerate() {
            *price = before(*price, storm.moves(&mut random, place, security));
        }
        for ((_, rate), moved) in rates.iter_mut().zip([storm.dollar, storm.pound]) {
            *rate = before(*rate, moved);
        }
        date = world.business_days_before(date, 1);
        let of = |(place, security): (usize, &Security)| Price {
            of: Priced::Instrument(security.id.clone()),
            currency: security.currency,
            value: decimal(prices[place], if security.coupon.is_some() { 5 } else { 4 }),
            accrued: security.coupon.map(|coupon| setup::accrued(coupon, date)),
        };
        let mut closing: Vec<Price> =
            world.securities.iter().enumerate().filter(|(place, _)| defined(place)).map(of).collect();
        closing.extend(rates.iter().map(|(code, rate)| Price {
            of: Priced::Currency(currency(code)),
            currency: currency("EUR"),
            value: decimal(*rate, 6),
            accrued: None,
        }));
        let (snap, source) = (identifier("CLOSE"), identifier(SOURCE));
        sets.push(Reference::PriceSet(PriceSet { date, snap, source, version: 1, prices: closing }));
    }
    list.extend(sets.into_iter().rev());
    let command = |(number, reference): (usize, Reference)| Inbound {
        command: Command::SetReference(Box::new(reference)),
        origin: Origin::File { line: number as u64 + 1 },
        actor: identifier(MAKER),
        reason: "issuers, and a synthetic history of closes".to_owned(),
        at: start.add_micros(number as i64 * 1_000).expect("an instant near the week"),
    };
    list.into_iter().enumerate().map(command).collect()
}

/// Shares are their company's, bonds their government's.
pub(super) fn issuer(security: &Security) -> Issuer {
    let id = security.id.as_str();
    let governments = [("BUND", "GERMANY"), ("OAT", "FRANCE"), ("UST", "UNITED-STATES"), ("GILT", "UNITED-KINGDOM")];
    let state = governments.iter().find(|(bond, _)| security.coupon.is_some() && id.starts_with(bond));
    let issuer = state.map_or_else(|| security.id.clone(), |(_, state)| identifier(state));
    Issuer { instrument: security.id.clone(), issuer, lei: None }
}
