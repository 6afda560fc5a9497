//! The small file that says up to which record a feed has come, and from where in the topic to look what came after.

use crate::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use store::{Head, Log};

/// The place of a feed. One line: sequence, chain after it in hex, offset, with blanks between.
pub(super) struct Place {
    path: PathBuf,
    at: Head,
    /// Everything of ours before it in the topic is of records up to `at`.
    offset: u64,
    saved: (u64, u64),
}

impl Place {
    /// Reads it. A file that is not there means the beginning of both; of another log, that the topic says what is there.
    pub fn open(path: &Path, log: &Log) -> Result<Place, Error> {
        let (at, offset) = match fs::read_to_string(path) {
            Ok(text) => parse(&text).ok_or_else(|| {
                let cause = "it is no place of a feed; delete it, and the topic is read from its beginning".to_owned();
                Error::File { path: path.display().to_string(), cause }
            })?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => (Head::EMPTY, 0),
            Err(cause) => return Err(file(path, &cause)),
        };
        let chain = log.chain_at(at.sequence).map_err(|cause| Error::Log { cause: cause.to_string() })?;
        let (at, offset) = if chain == Some(at.chain) {
            (at, offset)
        } else {
            tracing::warn!(
                path = %path.display(),
                sequence = at.sequence,
                "the place is of another log: the topic is read from its beginning"
            );
            (Head::EMPTY, 0)
        };
        Ok(Place { path: path.to_owned(), at, offset, saved: (at.sequence, offset) })
    }

    pub fn sequence(&self) -> u64 {
        self.at.sequence
    }

    pub fn head(&self) -> Head {
        self.at
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// All records up to here are told of, before an offset of the topic.
    pub fn move_to(&mut self, at: Head, offset: Option<u64>) {
        self.at = at;
        self.offset = self.offset.max(offset.unwrap_or(0));
    }

    /// Writes it, whole or not at all.
    pub fn save(&mut self) -> Result<(), Error> {
        if self.saved == (self.at.sequence, self.offset) {
            return Ok(());
        }
        let chain: String = self.at.chain.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut staged = self.path.as_os_str().to_owned();
        staged.push(".new");
        let write = || -> io::Result<()> {
            let mut file = File::create(&staged)?;
            writeln!(file, "{} {chain} {}", self.at.sequence, self.offset)?;
            // Only so that the rename never shows an empty file after a power cut.
            file.sync_data()?;
            fs::rename(&staged, &self.path)
        };
        write().map_err(|cause| file(&self.path, &cause))?;
        self.saved = (self.at.sequence, self.offset);
        Ok(())
    }
}

fn file(path: &Path, cause: &io::Error) -> Error {
    Error::File { path: path.display().to_string(), cause: cause.to_string() }
}

fn parse(text: &str) -> Option<(Head, u64)> {
    let mut words = text.trim_end().split(' ');
    let (sequence, hex, offset) = (words.next()?, words.next()?, words.next()?);
    if hex.len() != 64 || !hex.is_ascii() || words.next().is_some() {
        return None;
    }
    let mut chain = [0; 32];
    for (place, byte) in chain.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some((Head { sequence: sequence.parse().ok()?, chain }, offset.parse().ok()?))
}
