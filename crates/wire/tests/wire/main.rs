//! The wire against its judges: the generated code, the golden bytes, and itself there and back.

mod any;
mod golden;
mod json;
mod oracle;
mod record;
mod sample;
mod schema;
mod settlement;
mod size;
mod speed;
mod trade;
