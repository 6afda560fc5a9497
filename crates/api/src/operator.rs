//! OperatorService: commands of every kind, the settlement day, four eyes, and what was set aside.

use model::command::Command;
use model::permission::AccessRole;
use model::record::Content;
use projections::{PageRequest, ViewName};
use prost::Message as _;
use tonic::{Request, Response, Status};
use wire::pb::record;
use wire::pb::record::close_quarantined::Mended;
use wire::pb::record::command::Kind;
use wire::pb::service as pb;
use wire::pb::service::close_quarantined_request::How;
use wire::pb::service::operator_service_server::OperatorService;
use wire::pb::view;

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::{caller, failure};

#[tonic::async_trait]
impl OperatorService for Backend {
    async fn submit_command(
        &self,
        request: Request<pb::SubmitCommandRequest>,
    ) -> Result<Response<pb::SubmitCommandResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let kind = match request.command.and_then(|command| command.kind) {
            None => return Err(failure::malformed("command", "is required and missing")),
            Some(Kind::ContinueTask(_)) => return Err(failure::engine_only("continue_task")),
            Some(Kind::Quarantine(_)) => return Err(failure::engine_only("quarantine")),
            Some(kind) => kind,
        };
        vouched(&Sight::of(&extensions)?, &kind)?;
        let receipt = self.command(&metadata, &request.request_id, &request.reason, kind, "").await?;
        Ok(Response::new(pb::SubmitCommandResponse { receipt }))
    }

    async fn open_day(&self, request: Request<pb::OpenDayRequest>) -> Result<Response<pb::OpenDayResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let cut_offs = match request.cut_offs {
            given if !given.is_empty() => given,
            _ => self.cut_offs(&request.domain, request.date).await?,
        };
        let step = record::day::Step::Open(record::DayOpen { date: request.date, cut_offs });
        let day = Kind::Day(record::Day { domain: request.domain, step: Some(step) });
        let receipt = self.command(&metadata, &request.request_id, &request.reason, day, "day.open").await?;
        Ok(Response::new(pb::OpenDayResponse { receipt }))
    }

    async fn pass_cut_off(
        &self,
        request: Request<pb::PassCutOffRequest>,
    ) -> Result<Response<pb::PassCutOffResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let step = record::day::Step::CutOff(record::DayCutOff { date: request.date, currency: request.currency });
        let day = Kind::Day(record::Day { domain: request.domain, step: Some(step) });
        let receipt = self.command(&metadata, &request.request_id, &request.reason, day, "day.cut_off").await?;
        Ok(Response::new(pb::PassCutOffResponse { receipt }))
    }

    async fn close_day(&self, request: Request<pb::CloseDayRequest>) -> Result<Response<pb::CloseDayResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let step = record::day::Step::Close(record::DayClose { date: request.date });
        let day = Kind::Day(record::Day { domain: request.domain, step: Some(step) });
        let receipt = self.command(&metadata, &request.request_id, &request.reason, day, "day.close").await?;
        Ok(Response::new(pb::CloseDayResponse { receipt }))
    }

    async fn approve_proposal(
        &self,
        request: Request<pb::ApproveProposalRequest>,
    ) -> Result<Response<pb::ApproveProposalResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let approve = Kind::Approve(record::Approve { proposal: request.proposal, payload_hash: request.payload_hash });
        let receipt = self.command(&metadata, &request.request_id, &request.reason, approve, "approve").await?;
        Ok(Response::new(pb::ApproveProposalResponse { receipt }))
    }

    async fn refuse_proposal(
        &self,
        request: Request<pb::RefuseProposalRequest>,
    ) -> Result<Response<pb::RefuseProposalResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let refuse = Kind::Refuse(record::Refuse { proposal: request.proposal });
        let receipt = self.command(&metadata, &request.request_id, &request.reason, refuse, "refuse").await?;
        Ok(Response::new(pb::RefuseProposalResponse { receipt }))
    }

    async fn list_proposals(
        &self,
        request: Request<pb::ListProposalsRequest>,
    ) -> Result<Response<pb::ListProposalsResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let mut answer = asked.proposals(at).map_err(failure::view)?;
        let mut proposals = Vec::with_capacity(answer.value.len());
        for proposal in answer.value.drain(..) {
            proposals.extend(self.seen_by(&sight, proposal)?);
        }
        let page = Page::new("proposals", request.get_ref().page_size, &request.get_ref().page_token)?;
        let number = request.get_ref().number;
        proposals.retain(|proposal| number == 0 || proposal.number == number);
        let (proposed, reason) = match &proposals[..] {
            [one] if one.number == number => self.what_is_proposed(number)?,
            _ => Default::default(),
        };
        let (proposals, next_page_token) = page.cut(proposals, |proposal| proposal.number);
        let sequence = answer.sequence;
        Ok(Response::new(pb::ListProposalsResponse { sequence, proposals, next_page_token, proposed, reason }))
    }

    async fn list_quarantined(
        &self,
        request: Request<pb::ListQuarantinedRequest>,
    ) -> Result<Response<pb::ListQuarantinedResponse>, Status> {
        let sight = Sight::of(request.extensions())?;
        let (asked, at) = self.arrival(ViewName::Status, request.get_ref().min_sequence, request.metadata()).await?;
        let mut answer = asked.read(move |views| views.quarantined(at)).await?;
        // Whose bytes nobody can read nobody knows.
        answer.value.retain(|_| sight.is_unlimited());
        let page = Page::new("quarantined", request.get_ref().page_size, &request.get_ref().page_token)?;
        let (mut records, next_page_token) = page.cut(answer.value, |record| record.sequence);
        for each in &mut records {
            self.say_what_is_wrong(each)?;
        }
        Ok(Response::new(pb::ListQuarantinedResponse { sequence: answer.sequence, records, next_page_token }))
    }

    async fn close_quarantined(
        &self,
        request: Request<pb::CloseQuarantinedRequest>,
    ) -> Result<Response<pb::CloseQuarantinedResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let mended = match request.how {
            Some(How::Replay(trade)) => Some(Mended::Replay(trade)),
            Some(How::ReplayAdvice(advice)) => Some(Mended::ReplayAdvice(advice)),
            Some(How::Discard(true)) => None,
            _ => return Err(failure::malformed("how", "is required and missing: replay a message, or discard = true")),
        };
        let close = Kind::CloseQuarantined(record::CloseQuarantined { sequence: request.sequence, mended });
        let receipt = self.command(&metadata, &request.request_id, &request.reason, close, "close_quarantined").await?;
        Ok(Response::new(pb::CloseQuarantinedResponse { receipt }))
    }

    async fn repair_trade(
        &self,
        request: Request<pb::RepairTradeRequest>,
    ) -> Result<Response<pb::RepairTradeResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let repair = Kind::Repair(record::Repair { source: request.source, id: request.id, details: request.details });
        let receipt = self.command(&metadata, &request.request_id, &request.reason, repair, "repair").await?;
        Ok(Response::new(pb::RepairTradeResponse { receipt }))
    }

    async fn resume_shard(
        &self,
        request: Request<pb::ResumeShardRequest>,
    ) -> Result<Response<pb::ResumeShardResponse>, Status> {
        let actor = caller::actor(request.metadata())?;
        let reason = caller::reason(&request.get_ref().reason)?;
        let answer = self.shard()?.resume_quarantining(reason, actor).await.map_err(failure::shard)?;
        let receipt = self.verdict(answer.sequence, answer.at, &answer.outcome)?.into_receipt()?;
        Ok(Response::new(pb::ResumeShardResponse { receipt }))
    }

    async fn promote(&self, request: Request<pb::PromoteRequest>) -> Result<Response<pb::PromoteResponse>, Status> {
        let actor = caller::actor(request.metadata())?;
        let reason = caller::reason(&request.get_ref().reason)?;
        let publication = self.publication().ok_or_else(|| failure::not_found("records topic", "to be led"))?;
        let shard = self.shard()?;
        if shard.status().following.is_some() {
            // No record is made by it: the fence in the topic is its trace, and this line says who.
            tracing::warn!(%actor, reason, "this follower is to lead the shard");
            (publication.promote)();
            let patience = caller::patience(request.metadata(), publication.wait);
            let wait = async {
                while shard.status().following.is_some() && shard.status().failed.is_none() {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            };
            if tokio::time::timeout(patience, wait).await.is_err() {
                let why = shard.status().following.unwrap_or_default();
                return Err(failure::starting(format!("it will lead as soon as it can: {why}")));
            }
        }
        if let Some(failed) = shard.status().failed {
            return Err(failure::stopped(failed.to_string()));
        }
        Ok(Response::new(pb::PromoteResponse { sequence: self.log()?.head().sequence }))
    }

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let mut status = self.status().await?;
        let actor = caller::actor(request.metadata()).map(|actor| actor.to_string()).unwrap_or_default();
        status.caller = Some(Sight::of(request.extensions())?.standing(actor));
        Ok(Response::new(status))
    }
}

