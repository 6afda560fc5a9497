//! Settlement exposure and the capital of aged fails: everything open, valued at one set of prices and rates when asked.
//!
//! Each trade is valued by itself, since without a netting agreement none pays for another. What has no price or rate is an
//! exception with its name, and is not in the sums. A question, not a view
//! ([decision 53](../../../docs/decisions/0053-coverage-is-a-question.md)).

mod capital;
mod rows;
mod valued;

pub(crate) use capital::capitals;
pub(crate) use rows::exposures;
pub(crate) use valued::{Exceptions, ExposureFilter, Stand};
