//! Asking the brokers about clusters and topics, from a thread that may wait.

use crate::brokers::{Brokers, Quiet};
use crate::error::Error;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// How long the brokers have for an answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// The client for administration.
pub(crate) fn client(brokers: &Brokers) -> Result<AdminClient<Quiet>, Error> {
    brokers.config().create_with_context(Quiet::default()).map_err(Error::settings)
}

pub(crate) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER))
}

/// The id of the cluster, to be written into the genesis of a log.
///
/// # Errors
/// [`Error::Unreachable`].
pub fn cluster_id(brokers: &Brokers, timeout: Duration) -> Result<String, Error> {
    let client = client(brokers)?;
    let unreachable = |cause: String| Error::Unreachable { bootstrap: brokers.bootstrap.clone(), cause };
    client.inner().fetch_metadata(None, timeout).map_err(|cause| unreachable(cause.to_string()))?;
    client.inner().fetch_cluster_id(timeout).ok_or_else(|| unreachable("no cluster id".to_owned()))
}

/// All settings of a topic, defaults included.
pub(crate) fn settings(client: &AdminClient<Quiet>, topic: &str) -> Result<BTreeMap<String, String>, Error> {
    let refused = |cause: String| Error::Refused { doing: format!("to show the settings of topic {topic}"), cause };
    let which = [ResourceSpecifier::Topic(topic)];
    let answers = wait(client.describe_configs(&which, &options())).map_err(|error| refused(error.to_string()))?;
    let answer = answers.into_iter().next().ok_or_else(|| refused("no answer".to_owned()))?;
    let resource = answer.map_err(|code| refused(code.to_string()))?;
    let entries = resource.entries.into_iter();
    Ok(entries.filter_map(|entry| Some((entry.name, entry.value?))).collect())
}

/// Waits for a future on this thread. rdkafka's futures are woken by its own threads and need no runtime; and to start one here
/// would be refused where the caller has one already.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