/// A certificate vouches for some roles; a command of another one is not let in with it.
fn vouched(sight: &Sight, kind: &Kind) -> Result<(), Status> {
    let command = record::Command { kind: Some(kind.clone()) };
    // What cannot be read is refused where it is read.
    let Ok(command) = wire::command::from_wire(&command) else { return Ok(()) };
    let roles = match command {
        Command::Approve { .. } | Command::Refuse { .. } => &[AccessRole::Approver, AccessRole::Administrator][..],
        ref command => &AccessRole::needed(command).map_or([AccessRole::Administrator; 1], |role| [role]),
    };
    let vouched = roles.iter().any(|role| sight.vouches(*role));
    if vouched { Ok(()) } else { Err(failure::not_permitted("the certificate does not vouch for this command")) }
}

/// A page of a list that is short enough to be had whole: by rising number, after the one that the token names.
pub(crate) struct Page {
    list: &'static str,
    after: u64,
    size: usize,
}

impl Page {
    pub(crate) fn new(list: &'static str, size: u32, token: &str) -> Result<Page, Status> {
        let after = match token {
            "" => Some(0),
            token => {
                token.strip_prefix(list).and_then(|rest| rest.strip_prefix('-')).and_then(|after| after.parse().ok())
            }
        };
        let after = after.ok_or_else(failure::token_refused)?;
        let size = if size == 0 { PageRequest::DEFAULT_SIZE } else { size.min(PageRequest::MAX_SIZE) };
        Ok(Page { list, after, size: size as usize })
    }

