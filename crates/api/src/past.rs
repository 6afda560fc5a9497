//! What a question is put to: the views as they stand, or as they stood after an earlier record ("known at"), and the business
//! date whose figures are asked for ("effective at"). Two metadata say so, the same for every question; the fields of a
//! question need not know.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use engine::State;
use model::date::Date;
use projections::{At, Known, Past, PastStage, Pasts, Projections};
use tokio::sync::{Mutex, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use wire::pb::service as pb;

use crate::backend::Backend;
use crate::{caller, failure};

/// The metadata of a question that says what was known: a sequence, or a business date as YYYY-MM-DD, at whose end.
pub const KNOWN_AT: &str = "x-quittance-known-at";
/// The metadata of a question that says for which business date, YYYY-MM-DD.
pub const EFFECTIVE_AT: &str = "x-quittance-effective-at";

/// States of the shard that are kept: each is as large as what was open.
const STATES: usize = 2;
/// How often a caller is told how far a fold is.
const TELL: Duration = Duration::from_millis(200);

/// What is folded of earlier records.
pub(crate) struct Earlier {
    pasts: Pasts,
    states: Arc<Mutex<States>>,
}

/// States with the record after which each was, the last folded one at the end.
type States = VecDeque<(u64, Arc<State>)>;

impl Earlier {
    pub(crate) fn new(pasts: Pasts) -> Earlier {
        Earlier { pasts, states: Arc::default() }
    }
}

/// Whom a question is put to.
#[derive(Clone)]
pub(crate) struct Asked {
    backend: Backend,
    patience: Duration,
    at: At,
    whom: Whom,
}

#[derive(Clone)]
enum Whom {
    Live(Projections),
    Past(Arc<Past>),
}

impl Deref for Asked {
    type Target = Projections;

    fn deref(&self) -> &Projections {
        match &self.whom {
            Whom::Live(views) => views,
            Whom::Past(past) => past.views(),
        }
    }
}

impl Asked {
    /// A question that may read many rows: off the threads that serve everybody.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Projections) -> Result<T, projections::Error> + Send + 'static,
    ) -> Result<T, Status> {
        let asked = self.clone();
        let answer = tokio::task::spawn_blocking(move || question(&asked)).await;
        answer
            .map_err(|error| failure::internal(format!("the question was not answered: {error}")))?
            .map_err(failure::view)
    }

    /// A question to the shard's state, as it stands or as it stood.
    pub(crate) async fn state<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, Status> {
        match &self.whom {
            Whom::Live(_) => self.backend.shard()?.ask(question).await.map_err(failure::shard),
            Whom::Past(past) => {
                let state = self.backend.state_at(past.sequence(), self.patience).await?;
                Ok(question(&state))
            }
        }
    }

    /// The business date that is asked for.
    pub(crate) fn effective(&self) -> Option<Date> {
        self.at.effective
    }

    /// Refuses a business date, for questions to the state that have none.
    pub(crate) fn undated(&self, what: &'static str) -> Result<(), Status> {
        let instead = "it says what stands; ask what was known at a record or at the end of a business date";
        match self.at.effective {
            None => Ok(()),
            Some(_) => Err(failure::view(projections::Error::Undated { what, instead })),
        }
    }
}

impl Backend {
    /// Whom a question is put to, by its metadata, when it need not wait for the views as they stand.
    pub(crate) async fn asked(
        &self,
        min_sequence: u64,
        metadata: &MetadataMap,
        live: impl Future<Output = Result<(), Status>>,
    ) -> Result<(Asked, At), Status> {
        let patience = caller::patience(metadata, self.limits.wait);
        let effective = text(metadata, EFFECTIVE_AT)?
            .map(|text| {
                let wrong = |_| failure::malformed(EFFECTIVE_AT, format!("{text:?} is no date: write YYYY-MM-DD"));
                Date::parse(text).map_err(wrong)
            })
            .transpose()?;
        let whom = match text(metadata, KNOWN_AT)? {
            None => {
                live.await?;
                Whom::Live(self.views()?)
            }
            Some(text) => {
                let known = Known::parse(text).map_err(|why| failure::malformed(KNOWN_AT, why))?;
                let past = self.past(known, patience).await?;
                if past.sequence() < min_sequence {
                    let why = format!("record {min_sequence} came after {known}, record {}", past.sequence());
                    return Err(failure::malformed("min_sequence", why));
                }
                Whom::Past(past)
            }
        };
        let at = At { effective, ..At::NOW };
        Ok((Asked { backend: self.clone(), patience, at, whom }, at))
    }

