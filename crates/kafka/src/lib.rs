//! Kafka: trades in, topics, and what is sent out.

mod admin;
mod batch;
mod brokers;
mod consumer;
mod error;
mod establish;
mod event;
pub mod feed;
mod follow;
pub mod instructions_out;
mod lag;
mod outlet;
mod partition_queue;
pub mod positions_out;
mod produce;
mod quarantine;
mod reader;
pub mod records;
mod source;
pub mod status_out;
pub mod topics;

pub use admin::cluster_id;
pub use brokers::Brokers;
pub use consumer::Consumer;
pub use error::Error;
pub use event::{CONTENT_TYPE, Event, PROTOBUF, TRACEPARENT, XML, is_xml};
pub use feed::{Feed, FeedOptions, FeedTo, Letter, Letters};
pub use produce::{Delivery, Outgoing, Producer};
pub use quarantine::{QuarantineOptions, QuarantinePublisher};
pub use reader::{Reader, Received};
pub use records::{Records, RecordsCounts, RecordsHalt, RecordsOptions, RecordsState};
pub use source::{Halt, Source, State};
pub use status_out::{StatusOptions, StatusPublisher};
pub use topics::{Topic, TopicPlan};
