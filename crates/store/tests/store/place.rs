//! A temporary place with a log in it, and the blocks that fill it.

use std::fs;
use std::path::{Path, PathBuf};

use store::{Block, BlockBuilder, Error, Log, Memory, Options};
use tempfile::TempDir;

pub struct Place {
    root: TempDir,
    pub options: Options,
}

impl Place {
    pub fn new() -> Place {
        Place { root: tempfile::tempdir().expect("temporary directory"), options: options() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn dir(&self) -> PathBuf {
        self.path("log")
    }

    pub fn create(&self) -> Log {
        Log::create(&self.dir(), &self.options).expect("creates")
    }

    pub fn open(&self) -> Result<Log, Error> {
        Log::open(&self.dir(), &self.options)
    }

    /// The newest write-ahead log that holds anything.
    pub fn wal(&self) -> PathBuf {
        fs::read_dir(self.dir())
            .expect("lists")
            .map(|entry| entry.expect("entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .filter(|path| fs::metadata(path).expect("metadata").len() > 0)
            .max()
            .expect("a write-ahead log")
    }
}

/// Small enough that every test moves ids and evicts blocks.
pub fn options() -> Options {
    Options {
        memory: Memory::new(8 << 20, 8 << 20),
        ring_bytes: 1 << 20,
        ids_in_memory: 64,
        id_filter_bytes: 1 << 16,
        ..Options::default()
    }
}

/// Records that say which they are, and compress like real ones: half of each is noise.
pub fn record(sequence: u64) -> Vec<u8> {
    let mut bytes = format!("record {sequence} of the test ").into_bytes();
    let mut state = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for _ in 0..20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_be_bytes());
        bytes.extend([b'.'; 8]);
    }
    bytes
}

pub fn next_block(log: &Log, records: u64) -> Block {
    let head = log.head();
    let mut builder = BlockBuilder::after(head);
    for sequence in head.sequence + 1..=head.sequence + records {
        builder.push(&record(sequence));
    }
    builder.finish()
}

/// Appends blocks of ten records; each record claims an id, each block moves one cursor.
pub fn fill(log: &Log, blocks: u64) {
    for _ in 0..blocks {
        let block = next_block(log, 10);
        let ids: Vec<_> = (block.first()..=block.last()).map(|sequence| (id(sequence), sequence)).collect();
        let cursor = (b"trades/0".to_vec(), block.last().to_be_bytes().to_vec());
        log.commit(&block, &ids, &[cursor]).expect("commits");
    }
}

pub fn id(sequence: u64) -> [u8; 16] {
    let hash = store::chain::leaf(&sequence.to_be_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    id
}

/// Every record from 1 to the head is there, with its bytes.
pub fn check_all(log: &Log) {
    let mut next = 1;
    for block in log.blocks_from(1) {
        for (sequence, bytes) in block.expect("a sound block").iter() {
            assert_eq!(sequence, next);
            assert_eq!(bytes, record(sequence));
            next += 1;
        }
    }
    assert_eq!(next, log.head().sequence + 1);
}

/// Copies a closed database.
pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copies");
    }
}
