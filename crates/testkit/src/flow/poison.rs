//! Messages that should never have been sent: each is wrong in one way, and the flow says what must become of it.
//!
//! They are written byte by byte, not by the encoder of the service, which could not write most of them.

use super::deal::Deal;
use super::setup::decimal;
use super::story::bytes;
use super::world::{World, identifier};
use super::{Body, Expected};
use model::decimal::Decimal;
use model::identifier::Identifier;
use model::rejection::Reason;
use model::trade::{Action, Details, Side, TradeMessage};

/// More than a message may have (64 KiB).
const OVERSIZE: usize = 700_000;

/// The source that sends them.
pub(super) const SOURCE: &str = "FO-LEGACY";

/// Every poison, in the order it is sent.
pub(super) fn all(world: &World) -> Vec<(Body, Expected)> {
    let valid = |number: u32| Raw::trade(world, &format!("LEGACY-{number:03}"));
    let poison = |raw: Raw| (bytes(raw.write()), Expected::Unreadable);
    let refused = |number: u32, reason: Reason, spoil: &dyn Fn(&mut Details)| {
        let mut details = example(world);
        spoil(&mut details);
        let id = identifier(&format!("LEGACY-{number:03}"));
        let message =
            TradeMessage { source: identifier(SOURCE), id, version: 1, action: Action::New, details: Some(details) };
        (Body::Trade(Box::new(message)), Expected::Rejected(reason))
    };
    vec![
        // Cut off in transit: a length says more is to come.
        (bytes(truncated(valid(1).write())), Expected::Unreadable),
        // Not this format at all.
        (bytes(b"{\"hello\":\"world\"}".to_vec()), Expected::Unreadable),
        poison(Raw { id: b"LEG\xff\xfeCY".to_vec(), ..valid(3) }),
        poison(Raw { id: "LEG\u{410}CY-4".into(), ..valid(4) }),
        poison(Raw { id: "9".repeat(80).into(), ..valid(5) }),
        poison(Raw { quantity: Some((100, 40)), ..valid(6) }),
        poison(Raw { quantity: None, ..valid(7) }),
        // A day that is none, and one before all dates.
        poison(Raw { trade_date: 99_991_341, ..valid(8) }),
        poison(Raw { trade_date: 18_581_117, ..valid(9) }),
        poison(Raw { currency: b"EURO".to_vec(), ..valid(10) }),
        poison(Raw { padding: OVERSIZE, ..valid(11) }),
        refused(12, Reason::QuantityNotPositive, &|details| details.quantity = decimal(-100, 0)),
        refused(13, Reason::QuantityNotPositive, &|details| details.quantity = Decimal::ZERO),
        refused(14, Reason::AmountNegative, &|details| details.net = decimal(-1, 2)),
        refused(15, Reason::DateOutOfRange, &|details| {
            details.intended_settlement_date = Some(super::market::day("2199-12-30"));
        }),
        refused(16, Reason::AmountTooFine, &|details| details.net = decimal(12_345_678, 5)),
        // Forty digits are a fine name for a trade, and not a number.
        forty_digits(world),
    ]
}

/// What the person makes of the first poison when replaying it: source, id and contents.
pub(super) fn mended(world: &World) -> (Identifier, Identifier, Details) {
    (identifier(SOURCE), identifier("LEGACY-001"), example(world))
}

fn forty_digits(world: &World) -> (Body, Expected) {
    let id = identifier(&"1234567890".repeat(4));
    let message =
        TradeMessage { source: identifier(SOURCE), id, version: 1, action: Action::New, details: Some(example(world)) };
    (Body::Trade(Box::new(message)), Expected::Accepted)
}

/// An ordinary purchase that nobody on the other side reports.
fn example(world: &World) -> Details {
    let security =
        world.securities.iter().position(|security| security.coupon.is_none()).expect("a market has a share");
    let traded = world.days[0];
    let paper = &world.securities[security];
    let deal = Deal {
        buyer: 1,
        seller: 2,
        security,
        quantity: 100,
        price: paper.price * 100,
        traded,
        traded_at: None,
        settles: world.settlement_date(paper, traded),
        stated: true,
        free: false,
        client: false,
        commission: 0,
    };
    deal.details(world, Side::Buy)
}

fn truncated(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 7);
    bytes
}

/// A `quittance.trade.v1.Trade` as it stands on the wire, with fields that may be nonsense.
struct Raw {
    id: Vec<u8>,
    texts: [String; 5],
    /// Unscaled and scale.
    quantity: Option<(i64, u64)>,
    trade_date: u64,
    currency: Vec<u8>,
    /// So many bytes of a field that nobody knows.
    padding: usize,
}

impl Raw {
    fn trade(world: &World, id: &str) -> Raw {
        let details = example(world);
        let name = |name: &Identifier| name.as_str().to_owned();
        let texts =
            [&details.party, &details.counterparty, &details.book, &details.instrument, &details.domain].map(name);
        let (year, month, day) = details.trade_date.ymd();
        let trade_date = (year as u64 * 100 + u64::from(month)) * 100 + u64::from(day);
        Raw { id: id.into(), texts, quantity: Some((100, 0)), trade_date, currency: b"EUR".to_vec(), padding: 0 }
    }

    fn write(self) -> Vec<u8> {
        let [party, counterparty, book, instrument, domain] = &self.texts;
        let mut details = Vec::new();
        text(&mut details, 1, party.as_bytes());
        text(&mut details, 2, counterparty.as_bytes());
        text(&mut details, 3, book.as_bytes());
        number(&mut details, 4, 1);
        text(&mut details, 5, instrument.as_bytes());
        if let Some((unscaled, scale)) = self.quantity {
            amount(&mut details, 6, unscaled, scale);
        }
        amount(&mut details, 7, 1_000, 2);
        number(&mut details, 8, self.trade_date);
        text(&mut details, 10, &self.currency);
        amount(&mut details, 11, 100_000, 2);
        amount(&mut details, 12, 100_000, 2);
        text(&mut details, 13, domain.as_bytes());
        for field in [14, 15, 16] {
            number(&mut details, field, 1);
        }
        let mut trade = Vec::new();
        text(&mut trade, 1, SOURCE.as_bytes());
        text(&mut trade, 2, &self.id);
        number(&mut trade, 3, 1);
        number(&mut trade, 4, 1);
        text(&mut trade, 5, &details);
        if self.padding > 0 {
            text(&mut trade, 1_000, &vec![b'.'; self.padding]);
        }
        trade
    }
}

/// Protobuf's variable-length number.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn text(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn amount(out: &mut Vec<u8>, field: u64, unscaled: i64, scale: u64) {
    let mut decimal = Vec::new();
    // Zigzag: the sign goes into the lowest bit.
    number(&mut decimal, 1, ((unscaled << 1) ^ (unscaled >> 63)) as u64);
    number(&mut decimal, 2, scale);
    text(out, field, &decimal);
}
