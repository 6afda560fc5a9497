//! A subscription as a stream: the next message is made when the reader has room for it, and not before.
//!
//! So a reader that stalls holds one message and a place in the log, nothing else: what changes meanwhile is conflated, and
//! when its place has left the window of changes it is cut off with its token. Nobody waits for it.

use std::future::Future;

use projections::Following;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::backend::Backend;
use crate::failure;

/// What a stream of messages is made from.
pub(crate) trait News: Send + 'static {
    type Update: Send;

    /// The next message, once there is something to say; none after the last one. May be dropped and called again.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Update>, Status>> + Send;

    /// Says that nothing has changed.
    fn heartbeat(&self) -> Self::Update;
}

impl<F: Following> News for F {
    type Update = F::Update;

    async fn next(&mut self) -> Result<Option<F::Update>, Status> {
        Following::next(self).await.map_err(failure::view)
    }

    fn heartbeat(&self) -> F::Update {
        Following::heartbeat(self)
    }
}

impl Backend {
    /// The messages of a subscription until it ends, is cut off, or the service ends; each as its reader may see it.
    pub(crate) fn watch<F, M, S>(
        &self,
        mut subscription: F,
        mut seen: S,
    ) -> impl Stream<Item = Result<M, Status>> + Send + use<F, M, S>
    where
        F: News,
        M: Send + 'static,
        S: FnMut(F::Update) -> M + Send + 'static,
    {
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
                    Ok(Some(update)) => room.send(Ok(seen(update))),
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
    async fn next_update<F: News>(&self, subscription: &mut F) -> Result<Option<F::Update>, Status> {
        match tokio::time::timeout(self.limits.heartbeat, subscription.next()).await {
            Ok(update) => update,
            Err(_) => Ok(Some(subscription.heartbeat())),
        }
    }
}
