//! PositionService: what the books hold, by lots.

use std::pin::Pin;

use projections::{PageRequest, ViewName};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use wire::pb::service as pb;
use wire::pb::service::position_service_server::PositionService;
use wire::pb::view;

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::failure;
use crate::followed::Answer;

#[tonic::async_trait]
impl PositionService for Backend {
    async fn list_positions(
        &self,
        request: Request<pb::ListPositionsRequest>,
    ) -> Result<Response<pb::ListPositionsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let (method, filter) = (request.method(), request.filter.unwrap_or_default());
        sight.book(&filter.book)?;
        let page = asked
            .read(move |views| {
                let page = PageRequest { size: request.page_size, token: &request.page_token };
                views.positions(&filter, method, page, at)
            })
            .await?;
        let view::PositionPage { sequence, business_date, mut positions, next_page_token } = page;
        positions.retain(|position| sight.position(&position.book));
        Ok(Response::new(pb::ListPositionsResponse { sequence, business_date, positions, next_page_token }))
    }

    async fn get_position(
        &self,
        request: Request<pb::GetPositionRequest>,
    ) -> Result<Response<pb::GetPositionResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        for (field, value) in [("book", &request.book), ("instrument", &request.instrument)] {
            if value.is_empty() {
                return Err(failure::malformed(field, "is required and missing"));
            }
        }
        if !sight.position(&request.book) {
            return Err(failure::not_found("position", format!("of {} in {}", request.instrument, request.book)));
        }
        let method = request.method();
        let answer = asked.read(move |views| views.position(&request.book, &request.instrument, method, at)).await?;
        Ok(Response::new(pb::GetPositionResponse { sequence: answer.sequence, positions: answer.value }))
    }

    type WatchPositionsStream = Pin<Box<dyn Stream<Item = Result<pb::WatchPositionsResponse, Status>> + Send>>;

    async fn watch_positions(
        &self,
        request: Request<pb::WatchPositionsRequest>,
    ) -> Result<Response<Self::WatchPositionsStream>, Status> {
        let sight = Sight::of(request.extensions())?;
        self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let (method, filter) = (request.method(), request.filter.unwrap_or_default());
        sight.book(&filter.book)?;
        let token = Some(request.resume_token.as_str()).filter(|token| !token.is_empty());
        let subscription = self.views()?.subscribe_positions(&filter, method, token).map_err(failure::view)?;
        let seen = move |update| pb::WatchPositionsResponse { update: Some(sight.positions(update)) };
        Ok(Response::new(Box::pin(self.watch(subscription, seen)?)))
    }

    async fn list_pnl(&self, request: Request<pb::ListPnlRequest>) -> Result<Response<pb::ListPnlResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let question = request.question.unwrap_or_default();
        sight.book(question.filter.as_ref().map_or("", |filter| &filter.book))?;
        let page = asked
            .read(move |views| {
                let page = PageRequest { size: request.page_size, token: &request.page_token };
                views.pnl(&question, page, at)
            })
            .await?;
        let view::PnlPage { sequence, mut bases, mut lines, next_page_token } = page;
        lines.retain(|line| sight.position(&line.book));
        bases.retain(|basis| lines.iter().any(|line| line.entity == basis.entity));
        Ok(Response::new(pb::ListPnlResponse { sequence, bases, lines, next_page_token }))
    }

    async fn summarize_pnl(
        &self,
        request: Request<pb::SummarizePnlRequest>,
    ) -> Result<Response<pb::SummarizePnlResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Positions, request.get_ref().min_sequence, request.metadata()).await?;
        let question = request.into_inner().question.unwrap_or_default();
        sight.book(question.filter.as_ref().map_or("", |filter| &filter.book))?;
        let named = question.filter.as_ref().is_some_and(|filter| !filter.book.is_empty());
        let summary = asked.read(move |views| views.pnl_summary(&question, at)).await?;
        let view::PnlSummary { sequence, mut bases, mut totals, mut exceptions } = summary;
        totals.retain(|total| sight.position(&total.book));
        bases.retain(|basis| totals.iter().any(|total| total.entity == basis.entity));
        // Counted over all books, unless one was named that may be seen.
        exceptions.retain(|_| sight.is_unlimited() || (named && !totals.is_empty()));
        Ok(Response::new(pb::SummarizePnlResponse { sequence, bases, totals, exceptions }))
    }

    type WatchPnlStream = Pin<Box<dyn Stream<Item = Result<pb::WatchPnlResponse, Status>> + Send>>;

    async fn watch_pnl(&self, request: Request<pb::WatchPnlRequest>) -> Result<Response<Self::WatchPnlStream>, Status> {
        let sight = Sight::of(request.extensions())?;
        let pb::WatchPnlRequest { question, resume_token, min_sequence } = request.into_inner();
        let question = question.unwrap_or_default();
        sight.book(question.filter.as_ref().map_or("", |filter| &filter.book))?;
        let followed = self.follow_answer(Answer::Pnl(question), sight, (resume_token, min_sequence)).await?;
        let seen = |update| pb::WatchPnlResponse { update: Some(update) };
        Ok(Response::new(Box::pin(self.watch(followed, seen)?)))
    }
}
