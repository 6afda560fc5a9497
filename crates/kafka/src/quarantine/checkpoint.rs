//! The small file that says up to which record the log was followed, and of which log.

use crate::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use store::{Head, Log};

/// The place of a follower. One line: sequence, blank, chain after it in hex.
pub(crate) struct Checkpoint {
    path: PathBuf,
    place: Head,
    saved: u64,
}

impl Checkpoint {
    /// Reads it. A file that is not there, or is of another log, means the beginning: to publish again does no harm.
    pub(crate) fn open(path: &Path, log: &Log) -> Result<Checkpoint, Error> {
        let place = match fs::read_to_string(path) {
            Ok(text) => parse(&text).ok_or_else(|| {
                let cause = "it is no checkpoint; delete it to publish all that is in quarantine again".to_owned();
                Error::File { path: path.display().to_string(), cause }
            })?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Head::EMPTY,
            Err(cause) => return Err(file(path, &cause)),
        };
        let chain = log.chain_at(place.sequence).map_err(|cause| Error::Log { cause: cause.to_string() })?;
        let place = if chain == Some(place.chain) {
            place
        } else {
            tracing::warn!(
                path = %path.display(),
                sequence = place.sequence,
                "the checkpoint of the quarantine topic is of another log: what is in quarantine is published again"
            );
            Head::EMPTY
        };
        Ok(Checkpoint { path: path.to_owned(), place, saved: place.sequence })
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.place.sequence
    }

    pub(crate) fn move_to(&mut self, place: Head) {
        self.place = place;
    }

    /// Writes it, whole or not at all.
    pub(crate) fn save(&mut self) -> Result<(), Error> {
        if self.saved == self.place.sequence {
            return Ok(());
        }
        let chain: String = self.place.chain.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut staged = self.path.as_os_str().to_owned();
        staged.push(".new");
        let write = || -> io::Result<()> {
            let mut file = File::create(&staged)?;
            writeln!(file, "{} {chain}", self.place.sequence)?;
            // Only so that the rename never shows an empty file after a power cut.
            file.sync_data()?;
            fs::rename(&staged, &self.path)
        };
        write().map_err(|cause| file(&self.path, &cause))?;
        self.saved = self.place.sequence;
        Ok(())
    }
}

fn file(path: &Path, cause: &io::Error) -> Error {
    Error::File { path: path.display().to_string(), cause: cause.to_string() }
}

fn parse(text: &str) -> Option<Head> {
    let (sequence, hex) = text.trim_end().split_once(' ')?;
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut chain = [0; 32];
    for (place, byte) in chain.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some(Head { sequence: sequence.parse().ok()?, chain })
}
