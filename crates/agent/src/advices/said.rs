//! Small words of advices: which message a command carries out, the codes the agent gives.

use model::date::Date;
use model::identifier::CurrencyCode;
use model::instruction::Code;

/// Cancelled already.
pub(super) const DCAN: Code = Code::of("DCAN");
/// A reference that is not known.
pub(super) const REFE: Code = Code::of("REFE");
/// Another reason.
pub(super) const OTHR: Code = Code::of("OTHR");

/// A message of a bank, as the request id of a command names it: `HOUSE/REFERENCE:n/of`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub reference: String,
    /// The last command of the message.
    pub is_last: bool,
}

impl Request {
    pub fn parse(request_id: &str, house: &str) -> Option<Request> {
        let (reference, count) = request_id.strip_prefix(house)?.strip_prefix('/')?.split_once(':')?;
        let (number, of) = count.split_once('/')?;
        Some(Request { reference: reference.to_owned(), is_last: number == of })
    }
}

/// A settlement of one of two instructions.
pub(super) struct Settled {
    pub quantity: i64,
    pub currency: CurrencyCode,
    pub amount: i64,
    pub date: Date,
}

pub(super) fn texts(codes: &[Code]) -> Vec<String> {
    codes.iter().map(|code| code.as_str().to_owned()).collect()
}

/// Bank transaction code: securities, settlement, trade.
pub(super) fn entry_code() -> &'static str {
    "SECU/SETT/TRAD"
}
