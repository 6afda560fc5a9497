//! Who may ask about positions and results: a part of the table of `permissions`, and how these calls are made.

use tonic::Status;
use wire::pb::service as pb;

use crate::house::{House, by};
use crate::permissions::Concerns::{Book, House as Whole};
use crate::permissions::Hidden::{Nothing, Refusal};
use crate::permissions::{FIGURES, Line};

pub const TABLE: &[Line] = &[
    ("ListPositions", FIGURES, Book, Nothing),
    ("GetPosition", FIGURES, Book, Refusal("NOT_FOUND")),
    ("ListPnl", FIGURES, Book, Nothing),
    ("SummarizePnl", FIGURES, Book, Nothing),
    ("GetReport", FIGURES, Whole, Nothing),
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
        "ListPnl" => {
            let request = pb::ListPnlRequest { min_sequence, ..Default::default() };
            positions.list_pnl(by(actor, request)).await?.into_inner().lines.len()
        }
        "SummarizePnl" => {
            let request = pb::SummarizePnlRequest { min_sequence, ..Default::default() };
            positions.summarize_pnl(by(actor, request)).await?.into_inner().totals.len()
        }
        "GetReport" => {
            let request = pb::GetReportRequest { min_sequence, ..Default::default() };
            let report = house.reports().get_report(by(actor, request)).await?.into_inner().report;
            report.expect("always one").rates.len()
        }
        new => panic!("the call {new} has no line here: say who may make it, and how it is made"),
    })
}
