//! The flow in time: an iterator that makes each trade when its moment comes and keeps what is to follow in order.

use super::deal::{Deal, cancellation, charge, message};
use super::random::Random;
use super::session::{Session, sessions};
use super::shape::{Fate, Lag};
use super::story;
use super::world::{World, hour, identifier, instant, later};
use super::{Body, Expected, Item, Message, Step};
use model::command::{Command, Inbound, Origin, Repair, Transfer, What};
use model::date::Date;
use model::identifier::Identifier;
use model::instruction::Steer;
use model::timestamp::Timestamp;
use model::trade::{Side, TradeMessage};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

const MINUTE: i64 = 60_000_000;

/// What is still to come, in order of time and then of scheduling.
struct Scheduled(i64, u64, Step);

impl PartialEq for Scheduled {
    fn eq(&self, other: &Scheduled) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Scheduled) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Scheduled) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// The week, item by item.
pub struct Week {
    pub(super) world: Arc<World>,
    pub(super) random: Random,
    heap: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    sessions: std::vec::IntoIter<Session>,
    session: Option<Session>,
    dealt: u64,
    ids: Vec<u64>,
    calls: u64,
    /// What [`Lag::Messages`] counts in.
    gap: i64,
    end: i64,
}

impl Week {
    pub(super) fn new(world: Arc<World>) -> Week {
        let sessions = sessions(&world);
        let last = *world.days.last().expect("a week has days");
        let span: i64 = sessions.iter().map(|session| session.span).sum();
        let mut week = Week {
            random: Random::new(world.seed),
            heap: BinaryHeap::new(),
            scheduled: 0,
            sessions: sessions.into_iter(),
            session: None,
            dealt: 0,
            ids: vec![0; world.members.len()],
            calls: 0,
            gap: (span / (2 * world.shape.trades.max(1) as i64)).max(1),
            end: instant(last, hour::CLOSE - 15).micros(),
            world,
        };
        week.next_session();
        story::schedule(&mut week);
        week
    }

    fn next_session(&mut self) {
        self.session = self.sessions.by_ref().find(|session| session.deals > 0);
        self.dealt = 0;
    }

    pub(super) fn schedule(&mut self, at: i64, step: Step) {
        self.heap.push(Reverse(Scheduled(at, self.scheduled, step)));
        self.scheduled += 1;
    }

    /// A command of a person.
    pub(super) fn call(&mut self, at: i64, actor: &str, reason: &str, command: Command) -> Identifier {
        self.calls += 1;
        let request_id = identifier(&format!("call-{:06}", self.calls));
        let origin = Origin::Call { request_id: request_id.clone() };
        let inbound = Inbound { command, origin, actor: identifier(actor), reason: reason.to_owned(), at: moment(at) };
        self.schedule(at, Step::Command(inbound));
        request_id
    }

    /// A message of a front office; sometimes the same again later.
    fn send(&mut self, at: i64, trade: TradeMessage, expected: Expected) {
        let (key, trade) = (self.world.domain.clone(), Box::new(trade));
        let again = (expected == Expected::Accepted && self.random.chance(self.world.shape.mix.sent_twice))
            .then(|| trade.clone());
        self.schedule(at, Step::Message(Message { key: key.clone(), body: Body::Trade(trade), expected }));
        if let Some(trade) = again {
            let later = at + self.gap * (500 + self.random.below(2_000) as i64);
            let message = Message { key, body: Body::Trade(trade), expected: Expected::Duplicate };
            self.schedule(later.min(self.end).max(at), Step::Message(message));
        }
    }

    /// How much later the other side reports.
    fn lag(&mut self) -> i64 {
        match self.world.shape.second_side {
            // Within a quarter of the figure, so that the order of second sides is not that of the first.
            Lag::Messages(count) => self.gap * (i64::from(count) * self.random.between(750, 1_250) / 1_000).max(1),
            Lag::Minutes(_) if self.random.below(30) == 0 => 24 * 60 * MINUTE,
            Lag::Minutes(most) => self.random.between(MINUTE, i64::from(most) * MINUTE),
        }
    }

    fn new_id(&mut self, member: usize) -> Identifier {
        self.ids[member] += 1;
        identifier(&format!("{}-{:06}", self.world.members[member].party, self.ids[member]))
    }

