//! What every service stands on: the shard, its log, the views, and the limits.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use engine::{Clock, Handle, Request};
use model::command::{Command, Origin};
use model::identifier::Identifier;
use model::permission::Grants;
use model::record::{FactContent, Genesis};
use projections::{At, Pasts, Projections, ViewName};
use store::Log;
use tokio::sync::{Semaphore, watch};
use tonic::Status;
use tonic::metadata::MetadataMap;
use wire::pb::record;
use wire::pb::record::command::Kind;
use wire::pb::service::SourceStanding;

use crate::access::{Door, Questions};
use crate::ack::{Ack, Publication};
use crate::followed::AnswerRolls;
use crate::limits::LimitRolls;
use crate::margin_followed::MarginRolls;
use crate::past::{Asked, Earlier};
use crate::receipt::{Verdict, timestamp};
use crate::{caller, failure};

/// What a call may cost. Each has a sound default.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one message, in and out.
    pub message_bytes: usize,
    /// How long a query waits for its `min_sequence` when the caller has no deadline.
    pub wait: Duration,
    /// A heartbeat on a stream after so long without news.
    pub heartbeat: Duration,
    /// Submitted and not yet answered on one stream.
    pub in_flight_per_stream: usize,
    /// Subscriptions and readers of the log that may be open at once, in all.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes: 4 << 20,
            wait: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            in_flight_per_stream: 4_096,
            readers: 500,
        }
    }
}

/// What every service stands on. Cheap to clone. It can be served before there is anything behind it: then all calls but the
/// question how the service is are answered with "not yet".
#[derive(Clone)]
pub struct Backend {
    parts: Arc<OnceLock<Weak<Parts>>>,
    /// What is being done until the parts are there.
    preparing: Arc<Mutex<String>>,
    pub(crate) limits: Limits,
    pub(crate) version: Arc<str>,
    pub(crate) started_at: pbjson_types::Timestamp,
    door: Arc<Door>,
    questions: Option<Questions>,
    closing: watch::Receiver<bool>,
    publication: Arc<OnceLock<Publication>>,
    pub(crate) readers: Arc<Semaphore>,
}

/// What is there once the shard has recovered, until the service ends.
struct Parts {
    shard: Handle,
    log: Arc<Log>,
    views: Projections,
    earlier: Earlier,
    /// What is followed of answers that are computed.
    rolls: Arc<AllRolls>,
    genesis: Genesis,
    /// Who might do what when the calls were let in, and up to which record.
    granted: (u64, Arc<Grants>),
    sources: Box<dyn Fn() -> Vec<SourceStanding> + Send + Sync>,
}

/// What is followed of answers that are computed, by what they are about.
#[derive(Default)]
pub(crate) struct AllRolls {
    pub(crate) limits: LimitRolls,
    pub(crate) margin: MarginRolls,
    pub(crate) answers: AnswerRolls,
}

/// Keeps the calls let in. When it is dropped they find nothing behind the service any more: a connection that lingers keeps
/// neither the log nor the views open.
#[must_use = "calls are let in for as long as this is held"]
pub struct Opened {
    _parts: Arc<Parts>,
}

impl Backend {
    /// `closing` turns true when the service ends: streams without end then end.
    #[must_use]
    pub fn new(limits: Limits, version: &str, closing: watch::Receiver<bool>) -> Backend {
        Backend {
            parts: Arc::default(),
            preparing: Arc::new(Mutex::new("the service is starting".to_owned())),
            readers: Arc::new(Semaphore::new(limits.readers)),
            limits,
            version: version.into(),
            started_at: timestamp(Clock::system().now()),
            door: Arc::new(Door::default()),
            questions: None,
            closing,
            publication: Arc::default(),
        }
    }

    /// Says that records are published; before the calls are let in, once.
    pub fn publish(&self, publication: Publication) {
        let _ = self.publication.set(publication);
    }

    pub(crate) fn publication(&self) -> Option<&Publication> {
        self.publication.get()
    }

