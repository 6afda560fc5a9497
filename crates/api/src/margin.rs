//! Client margin accounts: how they stand at a recorded set of prices, and which calls have not ended. Assessed from the
//! shard's state, by the same code as a call is.

use engine::{CallFacts, MarginStanding};
use model::currency::exponent;
use model::identifier::CurrencyCode;
use model::margin::CallKind;
use projections::ViewName;
use tonic::{Request, Response, Status};
use wire::pb::{record, service as pb, typ, view};

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::state::date_number;

impl Backend {
    /// Accounts are the house's: there for who may see all of it.
    pub(crate) async fn margin_accounts(
        &self,
        request: Request<pb::ListMarginAccountsRequest>,
    ) -> Result<Response<pb::ListMarginAccountsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, 0, request.metadata()).await?;
        let wanted = request.into_inner().prices.unwrap_or_default();
        asked.undated("a client margin account")?;
        let (set, prices) = asked.read(move |views| views.price_set(&wanted, at)).await?;
        let (sequence, rows) = asked.state(move |state| (state.sequence(), state.margin_standings(&set))).await?;
        let accounts = rows.iter().filter(|_| sight.is_unlimited()).map(standing).collect();
        let standings = view::MarginStandings { sequence, prices: Some(prices), accounts };
        Ok(Response::new(pb::ListMarginAccountsResponse { standings: Some(standings) }))
    }

    pub(crate) async fn margin_calls(
        &self,
        request: Request<pb::ListMarginCallsRequest>,
    ) -> Result<Response<pb::ListMarginCallsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, _) = self.arrival(ViewName::Status, 0, request.metadata()).await?;
        asked.undated("a margin call")?;
        let wanted = request.into_inner();
        let (sequence, rows) = asked.state(|state| (state.sequence(), state.margin_calls())).await?;
        let fits = |row: &&CallFacts| {
            sight.is_unlimited()
                && (wanted.account.is_empty() || row.account.as_str() == wanted.account)
                && (!wanted.only_missed || row.missed)
        };
        let calls = rows.iter().filter(fits).map(call).collect();
        Ok(Response::new(pb::ListMarginCallsResponse { sequence, calls }))
    }
}

pub(crate) fn standing(row: &MarginStanding) -> view::MarginStanding {
    let sound = row.lacks.is_empty();
    let amount = |units: i64| sound.then(|| money(units, row.currency));
    let figures = &row.figures;
    view::MarginStanding {
        account: row.account.to_string(),
        client: row.client.to_string(),
        book: row.book.to_string(),
        currency: row.currency.to_string(),
        rule: row.rule.clone(),
        long: amount(figures.long),
        short: amount(figures.short),
        cash: amount(figures.cash),
        equity: amount(figures.equity),
        initial: amount(figures.initial),
        excess: amount(figures.equity.saturating_sub(figures.initial)),
        maintenance: amount(figures.maintenance),
        missing: amount(figures.missing),
        called: Some(money(row.called, row.currency)),
        lacks: row.lacks.clone(),
    }
}

pub(crate) fn call(row: &CallFacts) -> view::MarginCall {
    view::MarginCall {
        number: row.number,
        account: row.account.to_string(),
        client: row.client.to_string(),
        currency: row.currency.to_string(),
        date: date_number(row.date),
        amount: Some(money(row.amount, row.currency)),
        outstanding: Some(money(row.outstanding, row.currency)),
        due: date_number(row.due),
        missed: row.missed,
        issued_in: row.issued,
        kind: match row.kind {
            CallKind::Maintenance => record::MarginCallKind::Maintenance,
            CallKind::Initial => record::MarginCallKind::Initial,
        } as i32,
    }
}

fn money(units: i64, currency: CurrencyCode) -> typ::Decimal {
    typ::Decimal { unscaled: units, scale: u32::from(exponent(currency).unwrap_or(0)) }
}
