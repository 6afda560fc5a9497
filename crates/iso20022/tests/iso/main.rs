//! The crate by its boundary: golden documents, there and back, documents of others, hostile bytes, and what Prowide judges.

mod any;
mod golden;
mod hostile;
mod meant;
mod others;
mod round_trip;
mod samples;
mod table;
