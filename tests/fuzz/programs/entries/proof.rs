//! libFuzzer's way into `targets::proof`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::proof::run(bytes);
});
