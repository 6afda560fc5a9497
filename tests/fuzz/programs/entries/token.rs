//! libFuzzer's way into `targets::token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::token::run(bytes);
});
