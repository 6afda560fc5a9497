//! Exposure from settlement: what a counterparty's failure would cost by the phase a trade is in, the capital that aged
//! fails take, and limits that are reserved before they are used.

pub mod capital;
pub mod limit;
pub mod settlement;