    /// Two members, a security, a quantity and a price.
    fn agree(&mut self, at: i64, traded: Date, fate: Fate) -> Deal {
        let world = self.world.clone();
        let members = world.members.len();
        let mut buyer = world.by_size.rank(&mut self.random);
        let mut seller = world.by_size.rank(&mut self.random);
        if world.shape.ccp {
            // The central counterparty, member 0, on either side.
            let other = 1 + self.random.below(members as u64 - 1) as usize;
            (buyer, seller) = if self.random.bits() & 1 == 0 { (0, other) } else { (other, 0) };
        } else if buyer == seller {
            seller = (seller + 1) % members;
        }
        let hot = world.shape.hot_security > 0 && self.random.chance(world.shape.hot_security);
        let mut security = if hot { 0 } else { world.by_activity.rank(&mut self.random) };
        if fate == Fate::ShortSecurities {
            // A story's members each lack some securities; elsewhere there is one that nobody has.
            let places = world.securities.len();
            let lacking = |place: &usize| world.lacks(seller, *place) && world.undefined_at_first() != Some(*place);
            security = match world.shape.story {
                true => (0..places).map(|step| (security + step) % places).find(lacking).unwrap_or(security),
                false => places - 1,
            };
        } else if world.undefined_at_first() != Some(security) && world.lacks(seller, security) {
            security = (security + 1) % world.traded();
        }
        let paper = &world.securities[security];
        let (quantity, scale) = match paper.coupon {
            Some(_) => (self.random.between(5, 400) * 5_000, 1),
            None if world.shape.story => (self.random.between(1, 60) * 25, 100),
            None => (self.random.between(1, 500), 100),
        };
        // Half a per cent about the day's price; every fifth is an average with four decimals.
        let band = paper.price / 200 + 1;
        let mut price = (paper.price + self.random.between(-band, band)) * scale;
        if world.shape.story && paper.coupon.is_none() && self.random.below(5) == 0 {
            price += self.random.between(1, 99);
        }
        let traded = if fate == Fate::Late { world.business_days_before(traded, 5) } else { traded };
        let settles = match fate {
            Fate::Late => world.settlement_date(paper, traded),
            // Whatever the cycle says, W1 settles on the one day it has.
            _ if !world.shape.story => *world.days.first().expect("a day"),
            _ => world.settlement_date(paper, traded),
        };
        let gross = quantity.saturating_mul(price) / if scale == 1 { 1_000 } else { 100 };
        Deal {
            buyer,
            seller,
            security,
            quantity,
            price,
            traded,
            traded_at: (world.shape.story && traded == moment(at).date_utc()).then(|| moment(at)),
            settles,
            stated: !world.shape.story || fate == Fate::Late || self.random.below(10) < 3,
            free: fate == Fate::Free,
            client: fate == Fate::Client,
            commission: if fate == Fate::Commission { (gross / 2_000).max(1) } else { 0 },
        }
    }

