//! A subscription as a stream: the next message is made when the reader has room for it, and not before.
//!
//! So a reader that stalls holds one message and a place in the log, nothing else: what changes meanwhile is conflated, and
//! when its place has left the window of changes it is cut off with its token. Nobody waits for it. HTTP/2 takes some of what is made
//! before the reader does (hyper: up to 400 KiB of a stream, of which nothing can be set here), so streams are counted, in all.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use std::future::Future;

use projections::Following;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
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
    /// A place for one more stream that lasts as long as its reader likes.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.readers).try_acquire_owned().map_err(|_| failure::too_many(self.limits.readers))
    }

    /// The messages of a subscription until it ends, is cut off, or the service ends; each as its reader may see it.
    pub(crate) fn watch<F, M, S>(
        &self,
        mut subscription: F,
        mut seen: S,
    ) -> Result<Placed<ReceiverStream<Result<M, Status>>>, Status>
    where
        F: News,
        M: Send + 'static,
        S: FnMut(F::Update) -> M + Send + 'static,
    {
        let place = self.place()?;
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
        Ok(Placed::new(ReceiverStream::new(receiver), place))
    }

    /// The next change, or a heartbeat when there is none for a while.
    async fn next_update<F: News>(&self, subscription: &mut F) -> Result<Option<F::Update>, Status> {
        match tokio::time::timeout(self.limits.heartbeat, subscription.next()).await {
            Ok(update) => update,
            Err(_) => Ok(Some(subscription.heartbeat())),
        }
    }
}

/// A stream with its place, given back when the reader has all of it or has gone: what waits for a slow one counts as long as it waits.
pub(crate) struct Placed<S> {
    stream: S,
    _place: OwnedSemaphorePermit,
}

impl<S> Placed<S> {
    pub(crate) fn new(stream: S, place: OwnedSemaphorePermit) -> Placed<S> {
        Placed { stream, _place: place }
    }
}

impl<S: Stream + Unpin> Stream for Placed<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut self.stream).poll_next(context)
    }
}
