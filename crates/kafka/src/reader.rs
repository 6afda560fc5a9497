//! Reading a topic of ours from an offset on, message by message: what is there already, and what comes.

use crate::brokers::Brokers;
use crate::error::Error;
use crate::records::tail::{Item, Tail};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use std::time::{Duration, Instant};

/// How long the brokers have to tell where a partition ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its place in the partition.
    pub offset: u64,
    /// Its key, where it has one that is text.
    pub key: String,
    /// Its value.
    pub payload: Vec<u8>,
    /// Its headers whose values are text.
    pub headers: Vec<(String, String)>,
}

impl Received {
    /// The value of a header; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn of(offset: u64, message: &BorrowedMessage<'_>) -> Received {
        let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned);
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Received {
            offset,
            key: text(message.key()).unwrap_or_default(),
            payload: message.payload().unwrap_or_default().to_vec(),
            headers: headers.filter_map(|header| Some((header.key.to_owned(), text(header.value)?))).collect(),
        }
    }
}

/// A reader with a place in a partition. It is in no group and commits nothing: whoever reads keeps the place.
pub struct Reader {
    tail: Tail,
    brokers: Brokers,
    name: String,
}

impl Reader {
    /// Reads from an offset on. Needs no broker yet.
    ///
    /// # Errors
    /// [`Error::Settings`].
    pub fn new(brokers: &Brokers, topic: &str, partition: u32, from: u64) -> Result<Reader, Error> {
        let tail = Tail::assign(Tail::client(brokers)?, topic, partition, from)?;
        Ok(Reader { tail, brokers: brokers.clone(), name: format!("{topic}/{partition}") })
    }

    /// The next message; nothing when none comes in time, or none is there for now.
    ///
    /// # Errors
    /// [`Error::Refused`] when the reading broke off: another reader from the same place goes on.
    pub fn next(&self, wait: Duration) -> Result<Option<Received>, Error> {
        let read = self.tail.next_message(wait, |item| match item {
            Item::Record { offset, entry } => Ok(Some(Received::of(offset, entry))),
            Item::End => Ok(None),
            Item::Broken(cause) => Err(Error::Refused { doing: format!("to read {}", self.name), cause }),
        });
        read.unwrap_or(Ok(None))
    }

    /// The first offset there still is, if the brokers tell.
    #[must_use]
    pub fn begin(&self) -> Option<u64> {
        self.tail.bounds(PATIENCE).map(|(begin, _)| begin)
    }

    /// Shows every message before the end as it is now; the offset to go on from.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`]; what was shown was true all the same.
    pub fn to_end(&self, from: u64, mut each: impl FnMut(Received)) -> Result<u64, Error> {
        let silent =
            || Error::Unreachable { bootstrap: self.brokers.bootstrap.clone(), cause: "no answer in time".to_owned() };
        let (begin, end) = self.tail.bounds(PATIENCE).ok_or_else(silent)?;
        let (mut next, mut heard) = (from.max(begin), Instant::now());
        while next < end {
            match self.next(Duration::from_millis(200))? {
                Some(message) => {
                    (next, heard) = (message.offset + 1, Instant::now());
                    each(message);
                }
                None if heard.elapsed() > PATIENCE * 2 => return Err(silent()),
                None => {}
            }
        }
        Ok(next.max(end))
    }
}
