//! The proofs of a week over ISO 20022 XML: every message between bank and agent was a document, and the bank's log holds the agent's
//! byte for byte.

use std::collections::BTreeMap;

use anyhow::Result;
use kafka::{Brokers, CONTENT_TYPE, Reader, Received};
use model::command::Origin;
use model::record::Content;
use wire::pb::service::ReadRecordsRequest;

use super::proofs::Proof;
use super::seat::{Seat, Stage};
use super::{ADVICES, INSTRUCTIONS};
use crate::fault::from_status;
use crate::paging::answer;

pub async fn proofs(stage: &Stage, brokers: &Brokers) -> Result<Vec<Proof>> {
    let (instructions, advices) = (topic(brokers, INSTRUCTIONS).await?, topic(brokers, ADVICES).await?);
    let kept = kept(&stage.bank).await?;
    let same = advices.iter().filter(|advice| kept.get(&advice.offset) == Some(&advice.payload)).count();
    Ok(vec![
        are_xml("instructions", &instructions),
        are_xml("advices", &advices),
        Proof {
            what: "advices = documents in the log, byte for byte".to_owned(),
            left: format!("{} in the topic", advices.len()),
            right: format!("{same} in the log"),
            difference: advices.len() as i128 - same as i128,
        },
    ])
}

fn are_xml(what: &str, all: &[Received]) -> Proof {
    let xml = all.iter().filter(|message| kafka::is_xml(message.header(CONTENT_TYPE).as_bytes())).count();
    Proof {
        what: format!("{what} are ISO 20022 XML"),
        left: format!("{} in the topic", all.len()),
        right: format!("{xml} are XML"),
        difference: all.len() as i128 - xml as i128,
    }
}

async fn topic(brokers: &Brokers, topic: &'static str) -> Result<Vec<Received>> {
    let brokers = brokers.clone();
    let read = move || {
        let mut all = Vec::new();
        Reader::new(&brokers, topic, 0, 0)?.to_end(0, |message| all.push(message))?;
        Ok::<_, kafka::Error>(all)
    };
    Ok(tokio::task::spawn_blocking(read).await??)
}

/// The documents that the log holds, by their offsets.
async fn kept(seat: &Seat) -> Result<BTreeMap<u64, Vec<u8>>> {
    let request = ReadRecordsRequest { from_sequence: 1, follow: false, limit: seat.head().await?, decode: false };
    let mut stream = answer(seat.connection.log().read_records(request).await)?;
    let mut kept = BTreeMap::new();
    while let Some(response) = stream.message().await.map_err(from_status)? {
        for stored in &response.records {
            let Some(document) = wire::record::document(&stored.stored) else { continue };
            let Content::Decided { inbound, .. } = wire::record::decode(&stored.stored)?.content else { continue };
            if let Origin::Kafka { offset, .. } = inbound.origin {
                kept.insert(offset, document.to_vec());
            }
        }
    }
    Ok(kept)
}
