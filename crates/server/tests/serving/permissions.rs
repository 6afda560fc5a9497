//! Every call, by every role, in and out of scope: the answer is what this table says. The calls are read from the
//! descriptors, so that a new one without a line here fails; the table is a second one, written by hand.

use model::permission::AccessRole;
use model::permission::AccessRole::{Administrator, Approver, Auditor, Operator, Publisher, RiskViewer};
use tonic::Status;
use tonic_types::StatusExt as _;
use wire::pb::record::SteerAction;
use wire::pb::service as pb;
use wire::pb::service::submit_trades_response::Outcome;
use wire::pb::view::instruction_update::Kind as Update;

use crate::explain::number as asked;
use crate::house::{self, FOUR_EYES, House, TODAY, buy, by, calls};

/// For whom something is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Concerns {
    /// One book and one counterparty.
    Row,
    /// One book with all counterparties.
    Book,
    /// The whole house.
    House,
    /// Nobody in particular.
    Nobody,
}

/// What the out-of-scope see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hidden {
    /// An answer without rows.
    Nothing,
    /// A refusal, by its reason.
    Refusal(&'static str),
}
use Concerns::{Book, House as Whole, Nobody, Row};
use Hidden::{Nothing, Refusal};

pub type Line = (&'static str, &'static [AccessRole], Concerns, Hidden);

const BUSINESS: &[AccessRole] = &[Publisher, Operator, Approver, Auditor];
pub const FIGURES: &[AccessRole] = &[Operator, Approver, RiskViewer, Auditor];
const UNPERMITTED: Hidden = Refusal("NOT_PERMITTED");

const TABLE: &[Line] = &[
    ("SubmitTrade", &[Publisher], Row, UNPERMITTED),
    ("SubmitTrades", &[Publisher], Row, UNPERMITTED),
    ("GetTrade", BUSINESS, Row, Refusal("NOT_FOUND")),
    ("ListTrades", BUSINESS, Row, Nothing),
    ("SteerInstruction", &[Operator], Row, Refusal("UNKNOWN_INSTRUCTION")),
    ("GetInstruction", BUSINESS, Row, Refusal("NOT_FOUND")),
    ("ListInstructions", BUSINESS, Row, Nothing),
    ("ExplainUnmatched", BUSINESS, Row, Refusal("NOT_FOUND")),
    ("ExplainSettlement", &[Operator, Approver, Auditor], Whole, Refusal("NOT_FOUND")),
    ("SummarizeInstructions", FIGURES, Whole, Nothing),
    ("ListBreaks", &[Operator, Approver, Auditor], Nobody, Nothing),
    ("WatchInstructions", BUSINESS, Row, Nothing),
    ("ListCashLadders", FIGURES, Whole, Nothing),
    ("GetCashLadder", FIGURES, Whole, Refusal("NOT_FOUND")),
    ("ListBalances", FIGURES, Book, Nothing),
    ("ListTieOuts", FIGURES, Whole, Nothing),
    // Here: to steer an instruction.
    ("SubmitCommand", &[Operator], Row, Refusal("UNKNOWN_INSTRUCTION")),
    ("OpenDay", &[Operator], Whole, UNPERMITTED),
    ("PassCutOff", &[Operator], Whole, UNPERMITTED),
    ("CloseDay", &[Operator], Whole, UNPERMITTED),
    // Here: what an operator proposed.
    ("ApproveProposal", &[Approver], Book, Refusal("UNKNOWN_PROPOSAL")),
    ("RefuseProposal", &[Approver], Book, Refusal("UNKNOWN_PROPOSAL")),
    ("ListProposals", &[Operator, Approver, Auditor, Administrator], Book, Nothing),
    ("ListQuarantined", &[Operator, Approver, Auditor], Nobody, Nothing),
    ("CloseQuarantined", &[Operator], Nobody, Nothing),
    ("ResumeShard", &[Operator, Administrator], Nobody, Nothing),
    ("Promote", &[Operator, Administrator], Nobody, Nothing),
    ("RepairTrade", &[Operator], Row, Refusal("UNKNOWN_TRADE")),
    ("GetStatus", &AccessRole::ALL, Nobody, Nothing),
    ("ReadRecords", &[Auditor], Whole, Nothing),
    ("GetRecord", &[Auditor], Whole, Refusal("NOT_FOUND")),
    ("GetHead", &AccessRole::ALL, Nobody, Nothing),
];

/// Name, books, counterparties, and what is there for such a grant.
type Scope = (&'static str, &'static str, &'static str, &'static [Concerns]);

