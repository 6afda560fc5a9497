//! ReportService: management figures.

use std::pin::Pin;

use projections::ViewName;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use wire::pb::service as pb;
use wire::pb::service::report_service_server::ReportService;

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::followed::Answer;

#[tonic::async_trait]
impl ReportService for Backend {
    async fn get_report(
        &self,
        request: Request<pb::GetReportRequest>,
    ) -> Result<Response<pb::GetReportResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let request = request.into_inner();
        let mut report = asked.read(move |views| views.report(request.from, request.to, at)).await?;
        // Sums over the whole house.
        report.rates.retain(|_| sight.is_unlimited());
        report.fails.retain(|_| sight.is_unlimited());
        Ok(Response::new(pb::GetReportResponse { report: Some(report) }))
    }

    type WatchReportStream = Pin<Box<dyn Stream<Item = Result<pb::WatchReportResponse, Status>> + Send>>;

    async fn watch_report(
        &self,
        request: Request<pb::WatchReportRequest>,
    ) -> Result<Response<Self::WatchReportStream>, Status> {
        let sight = Sight::of(request.extensions())?;
        let pb::WatchReportRequest { from, to, resume_token, min_sequence } = request.into_inner();
        let answer = Answer::Report(pb::GetReportRequest { from, to, min_sequence: 0 });
        let followed = self.follow_answer(answer, sight, (resume_token, min_sequence)).await?;
        let seen = |update| pb::WatchReportResponse { update: Some(update) };
        Ok(Response::new(Box::pin(self.watch(followed, seen)?)))
    }
}
