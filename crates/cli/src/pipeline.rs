//! Trades on their way: one stream of one source, many sent before the first is answered, answers in order.

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use wire::pb::service::submit_trades_response::Outcome;
use wire::pb::service::{SubmitTradesRequest, SubmitTradesResponse};

use crate::connection::{Connection, signed};
use crate::fault::{failed, from_status};

/// Requests that wait here before the sender has to.
const WINDOW: usize = 1_024;

/// A stream of trades in one actor's name.
pub struct Pipeline {
    requests: Option<mpsc::Sender<SubmitTradesRequest>>,
    answers: mpsc::UnboundedReceiver<SubmitTradesResponse>,
    reader: JoinHandle<Result<()>>,
    sent: u64,
    answered: u64,
}

impl Pipeline {
    /// Opens the stream.
    pub fn open(connection: &Connection, actor: &str) -> Result<Pipeline> {
        let (requests, queue) = mpsc::channel(WINDOW);
        // Unbounded on this side alone: it holds no more than was sent, and the caller reads between two sends.
        let (answered, answers) = mpsc::unbounded_channel();
        let request = signed(ReceiverStream::new(queue), actor)?;
        let mut client = connection.trades();
        // A task of its own: a server takes nothing more from who does not read its answers.
        let reader = tokio::spawn(async move {
            let mut stream = client.submit_trades(request).await.map_err(from_status)?.into_inner();
            while let Some(answer) = stream.message().await.map_err(from_status)? {
                if answered.send(answer).is_err() {
                    break;
                }
            }
            Ok(())
        });
        Ok(Pipeline { requests: Some(requests), answers, reader, sent: 0, answered: 0 })
    }

    /// Sends without waiting for the answer.
    pub async fn send(&mut self, request: SubmitTradesRequest) -> Result<()> {
        let requests = self.requests.as_ref().ok_or_else(|| failed("the stream of trades was ended"))?;
        if requests.send(request).await.is_err() {
            return Err(self.why_ended().await);
        }
        self.sent += 1;
        Ok(())
    }

    /// The answers that are there already.
    pub fn ready(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Ok(answer) = self.answers.try_recv() {
            outcomes.push(self.outcome(answer));
        }
        outcomes
    }

    /// Waits until everything sent is answered.
    pub async fn drain(&mut self) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        while self.answered < self.sent {
            match self.answers.recv().await {
                Some(answer) => outcomes.push(self.outcome(answer)),
                None => return Err(self.why_ended().await),
            }
        }
        Ok(outcomes)
    }

    /// Waits for the last answers and ends the stream.
    pub async fn close(mut self) -> Result<Vec<Outcome>> {
        let outcomes = self.drain().await?;
        self.requests = None;
        self.reader.await.map_err(anyhow::Error::new)??;
        Ok(outcomes)
    }

    fn outcome(&mut self, answer: SubmitTradesResponse) -> Outcome {
        assert_eq!(answer.index, self.answered, "the server answers in the order of sending");
        self.answered += 1;
        answer.outcome.expect("the server's answer says what became of the trade")
    }

    async fn why_ended(&mut self) -> anyhow::Error {
        let unanswered = self.sent - self.answered;
        match (&mut self.reader).await {
            Ok(Err(error)) => error.context(format!("the stream of trades was cut; {unanswered} not answered")),
            _ => failed(format!("the server ended the stream of trades; {unanswered} not answered")),
        }
    }
}
