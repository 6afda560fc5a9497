//! LedgerService: the stock record and its tie-outs.

use projections::{PageRequest, ViewName};
use tonic::{Request, Response, Status};
use wire::pb::service as pb;
use wire::pb::service::ledger_service_server::LedgerService;
use wire::pb::view;

use crate::access::sight::Sight;
use crate::backend::Backend;

#[tonic::async_trait]
impl LedgerService for Backend {
    async fn list_balances(
        &self,
        request: Request<pb::ListBalancesRequest>,
    ) -> Result<Response<pb::ListBalancesResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Ledger, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let page = asked
            .read(move |views| {
                let page = PageRequest { size: request.page_size, token: &request.page_token };
                views.balances(&request.filter.unwrap_or_default(), page, at)
            })
            .await?;
        let view::BalancePage { sequence, mut balances, next_page_token } = page;
        balances.retain(|balance| sight.balance(balance));
        Ok(Response::new(pb::ListBalancesResponse { sequence, balances, next_page_token }))
    }

    async fn list_tie_outs(
        &self,
        request: Request<pb::ListTieOutsRequest>,
    ) -> Result<Response<pb::ListTieOutsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Ledger, request.get_ref().min_sequence, request.metadata()).await?;
        let view::TieOuts { sequence, mut lines } = asked.read(move |views| views.tie_outs(at)).await?;
        lines.retain(|_| sight.is_unlimited());
        Ok(Response::new(pb::ListTieOutsResponse { sequence, lines }))
    }
}
