//! One trade two members agreed on, and what each front office writes of it.

use super::setup::decimal;
use super::world::World;
use model::date::Date;
use model::decimal::{Rounding, div_round};
use model::identifier::Identifier;
use model::instruction::{Code, code};
use model::timestamp::Timestamp;
use model::trade::{Action, Charge, Details, Method, PriceType, Side, TradeMessage};

/// What was agreed. Both sides' messages are written from it, so they agree unless a fate says otherwise.
#[derive(Clone, Debug)]
pub(super) struct Deal {
    pub buyer: usize,
    pub seller: usize,
    pub security: usize,
    /// Pieces, or face amount.
    pub quantity: i64,
    /// Shares: ten-thousandths of the currency. Bonds: thousandths of a per cent.
    pub price: i64,
    pub traded: Date,
    pub traded_at: Option<Timestamp>,
    /// When it settles, and whether the messages say so.
    pub settles: Date,
    pub stated: bool,
    pub free: bool,
    /// The seller sells for its client.
    pub client: bool,
    /// What the buyer pays the seller inside the amount, in minor units.
    pub commission: i64,
}

impl Deal {
    /// Quantity times price, in minor units of the currency, half up.
    pub fn gross(&self, world: &World) -> i64 {
        // Shares: 10^-4 a piece to hundredths. Bonds: 10^-5 of face to hundredths.
        let divisor = if world.securities[self.security].coupon.is_some() { 1_000 } else { 100 };
        let exact = i128::from(self.quantity) * i128::from(self.price);
        div_round(exact, divisor, Rounding::HalfUp)
            .and_then(|units| i64::try_from(units).ok())
            .expect("a trade's amount fits")
    }

    /// Interest since the last coupon, as if every bond paid on 1 January.
    fn accrued(&self, world: &World) -> i64 {
        let Some(coupon) = world.securities[self.security].coupon else { return 0 };
        let first = Date::from_ymd(self.settles.year(), 1, 1).expect("a year has a first day");
        let days = i128::from(self.settles.days_since(first));
        // Coupon in hundredths of a per cent: 10^-4 of face, to hundredths of the currency.
        let exact = i128::from(self.quantity) * i128::from(coupon) * days;
        div_round(exact, 365 * 100, Rounding::HalfUp)
            .and_then(|units| i64::try_from(units).ok())
            .expect("interest fits")
    }

    /// What is paid in all, in minor units.
    pub fn amount(&self, world: &World) -> i64 {
        self.gross(world) + self.accrued(world) + self.commission
    }

    /// The contents of one side's message.
    pub fn details(&self, world: &World, side: Side) -> Details {
        let security = &world.securities[self.security];
        let (own, other) = match side {
            Side::Buy => (&world.members[self.buyer], &world.members[self.seller]),
            Side::Sell => (&world.members[self.seller], &world.members[self.buyer]),
        };
        let bond = security.coupon.is_some();
        let for_client = self.client && side == Side::Sell;
        let (gross, accrued) = if self.free { (0, 0) } else { (self.gross(world), self.accrued(world)) };
        let mut details = Details {
            party: own.party.clone(),
            counterparty: other.party.clone(),
            book: if for_client { own.client_book.clone() } else { own.book.clone() },
            side,
            instrument: security.id.clone(),
            quantity: decimal(self.quantity, 0),
            quantity_type: security.quantity_type(),
            price: if bond { decimal(self.price, 3) } else { decimal(self.price, 4) },
            price_type: if bond { PriceType::Percent } else { PriceType::Amount },
            trade_date: self.traded,
            traded_at: self.traded_at,
            intended_settlement_date: self.stated.then_some(self.settles),
            currency: security.currency,
            gross: decimal(gross, 2),
            accrued: decimal(accrued, 2),
            charges: Vec::new(),
            net: decimal(gross + accrued, 2),
            method: if self.free { Method::Fop } else { Method::Dvp },
            domain: world.domain.clone(),
            place_of_trade: None,
            transaction_type: code::TRAD,
            cum_ex: None,
            opt_out: false,
            common_reference: None,
            delivering_client: for_client.then(|| own.client.clone()),
            receiving_client: None,
            depot: None,
            nostro: None,
            hold: false,
            priority: 4,
            uti: None,
            order_reference: None,
            capacity: None,
        };
        if self.commission > 0 {
            let cost = if side == Side::Buy { self.commission } else { -self.commission };
            charge(&mut details, "COMM", cost);
        }
        if world.shape.story {
            details.place_of_trade = (!bond).then(|| security.market.clone());
            details.capacity = Some(Code::of("DEAL"));
        }
        details
    }
}

/// Adds a fee (a rebate when negative), in hundredths, and sets the net right: a buyer pays it, a seller gets less.
pub(super) fn charge(details: &mut Details, kind: &str, amount: i64) {
    details.charges.push(Charge { kind: Code::of(kind), amount: decimal(amount, 2) });
    let net = &mut details.net.unscaled;
    *net += if details.side == Side::Buy { amount } else { -amount };
}

/// A version of a trade with contents.
pub(super) fn message(source: &Identifier, id: &Identifier, version: u32, details: Details) -> TradeMessage {
    let action = if version == 1 { Action::New } else { Action::Amend };
    TradeMessage { source: source.clone(), id: id.clone(), version, action, details: Some(details) }
}

/// The cancellation of a trade.
pub(super) fn cancellation(source: &Identifier, id: &Identifier, version: u32) -> TradeMessage {
    TradeMessage { source: source.clone(), id: id.clone(), version, action: Action::Cancel, details: None }
}
