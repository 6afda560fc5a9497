//! Test programs with a `main` of their own: cases one after the other, each with what all share; names as arguments choose.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What becomes of a test that cannot run here.
pub enum Verdict {
    Passed,
    Skipped(String),
}

/// A test and its name.
pub type Case<T> = (&'static str, fn(&T) -> Verdict);

/// The cases whose name holds one of the arguments; all when there are none.
pub fn chosen<'c, T>(cases: &'c [Case<T>], arguments: &[String]) -> Vec<&'c Case<T>> {
    let names: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    cases.iter().filter(|(name, _)| wanted(name)).collect()
}

/// Runs cases and says how each went; the names of those that failed.
pub fn run<T>(cases: &[&Case<T>], with: &T) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, case) in cases {
        println!("--- {name}");
        let began = Instant::now();
        let verdict = catch_unwind(AssertUnwindSafe(|| case(with)));
        let seconds = began.elapsed().as_secs_f32();
        match verdict {
            Ok(Verdict::Passed) => println!("    ok in {seconds:.1} s"),
            Ok(Verdict::Skipped(why)) => println!("    SKIPPED: {why}"),
            // The panic's own text stands above.
            Err(_) => {
                println!("    FAILED after {seconds:.1} s");
                failed.push(*name);
            }
        }
    }
    failed
}

/// A whole number of the environment.
pub fn number(key: &str) -> Option<u64> {
    let text = std::env::var(key).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{key} is a whole number")))
}

/// What chance begins with: what a variable says, else another number each time.
pub fn seed(key: &str) -> u64 {
    number(key).unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        u64::from(now.subsec_nanos()) + now.as_secs() % 1_000_000
    })
}
