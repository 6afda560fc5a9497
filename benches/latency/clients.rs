//! Who looks on over gRPC: a subscriber of one member's instructions, and somebody who asks for a trade a hundred times a
//! second.

use super::{LONG, Shared, Times, note, times};
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;
use wire::pb::service as pb;
use wire::pb::service::settlement_service_client::SettlementServiceClient;
use wire::pb::service::trade_service_client::TradeServiceClient;
use wire::pb::view;
use wire::pb::view::instruction_update::Kind;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(10);

async fn connect(address: String) -> Result<Channel> {
    Ok(Channel::from_shared(address)?.connect().await?)
}

/// Subscribes; the times from the intended production of a trade to its instruction's arrival here.
pub async fn watch(address: String, shared: Arc<Shared>) -> Result<JoinHandle<Result<Times>>> {
    let mut client = SettlementServiceClient::new(connect(address).await?);
    let filter = view::InstructionFilter { party: shared.load.party.clone(), ..Default::default() };
    let request = pb::WatchInstructionsRequest { filter: Some(filter), ..Default::default() };
    let mut updates = client.watch_instructions(request).await?.into_inner();
    Ok(tokio::spawn(async move {
        let (mut times, mut seen) = (times(), HashSet::new());
        let all = shared.load.watched.len();
        while seen.len() < all {
            let next = timeout(LONG, updates.message()).await.context("the subscription fell silent")?;
            let update = next?.context("the subscription ended")?.update.context("an update has a content")?;
            let now = Instant::now();
            let instructions = match update.kind {
                Some(Kind::Changes(changes)) => changes.instructions,
                Some(Kind::Snapshot(snapshot)) => snapshot.instructions,
                Some(Kind::TooSlow(_)) => bail!("the subscriber was too slow"),
                _ => Vec::new(),
            };
            for link in instructions.into_iter().flat_map(|instruction| instruction.trades) {
                if let Some(message) = shared.load.watched.get(&(link.source, link.id))
                    && seen.insert(*message)
                {
                    note(&mut times, shared.pace, *message, now);
                }
            }
        }
        Ok(times)
    }))
}

/// Asks for trades that are durable, until the run ends; the time of each answer, from when it was meant to be asked.
pub async fn question(address: String, shared: Arc<Shared>) -> Result<JoinHandle<Result<Times>>> {
    let mut client = TradeServiceClient::new(connect(address).await?);
    let mut trades: Vec<_> =
        shared.load.watched.iter().map(|((source, id), at)| (*at, source.clone(), id.clone())).collect();
    trades.sort_unstable();
    Ok(tokio::spawn(async move {
        let (mut times, mut ticks, mut turn) = (times(), interval(EVERY), 0);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while !shared.stop.load(Ordering::Acquire) {
            let meant = ticks.tick().await.into_std();
            // The views may be behind the log; what is a second old they have under any load worth a figure.
            let durable = shared.durable.load(Ordering::Acquire) / 2;
            let known = trades.partition_point(|(at, ..)| *at < durable);
            if known == 0 {
                continue;
            }
            turn += 1;
            let (_, source, id) = &trades[turn * 7_919 % known];
            let request = pb::GetTradeRequest { source: source.clone(), id: id.clone(), min_sequence: 0 };
            match client.get_trade(request).await {
                Ok(_) => times.saturating_record(u64::try_from(meant.elapsed().as_micros())?.max(1)),
                Err(status) if status.code() == tonic::Code::NotFound => {}
                Err(status) => return Err(status.into()),
            }
        }
        Ok(times)
    }))
}
