//! The views: folds of the log into rows that answer questions, and the questions.
//!
//! A [`Runner`] follows the log on a thread of its own, decodes each block once and folds it into every view: *names* (what
//! numbers stand for), *status* (instructions and trades), *cash* (balances and flows by value date), *ledger* (the stock
//! record), *positions* (traded and settled by book, lots) and *valuation* (prices, closes, policies). Rows are written together with the place in the log at which they are true, so a crash loses nothing and a damaged
//! or outdated view is rebuilt from record 1 to the same bytes. [`Projections`] answers; each answer is true at one record.
//!
//! Views fold facts and know no rule: whether something may settle is not asked here, only what became of it.

mod bound;
mod cash;
mod coverage;
mod error;
mod exposure;
mod folder;
mod following;
mod forecast;
mod grants;
mod ledger;
mod market_risk;
mod names;
mod numbered;
mod past;
mod pnl;
mod positions;
mod queries;
mod report;
mod risk_queries;
mod roll;
mod rows;
mod runner;
mod shared;
mod source;
mod status;
mod subscription;
mod token;
mod valuation;
mod values;
mod view;

pub use bound::Bound;
pub use error::Error;
pub use folder::{Folder, TableDigest};
pub use following::Following;
pub use past::{Known, Past, PastOptions, PastStage, Pasts};
pub use positions::PositionSubscription;
pub use queries::{Answer, PageRequest, Projections, Standing};
pub use roll::{Followed, Mark, Roll};
pub use runner::{Progress, Runner, RunnerOptions, Stepped};
pub use shared::{At, ViewName};
pub use source::Source;
pub use subscription::Subscription;
pub use token::TokenError;