    /// The page, and the token of the next one; empty when there is none.
    pub(crate) fn cut<T>(&self, rows: Vec<T>, number: impl Fn(&T) -> u64) -> (Vec<T>, String) {
        let mut rows: Vec<T> = rows.into_iter().filter(|row| number(row) > self.after).collect();
        rows.sort_unstable_by_key(&number);
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        let next = rows.last().filter(|_| more).map(|last| format!("{}-{}", self.list, number(last)));
        (rows, next.unwrap_or_default())
    }
}

impl Backend {
    /// A proposal with the hash of what is proposed; nothing for who may not see it.
    fn seen_by(&self, sight: &Sight, mut proposal: view::Proposal) -> Result<Option<view::Proposal>, Status> {
        let block = self.log()?.block_holding(proposal.number).map_err(|error| failure::store(&error))?;
        let Some(stored) = block.as_ref().and_then(|block| block.record(proposal.number)) else { return Ok(None) };
        proposal.payload_hash = wire::record::payload_hash(stored).map(|hash| hash.to_vec()).unwrap_or_default();
        if sight.is_unlimited() {
            return Ok(Some(proposal));
        }
        let unreadable = |error| failure::damaged(format!("record {} cannot be read: {error}", proposal.number));
        let record = wire::record::decode(stored).map_err(unreadable)?;
        let visible = match &record.content {
            Content::Decided { inbound, .. } => sight.command(&inbound.command),
            Content::Genesis(_) => false,
        };
        Ok(visible.then_some(proposal))
    }

    /// The command that waits and why, as the log has them.
    fn what_is_proposed(&self, number: u64) -> Result<(Option<record::Command>, String), Status> {
        let block = self.log()?.block_holding(number).map_err(|error| failure::store(&error))?;
        let Some(stored) = block.as_ref().and_then(|block| block.record(number)) else { return Ok(Default::default()) };
        let unreadable = |error| failure::damaged(format!("record {number} cannot be read: {error}"));
        match record::Record::decode(stored).map_err(unreadable)?.content {
            Some(record::record::Content::Decided(decided)) => Ok((decided.command, decided.reason)),
            _ => Ok(Default::default()),
        }
    }

    /// The view keeps that a record was set aside; what is wrong with it stands in the record.
    fn say_what_is_wrong(&self, quarantined: &mut view::Quarantined) -> Result<(), Status> {
        let sequence = quarantined.sequence;
        let block = self.log()?.block_holding(sequence).map_err(|error| failure::store(&error))?;
        let Some(stored) = block.as_ref().and_then(|block| block.record(sequence)) else { return Ok(()) };
        let unreadable = |error| failure::damaged(format!("record {sequence} cannot be read: {error}"));
        let record = wire::record::decode(stored).map_err(unreadable)?;
        if let Content::Decided { inbound, .. } = record.content
            && let Command::Quarantine(what) = inbound.command
        {
            (quarantined.path, quarantined.reason) = (what.path, what.reason);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_and_take_no_other_token() {
        let rows = || vec![5, 1, 9, 3];
        let page = |size, token: &str| Page::new("proposals", size, token).map(|page| page.cut(rows(), |row| *row));
        let (first, token) = page(3, "").expect("the first");
        assert_eq!((first, token.as_str()), (vec![1, 3, 5], "proposals-5"));
        let (second, token) = page(3, &token).expect("the second");
        assert_eq!((second, token.as_str()), (vec![9], ""));
        assert_eq!(page(0, "").expect("all").0.len(), 4);
        for token in ["quarantined-5", "proposals", "5", "proposals-x"] {
            assert_eq!(page(3, token).expect_err(token).code(), tonic::Code::InvalidArgument);
        }
    }
}
