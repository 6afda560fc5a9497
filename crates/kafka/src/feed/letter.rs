//! What a feed publishes of a log: letters, and the fold that writes them.

use crate::event::{PROTOBUF, XML};

/// A message to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its id: the same record gives the same ids, in the same order.
    pub id: String,
    /// The key; letters of one key stay in their order whatever the topic's partitions become.
    pub key: String,
    /// The value; absent: what stood under the key is no more (a tombstone).
    pub payload: Option<Vec<u8>>,
    /// What the value is: [`PROTOBUF`] or [`XML`].
    pub content_type: &'static str,
}

impl Letter {
    /// A protobuf message, or that what stood under the key is no more.
    #[must_use]
    pub fn protobuf(id: String, key: String, payload: Option<Vec<u8>>) -> Letter {
        Letter { id, key, payload, content_type: PROTOBUF }
    }

    /// An XML document.
    #[must_use]
    pub fn xml(id: String, key: String, document: Vec<u8>) -> Letter {
        Letter { id, key, payload: Some(document), content_type: XML }
    }
}

/// What is to be published of a log.
pub trait Letters: Send + 'static {
    /// What is said of a record needs all records before it: after a restart they are folded again, from what was kept or
    /// from the first.
    const NEEDS_ALL: bool;
    /// The version of what [`Letters::keep`] gives; absent: the fold is not kept.
    const KEPT: Option<u32> = None;
    /// Takes in a record as it is stored, and says what is to be published of it.
    ///
    /// # Errors
    /// When the bytes are no record.
    fn record(&mut self, sequence: u64, bytes: &[u8], out: &mut Vec<Letter>) -> Result<(), wire::DecodeError>;

    /// What is to be published besides of all records since the last time, where of each key only the last letter counts: each with
    /// the record that says so, in the order of the records.
    ///
    /// # Errors
    /// When what came out cannot be told.
    fn latest(&mut self) -> Result<Vec<(u64, Letter)>, wire::DecodeError> {
        Ok(Vec::new())
    }

    /// How many letters that would be.
    fn waiting(&self) -> usize {
        0
    }

    /// The fold as bytes.
    fn keep(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Goes on from what was kept; on an error it is as it was.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn take_up(&mut self, kept: &[u8]) -> Result<(), String> {
        Err(format!("{} bytes, and no fold is kept", kept.len()))
    }
}
