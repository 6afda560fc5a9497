//! What nobody of ours writes: bytes bent, cut, doubled and made up. The auditor may say that something is violated or that it cannot
//! tell, and never falls over; and what it calls good says the same as before.

use auditor::chain::{Batch, Follower};
use auditor::fold::Fold;
use store::{BlockBuilder, Head};
use testkit::flow::{Flow, Random, Shape, play};
use testkit::memory::Shard;

/// Rounds of each kind; `HOSTILE=100000` for a long night.
fn rounds() -> u64 {
    std::env::var("HOSTILE").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000)
}

fn records() -> Vec<Vec<u8>> {
    let flow = Flow::new(3, Shape { trades: 60, members: 6, ..Shape::demo() });
    let mut shard = Shard::new(flow.genesis());
    play(&flow, &mut shard);
    shard.bytes().collect()
}

/// Bends bytes as chance has it.
fn bend(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len().max(1) as u64) as usize;
        match random.below(5) {
            _ if bytes.is_empty() => bytes.push(random.below(256) as u8),
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, 0xff),
            _ => {
                let end = (at + random.below(40) as usize).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

#[test]
fn bent_records_are_violations_or_unknown_and_never_a_panic() {
    let (records, mut random) = (records(), Random::new(5));
    let (mut good, mut found) = (0, 0);
    let mut place = 0;
    while place < rounds() {
        // One fold over the whole log, with a bent record tried at every place first: what is refused must not have left a trace that
        // matters, since the fold ends there.
        let mut fold = Fold::default();
        let victim = random.below(records.len() as u64) as usize;
        for (at, bytes) in records.iter().enumerate().take(victim) {
            fold.record(at as u64 + 1, bytes).expect("the log is sound");
        }
        let mut bent = records[victim].clone();
        bend(&mut bent, &mut random);
        match fold.record(victim as u64 + 1, &bent) {
            Ok(()) => good += 1,
            Err(_) => found += 1,
        }
        place += 10;
    }
    println!("{found} found, {good} make sense");
    assert!(found > good, "most of it makes no sense: {found} of {}", found + good);
}

#[test]
fn bent_blocks_never_pass_for_the_block_they_were() {
    let (records, mut random) = (records(), Random::new(6));
    let mut builder = BlockBuilder::after(Head::EMPTY);
    for record in records.iter().take(40) {
        builder.push(record);
    }
    let block = builder.finish();
    let stored = block.to_stored(1).expect("encodes");
    for _ in 0..rounds() {
        let mut bent = stored.clone();
        bend(&mut bent, &mut random);
        let Ok(batch) = Batch::unpack(&bent) else { continue };
        let mut follower = Follower::new(true);
        if follower.take(&batch, &mut |_| {}).is_ok() {
            assert_eq!(follower.chain, block.chain(), "another history that hashes: {bent:?}");
            assert_eq!(batch.records().count(), block.len());
        }
    }
}

#[test]
fn made_up_bytes_are_never_a_panic() {
    let mut random = Random::new(7);
    for _ in 0..rounds() * 10 {
        let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
        let _ = Fold::default().record(1, &bytes);
        let _ = Batch::unpack(&bytes);
    }
}
