//! The library behind the fuzzing programs: what they have in common is [`targets`], which the workspace's own test `corpus` runs too.

pub mod targets;
