//! What an answer waits for: that its record is on disk here (LOCAL), or that it was read back from the records topic (PUBLISHED).

use std::time::Duration;

use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::backend::Backend;
use crate::{caller, failure};

/// The metadata that says what the answer waits for: `local` or `published`. Absent: as the service is configured.
pub const ACK: &str = "x-quittance-ack";

/// The records topic, as calls see it.
pub struct Publication {
    /// The last record that was read back; its sender goes when nothing is published any more.
    pub published: watch::Receiver<u64>,
    /// What an answer waits for when its caller does not say: PUBLISHED, else LOCAL.
    pub by_default: bool,
    /// The longest wait of a caller without a deadline.
    pub wait: Duration,
    /// Orders a follower to lead; returns at once.
    pub promote: Box<dyn Fn() + Send + Sync>,
}

/// What an answer waits for.
#[derive(Clone)]
pub(crate) enum Ack {
    Local,
    Published { published: watch::Receiver<u64>, patience: Duration },
}

impl Backend {
    /// What the answer to a call waits for.
    pub(crate) fn ack(&self, metadata: &MetadataMap) -> Result<Ack, Status> {
        let wanted = match metadata.get(ACK).map(|value| value.to_str().unwrap_or_default()) {
            None => None,
            Some("local") => Some(false),
            Some("published") => Some(true),
            Some(_) => return Err(failure::malformed(ACK, "expected local or published")),
        };
        match (self.publication(), wanted) {
            (None, Some(true)) => {
                Err(failure::malformed(ACK, "this service publishes nothing: there is no kafka.publish; ask for local"))
            }
            (Some(publication), wanted) if wanted.unwrap_or(publication.by_default) => {
                let patience = caller::patience(metadata, publication.wait);
                Ok(Ack::Published { published: publication.published.clone(), patience })
            }
            _ => Ok(Ack::Local),
        }
    }

    /// Waits until a record that is on disk is also what the caller wants it to be.
    pub(crate) async fn acknowledged(&self, ack: &Ack, sequence: u64) -> Result<(), Status> {
        let Ack::Published { published, patience } = ack else { return Ok(()) };
        let mut published = published.clone();
        let unknown = |code, why: &str| {
            let text = format!(
                "record {sequence} is on disk here and not known to be published ({why}): send it again with the same request id to \
                 learn what became of it"
            );
            Err(failure::unpublished(code, text, sequence))
        };
        let shard = self.shard()?;
        tokio::select! {
            reached = published.wait_for(|through| *through >= sequence) => match reached {
                Ok(_) => Ok(()),
                Err(_) => unknown(Code::Unavailable, "the service ends"),
            },
            failure = shard.failed() => unknown(Code::Unavailable, &failure.to_string()),
            () = tokio::time::sleep(*patience) => unknown(Code::DeadlineExceeded, "Kafka did not take it in time"),
        }
    }
}
