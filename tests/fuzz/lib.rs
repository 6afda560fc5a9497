//! What is fuzzed: functions of bytes, run under libFuzzer by the programs of `programs` (`make fuzz`) and with the small corpus by the
//! test `corpus`.

pub mod targets;
