//! The asynchronous front of the shard: commands and questions, answered after the commit.

use crate::commit::ReplyTo;
use crate::error::SubmitError;
use crate::follow::ImportError;
use crate::intake::{Incoming, Intake};
use crate::shared::Shared;
use crate::snapshot::Live;
use crate::status::Status;
use clearing::State;
use crossbeam_channel::Sender;
use model::command::{Command, Origin};
use model::identifier::Identifier;
use model::record::Outcome;
use model::timestamp::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use store::{Block, Head};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// What somebody asks of the shard.
#[derive(Clone, Debug)]
pub struct Request {
    /// What.
    pub command: Command,
    /// A call with its id, or a line of a file.
    pub origin: Origin,
    /// Who.
    pub actor: Identifier,
    /// Why.
    pub reason: String,
    /// When; the clock says it when absent. Never earlier than what went before.
    pub at: Option<Timestamp>,
    /// The bytes of a trade as they came, from which the command was decoded: they are kept as they are.
    pub raw_trade: Option<Vec<u8>>,
}

/// What came of a command, known to be on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its record.
    pub sequence: u64,
    /// When it was stamped.
    pub at: Timestamp,
    /// What was decided.
    pub outcome: Outcome,
}

/// A question to the state: asked between two commands, answered when what it saw is on disk.
pub(crate) type Question = Box<dyn FnOnce(&State) -> Release + Send>;
/// Hands over a finished answer.
pub(crate) type Release = Box<dyn FnOnce() + Send>;

/// What the middle stage is sent besides messages.
pub(crate) enum Call {
    Submit(Box<Submission>),
    Ask {
        question: Question,
        permit: OwnedSemaphorePermit,
    },
    /// Let a halted shard go on; with an order, the message that crashed it is set aside.
    Resume {
        order: Option<(String, Identifier, ReplyTo)>,
        done: oneshot::Sender<Result<(), SubmitError>>,
    },
    /// Write the state into memory.
    Snapshot {
        to: Sender<Live>,
    },
    /// The next block of a log that is followed.
    Import {
        block: Block,
        stored: Vec<u8>,
        done: Sender<Result<Head, ImportError>>,
    },
    /// Follow no more: decide.
    Promote {
        done: Sender<Result<(), ImportError>>,
    },
    /// Finish what was taken, then end.
    Stop,
    /// Look whether everything is to end.
    Wake,
}

/// A request on its way.
pub(crate) struct Submission {
    pub request: Request,
    pub reply: ReplyTo,
    pub span: Option<tracing::Id>,
    /// Given back when the middle stage takes the request.
    pub permit: OwnedSemaphorePermit,
}

/// A way to the shard; clone it freely.
#[derive(Clone)]
pub struct Handle {
    calls: Sender<Call>,
    incoming: Sender<Incoming>,
    shared: Arc<Shared>,
    head: watch::Receiver<Head>,
}

impl Handle {
    pub(crate) fn new(
        calls: Sender<Call>,
        incoming: Sender<Incoming>,
        shared: Arc<Shared>,
        head: watch::Receiver<Head>,
    ) -> Handle {
        Handle { calls, incoming, shared, head }
    }

    /// Submits a command and waits until the record that answers it is on disk.
    ///
    /// # Errors
    /// [`SubmitError`]; a refusal by the business is no error but an [`Outcome`].
    pub async fn submit(&self, request: Request) -> Result<Answer, SubmitError> {
        self.send(request).await?.await
    }

