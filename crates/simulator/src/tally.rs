//! What a run came to: how much was decided, what went wrong, how long it would have taken in the world.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Counts of one run, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub runs: u64,
    pub steps: u64,
    pub records: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicates: u64,
    pub settled: u64,
    pub confirmed: u64,
    pub breaks: u64,
    pub restarts: u64,
    /// Comparisons of every balance and instruction with the bookkeeper's, and of the views.
    pub compared: u64,
    pub views_compared: u64,
    pub faults: BTreeMap<&'static str, u64>,
    /// Commands by name.
    pub commands: BTreeMap<&'static str, u64>,
    /// Accepted commands by what they say, reference data and the steps of days by kind.
    pub taken: BTreeMap<String, u64>,
    /// Facts by name.
    pub events: BTreeMap<&'static str, u64>,
    /// Refusals by code.
    pub refusals: BTreeMap<&'static str, u64>,
    /// How much time passed in the house.
    pub simulated: Duration,
}

impl Tally {
    pub fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    pub fn add(&mut self, other: &Tally) {
        for (mine, theirs) in [
            (&mut self.runs, other.runs),
            (&mut self.steps, other.steps),
            (&mut self.records, other.records),
            (&mut self.accepted, other.accepted),
            (&mut self.rejected, other.rejected),
            (&mut self.duplicates, other.duplicates),
            (&mut self.settled, other.settled),
            (&mut self.confirmed, other.confirmed),
            (&mut self.breaks, other.breaks),
            (&mut self.restarts, other.restarts),
            (&mut self.compared, other.compared),
            (&mut self.views_compared, other.views_compared),
        ] {
            *mine += theirs;
        }
        for (mine, theirs) in [
            (&mut self.faults, &other.faults),
            (&mut self.commands, &other.commands),
            (&mut self.events, &other.events),
            (&mut self.refusals, &other.refusals),
        ] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
        for (name, count) in &other.taken {
            *self.taken.entry(name.clone()).or_default() += count;
        }
        self.simulated += other.simulated;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { runs, steps, records, accepted, rejected, duplicates, settled, confirmed, .. } = self;
        writeln!(f, "{runs} seeds, {steps} steps, {records} records")?;
        writeln!(f, "  accepted {accepted}, rejected {rejected}, duplicates {duplicates}")?;
        writeln!(f, "  pairs settled {settled}, confirmations {confirmed}, breaks {}", self.breaks)?;
        writeln!(f, "  compared: {} states, {} times the views", self.compared, self.views_compared)?;
        writeln!(f, "  restarts {}", self.restarts)?;
        for (title, counts) in [("faults", &self.faults), ("commands", &self.commands), ("refusals", &self.refusals)] {
            let words: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            writeln!(f, "  {title}: {}", words.join(", "))?;
        }
        let words: Vec<String> = self.events.iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(f, "  facts: {}", words.join(", "))?;
        write!(f, "  time in the house: {:.1} days", self.simulated.as_secs_f64() / 86_400.0)
    }
}
