//! libFuzzer's way into `targets::note`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::note::run(bytes);
});
