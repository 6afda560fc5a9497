//! ReportService: management figures.

use projections::ViewName;
use tonic::{Request, Response, Status};
use wire::pb::service as pb;
use wire::pb::service::report_service_server::ReportService;

use crate::access::sight::Sight;
use crate::backend::Backend;

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
}
