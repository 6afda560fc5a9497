//! What the composition root may choose: memory, compression, and how strictly the witness is taken.

use std::path::{Path, PathBuf};

use rocksdb::{Cache, WriteBufferManager};

/// How a log and its views are opened. Everything has a sound default.
#[derive(Clone)]
pub struct Options {
    /// Block cache and write buffers, shared by every database that is opened with a clone of these options.
    pub memory: Memory,
    /// Bytes of recent blocks that are kept uncompressed for followers.
    pub ring_bytes: usize,
    /// Ids of the newest records that are kept in memory, until they are moved into their table together. 25 bytes each, twice that
    /// while they are moved; a start reads as many back.
    pub ids_in_memory: usize,
    /// Bytes of the filter that answers for ids that are new. 64 MiB suit 45 million ids; beyond that look-ups slowly get dearer.
    pub id_filter_bytes: usize,
    /// Compression of blocks: a level of zstd, 1 to 19, or negative for its fast levels.
    pub compression: i32,
    /// Threads of each database for flushes and compactions.
    pub background_jobs: u8,
    /// The witness file. It belongs on another disk than the log: what takes the one should not take the other.
    /// By default it lies beside the directory, as `<dir>.witness`.
    pub witness: Option<PathBuf>,
    /// What to do when log and witness disagree.
    pub witness_check: WitnessCheck,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memory: Memory::default(),
            ring_bytes: 64 << 20,
            // Just what a map of a power of two holds.
            ids_in_memory: 7 << 17,
            id_filter_bytes: 64 << 20,
            compression: 1,
            background_jobs: 2,
            witness: None,
            witness_check: WitnessCheck::Strict,
        }
    }
}

impl Options {
    /// Where the witness of the log in `dir` lies.
    #[must_use]
    pub fn witness_path(&self, dir: &Path) -> PathBuf {
        self.witness.clone().unwrap_or_else(|| {
            let mut path = dir.as_os_str().to_owned();
            path.push(".witness");
            path.into()
        })
    }
}

/// How strictly a log is compared with its witness when it is opened for writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WitnessCheck {
    /// The witness must be there, and the log must reach it and agree with it.
    #[default]
    Strict,
    /// The log may end before the witness: the missing blocks are about to be imported. Once they reach the witness's record they
    /// must have its hash, or the commit is refused; until then the witness is not moved.
    CatchUp,
    /// The log is taken as it is and the witness starts anew. For a restored backup that is trusted, and for a loss that is accepted.
    Reset,
}

/// Memory of the databases: one block cache and one bound on write buffers, however many databases share it.
#[derive(Clone)]
pub struct Memory {
    pub(crate) cache: Cache,
    pub(crate) buffers: WriteBufferManager,
    pub(crate) write_buffer_bytes: usize,
}

impl Memory {
    /// `cache_bytes` bounds cached blocks, indexes and filters; `write_buffer_bytes` bounds what all tables together hold in memory
    /// before it is written out as files.
    #[must_use]
    pub fn new(cache_bytes: usize, write_buffer_bytes: usize) -> Memory {
        let cache = Cache::new_hyper_clock_cache(cache_bytes, 0);
        // Never stall the writer for the bound's sake: RocksDB flushes at 90 % of it, and a commit that waits is worse than a few MiB.
        let buffers = WriteBufferManager::new_write_buffer_manager(write_buffer_bytes, false);
        Memory { cache, buffers, write_buffer_bytes }
    }

    /// Bytes in the block cache now.
    #[must_use]
    pub fn cache_used(&self) -> usize {
        self.cache.get_usage()
    }

    /// Bytes in write buffers now.
    #[must_use]
    pub fn buffers_used(&self) -> usize {
        self.buffers.get_usage()
    }
}

impl Default for Memory {
    /// 256 MiB of cache, 128 MiB of write buffers.
    fn default() -> Self {
        Memory::new(256 << 20, 128 << 20)
    }
}
