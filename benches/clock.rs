//! CPU time of the thread that works: a busy machine disturbs it less than wall time.

use std::time::Duration;

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Took {
    pub cpu: Duration,
}

impl Took {
    /// CPU microseconds for each of so many.
    pub fn cpu_us_each(self, count: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count.max(1) as f64
    }

    /// So many for each second of CPU.
    pub fn per_cpu_second(self, count: u64) -> f64 {
        count as f64 / self.cpu.as_secs_f64().max(1e-9)
    }
}

/// CPU time of this thread so far, by the scheduler's own account (nanoseconds).
fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0);
    Duration::from_nanos(nanos)
}

/// Does it and says what it took.
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Took) {
    let cpu = thread_cpu();
    let result = work();
    (result, Took { cpu: thread_cpu() - cpu })
}
