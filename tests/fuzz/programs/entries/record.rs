//! libFuzzer's way into `targets::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::record::run(bytes);
});
