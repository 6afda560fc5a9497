//! CashService: the ladders of the cash view.

use std::pin::Pin;

use projections::{PageRequest, ViewName};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use wire::pb::service as pb;
use wire::pb::service::cash_service_server::CashService;
use wire::pb::view;

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::failure;
use crate::followed::Answer;

#[tonic::async_trait]
impl CashService for Backend {
    async fn list_cash_ladders(
        &self,
        request: Request<pb::ListCashLaddersRequest>,
    ) -> Result<Response<pb::ListCashLaddersResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Cash, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let page = asked
            .read(move |views| {
                let page = PageRequest { size: request.page_size, token: &request.page_token };
                views.cash(&request.filter.unwrap_or_default(), page, at)
            })
            .await?;
        let view::CashPage { sequence, mut ladders, next_page_token } = page;
        ladders.retain(|_| sight.is_unlimited());
        Ok(Response::new(pb::ListCashLaddersResponse { sequence, ladders, next_page_token }))
    }

    async fn get_cash_ladder(
        &self,
        request: Request<pb::GetCashLadderRequest>,
    ) -> Result<Response<pb::GetCashLadderResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Cash, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        for (field, value) in [("account", &request.account), ("currency", &request.currency)] {
            if value.is_empty() {
                return Err(failure::malformed(field, "is required and missing"));
            }
        }
        let id = format!("of {} in {}", request.account, request.currency);
        let filter = view::CashFilter { account: request.account, currency: request.currency, ..Default::default() };
        let page = asked.cash(&filter, PageRequest { size: 1, token: "" }, at).map_err(failure::view)?;
        let ladder = page.ladders.into_iter().next().filter(|_| sight.is_unlimited());
        let ladder = ladder.ok_or_else(|| failure::not_found("cash ladder", id))?;
        Ok(Response::new(pb::GetCashLadderResponse { sequence: page.sequence, ladder: Some(ladder) }))
    }

    type WatchCashLaddersStream = Pin<Box<dyn Stream<Item = Result<pb::WatchCashLaddersResponse, Status>> + Send>>;

    async fn watch_cash_ladders(
        &self,
        request: Request<pb::WatchCashLaddersRequest>,
    ) -> Result<Response<Self::WatchCashLaddersStream>, Status> {
        let sight = Sight::of(request.extensions())?;
        let pb::WatchCashLaddersRequest { filter, resume_token, min_sequence } = request.into_inner();
        let answer = Answer::Cash(filter.unwrap_or_default());
        let followed = self.follow_answer(answer, sight, (resume_token, min_sequence)).await?;
        let seen = |update| pb::WatchCashLaddersResponse { update: Some(update) };
        Ok(Response::new(Box::pin(self.watch(followed, seen)?)))
    }
}
