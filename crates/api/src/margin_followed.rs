//! Following margin: accounts, calls and, where asked, what CCPs will ask, as rows of one answer.

use projections::{Followed, Mark, ViewName};
use prost::Message as _;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};
use wire::pb::view::margin_update::{Changes, ForecastKey, Heartbeat, Kind, Reset, Snapshot};
use wire::pb::{service as pb, view};

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::computed::{Computed, Look, Question, Rolls, Said, question_hash};
use crate::margin;

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowKey {
    Basis,
    Account(String),
    /// A call of an account.
    Call(u64, String),
    /// Entity, CCP, depot and currency.
    Forecast([String; 4]),
}

#[derive(Clone, PartialEq)]
pub(crate) enum Row {
    Basis(view::MarginBasis),
    Account(view::MarginStanding),
    Call(view::MarginCall),
    Forecast(view::MarginForecast),
}

pub(crate) type MarginRolls = Rolls<RowKey, Row>;

/// What one caller follows.
#[derive(Clone)]
pub(crate) struct MarginQuestion {
    filter: view::MarginFilter,
    sight: Sight,
}

impl Backend {
    pub(crate) async fn follow_margin(
        &self,
        request: Request<pb::WatchMarginRequest>,
    ) -> Result<Computed<MarginQuestion>, Status> {
        let sight = Sight::of(request.extensions())?;
        let pb::WatchMarginRequest { filter, resume_token, min_sequence } = request.into_inner();
        let filter = filter.unwrap_or_default();
        let mark = Mark::new(Followed::Margin, self.house()?.1, &filter.encode_to_vec());
        // What is asked for everybody, whoever sees which part of it.
        let same = question_hash(&view::MarginFilter { account: String::new(), ..filter.clone() });
        let rolls = self.rolls()?;
        self.follow(MarginQuestion { filter, sight }, (&rolls.margin, same), mark, (&resume_token, min_sequence)).await
    }
}

impl Question for MarginQuestion {
    type Key = RowKey;
    type Row = Row;
    type Update = view::MarginUpdate;

    async fn ask(&self, backend: &Backend) -> Result<Look<MarginQuestion>, Status> {
        // Read before everything else: all that follows has at least this in it.
        let sequence = backend.views()?.slowest().unwrap_or_default();
        let (asked, at) = backend.arrival(ViewName::Status, 0, &MetadataMap::new()).await?;
        let mut basis = view::MarginBasis::default();
        let mut rows = Vec::new();
        let wanted = self.filter.prices.clone().unwrap_or_default();
        match asked.read(move |views| views.price_set(&wanted, at)).await {
            Ok((set, prices)) => {
                let accounts = asked.state(move |state| state.margin_standings(&set)).await?;
                let accounts = accounts.iter().map(margin::standing);
                rows.extend(accounts.map(|row| (RowKey::Account(row.account.clone()), Row::Account(row))));
                basis.prices = Some(prices);
            }
            Err(status) if status.code() == Code::NotFound => basis.unpriced = status.message().to_owned(),
            Err(status) => return Err(status),
        }
        let calls = asked.state(|state| state.margin_calls()).await?;
        let calls = calls.iter().map(margin::call);
        rows.extend(calls.map(|row| (RowKey::Call(row.number, row.account.clone()), Row::Call(row))));
        if let Some(mut filter) = self.filter.forecast.clone() {
            filter.prices = filter.prices.or_else(|| self.filter.prices.clone());
            match asked.read(move |views| views.margin_forecast(&filter, at)).await {
                Ok(mut forecasts) => {
                    rows.extend(forecasts.accounts.drain(..).map(|row| (forecast_key(&row), Row::Forecast(row))));
                    forecasts.sequence = 0;
                    basis.forecast = Some(forecasts);
                }
                Err(status) if status.code() == Code::NotFound => basis.unpriced = status.message().to_owned(),
                Err(status) => return Err(status),
            }
        }
        rows.push((RowKey::Basis, Row::Basis(basis)));
        Ok((sequence, rows))
    }

    /// Accounts are the house's: there for who may see all of it.
    fn concerns(&self, key: &RowKey) -> bool {
        let wanted = |account: &str| self.filter.account.is_empty() || account == self.filter.account;
        self.sight.is_unlimited()
            && match key {
                RowKey::Basis | RowKey::Forecast(_) => true,
                RowKey::Account(account) | RowKey::Call(_, account) => wanted(account),
            }
    }

    fn update(&self, sequence: u64, resume_token: String, said: Said<RowKey, Row>) -> view::MarginUpdate {
        let kind = match said {
            Said::Reset => Kind::Reset(Reset {}),
            Said::Snapshot { rows, last } => Kind::Snapshot(Snapshot { rows: Some(sorted(rows)), last }),
            Said::Changes { rows, left } => Kind::Changes(changes(sorted(rows), left)),
            Said::Heartbeat => Kind::Heartbeat(Heartbeat {}),
        };
        view::MarginUpdate { sequence, resume_token, kind: Some(kind) }
    }
}

fn forecast_key(row: &view::MarginForecast) -> RowKey {
    RowKey::Forecast([row.entity.clone(), row.ccp.clone(), row.account.clone(), row.currency.clone()])
}

/// Rows by what they are.
fn sorted(rows: Vec<Row>) -> view::MarginRows {
    let mut sorted = view::MarginRows::default();
    for row in rows {
        match row {
            Row::Basis(basis) => sorted.basis = Some(basis),
            Row::Account(row) => sorted.accounts.push(row),
            Row::Call(row) => sorted.calls.push(row),
            Row::Forecast(row) => sorted.forecasts.push(row),
        }
    }
    sorted
}

fn changes(rows: view::MarginRows, left: Vec<RowKey>) -> Changes {
    let mut changes = Changes { rows: Some(rows), ..Changes::default() };
    for key in left {
        match key {
            // It changes and never goes.
            RowKey::Basis => {}
            RowKey::Account(account) => changes.accounts_left.push(account),
            RowKey::Call(number, _) => changes.calls_left.push(number),
            RowKey::Forecast([entity, ccp, account, currency]) => {
                changes.forecasts_left.push(ForecastKey { entity, ccp, account, currency });
            }
        }
    }
    changes
}
