//! Trades: both sides of each, in and out of order, agreeing or not, in versions, twice, and bytes that are none.

use super::Generator;
use crate::input::Input;
use crate::world::{self, cash, decimal, id};
use model::command::Command;
use model::instruction::{Code, code};
use model::trade::{Action, Charge, CumEx, Details, Method, PriceType, QuantityType, Side, TradeMessage};
use std::rc::Rc;

/// A trade that was sent, with its last version.
pub struct Told {
    message: TradeMessage,
    partition: usize,
}

impl Generator {
    pub(super) fn trade(&mut self) -> Input {
        let member = |random: &mut testkit::flow::Random| *random.pick(&world::MEMBERS);
        let seller = member(&mut self.random);
        let mut buyer = member(&mut self.random);
        if buyer == seller && !self.random.chance(800) {
            buyer = world::MEMBERS[(world::MEMBERS.iter().position(|name| *name == seller).unwrap_or(0) + 1) % 3];
        }
        let mut sale = self.details(seller, buyer);
        sale.side = Side::Sell;
        let mut purchase = Details {
            party: id(buyer),
            counterparty: id(seller),
            book: id(&world::book(buyer, self.random.below(2) as usize)),
            side: Side::Buy,
            depot: None,
            nostro: None,
            hold: self.random.chance(500),
            priority: self.priority(),
            charges: Vec::new(),
            ..sale.clone()
        };
        for details in [&mut sale, &mut purchase] {
            self.for_client(details);
        }
        price(&mut purchase);
        self.make_differ(&mut purchase);
        self.make_nonsense(&mut sale);
        let (one, two) = if self.random.chance(5_000) { (sale, purchase) } else { (purchase, sale) };
        let external = one.domain.as_str() == "XCSD";
        let first = self.fresh(one);
        // At the CSD the counterparty's side is not ours to say, but for a trade between two of our own.
        if !self.random.chance(if external { 6_000 } else { 1_200 }) {
            let second = self.fresh(two);
            let soon = if self.random.chance(7_000) { 3 } else { 60 };
            self.at_later_step(second, soon);
        }
        first
    }

    /// Some of it is a client's, who trades on margin.
    fn for_client(&mut self, details: &mut Details) {
        let own = world::MARGIN.iter().find(|(member, ..)| details.party.as_str() == *member);
        // Mostly in what there is a rule for.
        let ruled = matches!(details.instrument.as_str(), "SAP" | "FUND") || self.random.chance(300);
        if let Some((_, book, _)) = own.filter(|_| ruled && self.random.chance(3_500)) {
            details.book = id(book);
        }
    }

    fn priority(&mut self) -> u8 {
        if self.random.chance(7_000) { 4 } else { self.random.between(1, 4) as u8 }
    }

    fn details(&mut self, seller: &str, buyer: &str) -> Details {
        let domain = match self.random.below(10) {
            0..=4 => "MAIN",
            5..=6 => "SIDE",
            _ => "XCSD",
        };
        let paper = match self.random.below(20) {
            0..=9 => "SAP",
            10..=13 => "BUND",
            14..=18 => "FUND",
            _ => "NEWCO",
        };
        let bund = paper == "BUND";
        let quantity = match paper {
            "BUND" => decimal(self.random.between(1, 8) * 1_000, 0),
            "FUND" => decimal(self.random.between(1, 30_000), 3),
            _ => decimal(self.random.between(1, 60), 0),
        };
        let today = self.now.date_utc();
        let trade_date = today.add_days(-(self.random.below(3) as i32)).expect("a date");
        // Mostly a date that comes soon, else the market's cycle says it.
        let in_days = self.random.between(0, 4) as i32;
        let given = self.random.chance(8_000).then(|| trade_date.add_days(in_days).expect("a date"));
        let client = seller == "ALPHA" && domain == "MAIN" && self.random.chance(500);
        let mut details = Details {
            party: id(seller),
            counterparty: id(buyer),
            book: id(&world::book(seller, self.random.below(2) as usize)),
            side: Side::Sell,
            instrument: id(paper),
            quantity,
            quantity_type: if bund { QuantityType::Face } else { QuantityType::Unit },
            price: if bund {
                decimal(self.random.between(9_000, 11_000), 2)
            } else {
                decimal(self.random.between(100, 20_000), 2)
            },
            price_type: if bund { PriceType::Percent } else { PriceType::Amount },
            trade_date,
            traded_at: None,
            intended_settlement_date: given,
            currency: cash(if self.random.chance(9_500) { "EUR" } else { "USD" }),
            gross: decimal(0, 0),
            accrued: decimal(if bund { self.random.between(0, 5_000) } else { 0 }, 2),
            charges: Vec::new(),
            net: decimal(0, 0),
            method: if self.random.chance(9_000) { Method::Dvp } else { Method::Fop },
            domain: id(domain),
            place_of_trade: None,
            transaction_type: code::TRAD,
            cum_ex: self.random.chance(300).then_some(CumEx::Cum),
            opt_out: self.random.chance(200),
            common_reference: self.random.chance(2_000).then(|| id(&format!("C-{}", self.random.below(40)))),
            delivering_client: client.then(|| id(world::CLIENT)),
            receiving_client: None,
            depot: None,
            nostro: None,
            hold: self.random.chance(700),
            priority: self.priority(),
            uti: None,
            order_reference: None,
            capacity: None,
        };
        if self.random.chance(1_000) {
            let amount = decimal(self.random.between(-200, 900), 2);
            details.charges.push(Charge { kind: Code::of("COMM"), amount });
        }
        if self.random.chance(600) {
            details.depot = Some(id(&world::depot(seller, domain)));
        }
        price(&mut details);
        details
    }

