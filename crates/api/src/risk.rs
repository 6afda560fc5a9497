//! RiskService: coverage, exposure and what else risk asks. Sums over all books and counterparties, so they are there for
//! who may see all.

use std::pin::Pin;

use projections::{PageRequest, ViewName};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use wire::pb::service as pb;
use wire::pb::service::risk_service_server::RiskService;
use wire::pb::view;

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::followed::Answer;

#[tonic::async_trait]
impl RiskService for Backend {
    async fn list_coverage(
        &self,
        request: Request<pb::ListCoverageRequest>,
    ) -> Result<Response<pb::ListCoverageResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let page = asked
            .read(move |views| {
                let page = PageRequest { size: request.page_size, token: &request.page_token };
                views.coverage(&request.filter.unwrap_or_default(), page, at)
            })
            .await?;
        let view::CoveragePage { sequence, mut coverages, next_page_token } = page;
        coverages.retain(|_| sight.is_unlimited());
        Ok(Response::new(pb::ListCoverageResponse { sequence, coverages, next_page_token }))
    }

    async fn get_exposure(
        &self,
        request: Request<pb::GetExposureRequest>,
    ) -> Result<Response<pb::GetExposureResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let filter = request.into_inner().filter.unwrap_or_default();
        let mut exposures = asked.read(move |views| views.exposure(&filter, at)).await?;
        exposures.rows.retain(|row| sight.counterparty(&row.counterparty));
        exposures.exceptions.retain(|_| sight.is_unlimited());
        Ok(Response::new(pb::GetExposureResponse { exposures: Some(exposures) }))
    }

    async fn get_capital(
        &self,
        request: Request<pb::GetCapitalRequest>,
    ) -> Result<Response<pb::GetCapitalResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let filter = request.into_inner().filter.unwrap_or_default();
        let mut capitals = asked.read(move |views| views.capital(&filter, at)).await?;
        capitals.rows.retain(|row| sight.counterparty(&row.counterparty));
        capitals.exceptions.retain(|_| sight.is_unlimited());
        if !sight.is_unlimited() {
            capitals.out_of_scope = 0;
        }
        Ok(Response::new(pb::GetCapitalResponse { capitals: Some(capitals) }))
    }

    async fn list_limits(
        &self,
        request: Request<pb::ListLimitsRequest>,
    ) -> Result<Response<pb::ListLimitsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, _) = self.arrival(ViewName::Status, 0, request.metadata()).await?;
        let (sequence, mut limits) = self.limits(&asked, request.into_inner().filter.unwrap_or_default()).await?;
        limits.retain(|row| sight.counterparty(&row.counterparty));
        Ok(Response::new(pb::ListLimitsResponse { sequence, limits }))
    }

    type WatchLimitsStream = Pin<Box<dyn Stream<Item = Result<pb::WatchLimitsResponse, Status>> + Send>>;

    async fn watch_limits(
        &self,
        request: Request<pb::WatchLimitsRequest>,
    ) -> Result<Response<Self::WatchLimitsStream>, Status> {
        let followed = self.follow_limits(request).await?;
        let seen = |update| pb::WatchLimitsResponse { update: Some(update) };
        Ok(Response::new(Box::pin(self.watch(followed, seen)?)))
    }

    type WatchMarginStream = Pin<Box<dyn Stream<Item = Result<pb::WatchMarginResponse, Status>> + Send>>;

    async fn watch_margin(
        &self,
        request: Request<pb::WatchMarginRequest>,
    ) -> Result<Response<Self::WatchMarginStream>, Status> {
        let followed = self.follow_margin(request).await?;
        let seen = |update| pb::WatchMarginResponse { update: Some(update) };
        Ok(Response::new(Box::pin(self.watch(followed, seen)?)))
    }

    async fn list_margin_accounts(
        &self,
        request: Request<pb::ListMarginAccountsRequest>,
    ) -> Result<Response<pb::ListMarginAccountsResponse>, Status> {
        self.margin_accounts(request).await
    }

    async fn list_margin_calls(
        &self,
        request: Request<pb::ListMarginCallsRequest>,
    ) -> Result<Response<pb::ListMarginCallsResponse>, Status> {
        self.margin_calls(request).await
    }

    async fn forecast_margin(
        &self,
        request: Request<pb::ForecastMarginRequest>,
    ) -> Result<Response<pb::ForecastMarginResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let filter = request.into_inner().filter.unwrap_or_default();
        let mut forecasts = asked.read(move |views| views.margin_forecast(&filter, at)).await?;
        // Accounts are the house's: there for who may see all of it.
        forecasts.accounts.retain(|_| sight.is_unlimited());
        forecasts.exceptions.retain(|_| sight.is_unlimited());
        Ok(Response::new(pb::ForecastMarginResponse { forecasts: Some(forecasts) }))
    }

    async fn estimate_market_risk(
        &self,
        request: Request<pb::EstimateMarketRiskRequest>,
    ) -> Result<Response<pb::EstimateMarketRiskResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let question = request.into_inner().question.unwrap_or_default();
        let whole = sees_all_of(&sight, &question)?;
        let mut risk = asked.read(move |views| views.market_risk(&question, at)).await?;
        if !whole {
            risk.rows.retain(|row| sight.position(&row.book));
            risk.total = None;
            hide_exceptions(&mut risk.basis);
        }
        Ok(Response::new(pb::EstimateMarketRiskResponse { risk: Some(risk) }))
    }

    async fn backtest_market_risk(
        &self,
        request: Request<pb::BacktestMarketRiskRequest>,
    ) -> Result<Response<pb::BacktestMarketRiskResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let question = request.into_inner().question.unwrap_or_default();
        let whole = sees_all_of(&sight, &question)?;
        let mut backtest = asked.read(move |views| views.backtest(&question, at)).await?;
        if !whole {
            backtest.rows.retain(|row| sight.position(&row.book));
            backtest.total = None;
            hide_exceptions(&mut backtest.basis);
        }
        Ok(Response::new(pb::BacktestMarketRiskResponse { backtest: Some(backtest) }))
    }

    async fn get_concentration(
        &self,
        request: Request<pb::GetConcentrationRequest>,
    ) -> Result<Response<pb::GetConcentrationResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let question = request.into_inner().question.unwrap_or_default();
        let whole = sees_all_of(&sight, &question)?;
        let mut concentration = asked.read(move |views| views.concentration(&question, at)).await?;
        if !whole {
            let view::Concentration { basis, gross, indices, rows } = &mut concentration;
            rows.clear();
            indices.clear();
            *gross = None;
            hide_exceptions(basis);
        }
        Ok(Response::new(pb::GetConcentrationResponse { concentration: Some(concentration) }))
    }

    type WatchExposureStream = Pin<Box<dyn Stream<Item = Result<pb::WatchExposureResponse, Status>> + Send>>;

    async fn watch_exposure(
        &self,
        request: Request<pb::WatchExposureRequest>,
    ) -> Result<Response<Self::WatchExposureStream>, Status> {
        let sight = Sight::of(request.extensions())?;
        let pb::WatchExposureRequest { filter, resume_token, min_sequence } = request.into_inner();
        let answer = Answer::Exposure(filter.unwrap_or_default());
        let followed = self.follow_answer(answer, sight, (resume_token, min_sequence)).await?;
        let seen = |update| pb::WatchExposureResponse { update: Some(update) };
        Ok(Response::new(Box::pin(self.watch(followed, seen)?)))
    }

    type WatchCoverageStream = Pin<Box<dyn Stream<Item = Result<pb::WatchCoverageResponse, Status>> + Send>>;

    async fn watch_coverage(
        &self,
        request: Request<pb::WatchCoverageRequest>,
    ) -> Result<Response<Self::WatchCoverageStream>, Status> {
        let sight = Sight::of(request.extensions())?;
        let pb::WatchCoverageRequest { filter, resume_token, min_sequence } = request.into_inner();
        let answer = Answer::Coverage(filter.unwrap_or_default());
        let followed = self.follow_answer(answer, sight, (resume_token, min_sequence)).await?;
        let seen = |update| pb::WatchCoverageResponse { update: Some(update) };
        Ok(Response::new(Box::pin(self.watch(followed, seen)?)))
    }
}

/// Whether the caller may see every book that a sum is made of. A book that it may not name is none.
fn sees_all_of(sight: &Sight, question: &view::MarketRiskQuestion) -> Result<bool, Status> {
    question.books.iter().try_for_each(|book| sight.book(book))?;
    let named = !question.books.is_empty() && question.books.iter().all(|book| sight.position(book));
    Ok(sight.is_unlimited() || named)
}

/// Exceptions are counted over all books.
fn hide_exceptions(basis: &mut Option<view::MarketRiskBasis>) {
    if let Some(basis) = basis {
        basis.exceptions.clear();
    }
}
