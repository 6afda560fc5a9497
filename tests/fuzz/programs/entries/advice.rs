//! libFuzzer's way into `targets::advice`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::advice::run(bytes);
});