    /// How callers are known. Without it nobody is.
    #[must_use]
    pub fn behind(self, door: Door) -> Backend {
        Backend { door: Arc::new(door), ..self }
    }

    /// Where the questions of auditors and administrators are written down. Without it they are not answered.
    #[must_use]
    pub fn writing_down(self, questions: Questions) -> Backend {
        Backend { questions: Some(questions), ..self }
    }

    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    pub(crate) fn questions(&self) -> Result<&Questions, Status> {
        let nowhere = || failure::stopped("there is nowhere to write the question down".to_owned());
        self.questions.as_ref().ok_or_else(nowhere)
    }

    /// Who may do what. Before anything is there nobody needs a grant: nothing is answered then.
    pub(crate) fn grants(&self) -> Result<Arc<Grants>, Status> {
        match self.parts() {
            Ok(parts) => {
                let folded = parts.views.grants().map_err(failure::view)?;
                // Until the views have come as far as the log was, what the shard knew then is newer.
                let behind = folded.sequence < parts.granted.0;
                Ok(if behind { parts.granted.1.clone() } else { folded.value })
            }
            Err(_) => Ok(Arc::default()),
        }
    }

    /// Says what is being done, to those who ask too early.
    pub fn preparing(&self, what: String) {
        *self.preparing.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// What is being done.
    pub(crate) fn prepares(&self) -> String {
        self.preparing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the calls in, once. `granted` is who may do what up to a record, for the time until the views know; `sources` tells how what brings commands besides calls stands.
    ///
    /// # Errors
    /// When the log does not begin with a genesis that can be read.
    pub fn open(
        &self,
        shard: Handle,
        log: Arc<Log>,
        (views, pasts): (Projections, Pasts),
        granted: (u64, Grants),
        sources: impl Fn() -> Vec<SourceStanding> + Send + Sync + 'static,
    ) -> Result<Opened, store::Error> {
        let first = log.block_holding(1)?;
        let facts =
            first.as_ref().and_then(|block| block.record(1)).and_then(|stored| wire::record::facts(stored).ok());
        let Some(FactContent::Genesis(genesis)) = facts.map(|facts| facts.content) else {
            let (what, detail) = ("record 1".to_owned(), "it is not a genesis that this release can read".to_owned());
            return Err(store::Error::Corrupt { what, detail });
        };
        let parts = Arc::new(Parts {
            shard,
            log,
            views,
            earlier: Earlier::new(pasts),
            rolls: Arc::default(),
            genesis,
            granted: (granted.0, Arc::new(granted.1)),
            sources: Box::new(sources),
        });
        if self.parts.set(Arc::downgrade(&parts)).is_err() {
            unreachable!("a service is put together once");
        }
        Ok(Opened { _parts: parts })
    }

    fn parts(&self) -> Result<Arc<Parts>, Status> {
        let parts = self.parts.get().ok_or_else(|| failure::starting(self.prepares()))?;
        parts.upgrade().ok_or_else(|| failure::stopped("the service has ended: nothing was done".to_owned()))
    }

    pub(crate) fn shard(&self) -> Result<Handle, Status> {
        Ok(self.parts()?.shard.clone())
    }

    pub(crate) fn log(&self) -> Result<Arc<Log>, Status> {
        Ok(self.parts()?.log.clone())
    }

    pub(crate) fn views(&self) -> Result<Projections, Status> {
        Ok(self.parts()?.views.clone())
    }

    /// What is folded of earlier records.
    pub(crate) fn with_earlier<T>(&self, with: impl FnOnce(&Earlier) -> T) -> Result<T, Status> {
        Ok(with(&self.parts()?.earlier))
    }

    pub(crate) fn rolls(&self) -> Result<Arc<AllRolls>, Status> {
        Ok(self.parts()?.rolls.clone())
    }

    pub(crate) fn sources(&self) -> Result<Vec<SourceStanding>, Status> {
        Ok((self.parts()?.sources)())
    }

    /// The house whose books these are, and the number of the shard.
    pub(crate) fn house(&self) -> Result<(String, u32), Status> {
        let parts = self.parts()?;
        Ok((parts.genesis.house.to_string(), parts.genesis.shard))
    }

    /// The service ends.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Comes true when the service ends.
    pub(crate) fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.clone();
        async move {
            // The sender gone is an end too.
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }

    /// Whom a query is put to: the views of an earlier record, or those of now once they have folded the record it asks for.
    /// Then it need not wait.
    pub(crate) async fn arrival(
        &self,
        view: ViewName,
        min_sequence: u64,
        metadata: &MetadataMap,
    ) -> Result<(Asked, At), Status> {
        self.asked(min_sequence, metadata, self.reached(view, min_sequence, metadata)).await
    }

    /// Waits until a view has folded a record.
    async fn reached(&self, view: ViewName, min_sequence: u64, metadata: &MetadataMap) -> Result<(), Status> {
        if min_sequence > 0 {
            let patience = caller::patience(metadata, self.limits.wait);
            match tokio::time::timeout(patience, self.views()?.reach(view, min_sequence)).await {
                Ok(reached) => reached.map_err(failure::view)?,
                Err(_) => {
                    let standing = self.views()?.standing().into_iter().find(|standing| standing.view == view.as_str());
                    let at = standing.map_or(0, |standing| standing.sequence);
                    let late = projections::Error::TooOld { view: view.as_str(), at, wanted: min_sequence };
                    return Err(failure::view(late));
                }
            }
        }
        Ok(())
    }

    /// A command of a caller, from its fields to its receipt. `place` is where the fields of the request stand in a command.
    pub(crate) async fn command(
        &self,
        metadata: &MetadataMap,
        request_id: &str,
        reason: &str,
        kind: Kind,
        place: &str,
    ) -> Result<Option<wire::pb::service::Receipt>, Status> {
        let actor = caller::actor(metadata)?;
        let request_id = caller::request_id(request_id)?;
        let reason = caller::reason(reason)?;
        let command = wire::command::from_wire(&record::Command { kind: Some(kind) })
            .map_err(|error| failure::malformed(&seen_from_request(&error.path, place), &error.reason))?;
        let ack = self.ack(metadata)?;
        self.submit(command, request_id, actor, reason, &ack).await?.into_receipt()
    }

    /// Submits a command and waits for its record.
    pub(crate) async fn submit(
        &self,
        command: Command,
        request_id: Identifier,
        actor: Identifier,
        reason: String,
        ack: &Ack,
    ) -> Result<Verdict, Status> {
        let answer = self.shard()?.submit(request(command, request_id, actor, reason)).await.map_err(failure::shard)?;
        let verdict = self.verdict(answer.sequence, answer.at, &answer.outcome)?;
        self.acknowledged(ack, verdict.sequence).await?;
        Ok(verdict)
    }
}

/// What the shard is asked.
pub(crate) fn request(command: Command, request_id: Identifier, actor: Identifier, reason: String) -> Request {
    Request { command, origin: Origin::Call { request_id }, actor, reason, at: None, raw_trade: None }
}

/// The path of a fault in a command, as the caller knows it: without the parts of a command that its request does not have. An
/// empty `place` means that the request has the command itself.
fn seen_from_request(path: &str, mut place: &str) -> String {
    if place.is_empty() {
        return failure::joined("command", path);
    }
    loop {
        if let Some(inner) = path.strip_prefix(place) {
            return inner.trim_start_matches('.').to_owned();
        }
        match place.rsplit_once('.') {
            Some((outer, _)) => place = outer,
            None => return path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_placed_where_the_caller_wrote_them() {
        assert_eq!(seen_from_request("day.open.cut_offs[1].at", "day.open"), "cut_offs[1].at");
        assert_eq!(seen_from_request("day.domain", "day.open"), "domain");
        assert_eq!(seen_from_request("steer.action", "steer"), "action");
        assert_eq!(seen_from_request("open.account", ""), "command.open.account");
        assert_eq!(seen_from_request("elsewhere", "steer"), "elsewhere");
    }
}
