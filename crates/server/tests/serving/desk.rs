//! Who may ask about positions and results: a part of the table of `permissions`, and how these calls are made.

use model::permission::AccessRole;
use tonic::Status;
use wire::pb::service as pb;
use wire::pb::view::position_update::Kind as Update;

use crate::house::{House, SOON, buy, by};
use crate::permissions::Concerns::{Book, House as Whole, Nobody};
use crate::permissions::Hidden::{Nothing, Refusal};
use crate::permissions::{FIGURES, Line};

pub const TABLE: &[Line] = &[
    ("ListPositions", FIGURES, Book, Nothing),
    ("GetPosition", FIGURES, Book, Refusal("NOT_FOUND")),
    ("WatchPositions", FIGURES, Book, Nothing),
    ("ListPnl", FIGURES, Book, Nothing),
    ("SummarizePnl", FIGURES, Book, Nothing),
    ("WatchPnl", FIGURES, Book, Nothing),
    ("WatchCashLadders", FIGURES, Whole, Nothing),
    ("GetReport", FIGURES, Whole, Nothing),
    ("WatchReport", FIGURES, Whole, Nothing),
    // It tells a place in the log and nothing that is there.
    ("OpenPast", &AccessRole::ALL, Nobody, Nothing),
];

/// Makes a call as somebody: how many rows came, or why not.
pub async fn ask(house: &House, method: &str, actor: &str, min_sequence: u64) -> Result<usize, Status> {
    let mut positions = house.positions();
    Ok(match method {
        "ListPositions" => {
            let request = pb::ListPositionsRequest { min_sequence, ..Default::default() };
            positions.list_positions(by(actor, request)).await?.into_inner().positions.len()
        }
        "GetPosition" => {
            let (book, instrument) = ("ALPHA-EQ".to_owned(), "SAP".to_owned());
            let request = pb::GetPositionRequest { book, instrument, min_sequence, ..Default::default() };
            positions.get_position(by(actor, request)).await?.into_inner().positions.len()
        }
        "WatchPositions" => {
            let request = pb::WatchPositionsRequest { min_sequence, ..Default::default() };
            let mut updates = positions.watch_positions(by(actor, request)).await?.into_inner();
            let update = updates.message().await?.expect("a snapshot").update.expect("one");
            match update.kind {
                Some(Update::Snapshot(snapshot)) => snapshot.positions.len(),
                other => panic!("{other:?}"),
            }
        }
        "ListPnl" => {
            let request = pb::ListPnlRequest { min_sequence, ..Default::default() };
            positions.list_pnl(by(actor, request)).await?.into_inner().lines.len()
        }
        "SummarizePnl" => {
            let request = pb::SummarizePnlRequest { min_sequence, ..Default::default() };
            positions.summarize_pnl(by(actor, request)).await?.into_inner().totals.len()
        }
        "WatchPnl" => {
            let request = pb::WatchPnlRequest { min_sequence, ..Default::default() };
            let mut updates = positions.watch_pnl(by(actor, request)).await?.into_inner();
            crate::followed::snapshot(updates.message().await?.and_then(|message| message.update))
        }
        "GetReport" => {
            let request = pb::GetReportRequest { min_sequence, ..Default::default() };
            let report = house.reports().get_report(by(actor, request)).await?.into_inner().report;
            report.expect("always one").rates.len()
        }
        "WatchReport" => {
            let request = pb::WatchReportRequest { min_sequence, ..Default::default() };
            let mut updates = house.reports().watch_report(by(actor, request)).await?.into_inner();
            crate::followed::snapshot(updates.message().await?.and_then(|message| message.update))
        }
        "WatchCashLadders" => {
            let request = pb::WatchCashLaddersRequest { min_sequence, ..Default::default() };
            let mut updates = house.cash().watch_cash_ladders(by(actor, request)).await?.into_inner();
            crate::followed::snapshot(updates.message().await?.and_then(|message| message.update))
        }
        "OpenPast" => {
            let request = pb::OpenPastRequest { known_at: "1".to_owned() };
            let mut stages = house.log().open_past(by(actor, request)).await?.into_inner();
            let mut count = 0;
            while stages.message().await?.is_some() {
                count += 1;
            }
            count
        }
        new => panic!("the call {new} has no line here: say who may make it, and how it is made"),
    })
}

/// Over the wire: a snapshot, a change by a trade, and the token goes on in another stream.
#[tokio::test(flavor = "multi_thread")]
async fn positions_are_followed_and_resumed() {
    let house = House::open().await;
    let watch = async |token: &str| {
        let filter = wire::pb::view::PositionFilter { book: "ALPHA-EQ".to_owned(), ..Default::default() };
        let (filter, resume_token) = (Some(filter), token.to_owned());
        let min_sequence = house.sequence;
        let request = pb::WatchPositionsRequest { filter, resume_token, min_sequence, ..Default::default() };
        house.positions().watch_positions(by("ines", request)).await.expect("a stream").into_inner()
    };
    // The next message that is not a heartbeat.
    let news = async |updates: &mut tonic::Streaming<pb::WatchPositionsResponse>| loop {
        let message = tokio::time::timeout(SOON, updates.message()).await.expect("in time").expect("no error");
        let update = message.expect("no end").update.expect("always one");
        if !matches!(update.kind, Some(Update::Heartbeat(_))) {
            return update;
        }
    };
    let traded = |positions: &[wire::pb::view::Position]| positions[0].traded.expect("always").unscaled;
    let mut updates = watch("").await;
    let first = news(&mut updates).await;
    let Some(Update::Snapshot(snapshot)) = first.kind else { panic!("{first:?}") };
    assert_eq!((snapshot.positions.len(), traded(&snapshot.positions)), (1, 1_000));
    house.trade(buy("P-1", 10)).await.expect("bought");
    let second = news(&mut updates).await;
    let Some(Update::Changes(changes)) = second.kind else { panic!("{second:?}") };
    assert_eq!(traded(&changes.positions), 1_010);
    drop(updates);
    house.trade(buy("P-2", 5)).await.expect("bought");
    let mut updates = watch(&second.resume_token).await;
    let third = news(&mut updates).await;
    let Some(Update::Changes(changes)) = third.kind else { panic!("{third:?}") };
    assert_eq!(traded(&changes.positions), 1_015);
}
