//! TradeService: trades in, one at a time, and how they stand. Many at a time: `bulk`.

use std::pin::Pin;

use model::command::Command;
use model::identifier::Identifier;
use model::trade::TradeMessage;
use projections::{PageRequest, ViewName};
use store::chain;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};
use wire::pb::service as pb;
use wire::pb::service::trade_service_server::TradeService;
use wire::pb::trade::Trade;
use wire::pb::view;

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::caller::Fault;
use crate::{caller, failure};

#[tonic::async_trait]
impl TradeService for Backend {
    async fn submit_trade(
        &self,
        request: Request<pb::SubmitTradeRequest>,
    ) -> Result<Response<pb::SubmitTradeResponse>, Status> {
        let actor = caller::actor(request.metadata())?;
        let ack = self.ack(request.metadata())?;
        let request = request.into_inner();
        let reason = caller::reason(&request.reason)?;
        let trade = request.trade.as_ref().ok_or_else(|| failure::malformed("trade", "is required and missing"))?;
        let message = wire::trade::from_wire(trade).map_err(|error| failure::undecodable("trade", &error))?;
        let request_id = trade_request_id(&request.request_id, &message)?;
        let verdict = self.submit(Command::Trade(Box::new(message)), request_id, actor, reason, &ack).await?;
        Ok(Response::new(pb::SubmitTradeResponse { receipt: verdict.into_receipt()? }))
    }

    type SubmitTradesStream = Pin<Box<dyn Stream<Item = Result<pb::SubmitTradesResponse, Status>> + Send>>;

    async fn submit_trades(
        &self,
        request: Request<Streaming<pb::SubmitTradesRequest>>,
    ) -> Result<Response<Self::SubmitTradesStream>, Status> {
        let actor = caller::actor(request.metadata())?;
        let ack = self.ack(request.metadata())?;
        Ok(Response::new(Box::pin(self.submit_all(actor, ack, request.into_inner()))))
    }

    async fn get_trade(&self, request: Request<pb::GetTradeRequest>) -> Result<Response<pb::GetTradeResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        for (field, value) in [("source", &request.source), ("id", &request.id)] {
            Identifier::parse(value).map_err(|error| failure::malformed(field, error))?;
        }
        let answer = asked.trade(&request.source, &request.id, at).map_err(failure::view)?;
        if !sight.trade(&answer.value) {
            let id = format!("{} {}", request.source, request.id);
            return Err(failure::view(projections::Error::NotFound { what: "trade", id }));
        }
        Ok(Response::new(pb::GetTradeResponse { sequence: answer.sequence, trade: Some(answer.value) }))
    }

    async fn list_trades(
        &self,
        request: Request<pb::ListTradesRequest>,
    ) -> Result<Response<pb::ListTradesResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let page = asked
            .read(move |views| {
                views.loose_trades(PageRequest { size: request.page_size, token: &request.page_token }, at)
            })
            .await?;
        let view::TradePage { sequence, mut trades, next_page_token } = page;
        trades.retain(|trade| sight.trade(trade));
        Ok(Response::new(pb::ListTradesResponse { sequence, trades, next_page_token }))
    }
}

/// The request id that a caller gave, or one that the same trade message always gets.
pub(crate) fn trade_request_id(given: &str, message: &TradeMessage) -> Result<Identifier, Fault> {
    if !given.is_empty() {
        return caller::request_id(given);
    }
    let mut bytes = Vec::with_capacity(512);
    wire::trade::encode(message, &mut bytes);
    let hash: String = chain::leaf(&bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Identifier::parse(&format!("trade:{hash}")).expect("letters, digits and a colon make an identifier"))
}

/// A trade of a stream, read; what is wrong with it where it cannot be.
pub(crate) fn read_trade(trade: Option<&Trade>) -> Result<TradeMessage, pb::TradeMalformed> {
    let missing = || pb::TradeMalformed { path: "trade".to_owned(), reason: "is required and missing".to_owned() };
    wire::trade::from_wire(trade.ok_or_else(missing)?)
        .map_err(|error| pb::TradeMalformed { path: failure::joined("trade", &error.path), reason: error.reason })
}
