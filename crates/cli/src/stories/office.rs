//! The front office's process: sends trades as it is told in the language of the scenarios, keeps its own list of them, and reads how
//! they stand on the topic by which it is answered.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Result, anyhow};
use kafka::{Brokers, Event, Outgoing, Producer, Reader};
use model::command::Command;
use model::trade::{Action, Side, TradeMessage};
use prost::Message as _;
use wire::pb::status::TradeStatus;

use super::seat::Tongue;
use super::{STATUS, TRADES};

/// How long the brokers may take.
const DELIVERY: Duration = Duration::from_secs(30);

/// Serves lines: `say LINE` sends what it means, `list` tells every trade and how it stands, `net` what was bought in all.
/// Each is answered by lines and `done`.
pub fn run(brokers: &str) -> Result<()> {
    let brokers = Brokers::new(brokers);
    let producer = Producer::new(&brokers)?;
    let mut tongue = Tongue::new(super::seat::BANK)?;
    let mut sent: BTreeMap<String, TradeMessage> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut out = std::io::stdout().lock();
        if let Some(said) = line.strip_prefix("say ") {
            for inbound in tongue.commands(said)? {
                let Command::Trade(trade) = inbound.command else { continue };
                let mut bytes = Vec::new();
                wire::trade::encode(&trade, &mut bytes);
                let (id, source) = (
                    format!("{}/{}/{}", trade.source, trade.id, trade.version),
                    format!("/front-office/{}", trade.source),
                );
                let event = Event::protobuf(&id, "quittance.trade.v1", &source);
                let (key, payload) = (trade.id.as_str(), &bytes[..]);
                producer.send(&Outgoing { topic: TRADES, partition: Some(0), key, payload, event, tag: 0 })?;
                // What holds for it is the last version; a cancellation has no details of its own.
                sent.insert(trade.id.to_string(), *trade);
            }
            producer.flush(DELIVERY)?;
        } else if line == "list" {
            let told = told(&brokers)?;
            for id in sent.keys() {
                let state = told.get(id).map_or("NOTHING_TOLD", |status| status.state().as_str_name());
                writeln!(out, "{id} {}", state.trim_start_matches("TRADE_STATE_"))?;
            }
        } else if line == "net" {
            let mut net: BTreeMap<String, i64> = BTreeMap::new();
            for trade in sent.values().filter(|trade| trade.action != Action::Cancel) {
                let Some(details) = &trade.details else { continue };
                let units = i64::try_from(details.quantity.to_scale(0)?)?;
                let sign = if details.side == Side::Buy { 1 } else { -1 };
                *net.entry(details.instrument.to_string()).or_default() += sign * units;
            }
            for (instrument, net) in net {
                writeln!(out, "{instrument} {net}")?;
            }
        }
        writeln!(out, "done")?;
        out.flush()?;
    }
    Ok(())
}

/// The last status of each trade.
fn told(brokers: &Brokers) -> Result<BTreeMap<String, TradeStatus>> {
    let mut told = BTreeMap::new();
    let mut wrong = None;
    Reader::new(brokers, STATUS, 0, 0)?.to_end(0, |message| match TradeStatus::decode(&message.payload[..]) {
        Ok(status) => _ = told.insert(status.trade_id.clone(), status),
        Err(error) => wrong = Some(anyhow!("a status cannot be read: {error}")),
    })?;
    wrong.map_or(Ok(told), Err)
}