    /// Puts a command in the queue, waiting while that is full, and returns what will be its answer: for callers that
    /// have more to send.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn send(&self, request: Request) -> Result<Pending, SubmitError> {
        check(&request)?;
        let permit = self.permit().await?;
        let (reply, answer) = oneshot::channel();
        let span = tracing::Span::current().id();
        self.put(Call::Submit(Box::new(Submission { request, reply, span, permit })))?;
        Ok(Pending { answer })
    }

    /// [`Handle::submit`] for threads: tests, demo, benches. Not from asynchronous code, which it would block.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn submit_blocking(&self, request: Request) -> Result<Answer, SubmitError> {
        block_on(self.submit(request))
    }

    /// [`Handle::send`] for threads.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn send_blocking(&self, request: Request) -> Result<Pending, SubmitError> {
        block_on(self.send(request))
    }

    /// Asks the state between two commands. The answer comes when everything it saw is on disk. Keep it short: nothing is
    /// decided meanwhile.
    ///
    /// # Errors
    /// [`SubmitError::Closed`], and [`SubmitError::Unanswered`] also when the question panicked.
    pub async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        let permit = self.permit().await?;
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |state| {
            let found = question(state);
            Box::new(move || drop(reply.send(found)))
        });
        self.put(Call::Ask { question, permit })?;
        answer.await.map_err(|_| SubmitError::Unanswered)
    }

    /// [`Handle::ask`] for threads.
    ///
    /// # Errors
    /// As [`Handle::ask`].
    pub fn ask_blocking<R: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        block_on(self.ask(question))
    }

    /// Lets a halted shard go on: the message that crashed it is set aside when its turn comes. The answer is the record
    /// that sets it aside, so it waits for the source to send the message again.
    ///
    /// # Errors
    /// [`SubmitError::NothingToQuarantine`] when the shard is not halted, or by something that is no message.
    pub async fn resume_quarantining(&self, reason: String, actor: Identifier) -> Result<Answer, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.put_resume(Some((reason, actor, reply))).await?;
        Pending { answer }.await
    }

    /// Lets a halted shard go on and try the same again: after another release was installed.
    ///
    /// # Errors
    /// [`SubmitError::NothingToQuarantine`] when the shard is not halted.
    pub async fn resume_retrying(&self) -> Result<(), SubmitError> {
        self.put_resume(None).await
    }

    async fn put_resume(&self, order: Option<(String, Identifier, ReplyTo)>) -> Result<(), SubmitError> {
        let (done, resumed) = oneshot::channel();
        self.put(Call::Resume { order, done })?;
        resumed.await.unwrap_or(Err(SubmitError::Unanswered))
    }

    /// A way in for a Kafka source. From now on cut-offs wait until it says how far it has come.
    #[must_use]
    pub fn intake(&self) -> Intake {
        let source = self.shared.intakes.fetch_add(1, Ordering::AcqRel);
        Intake::new(self.incoming.clone(), source, self.shared.clone())
    }

    /// The head of the log, told after each commit. Its sender goes when the engine ends.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }

    /// How the engine is.
    #[must_use]
    pub fn status(&self) -> Status {
        let block = self.shared.report();
        Status {
            sequence: block.head.sequence,
            block,
            calls_waiting: self.calls.len(),
            batches_waiting: self.incoming.len(),
            writing: self.shared.writing(),
            halted: self.shared.halted(),
            following: self.shared.following(),
            failed: self.shared.failure().borrow().clone(),
        }
    }

    /// Waits until the engine has failed; for ever when it never does.
    pub async fn failed(&self) -> Arc<crate::error::Failure> {
        let mut failure = self.shared.failure();
        match failure.wait_for(Option::is_some).await {
            Ok(found) => match &*found {
                Some(found) => found.clone(),
                None => unreachable!("waited for"),
            },
            Err(_) => unreachable!("the sender is held by this handle"),
        }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, SubmitError> {
        self.shared.permits.clone().acquire_owned().await.map_err(|_| SubmitError::Closed)
    }

    fn put(&self, call: Call) -> Result<(), SubmitError> {
        self.calls.send(call).map_err(|_| SubmitError::Closed)
    }
}

fn check(request: &Request) -> Result<(), SubmitError> {
    if matches!(request.origin, Origin::Kafka { .. }) {
        return Err(SubmitError::Misused("messages of Kafka come by an intake, which moves the cursor with them"));
    }
    if request.raw_trade.is_some() && !matches!(request.command, Command::Trade(_)) {
        return Err(SubmitError::Misused("only a trade has bytes of its own"));
    }
    Ok(())
}

/// An answer to come.
pub struct Pending {
    answer: oneshot::Receiver<Result<Answer, SubmitError>>,
}

impl Pending {
    /// The answer, if it is there: for whoever steps the engine himself.
    pub fn try_answer(&mut self) -> Option<Result<Answer, SubmitError>> {
        match self.answer.try_recv() {
            Ok(answer) => Some(answer),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(SubmitError::Unanswered)),
        }
    }

    /// Waits on a thread.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn wait(self) -> Result<Answer, SubmitError> {
        block_on(self)
    }
}

impl Future for Pending {
    type Output = Result<Answer, SubmitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(context).map(|answer| answer.unwrap_or(Err(SubmitError::Unanswered)))
    }
}

/// Runs a future of ours on this thread. They need no runtime: channels and a semaphore wake them.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
