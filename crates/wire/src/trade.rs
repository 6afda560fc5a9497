//! Trades: `quittance.trade.v1.Trade`, read straight from borrowed bytes into the model. This is the hot way in.

use crate::error::{DecodeError, Fault};
use crate::read;
use crate::schema::{Message, Wire, enumeration, message, message_field, read_fields, required, write_fields};
use crate::{MAX_TRADE, pb};
use model::decimal::Decimal;
use model::instruction::code;
use model::trade::{Action, Charge, CumEx, Details, Method, PriceType, QuantityType, Side, TradeMessage};
use prost::Message as _;
use std::borrow::Cow;

/// What an absent priority means: normal.
pub(crate) const NORMAL_PRIORITY: u8 = 4;

/// The most lines of charges of one trade.
const MAX_CHARGES: usize = 64;

/// Reads a trade message as it came from outside. Every rule of form is checked; rules of business are not.
pub fn decode(bytes: &[u8]) -> Result<TradeMessage, DecodeError> {
    if bytes.len() > MAX_TRADE {
        let reason = format_args!("{} bytes are more than a trade message may have ({MAX_TRADE})", bytes.len());
        return Err(*DecodeError::new(reason));
    }
    Ok(TradeMessage::read(bytes)?)
}

/// Appends a trade message.
pub fn encode(trade: &TradeMessage, out: &mut Vec<u8>) {
    trade.body(out);
}

/// The trade that a generated message stands for.
pub fn from_wire(trade: &pb::trade::Trade) -> Result<TradeMessage, DecodeError> {
    decode(&trade.encode_to_vec())
}

/// The generated message of a trade.
pub fn into_wire(trade: &TradeMessage) -> pb::trade::Trade {
    let mut bytes = Vec::with_capacity(512);
    encode(trade, &mut bytes);
    pb::trade::Trade::decode(&*bytes).expect("what is written here is what the schema says")
}

message_field! { TradeMessage }
impl Message for TradeMessage {
    fn body(&self, out: &mut Vec<u8>) {
        self.source.put(1, out);
        self.id.put(2, out);
        // Also when it is zero: an absent version is refused.
        self.version.put(3, out);
        self.action.put(4, out);
        self.details.write(5, out);
    }

    fn read(mut bytes: &[u8]) -> Result<TradeMessage, Fault> {
        let (mut source, mut id, mut version, mut action) = (None, None, None, None);
        let mut details: Option<Cow<'_, [u8]>> = None;
        while !bytes.is_empty() {
            let (key, value) = read::key(bytes)?;
            let step = match key.number() {
                1 => Wire::merge(&mut source, 1, key, value),
                2 => Wire::merge(&mut id, 2, key, value),
                3 => Wire::merge(&mut version, 3, key, value),
                4 => Wire::merge(&mut action, 4, key, value),
                5 => read::bytes(key, value).and_then(|(part, rest)| {
                    match &mut details {
                        None => details = Some(Cow::Borrowed(part)),
                        // A message sent in two parts is what the parts say one after the other. What the first one ends in must not
                        // swallow what the next begins with.
                        Some(before) => {
                            read::whole(before)?;
                            before.to_mut().extend_from_slice(part);
                        }
                    }
                    Ok(rest)
                }),
                _ => read::skip(key, value),
            };
            bytes = step.map_err(|fault| match key.number() {
                1 => fault.within("source"),
                2 => fault.within("id"),
                3 => fault.within("version"),
                4 => fault.within("action"),
                5 => fault.within("details"),
                _ => fault,
            })?;
        }
        let details = match details {
            Some(bytes) => Some(Details::read(&bytes).map_err(|error| error.within("details"))?),
            None => None,
        };
        let trade = TradeMessage {
            source: required(source, "source")?,
            id: required(id, "id")?,
            version: version.ok_or_else(|| DecodeError::missing("version"))?,
            action: required(action, "action")?,
            details,
        };
        match (trade.action, &trade.details) {
            (Action::Cancel, Some(_)) => Err(DecodeError::new("must be absent from a cancel").within("details")),
            (Action::New | Action::Amend, None) => Err(DecodeError::missing("details")),
            (_, Some(details)) if details.charges.len() > MAX_CHARGES => {
                Err(DecodeError::new(format_args!("more than {MAX_CHARGES} lines")).within("details.charges"))
            }
            _ => Ok(trade),
        }
    }
}

message! { Details {
    1 party, 2 counterparty, 3 book, 4 side, 5 instrument, 6 quantity, 7 price, 8 trade_date,
    9 intended_settlement_date, 10 currency, 11 gross, 12 net, 13 domain, 14 quantity_type, 15 price_type, 16 method,
    17 traded_at, 18 accrued = Decimal::ZERO, 19 charges, 20 transaction_type = code::TRAD,
    21 priority = NORMAL_PRIORITY, 22 depot, 23 nostro, 24 hold, 25 place_of_trade, 26 cum_ex, 27 opt_out,
    28 common_reference, 29 delivering_client, 30 receiving_client, 31 uti, 32 order_reference, 33 capacity
} }

message! { Charge { 1 kind, 2 amount } }

enumeration! { Action { 1 New, 2 Amend, 3 Cancel } }
enumeration! { Side { 1 Buy, 2 Sell } }
enumeration! { Method { 1 Dvp, 2 Fop } }
enumeration! { QuantityType { 1 Unit, 2 Face } }
enumeration! { PriceType { 1 Amount, 2 Percent } }
enumeration! { CumEx { 1 Cum, 2 Ex } }
