//! Unmatched instructions by what must be equal for a match. Nearly always one has a key for itself, so a key costs sixteen
//! bytes, and only those that share one are kept in a list.

use crate::instruction::Instruction;
use crate::matching::Key;
use crate::places::spread;
use crate::slab::Slab;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use hashbrown::HashTable;

/// Amount, number, place: so that the nearest amount is found by halving.
pub(crate) type Entry = (i64, u64, u32);

/// All buckets. The key of one is read from an instruction in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets {
    table: HashTable<Bucket>,
}

#[derive(Clone, Debug)]
struct Bucket {
    /// Half of the key's hash.
    hash: u32,
    /// One of them.
    first: u32,
    /// All of them in order, where there are several.
    several: Option<Box<Several>>,
}

#[derive(Clone, Debug)]
struct Several(Vec<Entry>);

fn hash(key: &Key) -> u32 {
    foldhash::fast::FixedState::default().hash_one(key) as u32
}

fn entry(instructions: &Slab<Instruction>, place: u32) -> Entry {
    let instruction = &instructions[place];
    (instruction.amount, instruction.number, place)
}

impl Bucket {
    fn is(&self, hash: u32, key: &Key, instructions: &Slab<Instruction>) -> bool {
        let key_of = |instruction: &Instruction| Key::of(instruction, instruction.movement);
        self.hash == hash && key_of(&instructions[self.first]) == *key
    }
}

impl Buckets {
    /// Those of a key, in order; `one` is room for a bucket that has no list.
    pub fn get<'a>(&'a self, key: &Key, instructions: &Slab<Instruction>, one: &'a mut [Entry; 1]) -> &'a [Entry] {
        let hash = hash(key);
        match self.table.find(spread(hash), |bucket| bucket.is(hash, key, instructions)) {
            None => &[],
            Some(Bucket { several: Some(several), .. }) => &several.0,
            Some(Bucket { first, .. }) => {
                *one = [entry(instructions, *first)];
                one
            }
        }
    }

    /// Adds an unmatched instruction.
    pub fn add(&mut self, instructions: &Slab<Instruction>, place: u32) {
        let key = Key::of(&instructions[place], instructions[place].movement);
        let (hash, fresh) = (hash(&key), entry(instructions, place));
        match self.table.find_mut(spread(hash), |bucket| bucket.is(hash, &key, instructions)) {
            None => {
                let bucket = Bucket { hash, first: place, several: None };
                self.table.insert_unique(spread(hash), bucket, |bucket| spread(bucket.hash));
            }
            Some(bucket) => {
                let several = &mut bucket.several;
                let alone = || Box::new(Several(alloc::vec![entry(instructions, bucket.first)]));
                let all = &mut several.get_or_insert_with(alone).0;
                all.insert(all.binary_search(&fresh).expect_err("an instruction is added once"), fresh);
            }
        }
    }

    /// Takes out an instruction that matched or ended.
    pub fn remove(&mut self, instructions: &Slab<Instruction>, place: u32) {
        let key = Key::of(&instructions[place], instructions[place].movement);
        let hash = hash(&key);
        let found = self.table.find_entry(spread(hash), |bucket| bucket.is(hash, &key, instructions));
        let Ok(mut found) = found else { panic!("an unmatched instruction has its bucket") };
        let bucket = found.get_mut();
        let Some(several) = &mut bucket.several else {
            assert_eq!(bucket.first, place, "an unmatched instruction stands in its bucket");
            found.remove();
            return;
        };
        let at = several.0.binary_search(&entry(instructions, place));
        several.0.remove(at.expect("an unmatched instruction stands in its bucket"));
        bucket.first = several.0[0].2;
        if several.0.len() == 1 {
            bucket.several = None;
        }
    }
}