    async fn past(&self, known: Known, patience: Duration) -> Result<Arc<Past>, Status> {
        let mut stage = self.with_earlier(|earlier| earlier.pasts.ask(known))?.map_err(failure::view)?;
        // Not in time: then the answer is how far it is.
        let _ = tokio::time::timeout(patience, stage.wait_for(PastStage::is_over)).await;
        let reached = stage.borrow().clone();
        reached.ready(known).map_err(failure::view)
    }

    /// The state after a record. The fold goes on when the caller's patience has ended, for the next who asks.
    async fn state_at(&self, sequence: u64, patience: Duration) -> Result<Arc<State>, Status> {
        let states = self.with_earlier(|earlier| earlier.states.clone())?;
        let (log, backend) = (self.log()?, self.clone());
        let fold = tokio::spawn(async move {
            // One after the other, and what was waited for is there by then.
            let mut states = states.lock_owned().await;
            if let Some((_, state)) = states.iter().find(|(at, _)| *at == sequence) {
                return Ok(state.clone());
            }
            let fold = move || engine::recover_at(&log, sequence, &mut |_| !backend.is_closing());
            let folded =
                tokio::task::spawn_blocking(fold).await.map_err(|error| failure::internal(error.to_string()))?;
            let folded = folded.map_err(|error| failure::internal(error.to_string()))?;
            let state = Arc::new(folded.ok_or_else(|| failure::stopped("the service ends".to_owned()))?);
            if states.len() == STATES {
                states.pop_front();
            }
            states.push_back((sequence, state.clone()));
            Ok(state)
        });
        match tokio::time::timeout(patience, fold).await {
            Ok(folded) => folded.map_err(|error| failure::internal(error.to_string()))?,
            Err(_) => {
                let wanted = Known::Record(sequence).to_string();
                Err(failure::view(projections::Error::Folding { at: 0, wanted }))
            }
        }
    }

    /// Tells how far the fold of an earlier record is, until it can be asked.
    pub(crate) fn open_past_stream(
        &self,
        request: &Request<pb::OpenPastRequest>,
    ) -> Result<Response<OpenPastStream>, Status> {
        let known = Known::parse(&request.get_ref().known_at).map_err(|why| failure::malformed("known_at", why))?;
        let mut stage = self.with_earlier(|earlier| earlier.pasts.ask(known))?.map_err(failure::view)?;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let reached = stage.borrow_and_update().clone();
                let (message, over) = match reached {
                    PastStage::Folding(progress) => {
                        (Ok(pb::OpenPastResponse { at: progress.at, to: progress.head, sequence: 0 }), false)
                    }
                    over => (
                        over.ready(known).map_err(failure::view).map(|past| {
                            let sequence = past.sequence();
                            pb::OpenPastResponse { at: sequence, to: sequence, sequence }
                        }),
                        true,
                    ),
                };
                if sender.send(message).await.is_err() || over {
                    break;
                }
                // Its end, or a look now and then.
                let gone = tokio::select! {
                    () = sender.closed() => break,
                    ended = tokio::time::timeout(TELL, stage.wait_for(PastStage::is_over)) => matches!(ended, Ok(Err(_))),
                };
                if gone {
                    let _ = sender.send(Err(failure::stopped("the service ends".to_owned()))).await;
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

pub(crate) type OpenPastStream = Pin<Box<dyn Stream<Item = Result<pb::OpenPastResponse, Status>> + Send>>;

/// What a question says of dates, as it came: to be written down.
pub(crate) fn said(metadata: &tonic::codegen::http::HeaderMap) -> [(&'static str, Option<String>); 2] {
    [("known_at", KNOWN_AT), ("effective_at", EFFECTIVE_AT)].map(|(name, key)| {
        (name, metadata.get(key).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()))
    })
}

fn text<'a>(metadata: &'a MetadataMap, key: &'static str) -> Result<Option<&'a str>, Status> {
    let text = |value: &'a tonic::metadata::MetadataValue<tonic::metadata::Ascii>| {
        value.to_str().map_err(|_| failure::malformed(key, "is not a text"))
    };
    metadata.get(key).map(text).transpose()
}
