//! libFuzzer's way into `targets::xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::xml::run(bytes);
});
