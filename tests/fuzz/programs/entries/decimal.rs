//! libFuzzer's way into `targets::decimal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::decimal::run(bytes);
});
