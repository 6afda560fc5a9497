//! Measures the store on this machine: `cargo run -p store --example measure -- <dir> [ids in millions]`.
//!
//! Figures are printed, never asserted; `cpu` is the time of the calling thread on a processor, which other work disturbs least.
//! The disk of `<dir>` is what is measured; the directory must not exist and is left behind.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use store::{Block, BlockBuilder, Checkpoint, Head, Log, Options, Views};

const RECORDS: u64 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("usage: measure <dir> [millions]")?;
    let millions: u64 = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let dir = Path::new(&dir);
    let options = Options::default();
    compression()?;
    let log = Log::create(&dir.join("log"), &options)?;
    commits(&log, 500, RECORDS)?;
    commits(&log, 500, 1)?;
    replay(&log)?;
    ids(&log, millions)?;
    snapshot(&log)?;
    println!("sizes: {:?}", log.estimated_size());
    drop(log);
    let start = Instant::now();
    let log = Log::open(&dir.join("log"), &options)?;
    println!("open: {:?} with {} records", start.elapsed(), log.head().sequence);
    look_up(&log, millions);
    views(&Views::open(&dir.join("views"), &options)?)?;
    Ok(())
}

/// 400 bytes, half of them noise.
fn record(sequence: u64, bytes: &mut Vec<u8>) {
    let mut state = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for index in 0..50_u64 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = if index % 2 == 0 { state } else { index * 0x0101_0101 };
        bytes.extend(word.to_be_bytes());
    }
}

fn block(head: Head, records: u64) -> Block {
    let mut builder = BlockBuilder::after(head);
    for sequence in head.sequence + 1..=head.sequence + records {
        builder.push_with(|bytes| record(sequence, bytes));
    }
    builder.finish()
}

fn compression() -> Result<(), Box<dyn Error>> {
    let block = block(Head::EMPTY, RECORDS);
    let rounds = 100;
    let start = Instant::now();
    for _ in 0..rounds {
        let mut builder = BlockBuilder::after(Head::EMPTY);
        for (_, bytes) in block.iter() {
            builder.push(bytes);
        }
        std::hint::black_box(builder.finish());
    }
    println!("build and hash: {:?} a block of {} bytes", start.elapsed() / rounds, block.byte_len());
    for level in [-7, -5, -3, -1, 1, 2, 3] {
        let start = Instant::now();
        let mut stored = Vec::new();
        for _ in 0..rounds {
            stored = block.to_stored(level)?;
        }
        let compress = start.elapsed() / rounds;
        let start = Instant::now();
        for _ in 0..rounds {
            Block::from_stored(&stored)?;
        }
        let read = start.elapsed() / rounds;
        println!("zstd {level}: {} bytes, compress {compress:?}, read and verify {read:?}", stored.len());
    }
    Ok(())
}

fn commits(log: &Log, blocks: usize, records: u64) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    let (mut stored, mut busy) = (0, 0);
    for _ in 0..blocks {
        let block = block(log.head(), records);
        let ids: Vec<_> = (block.first()..=block.last()).map(|at| (id(at), at)).collect();
        let cursor = (b"trades/0".to_vec(), vec![7; 60]);
        let start = Instant::now();
        let cpu = cpu();
        stored += log.commit(&block, &ids, &[cursor])?.stored_bytes;
        busy += self::cpu() - cpu;
        times.push(start.elapsed());
    }
    report(
        &format!(
            "commit of {records} records with ids, {} bytes stored, cpu {} us",
            stored / blocks,
            busy / 1000 / blocks as u64
        ),
        &mut times,
    );
    Ok(())
}

fn replay(log: &Log) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut records = 0;
    for block in log.blocks_from(1) {
        records += block?.len();
    }
    println!("replay, verified: {:.0} records/s", records as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

fn id(sequence: u64) -> [u8; 16] {
    let mut id = [0; 16];
    for (part, salt) in id.chunks_mut(8).zip([1, 2]) {
        let mut word = (sequence ^ (salt << 60)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
        part.copy_from_slice(&(word ^ (word >> 29)).to_be_bytes());
    }
    id
}

fn ids(log: &Log, millions: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut times = Vec::new();
    let total = millions * 1_000_000;
    let mut at = 10_000_000;
    while at < 10_000_000 + total {
        let ids: Vec<_> = (at..at + 5000).map(|at| (id(at), at)).collect();
        at += 5000;
        let block = block(log.head(), 1);
        let begin = Instant::now();
        log.commit(&block, &ids, &[])?;
        times.push(begin.elapsed());
    }
    println!("{millions} M ids in {:?}", start.elapsed());
    report("commit of 5000 ids", &mut times);
    look_up(log, millions);
    log.compact();
    println!("compacted:");
    look_up(log, millions);
    Ok(())
}

fn look_up(log: &Log, millions: u64) {
    let rounds = 500_000;
    for (name, base) in [("absent", 1 << 40), ("present", 10_000_000), ("absent", 1 << 41)] {
        let (start, cpu) = (Instant::now(), cpu());
        let mut found = 0;
        for round in 0..rounds {
            let at = base + round * 7919 % (millions * 1_000_000);
            found += u64::from(matches!(log.id(&id(at)), Ok(Some(_))));
        }
        let each = start.elapsed() / rounds as u32;
        println!("look-up, {name}: {each:?}, cpu {} ns ({found} found)", (self::cpu() - cpu) / rounds);
    }
}

/// Nanoseconds that this thread was on a processor.
fn cpu() -> u64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    line.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn snapshot(log: &Log) -> Result<(), Box<dyn Error>> {
    let block = block(Head::EMPTY, 2500);
    let piece: Vec<u8> = block.iter().flat_map(|(_, bytes)| bytes).copied().collect();
    let start = Instant::now();
    let mut writer = log.snapshot_writer(log.head(), 1)?;
    for _ in 0..200 {
        writer.put(&piece)?;
    }
    let bytes = writer.bytes() as f64;
    writer.finish()?;
    println!("snapshot: {:.0} MB/s written", bytes / 1e6 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let snapshot = log.newest_snapshot()?.ok_or("no snapshot")?;
    println!("snapshot: {:.0} MB/s verified", bytes / 1e6 / start.elapsed().as_secs_f64());
    for piece in snapshot.pieces() {
        piece?;
    }
    Ok(())
}

fn views(views: &Views) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for sequence in 0..200_u64 {
        let mut batch = views.begin("v");
        for row in 0..1000_u64 {
            let key = (row * 7919 + sequence * 104_729) % 500_000;
            batch.put(1, &key.to_be_bytes(), &[7; 100]);
        }
        let begin = Instant::now();
        batch.commit(Checkpoint { sequence, chain: [0; 32], version: 1 })?;
        times.push(begin.elapsed());
    }
    report("batch of 1000 rows of views", &mut times);
    let start = Instant::now();
    let rows = views.scan(1, &[], &[]).count();
    println!("scan: {:.0} rows/s", rows as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    let mean = times.iter().sum::<Duration>() / times.len() as u32;
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{what}: mean {mean:?}, p50 {p50:?}, p99 {p99:?}");
}