    /// The other side says the same, nearly the same, or something else.
    fn make_differ(&mut self, details: &mut Details) {
        let cents = details.net.to_scale(2).map_or(0, |cents| i64::try_from(cents).unwrap_or(0));
        match self.random.below(100) {
            0..=69 => {}
            // About the tolerance: 2.00 up to 10,000, 25.00 above.
            70..=85 => {
                let by = *self.random.pick(&[1, 150, 199, 200, 201, 2_499, 2_500, 2_501]);
                let net = if self.random.chance(5_000) { cents + by } else { (cents - by).max(0) };
                return refit(details, net);
            }
            86..=88 => details.quantity = decimal(details.quantity.unscaled + 1_000, details.quantity.scale),
            89..=91 => {
                let date = details.intended_settlement_date.unwrap_or(details.trade_date);
                details.intended_settlement_date = Some(date.add_days(1).expect("a date"));
            }
            92..=93 => details.instrument = id(self.name(&world::PAPERS)),
            94..=95 => details.domain = id(self.name(&world::DOMAINS)),
            96 => details.side = Side::Sell,
            97 => details.common_reference = Some(id("ANOTHER")),
            98 => details.opt_out = !details.opt_out,
            _ => details.currency = cash("USD"),
        }
        price(details);
    }

    /// What must be refused, or go to repair.
    fn make_nonsense(&mut self, details: &mut Details) {
        match self.random.below(300) {
            0 => details.quantity = decimal(0, 0),
            1 => details.net = decimal(-1, 2),
            2 => details.priority = 9,
            3 => details.intended_settlement_date = Some(details.trade_date.add_days(-1).expect("a date")),
            4 => details.domain = id("NOWHERE"),
            5 => details.quantity = decimal(12_345_678, 7),
            6 => details.gross = decimal(1_001, 3),
            7 => details.trade_date = details.trade_date.add_days(5_000).expect("a date"),
            8..=10 => details.book = id("NO-BOOK"),
            11..=12 => details.book = id(&world::book("GAMMA", 0)),
            13..=14 => details.counterparty = id("NOBODY"),
            15..=16 => details.gross = decimal(77, 0),
            17 => details.quantity_type = QuantityType::Face,
            18 => details.depot = Some(id("NO-DEPOT")),
            19 => details.depot = Some(id(&world::depot("BETA", "SIDE"))),
            20 => details.delivering_client = Some(id("NO-CLIENT")),
            _ => {}
        }
    }

    fn fresh(&mut self, details: Details) -> Input {
        let number = self.next_trade;
        self.next_trade += 1;
        let source = id(if number.is_multiple_of(3) { "OMS-2" } else { "OMS-1" });
        let id = id(&format!("T-{number}"));
        let message = TradeMessage { source, id, version: 1, action: Action::New, details: Some(details) };
        let partition = self.random.below(2) as usize;
        let input = said(&message, partition);
        if self.random.chance(300) {
            // The front office's amendment overtakes its trade.
            let told = Told { message, partition };
            let overtakes = self.version_of(told.message.clone(), partition);
            self.trades.push(told);
            self.at_later_step(input, 40);
            return overtakes;
        }
        self.trades.push(Told { message, partition });
        input
    }

    /// An amendment or a cancel, mostly of something recent.
    pub(super) fn later_version(&mut self) -> Input {
        let recent = self.trades.len().min(60);
        if recent == 0 {
            return self.trade();
        }
        let place = self.trades.len() - 1 - self.random.below(recent as u64) as usize;
        let Told { message, partition } = &self.trades[place];
        let (message, partition) = (message.clone(), *partition);
        let input = self.version_of(message, partition);
        if let Input::Message { means: Some(command), .. } = &input
            && let Command::Trade(message) = &**command
        {
            let details = message.details.clone().or_else(|| self.trades[place].message.details.clone());
            self.trades[place].message = TradeMessage { details, ..(**message).clone() };
        }
        input
    }

