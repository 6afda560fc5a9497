//! Chance that repeats itself: a small generator with a seed, and skewed choice in whole numbers.
//!
//! Own code rather than a crate, because a figure quoted from a run must come out of the same seed in ten years.

/// xoshiro256++ (Blackman and Vigna 2019), seeded by splitmix64 as its authors advise.
#[derive(Clone, Debug)]
pub struct Random([u64; 4]);

impl Random {
    /// The same seed gives the same numbers, on every machine.
    pub fn new(seed: u64) -> Random {
        let mut walk = seed;
        let mut next = || {
            walk = walk.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = walk;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Random([next(), next(), next(), next()])
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `end`, which must be above zero. Off from even by less than one in 2^32 for the sizes used here.
    pub fn below(&mut self, end: u64) -> u64 {
        debug_assert!(end > 0);
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low) as u64 + 1) as i64
    }

    /// True so many times in ten thousand.
    pub fn chance(&mut self, per_ten_thousand: u32) -> bool {
        self.below(10_000) < u64::from(per_ten_thousand)
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

/// Choice by Zipf's law: the first is taken twice as often as the second, three times as often as the third.
#[derive(Clone, Debug)]
pub struct Zipf {
    /// Running sums of the weights, scaled to whole numbers.
    sums: Vec<u64>,
}

impl Zipf {
    /// Over the ranks `0..count`; `count` must be above zero.
    pub fn new(count: usize) -> Zipf {
        let mut total = 0;
        let sums = (1..=count as u64)
            .map(|rank| {
                total += (1 << 32) / rank;
                total
            })
            .collect();
        Zipf { sums }
    }

    /// A rank.
    pub fn rank(&self, random: &mut Random) -> usize {
        let drawn = random.below(*self.sums.last().expect("a choice needs something to choose from"));
        self.sums.partition_point(|&sum| sum <= drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        // The first outputs for state {1, 2, 3, 4}, as in the reference implementation's published test vector.
        let mut random = Random([1, 2, 3, 4]);
        assert_eq!([random.bits(), random.bits(), random.bits()], [41_943_041, 58_720_359, 3_588_806_011_781_223]);
        let (mut one, mut other) = (Random::new(7), Random::new(7));
        assert!((0..100).all(|_| one.bits() == other.bits()));
        assert_ne!(Random::new(7).bits(), Random::new(8).bits());
    }

    #[test]
    fn zipf_takes_the_first_twice_as_often_as_the_second() {
        let (zipf, mut random, mut seen) = (Zipf::new(50), Random::new(3), [0u32; 50]);
        for _ in 0..200_000 {
            seen[zipf.rank(&mut random)] += 1;
        }
        let ratio = seen[0] * 100 / seen[1];
        assert!((190..210).contains(&ratio), "{ratio}");
        assert!(seen.iter().all(|&count| count > 0));
    }
}
