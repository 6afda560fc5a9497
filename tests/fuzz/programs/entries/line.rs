//! libFuzzer's way into `targets::line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::line::run(bytes);
});
