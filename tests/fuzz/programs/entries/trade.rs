//! libFuzzer's way into `targets::trade`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quittance_fuzz::targets::trade::run(bytes);
});
