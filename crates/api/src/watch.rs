//! A subscription as a stream: the next message is made when the reader has room for it, and not before.
//!
//! So a reader that stalls holds one message and a place in the log, nothing else: what changes meanwhile is conflated, and
//! when its place has left the window of changes it is cut off with its token. Nobody waits for it.

use projections::Subscription;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use wire::pb::service::WatchInstructionsResponse;
use wire::pb::view::InstructionUpdate;

use crate::access::sight::Watched;
use crate::backend::Backend;
use crate::failure;

type Message = Result<WatchInstructionsResponse, Status>;

impl Backend {
    /// The messages of a subscription until it ends, is cut off, or the service ends.
    pub(crate) fn watch(
        &self,
        mut subscription: Subscription,
        mut watched: Watched,
    ) -> impl Stream<Item = Message> + Send + use<> {
        let (sender, receiver) = mpsc::channel(1);
        let backend = self.clone();
        tokio::spawn(async move {
            // Fails when the reader has gone, which ends it.
            while let Ok(room) = sender.reserve().await {
                let update = tokio::select! {
                    biased;
                    () = backend.closing() => Err(failure::stopped("the service ends: resume with the last token".to_owned())),
                    () = sender.closed() => return,
                    update = backend.next_update(&mut subscription) => update,
                };
                match update {
                    Ok(Some(update)) => {
                        let update = Some(watched.through(update));
                        room.send(Ok(WatchInstructionsResponse { update }));
                    }
                    Ok(None) => return,
                    Err(status) => {
                        room.send(Err(status));
                        return;
                    }
                }
            }
        });
        ReceiverStream::new(receiver)
    }

    /// The next change, or a heartbeat when there is none for a while.
    async fn next_update(&self, subscription: &mut Subscription) -> Result<Option<InstructionUpdate>, Status> {
        match tokio::time::timeout(self.limits.heartbeat, subscription.next()).await {
            Ok(update) => update.map_err(failure::view),
            Err(_) => Ok(Some(subscription.heartbeat())),
        }
    }
}
