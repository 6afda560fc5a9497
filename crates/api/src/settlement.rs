//! SettlementService: what people do to instructions, and how these stand.

use std::pin::Pin;

use projections::{At, PageRequest, ViewName};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use wire::pb::record;
use wire::pb::record::command::Kind;
use wire::pb::service as pb;
use wire::pb::service::settlement_service_server::SettlementService;
use wire::pb::view;

use crate::access::sight::{Sight, Watched};
use crate::backend::Backend;
use crate::failure;
use crate::operator::Page;

#[tonic::async_trait]
impl SettlementService for Backend {
    async fn steer_instruction(
        &self,
        request: Request<pb::SteerInstructionRequest>,
    ) -> Result<Response<pb::SteerInstructionResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        if request.action() == record::SteerAction::Unspecified {
            return Err(failure::malformed("action", "is required and missing: what is to be done to the instruction"));
        }
        let steer =
            record::Steer { instruction: request.instruction, action: request.action, priority: request.priority };
        let receipt =
            self.command(&metadata, &request.request_id, &request.reason, Kind::Steer(steer), "steer").await?;
        Ok(Response::new(pb::SteerInstructionResponse { receipt }))
    }

    async fn get_instruction(
        &self,
        request: Request<pb::GetInstructionRequest>,
    ) -> Result<Response<pb::GetInstructionResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let answer = asked.instruction(request.get_ref().number, at).map_err(failure::view)?;
        if !sight.instruction(&answer.value) {
            let id = answer.value.number.to_string();
            return Err(failure::view(projections::Error::NotFound { what: "instruction", id }));
        }
        Ok(Response::new(pb::GetInstructionResponse { sequence: answer.sequence, instruction: Some(answer.value) }))
    }

    async fn list_instructions(
        &self,
        request: Request<pb::ListInstructionsRequest>,
    ) -> Result<Response<pb::ListInstructionsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        sight.filter(request.filter.as_ref().unwrap_or(&view::InstructionFilter::default()))?;
        let page = asked
            .read(move |views| {
                let page = PageRequest { size: request.page_size, token: &request.page_token };
                views.instructions(&request.filter.unwrap_or_default(), page, at)
            })
            .await?;
        let view::InstructionPage { sequence, mut instructions, next_page_token } = page;
        instructions.retain(|instruction| sight.instruction(instruction));
        Ok(Response::new(pb::ListInstructionsResponse { sequence, instructions, next_page_token }))
    }

    async fn explain_unmatched(
        &self,
        request: Request<pb::ExplainUnmatchedRequest>,
    ) -> Result<Response<pb::ExplainUnmatchedResponse>, Status> {
        let (sight, number) = (Sight::of(request.extensions())?, request.get_ref().number);
        // The state is ahead of the views: who may see the record there sees it here.
        let (asked, _) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        asked.undated("why an instruction is unmatched")?;
        let unknown = || failure::not_found("open and unmatched instruction", number);
        if !sight.is_unlimited() {
            let answer = asked.instruction(number, At::NOW).map_err(|_| unknown())?;
            if !sight.instruction(&answer.value) {
                return Err(unknown());
            }
        }
        let (sequence, codes) = self.why_unmatched(&asked, number).await?;
        let codes = codes.ok_or_else(unknown)?;
        Ok(Response::new(pb::ExplainUnmatchedResponse { sequence, codes }))
    }

    async fn explain_settlement(
        &self,
        request: Request<pb::ExplainSettlementRequest>,
    ) -> Result<Response<pb::ExplainSettlementResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let asked = request.into_inner();
        if !sight.is_unlimited() {
            return Err(failure::not_found("open instruction or trade", asked.number));
        }
        let (sequence, explanation) = self.explain(&asked).await?;
        Ok(Response::new(pb::ExplainSettlementResponse { sequence, explanation: Some(explanation) }))
    }

    async fn summarize_instructions(
        &self,
        request: Request<pb::SummarizeInstructionsRequest>,
    ) -> Result<Response<pb::SummarizeInstructionsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let view::Summary { sequence, mut lines } = asked.summary(at).map_err(failure::view)?;
        lines.retain(|_| sight.is_unlimited());
        Ok(Response::new(pb::SummarizeInstructionsResponse { sequence, lines }))
    }

    async fn list_breaks(
        &self,
        request: Request<pb::ListBreaksRequest>,
    ) -> Result<Response<pb::ListBreaksResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let mut answer = asked.breaks(at).map_err(failure::view)?;
        // Whose business it is that the outside speaks of is not always known.
        answer.value.retain(|_| sight.is_unlimited());
        let page = Page::new("breaks", request.get_ref().page_size, &request.get_ref().page_token)?;
        let (breaks, next_page_token) = page.cut(answer.value, |each| each.number);
        Ok(Response::new(pb::ListBreaksResponse { sequence: answer.sequence, breaks, next_page_token }))
    }

    type WatchInstructionsStream = Pin<Box<dyn Stream<Item = Result<pb::WatchInstructionsResponse, Status>> + Send>>;

    async fn watch_instructions(
        &self,
        request: Request<pb::WatchInstructionsRequest>,
    ) -> Result<Response<Self::WatchInstructionsStream>, Status> {
        let sight = Sight::of(request.extensions())?;
        self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let filter = request.filter.unwrap_or_default();
        sight.filter(&filter)?;
        let token = Some(request.resume_token.as_str()).filter(|token| !token.is_empty());
        let subscription = self.views()?.subscribe(&filter, token).map_err(failure::view)?;
        let mut watched = Watched::new(sight);
        let seen = move |update| pb::WatchInstructionsResponse { update: Some(watched.through(update)) };
        Ok(Response::new(Box::pin(self.watch(subscription, seen)?)))
    }
}