    /// Makes the next trade and schedules all its messages.
    fn deal(&mut self, at: i64, traded: Date) {
        // What would have to happen before the week, or after it, goes straight through instead.
        let today = moment(at).date_utc();
        let mut fate = self.world.shape.mix.fate(self.random.below(10_000));
        if traded != today
            && !matches!(fate, Fate::OneSided | Fate::NearAmount | Fate::ShortSecurities | Fate::Held)
            && self.world.shape.story
        {
            fate = Fate::Plain;
        }
        let deal = self.agree(at, traded, fate);
        let world = self.world.clone();
        // The side that reports first. Where only one is at fault, it is this one.
        let first = if self.random.bits() & 1 == 0 { Side::Buy } else { Side::Sell };
        let second = if first == Side::Buy { Side::Sell } else { Side::Buy };
        let (own, other) = if first == Side::Buy { (deal.buyer, deal.seller) } else { (deal.seller, deal.buyer) };
        let (id, other_id) = (self.new_id(own), self.new_id(other));
        let (source, other_source) = (&world.members[own].source, &world.members[other].source);
        let right = deal.details(&world, first);
        let answer_at = (at + self.lag()).min(self.end).max(at);
        let hours = |random: &mut Random, least: i64, most: i64| random.between(least * MINUTE, most * MINUTE);
        let mut said = right.clone();
        let mut answers = true;
        match fate {
            Fate::Plain | Fate::Late | Fate::Free | Fate::Client | Fate::Commission => {}
            Fate::OneSided => answers = false,
            Fate::NearAmount => {
                let most = if deal.amount(&world) > 20_000_000 { 2_500 } else { 200 };
                charge(&mut said, "CHAR", self.random.between(1, most));
            }
            Fate::FarAmount => {
                charge(&mut said, "CHAR", self.random.between(2_501, 9_000));
                if self.random.bits() & 1 == 0 {
                    let mended = at + hours(&mut self.random, 60, 180);
                    self.send(mended, message(source, &id, 2, right.clone()), Expected::Accepted);
                }
            }
            Fate::WrongQuantity => {
                let wrong =
                    Deal { quantity: deal.quantity + 10 * world.securities[deal.security].multiple(), ..deal.clone() };
                said = wrong.details(&world, first);
                let mended = at + hours(&mut self.random, 30, 180);
                self.send(mended, message(source, &id, 2, right.clone()), Expected::Accepted);
            }
            Fate::OtherBook => {
                let mut moved = right.clone();
                moved.book = world.members[own].other_book.clone();
                let later = at + hours(&mut self.random, 10, 120);
                self.send(later, message(source, &id, 2, moved), Expected::Accepted);
            }
            Fate::CancelledEarly => {
                answers = false;
                let regretted = at + hours(&mut self.random, 1, 10);
                self.send(regretted, cancellation(source, &id, 2), Expected::Accepted);
            }
            Fate::CancelledLate => {
                let asked = answer_at + hours(&mut self.random, 5, 60);
                // Once it may have settled nobody cancels it any more.
                if asked + MINUTE * 7 < instant(deal.settles, 0).micros() {
                    self.send(asked, cancellation(source, &id, 2), Expected::Accepted);
                    self.send(asked + MINUTE * 7, cancellation(other_source, &other_id, 2), Expected::Accepted);
                }
            }
            Fate::Held => {
                said.hold = true;
                // A held purchase blocks like a held sale; one in four is forgotten.
                if self.random.below(4) > 0 {
                    let released =
                        instant(deal.settles, 9 * 60).micros().max(answer_at) + hours(&mut self.random, 0, 240);
                    let (source, id, actor) = (source.clone(), id.clone(), identifier("lena.settlements"));
                    self.schedule(released, Step::Steer { source, id, steer: Steer::Release, actor });
                }
            }
            Fate::AmendedFirst => {
                let first_thought =
                    Deal { quantity: deal.quantity + 10 * world.securities[deal.security].multiple(), ..deal.clone() };
                said = first_thought.details(&world, first);
                self.send(at, message(source, &id, 2, right.clone()), Expected::Accepted);
            }
            Fate::ShortSecurities => {
                if world.shape.story && self.random.below(4) > 0 {
                    self.fund(&deal);
                }
            }
            Fate::GrossOff => {
                said.gross.unscaled += 1_000;
                said.net.unscaled += 1_000;
                let repair = Repair { source: source.clone(), id: id.clone(), details: Some(right.clone()) };
                let mended = at + hours(&mut self.random, 30, 90);
                self.call(
                    mended,
                    "lena.settlements",
                    "gross corrected with the desk",
                    Command::Repair(Box::new(repair)),
                );
            }
            Fate::Conflict => {
                let mut other_content = right.clone();
                other_content.trade_date = later(right.trade_date, -1);
                let clash = Expected::Rejected(model::rejection::Reason::VersionConflict);
                let again = at + hours(&mut self.random, 1, 30);
                self.send(again, message(source, &id, 1, other_content), clash);
            }
        }
        // An amendment that overtook its trade went out at the same moment but is delivered first.
        let sent_at = if fate == Fate::AmendedFirst { at + 2 * MINUTE } else { at };
        self.send(sent_at, message(source, &id, 1, said), Expected::Accepted);
        if answers {
            self.send(answer_at, message(other_source, &other_id, 1, deal.details(&world, second)), Expected::Accepted);
        }
    }

    /// The seller gets the securities it lacks, from outside, on the settlement day or the one after.
    fn fund(&mut self, deal: &Deal) {
        let world = self.world.clone();
        let day = if self.random.bits() & 1 == 0 { deal.settles } else { later(deal.settles, 1) };
        if !world.days.contains(&day) {
            return;
        }
        let (seller, security) = (&world.members[deal.seller], &world.securities[deal.security]);
        let deposit = Transfer {
            from: None,
            to: Some(seller.depot.clone()),
            book: seller.book.clone(),
            to_book: None,
            what: What::Instrument(security.id.clone()),
            quantity: super::setup::decimal(deal.quantity, 0),
        };
        let at = instant(day, 9 * 60 + 30).micros() + self.random.between(0, 180 * MINUTE);
        self.call(at, "lena.settlements", "delivered from our other depository", Command::Transfer(deposit));
    }
}

impl Iterator for Week {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let deal_at = self.session.as_ref().map(|session| session.moment(self.dealt));
            let due = self.heap.peek().map(|Reverse(Scheduled(at, ..))| *at);
            match (due, deal_at) {
                (Some(due), deal_at) if deal_at.is_none_or(|deal_at| due <= deal_at) => {
                    let Reverse(Scheduled(at, _, step)) = self.heap.pop()?;
                    return Some(Item { at: moment(at), step });
                }
                (_, Some(deal_at)) => {
                    let session = self.session.as_ref()?;
                    let (traded, last) = (session.traded, self.dealt + 1 == session.deals);
                    self.deal(deal_at, traded);
                    self.dealt += 1;
                    if last {
                        self.next_session();
                    }
                }
                (_, None) => return None,
            }
        }
    }
}

/// An instant, in whole milliseconds as a broker stamps them.
fn moment(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros / 1_000 * 1_000).expect("an instant of the week")
}
