//! The way through Kafka: a front-office process publishes, the service consumes, and the answers are read from its log.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use model::command::{Command, Origin};
use model::record::{Content, Outcome};
use testkit::flow::Expected;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use wire::pb::service::ReadRecordsRequest;

use super::answers::{Answers, Got};
use crate::connection::Connection;
use crate::fault::{failed, from_status};
use crate::paging::answer;

/// How long a message may take from the broker into the log.
const PATIENCE: Duration = Duration::from_secs(60);

/// The front office beyond the broker.
pub struct Broker {
    child: Child,
    told: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    /// Places of the messages in the order they are published: the n-th has offset n.
    places: Vec<usize>,
    published: usize,
    answered: usize,
    outcomes: mpsc::UnboundedReceiver<(u64, Got, u64)>,
}

impl Broker {
    /// Starts the process and follows the log.
    pub async fn start(brokers: &str, seed: u64, fast: bool, connection: &Connection) -> Result<Broker> {
        let program = std::env::current_exe().context("finding the front office's program")?;
        let mut command = tokio::process::Command::new(program);
        command.args(["front-office", "--led", "--kafka", brokers, "--seed", &seed.to_string()]);
        if fast {
            command.arg("--fast");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let (told, said) = (child.stdin.take(), child.stdout.take());
        let (Some(told), Some(said)) = (told, said) else { return Err(failed("the front office has no pipes")) };
        let outcomes = follow(connection).await?;
        let said = BufReader::new(said).lines();
        Ok(Broker { child, told, said, places: Vec::new(), published: 0, answered: 0, outcomes })
    }

    /// The id of the front office's process.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Puts a message in its place in the order of publishing; it is published when the answers are wanted.
    pub fn send(&mut self, place: usize, expected: Expected, answers: &mut Answers) {
        answers.sent(place, expected);
        self.places.push(place);
    }

    /// Lets the front office publish, and waits until every message has its record.
    pub async fn drain(&mut self, answers: &mut Answers) -> Result<()> {
        let Some(last) = self.places.get(self.published..).and_then(|new| new.last()) else { return Ok(()) };
        self.told
            .write_all(format!("publish {}\n", last + 1).as_bytes())
            .await
            .context("the front office does not listen")?;
        let said = self.said.next_line().await?.ok_or_else(|| failed("the front office ended"))?;
        let numbers: Vec<i64> = said.split(' ').skip(1).filter_map(|number| number.parse().ok()).collect();
        let &[count, first] = &numbers[..] else { return Err(failed(format!("the front office said {said:?}"))) };
        if first != 0 {
            return Err(failed(format!(
                "the topic was not empty, its first free offset was {first}: the demonstration wants a topic of its own \
                 (`deploy/kafka/kafka.sh wipe`)"
            )));
        }
        self.published = self.places.len();
        if usize::try_from(count) != Ok(self.published) {
            return Err(failed(format!("the front office published {count} messages of {}", self.published)));
        }
        while self.answered < self.published {
            let next = tokio::time::timeout(PATIENCE, self.outcomes.recv()).await;
            let Ok(Some((offset, got, sequence))) = next else {
                return Err(failed(format!("no record came for the message at offset {}", self.answered)));
            };
            let place = usize::try_from(offset).ok().and_then(|offset| self.places.get(offset));
            let place =
                *place.ok_or_else(|| failed(format!("a record came for offset {offset}, which nobody sent")))?;
            if got == Got::Unreadable {
                answers.quarantined.push(sequence);
            }
            answers.answered(place, got, Some(sequence));
            self.answered += 1;
        }
        Ok(())
    }

    /// Lets the front office end.
    pub async fn close(self) -> Result<()> {
        let Broker { mut child, told, .. } = self;
        drop(told);
        let status = child.wait().await?;
        if status.success() { Ok(()) } else { Err(failed(format!("the front office ended with {status}"))) }
    }
}

/// Offsets, outcomes and sequences of the records that Kafka's messages become.
async fn follow(connection: &Connection) -> Result<mpsc::UnboundedReceiver<(u64, Got, u64)>> {
    let (tell, outcomes) = mpsc::unbounded_channel();
    let request = ReadRecordsRequest { from_sequence: 1, follow: true, limit: 0, decode: false };
    let mut stream = answer(connection.log().read_records(request).await)?;
    tokio::spawn(async move {
        while let Some(response) = stream.message().await.map_err(from_status)? {
            for stored in response.records {
                let record = wire::record::decode(&stored.stored)?;
                let Content::Decided { inbound, outcome } = record.content else { continue };
                let Origin::Kafka { offset, .. } = inbound.origin else { continue };
                let got = match (inbound.command, outcome) {
                    (Command::Quarantine(_), _) => Got::Unreadable,
                    (_, Outcome::Accepted(_)) => Got::Accepted,
                    (_, Outcome::Rejected(no)) => Got::Rejected(no.reason.code().to_owned()),
                    (_, Outcome::Duplicate { .. }) => Got::Duplicate,
                };
                if tell.send((offset, got, record.sequence)).is_err() {
                    return Ok(());
                }
            }
        }
        anyhow::Ok(())
    });
    Ok(outcomes)
}