const SCOPES: &[Scope] = &[
    ("elsewhere", r#""NOWHERE""#, "", &[Nobody]),
    ("stranger", r#""ALPHA-EQ""#, r#""GAMMA""#, &[Nobody]),
    ("pair", r#""ALPHA-EQ""#, r#""BETA""#, &[Nobody, Row]),
    ("book", r#""ALPHA-EQ""#, "", &[Nobody, Row, Book]),
    ("all", "", "", &[Nobody, Row, Book, Whole]),
];

/// A house in which somebody has each role in each scope. One instruction of ALPHA is unmatched, one trade in repair.
struct Rig {
    house: House,
    instruction: u64,
    asked: u32,
    sequence: u64,
}

impl Rig {
    async fn new() -> Rig {
        let mut house = House::open().await;
        house.deal("T-1", 5).await;
        let instruction = house.trade(buy("U-1", 7)).await.expect("taken").issued[0];
        let mut loose = buy("L-1", 3);
        loose.details.as_mut().expect("details").instrument = "NOSUCH".to_owned();
        house.trade(loose).await.expect("in repair");
        crate::risks::business(&house).await;
        house.command("four-eyes", FOUR_EYES).await.expect("set");
        house.command("closes", crate::risks::PRICES).await.expect("set");
        grant(&house, "root", Administrator, "", "").await;
        let mut sequence = grant(&house, "ines", Operator, "", "").await;
        for role in AccessRole::ALL {
            for (scope, books, counterparties, _) in SCOPES {
                sequence = grant(&house, &format!("{}-{scope}", role.name()), role, books, counterparties).await;
            }
        }
        house.sequence = sequence;
        Rig { house, instruction, asked: 0, sequence }
    }

    fn id(&mut self) -> String {
        self.asked += 1;
        format!("asked-{}", self.asked)
    }

    /// An opening balance that waits for a second person.
    async fn proposal(&mut self) -> u64 {
        let id = self.id();
        let opening = r#"{"open":{"account":"ALPHA-DEPOT","book":"ALPHA-EQ","instrument":"SAP","quantity":"1"}}"#;
        let receipt = self.house.command(&id, opening).await.expect("proposed");
        self.sequence = receipt.sequence;
        receipt.proposal.expect("it waits")
    }

    /// Makes a call as somebody: how many rows came, or why not.
    async fn ask(&mut self, method: &str, actor: &str) -> Result<usize, Status> {
        let (request_id, reason, min_sequence) = (self.id(), "test".to_owned(), self.sequence);
        let (number, domain, date) = (self.instruction, "QCSD".to_owned(), TODAY);
        let (source, trade) = ("FO-A".to_owned(), buy(&format!("M-{}", self.asked), 1));
        let house = &self.house;
        let (mut trades, mut settlement, mut operator) = (house.trades(), house.settlement(), house.operator());
        let (mut cash, mut ledger, mut log) = (house.cash(), house.ledger(), house.log());
        macro_rules! rows {
            ($client:ident.$call:ident($request:expr) . $rows:ident) => {
                Ok($client.$call(by(actor, $request)).await?.into_inner().$rows.len())
            };
        }
        macro_rules! done {
            ($client:ident.$call:ident($request:expr)) => {
                $client.$call(by(actor, $request)).await.map(|_| 1)
            };
        }
        match method {
            "SubmitTrade" => {
                done!(trades.submit_trade(pb::SubmitTradeRequest { trade: Some(trade), request_id, reason }))
            }
            "SubmitTrades" => {
                let message = pb::SubmitTradesRequest { trade: Some(trade), request_id, reason };
                let stream = by(actor, tokio_stream::once(message));
                let answer = trades.submit_trades(stream).await?.into_inner().message().await?.expect("an answer");
                match answer.outcome.expect("one") {
                    Outcome::Rejected(refused) => Err(refusal(&refused.reason)),
                    Outcome::Accepted(_) => Ok(1),
                    Outcome::Malformed(malformed) => panic!("{malformed:?}"),
                }
            }
            "GetTrade" => done!(trades.get_trade(pb::GetTradeRequest { source, id: "U-1".to_owned(), min_sequence })),
            "ListTrades" => {
                rows!(trades.list_trades(pb::ListTradesRequest { min_sequence, ..Default::default() }).trades)
            }
            "SteerInstruction" => done!(settlement.steer_instruction(pb::SteerInstructionRequest {
                instruction: number,
                action: SteerAction::Hold as i32,
                priority: None,
                request_id,
                reason,
            })),
            "GetInstruction" => done!(settlement.get_instruction(pb::GetInstructionRequest { number, min_sequence })),
            "ListInstructions" => rows!(
                settlement
                    .list_instructions(pb::ListInstructionsRequest { min_sequence, ..Default::default() })
                    .instructions
            ),
            "ExplainSettlement" => done!(settlement.explain_settlement(asked(number, min_sequence))),
            "ExplainUnmatched" => {
                done!(settlement.explain_unmatched(pb::ExplainUnmatchedRequest { number, min_sequence }))
            }
            "SummarizeInstructions" => {
                rows!(settlement.summarize_instructions(pb::SummarizeInstructionsRequest { min_sequence }).lines)
            }
            "WatchInstructions" => {
                let request = pb::WatchInstructionsRequest { min_sequence, ..Default::default() };
                let mut updates = settlement.watch_instructions(by(actor, request)).await?.into_inner();
                let update = updates.message().await?.expect("a snapshot").update.expect("one");
                match update.kind {
                    Some(Update::Snapshot(snapshot)) => Ok(snapshot.instructions.len()),
                    other => panic!("{other:?}"),
                }
            }
            "ListCashLadders" => {
                rows!(cash.list_cash_ladders(pb::ListCashLaddersRequest { min_sequence, ..Default::default() }).ladders)
            }
            "GetCashLadder" => done!(cash.get_cash_ladder(pb::GetCashLadderRequest {
                account: "ALPHA-CASH".to_owned(),
                currency: "EUR".to_owned(),
                min_sequence,
            })),
            "ListBalances" => {
                rows!(ledger.list_balances(pb::ListBalancesRequest { min_sequence, ..Default::default() }).balances)
            }
            "ListTieOuts" => rows!(ledger.list_tie_outs(pb::ListTieOutsRequest { min_sequence }).lines),
            "SubmitCommand" => {
                let command = format!(r#"{{"steer":{{"instruction":"{number}","action":"STEER_ACTION_RELEASE"}}}}"#);
                let command = Some(serde_json::from_str(&command).expect("a command"));
                done!(operator.submit_command(pb::SubmitCommandRequest { command, request_id, reason }))
            }
            "OpenDay" => done!(operator.open_day(pb::OpenDayRequest {
                domain,
                date: date + 1,
                request_id,
                reason,
                ..Default::default()
            })),
            "PassCutOff" => done!(operator.pass_cut_off(pb::PassCutOffRequest {
                domain,
                date,
                currency: "EUR".to_owned(),
                request_id,
                reason,
            })),
            "CloseDay" => done!(operator.close_day(pb::CloseDayRequest { domain, date, request_id, reason })),
            "ApproveProposal" => {
                let request = pb::ApproveProposalRequest {
                    proposal: self.proposal().await,
                    request_id,
                    reason,
                    payload_hash: Vec::new(),
                };
                done!(operator.approve_proposal(request))
            }
            "RefuseProposal" => {
                let proposal = self.proposal().await;
                done!(operator.refuse_proposal(pb::RefuseProposalRequest { proposal, request_id, reason }))
            }
            "ListProposals" => {
                self.proposal().await;
                let min_sequence = self.sequence;
                rows!(
                    operator.list_proposals(pb::ListProposalsRequest { min_sequence, ..Default::default() }).proposals
                )
            }
            "ListQuarantined" => {
                done!(operator.list_quarantined(pb::ListQuarantinedRequest { min_sequence, ..Default::default() }))
            }
            "CloseQuarantined" => done!(operator.close_quarantined(pb::CloseQuarantinedRequest {
                sequence: 999_999,
                how: Some(pb::close_quarantined_request::How::Discard(true)),
                request_id,
                reason,
            })),
            "ResumeShard" => done!(operator.resume_shard(pb::ResumeShardRequest { reason })),
            "Promote" => done!(operator.promote(pb::PromoteRequest { reason })),
            "ListBreaks" => done!(settlement.list_breaks(pb::ListBreaksRequest { min_sequence, ..Default::default() })),
            "RepairTrade" => done!(operator.repair_trade(pb::RepairTradeRequest {
                source,
                id: "L-1".to_owned(),
                details: None,
                request_id,
                reason,
            })),
            "GetStatus" => done!(operator.get_status(pb::GetStatusRequest {})),
            "ReadRecords" => {
                let request = pb::ReadRecordsRequest { from_sequence: 1, limit: 10, ..Default::default() };
                let mut records = log.read_records(by(actor, request)).await?.into_inner();
                let mut count = 0;
                while let Some(message) = records.message().await? {
                    count += message.records.len();
                }
                Ok(count)
            }
            "GetRecord" => done!(log.get_record(pb::GetRecordRequest { sequence: 2 })),
            "GetHead" => done!(log.get_head(pb::GetHeadRequest {})),
            other => crate::risks::ask(house, other, actor, min_sequence).await,
        }
    }
}

async fn grant(house: &House, actor: &str, role: AccessRole, books: &str, counterparties: &str) -> u64 {
    let request = pb::SubmitCommandRequest {
        command: Some(serde_json::from_str(&house::grant(actor, role, books, counterparties)).expect("a command")),
        request_id: format!("grant-{actor}"),
        reason: "test".to_owned(),
    };
    let answer = house.operator().submit_command(by("root", request)).await.expect("granted");
    answer.into_inner().receipt.expect("one").sequence
}

fn refusal(reason: &str) -> Status {
    let details = tonic_types::ErrorDetails::with_error_info(reason, "quittance", std::collections::HashMap::new());
    Status::with_error_details(tonic::Code::FailedPrecondition, reason, details)
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map_or_else(|| format!("{status:?}"), |info| info.reason.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_by_every_role_in_and_out_of_scope_is_answered_as_the_table_says() {
    let mut rig = Rig::new().await;
    let mut faults = Vec::new();
    for method in calls() {
        let (_, roles, concerns, hidden) = *TABLE
            .iter()
            .chain(crate::desk::TABLE)
            .chain(crate::risks::TABLE)
            .find(|(known, ..)| *known == method)
            .unwrap_or_else(|| panic!("the call {method} has no line in the table: say who may make it"));
        for role in AccessRole::ALL {
            for (scope, _, _, there) in SCOPES {
                let actor = format!("{}-{scope}", role.name());
                let answer = rig.ask(&method, &actor).await.map_err(|status| reason(&status));
                let right = match (roles.contains(&role), there.contains(&concerns), &answer) {
                    (false, _, answer) => *answer == Err("NOT_PERMITTED".to_owned()),
                    (true, true, Ok(rows)) => *rows > 0,
                    // What is refused for the state of the business was let through.
                    (true, true, Err(reason)) => reason != "NOT_PERMITTED" && Refusal(reason_of(reason)) != hidden,
                    (true, false, Ok(rows)) => hidden == Nothing && *rows == 0,
                    (true, false, Err(reason)) => hidden == Refusal(reason_of(reason)),
                };
                if !right {
                    faults.push(format!("{method} by {actor}: {answer:?}"));
                }
            }
        }
        let unknown = rig.ask(&method, "mallory").await.map_err(|status| reason(&status));
        if unknown != Err("NOT_PERMITTED".to_owned()) {
            faults.push(format!("{method} by nobody known: {unknown:?}"));
        }
    }
    assert!(faults.is_empty(), "{} answers are not the table's:\n{}", faults.len(), faults.join("\n"));

    // Who looks at everything is looked at: each question stands in a chained file, those of others do not.
    let path = rig.house.config.store.dir.join(server::questions::Questions::FILE);
    let text = std::fs::read_to_string(&path).expect("questions were written down");
    let verified = server::questions::verify(&path).expect("sound");
    assert_eq!(verified.questions, text.lines().count() as u64);
    assert!(
        text.lines().all(|line| line.contains(r#""actor":"auditor-"#) || line.contains(r#""actor":"administrator-"#))
    );
    assert!(text.contains("/quittance.service.v1.LedgerService/ListBalances"));
    let forged = text.replacen("auditor-all", "auditor-oll", 1);
    std::fs::write(&path, &forged).expect("writes");
    assert!(server::questions::verify(&path).expect_err("forged").contains("not linked"));
    let mut lines: Vec<_> = text.lines().collect();
    lines.remove(1);
    std::fs::write(&path, lines.join("\n") + "\n").expect("writes");
    assert!(server::questions::verify(&path).expect_err("a line is gone").contains("question 2"));
}

/// A reason as a constant, to compare with the table's.
fn reason_of(reason: &str) -> &'static str {
    let known = TABLE.iter().filter_map(|(.., hidden)| match hidden {
        Refusal(reason) => Some(*reason),
        Nothing => None,
    });
    known.chain(["another"]).find(|known| *known == reason).unwrap_or("another")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_hold_after_a_restart_and_a_filter_names_nothing_out_of_scope() {
    let mut rig = Rig::new().await;
    rig.house.restart().await;
    let asked = rig.ask("ListBalances", "publisher-all").await.expect_err("not for publishers");
    assert_eq!(reason(&asked), "NOT_PERMITTED");
    let nobody = rig.house.settlement().list_instructions(pb::ListInstructionsRequest::default()).await;
    assert_eq!(reason(&nobody.expect_err("nobody asks")), "UNAUTHENTICATED");

    let ask = async |actor: &str, book: &str| {
        let filter = wire::pb::view::InstructionFilter { book: book.to_owned(), ..Default::default() };
        let request = pb::ListInstructionsRequest { filter: Some(filter), ..Default::default() };
        let answer = rig.house.settlement().list_instructions(by(actor, request)).await;
        answer.map(|page| page.into_inner().instructions.len()).map_err(|status| status.message().to_owned())
    };
    assert!(ask("operator-book", "ALPHA-EQ").await.expect("its own") > 0);
    let (other, none) = (ask("operator-book", "BETA-EQ").await, ask("operator-book", "NO-SUCH").await);
    assert_eq!(other.expect_err("hidden").replace("BETA-EQ", "X"), none.expect_err("unknown").replace("NO-SUCH", "X"));
}
