//! What prost, tonic and pbjson make of `proto/`: messages, clients and servers, and the JSON of both.
//!
//! `typ` is `quittance.type.v1`, since `type` is a keyword.
#![allow(clippy::all, clippy::pedantic, rustdoc::all)]

include!(concat!(env!("OUT_DIR"), "/pb.rs"));
