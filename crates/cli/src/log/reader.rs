//! Where records are read: from a server, or from the files of one that may or may not be running.

use std::path::{Path, PathBuf};

use anyhow::Result;
use store::{Memory, Options};
use wire::pb::service::{GetHeadRequest, ReadRecordsRequest};

use crate::connection::Connection;
use crate::fault::{from_status, not_found};
use crate::paging::answer;

/// A log to read.
pub enum Reader {
    Server(Connection),
    Directory(Box<store::Log>),
}

/// The directory of the log in a data directory; a directory that is itself a log is taken as well.
pub fn log_dir(data: &Path) -> PathBuf {
    let inside = data.join("log");
    if inside.is_dir() || !data.join("CURRENT").is_file() { inside } else { data.to_path_buf() }
}

impl Reader {
    pub fn server(connection: Connection) -> Reader {
        Reader::Server(connection)
    }

    /// Opens the files as they are now, read-only: a server may go on writing.
    pub fn directory(data: &Path) -> Result<Reader> {
        if !data.is_dir() {
            return Err(not_found(format!("there is no directory {}", data.display())));
        }
        // A look at a log should not take the memory of a server.
        let options = Options { memory: Memory::new(32 << 20, 8 << 20), ring_bytes: 1 << 20, ..Options::default() };
        Ok(Reader::Directory(Box::new(store::Log::open_read_only(&log_dir(data), &options)?)))
    }

    /// The last record.
    pub async fn head(&self) -> Result<u64> {
        match self {
            Reader::Directory(log) => Ok(log.head().sequence),
            Reader::Server(connection) => Ok(answer(connection.log().get_head(GetHeadRequest {}).await)?.sequence),
        }
    }

    /// Hands over the stored bytes of the records of a range, until told to stop.
    pub async fn each(
        &mut self,
        from: u64,
        to: u64,
        mut visit: impl AsyncFnMut(u64, &[u8]) -> Result<bool>,
    ) -> Result<()> {
        if from > to {
            return Ok(());
        }
        match self {
            Reader::Directory(log) => {
                for block in log.blocks_from(from) {
                    for (sequence, bytes) in block?.iter() {
                        if sequence > to || (sequence >= from && !visit(sequence, bytes).await?) {
                            return Ok(());
                        }
                    }
                }
            }
            Reader::Server(connection) => {
                let request =
                    ReadRecordsRequest { from_sequence: from, follow: false, limit: to - from + 1, decode: false };
                let mut stream = answer(connection.log().read_records(request).await)?;
                while let Some(response) = stream.message().await.map_err(from_status)? {
                    for record in response.records {
                        if record.sequence > to || !visit(record.sequence, &record.stored).await? {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
