//! libFuzzer's way into `targets::snapshot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::snapshot::run(bytes);
});