    fn version_of(&mut self, mut message: TradeMessage, partition: usize) -> Input {
        message.version += if self.random.chance(9_000) { 1 } else { 2 };
        message.action = if self.random.chance(700) { Action::New } else { Action::Amend };
        let Some(mut details) = message.details.clone() else { unreachable!("the last details are kept") };
        match self.random.below(12) {
            0..=2 => {
                message.action = Action::Cancel;
                message.details = None;
                return said(&message, partition);
            }
            3..=4 => details.book = id(&world::book(details.party.as_str(), self.random.below(2) as usize)),
            5 => {
                details.quantity = decimal(details.quantity.unscaled * 2, details.quantity.scale);
                price(&mut details);
            }
            6 => {
                let date = details.intended_settlement_date.unwrap_or(details.trade_date);
                details.intended_settlement_date = Some(date.add_days(1).expect("a date"));
            }
            7..=8 => (details.hold, details.priority) = (!details.hold, self.random.between(1, 4) as u8),
            9 => details.priority = self.random.between(1, 4) as u8,
            10 => details.book = id(if self.random.chance(5_000) { "NO-BOOK" } else { "NEW-BOOK" }),
            _ => details.order_reference = Some(id(&format!("O-{}", message.version))),
        }
        message.details = Some(details);
        said(&message, partition)
    }

    /// The same bytes again, perhaps on the other partition; or the same version with other content.
    pub(super) fn said_again(&mut self) -> Input {
        if self.messages.is_empty() {
            return self.trade();
        }
        let place = self.random.below(self.messages.len() as u64) as usize;
        let again = self.messages[place].clone();
        let Input::Message { means: Some(command), .. } = &again else { return again };
        match &**command {
            Command::Trade(message) if self.random.chance(2_500) => {
                let mut other = (**message).clone();
                match &mut other.details {
                    Some(details) => details.order_reference = Some(id("OTHERWISE")),
                    None => other.version += 1,
                }
                said(&other, self.random.below(2) as usize)
            }
            _ => again,
        }
    }

    pub(super) fn poison(&mut self) -> Input {
        let length = self.random.between(1, 40);
        // A first byte that begins no field.
        let mut bytes = vec![0xff];
        bytes.extend((0..length).map(|_| self.random.bits() as u8));
        Input::Message { partition: self.random.below(3) as usize, bytes: Rc::new(bytes), means: None }
    }

    /// A trade message as somebody replays it by hand.
    pub(super) fn replayed(&mut self) -> Option<Box<TradeMessage>> {
        let place = self.random.below(self.trades.len().max(1) as u64) as usize;
        let told = self.trades.get(place)?;
        let mut message = told.message.clone();
        message.action = Action::Amend;
        message.version += self.random.below(2) as u32;
        message.details.is_some().then(|| Box::new(message))
    }

    /// The last details of a trade, with its names.
    pub(super) fn some_trade(&mut self) -> Option<TradeMessage> {
        let place = self.random.below(self.trades.len().max(1) as u64) as usize;
        self.trades.get(place).map(|told| told.message.clone())
    }
}

/// Lets interest bear what quantity and price would not come to.
fn refit(details: &mut Details, net: i64) {
    details.price = decimal(0, 0);
    details.charges.clear();
    (details.gross, details.accrued, details.net) = (decimal(0, 0), decimal(net, 2), decimal(net, 2));
}

/// Gross from quantity and price, net from gross, interest and charges.
pub(super) fn price(details: &mut Details) {
    let percent = if details.price_type == PriceType::Percent { 2 } else { 0 };
    let digits = details.quantity.scale + details.price.scale + percent;
    let product = i128::from(details.quantity.unscaled) * i128::from(details.price.unscaled);
    let gross = if digits >= 2 {
        let power = 10i128.pow(digits - 2);
        (product * 2 + power).div_euclid(power * 2)
    } else {
        product * 10i128.pow(2 - digits)
    };
    let accrued = details.accrued.to_scale(2).expect("interest in cents");
    let charges: i128 = details.charges.iter().map(|each| each.amount.to_scale(2).expect("in cents")).sum();
    let net = gross + accrued + if details.side == Side::Buy { charges } else { -charges };
    details.gross = decimal(i64::try_from(gross).expect("a small house"), 2);
    details.net = decimal(i64::try_from(net).expect("a small house").max(0), 2);
}

fn said(message: &TradeMessage, partition: usize) -> Input {
    let mut bytes = Vec::new();
    wire::trade::encode(message, &mut bytes);
    // What the wire itself refuses nobody can read.
    let means = wire::trade::decode(&bytes).ok().map(|read| Rc::new(Command::Trade(Box::new(read))));
    Input::Message { partition, bytes: Rc::new(bytes), means }
}
