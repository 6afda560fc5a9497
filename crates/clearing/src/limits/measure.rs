//! What a trade takes of a limit (decision 54): an add-on of what is open before settlement, the whole principal where
//! delivery and payment are not one.

use super::{LimitKey, Limits};
use crate::marks::Lack;
use crate::reference::in_force;
use crate::state::State;
use alloc::vec::Vec;
use model::date::Date;
use model::decimal::{Decimal, Rounding};
use model::identifier::CurrencyCode;
use model::limit::{LimitKind, LimitLine};
use model::trade::{Method, Terms};
use risk::amount::share;

/// All of it.
const WHOLE: Decimal = Decimal { unscaled: 1, scale: 0 };

/// What a trade is to reserve of a line, in minor units of the limit; or what is lacking to tell.
pub(super) struct Wanted {
    pub line: LimitLine,
    pub amount: Result<i64, Lack>,
}

impl Limits {
    /// The share of what is open that counts, of an instrument with this CFI and for this trade date.
    pub fn add_on(&self, cfi: &str, trade_date: Date) -> Decimal {
        let fits = self.add_ons.iter().filter(|(prefix, _)| cfi.starts_with(prefix.as_str()));
        let rates = fits.filter_map(|(prefix, rows)| Some((prefix.len(), *in_force(rows, trade_date)?)));
        rates.max_by_key(|(length, _)| *length).map_or(WHOLE, |(_, rate)| rate)
    }
}

/// What a trade on these terms is to reserve; nothing where there is no limit with its counterparty.
pub(super) fn wanted(state: &State, terms: &Terms) -> Vec<Wanted> {
    let mut all = Vec::new();
    for kind in [LimitKind::PreSettlement, LimitKind::Delivery] {
        let key: LimitKey = (terms.party, terms.counterparty, kind);
        let Some(limit) = state.limits.limits.get(&key) else { continue };
        if kind == LimitKind::Delivery && terms.method == Method::Dvp {
            continue;
        }
        let value_date = (kind == LimitKind::Delivery).then_some(terms.intended_settlement_date);
        let line = LimitLine { entity: terms.party, counterparty: terms.counterparty, kind, value_date };
        all.push(Wanted { line, amount: measure(state, kind, terms, limit.currency) });
    }
    all
}

fn measure(state: &State, kind: LimitKind, terms: &Terms, into: CurrencyCode) -> Result<i64, Lack> {
    let range = |_| Lack::from("range");
    let principal = match terms.method {
        Method::Dvp => state.marks.convert(i128::from(terms.net), terms.currency, into)?,
        // Free of payment no amount is agreed: what the securities are worth.
        Method::Fop => {
            let quantity = i128::from(terms.quantity);
            state.marks.worth(&state.names, &state.reference, terms.instrument, quantity, into)?
        }
    };
    let amount = match kind {
        LimitKind::PreSettlement => {
            let cfi = state.reference.instrument(terms.instrument).map_or("", |entry| entry.cfi.as_str());
            share(principal, state.limits.add_on(cfi, terms.trade_date), Rounding::Up).map_err(range)?
        }
        LimitKind::Delivery | LimitKind::Issuer => principal,
    };
    i64::try_from(amount).ok().filter(|amount| *amount >= 0).ok_or_else(|| Lack::from("range"))
}
