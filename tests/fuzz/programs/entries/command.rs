//! libFuzzer's way into `targets::command`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::command::run(bytes);
});
