//! A run: steps from a seed until the first difference; and the smallest list of steps that shows it.

use crate::compare::Difference;
use crate::generate::Generator;
use crate::house::House;
use crate::input::Step;
use crate::tally::Tally;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a run ended with.
pub struct Outcome {
    pub tally: Tally,
    /// The step at which something differed, and what.
    pub difference: Option<(usize, Difference)>,
    /// All steps up to there.
    pub steps: Vec<Step>,
}

/// Runs so many steps of business from a seed.
pub fn run(seed: u64, steps: u64) -> Outcome {
    let mut generator = Generator::new(seed);
    let mut house = House::new(seed);
    let mut done = Vec::new();
    for _ in 0..steps {
        let step = generator.step(house.books());
        done.push(step);
        let step = done.last().expect("just pushed");
        if let Err(difference) = guarded(|| house.step(step)) {
            return Outcome { tally: house.tally, difference: Some((done.len(), difference)), steps: done };
        }
    }
    let difference = guarded(|| house.settle()).err().map(|difference| (done.len(), difference));
    Outcome { tally: house.tally, difference, steps: done }
}

/// Plays a list of steps; the first difference, with the step it shows at.
pub fn replay(seed: u64, steps: &[Step]) -> Option<(usize, Difference)> {
    let mut house = House::new(seed);
    for (place, step) in steps.iter().enumerate() {
        if let Err(difference) = guarded(|| house.step(step)) {
            return Some((place + 1, difference));
        }
    }
    guarded(|| house.settle()).err().map(|difference| (steps.len(), difference))
}

/// A panic of the house is a difference like any other.
fn guarded(body: impl FnOnce() -> Result<(), Difference>) -> Result<(), Difference> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(format!("the house panicked: {}", words(&*panic))))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

/// The smallest failing list that can be found in so many replays: whatever comes after the failure is left out, then
/// halves, quarters and so on down to single steps, as long as something still differs.
pub fn shrink(seed: u64, steps: &[Step], mut replays: u32) -> (Vec<Step>, Difference) {
    let mut least: Vec<Step> = steps.to_vec();
    let mut why = String::from("it did not show again");
    if let Some((end, difference)) = replay(seed, &least) {
        least.truncate(end);
        why = difference;
    }
    let mut size = least.len() / 2;
    while size > 0 && replays > 0 {
        let mut from = 0;
        while from < least.len() && replays > 0 {
            let mut fewer = least.clone();
            fewer.drain(from..(from + size).min(least.len()));
            replays -= 1;
            match replay(seed, &fewer) {
                Some((end, difference)) => {
                    fewer.truncate(end);
                    (least, why) = (fewer, difference);
                }
                None => from += size,
            }
        }
        size /= 2;
    }
    (least, why)
}
