//! The snapshot reader: bytes that are no state are an error, and those that are one are the bytes which that state writes.

use clearing::State;

/// Whether the bytes are a state.
pub fn run(bytes: &[u8]) -> bool {
    let whole = State::read_snapshot(std::iter::once(bytes.to_vec()));
    // In two pieces it is cut short or the same: no number stands in both.
    let _ = State::read_snapshot(bytes.chunks(bytes.len() / 2 + 1).map(<[u8]>::to_vec));
    let Ok(state) = whole else { return false };
    let mut written = Vec::new();
    state.write_snapshot(&mut |piece| written.extend_from_slice(piece));
    assert!(written == bytes, "{} bytes are read, {} other ones written", bytes.len(), written.len());
    true
}
