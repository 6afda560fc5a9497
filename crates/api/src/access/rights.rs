//! The table: what each role may call. A call without a line here is refused, and a test fails.

use model::permission::AccessRole;
use model::permission::AccessRole::{
    Administrator as Admin, Approver, Auditor, Operator, Publisher, RiskViewer as Risk,
};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks the shard: who may is decided there, and a refusal is recorded.
    Command,
    /// Asks a question, or does something that is no command: refused here.
    Question,
}

/// One call, and who may make it.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    pub service: &'static str,
    pub method: &'static str,
    pub kind: Kind,
    pub roles: &'static [AccessRole],
}

const BUSINESS: &[AccessRole] = &[Publisher, Operator, Approver, Auditor];
const FIGURES: &[AccessRole] = &[Operator, Approver, Risk, Auditor];
const OPERATIONS: &[AccessRole] = &[Operator];
const DECIDING: &[AccessRole] = &[Approver, Admin];

/// Every call.
pub const RIGHTS: &[Right] = &[
    command("TradeService", "SubmitTrade", &[Publisher]),
    command("TradeService", "SubmitTrades", &[Publisher]),
    question("TradeService", "GetTrade", BUSINESS),
    question("TradeService", "ListTrades", BUSINESS),
    command("SettlementService", "SteerInstruction", OPERATIONS),
    question("SettlementService", "GetInstruction", BUSINESS),
    question("SettlementService", "ListInstructions", BUSINESS),
    question("SettlementService", "ExplainUnmatched", BUSINESS),
    question("SettlementService", "ExplainSettlement", &[Operator, Approver, Auditor]),
    question("SettlementService", "ListBreaks", &[Operator, Approver, Auditor]),
    question("SettlementService", "WatchInstructions", BUSINESS),
    question("SettlementService", "SummarizeInstructions", FIGURES),
    question("CashService", "ListCashLadders", FIGURES),
    question("CashService", "WatchCashLadders", FIGURES),
    question("CashService", "GetCashLadder", FIGURES),
    question("LedgerService", "ListBalances", FIGURES),
    question("LedgerService", "ListTieOuts", FIGURES),
    question("PositionService", "ListPositions", FIGURES),
    question("PositionService", "GetPosition", FIGURES),
    question("PositionService", "WatchPositions", FIGURES),
    question("PositionService", "ListPnl", FIGURES),
    question("PositionService", "SummarizePnl", FIGURES),
    question("PositionService", "WatchPnl", FIGURES),
    question("ReportService", "GetReport", FIGURES),
    question("ReportService", "WatchReport", FIGURES),
    question("RiskService", "ListCoverage", FIGURES),
    question("RiskService", "WatchCoverage", FIGURES),
    question("RiskService", "GetExposure", FIGURES),
    question("RiskService", "WatchExposure", FIGURES),
    question("RiskService", "GetCapital", FIGURES),
    question("RiskService", "EstimateMarketRisk", FIGURES),
    question("RiskService", "BacktestMarketRisk", FIGURES),
    question("RiskService", "GetConcentration", FIGURES),
    question("RiskService", "ListLimits", FIGURES),
    question("RiskService", "WatchLimits", FIGURES),
    question("RiskService", "ListMarginAccounts", FIGURES),
    question("RiskService", "ListMarginCalls", FIGURES),
    question("RiskService", "ForecastMargin", FIGURES),
    question("RiskService", "WatchMargin", FIGURES),
    // Which of them, the command says.
    command("OperatorService", "SubmitCommand", &[Publisher, Operator, Approver, Admin]),
    command("OperatorService", "OpenDay", OPERATIONS),
    command("OperatorService", "PassCutOff", OPERATIONS),
    command("OperatorService", "CloseDay", OPERATIONS),
    command("OperatorService", "ApproveProposal", DECIDING),
    // An operator takes its own back.
    command("OperatorService", "RefuseProposal", &[Operator, Approver, Admin]),
    question("OperatorService", "ListProposals", &[Operator, Approver, Auditor, Admin]),
    question("OperatorService", "ListQuarantined", &[Operator, Approver, Auditor]),
    command("OperatorService", "CloseQuarantined", OPERATIONS),
    question("OperatorService", "ResumeShard", &[Operator, Admin]),
    question("OperatorService", "Promote", &[Operator, Admin]),
    command("OperatorService", "RepairTrade", OPERATIONS),
    question("OperatorService", "GetStatus", &AccessRole::ALL),
    question("LogService", "ReadRecords", &[Auditor]),
    question("LogService", "GetRecord", &[Auditor]),
    question("LogService", "GetHead", &AccessRole::ALL),
    question("LogService", "OpenPast", &AccessRole::ALL),
];

/// Questions that are not put to the views or the state of an earlier record: what would settle something now, how the
/// service is, the log itself, and what comes.
const OF_NOW: &[&str] = &[
    "ExplainSettlement",
    "WatchInstructions",
    "WatchPositions",
    "WatchLimits",
    "WatchMargin",
    "WatchPnl",
    "WatchCashLadders",
    "WatchReport",
    "WatchCoverage",
    "WatchExposure",
    "ResumeShard",
    "Promote",
    "GetStatus",
    "ReadRecords",
    "GetRecord",
    "GetHead",
    "OpenPast",
];

impl Right {
    /// Whether it heeds what was known when, and which date is asked for.
    pub fn has_a_past(&self) -> bool {
        self.kind == Kind::Question && !OF_NOW.contains(&self.method)
    }
}

const fn command(service: &'static str, method: &'static str, roles: &'static [AccessRole]) -> Right {
    Right { service, method, kind: Kind::Command, roles }
}

const fn question(service: &'static str, method: &'static str, roles: &'static [AccessRole]) -> Right {
    Right { service, method, kind: Kind::Question, roles }
}

/// The line of a call by its path: `/quittance.service.v1.TradeService/GetTrade`.
pub(crate) fn right(path: &str) -> Option<&'static Right> {
    let (service, method) = path.strip_prefix("/quittance.service.v1.")?.split_once('/')?;
    RIGHTS.iter().find(|right| right.service == service && right.method == method)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use std::collections::BTreeSet;

    #[test]
    fn every_call_has_one_line_and_every_line_a_call() {
        let files = prost_types::FileDescriptorSet::decode(wire::DESCRIPTORS).expect("sound");
        let mut calls = BTreeSet::new();
        for file in files.file.iter().filter(|file| file.package() == "quittance.service.v1") {
            for service in &file.service {
                let methods = service.method.iter().map(|method| (service.name().to_owned(), method.name().to_owned()));
                calls.extend(methods);
            }
        }
        let lines: Vec<_> = RIGHTS.iter().map(|right| (right.service.to_owned(), right.method.to_owned())).collect();
        assert_eq!(lines.len(), calls.len(), "a call has two lines, or none");
        assert_eq!(lines.into_iter().collect::<BTreeSet<_>>(), calls);
    }

    #[test]
    fn who_looks_changes_nothing() {
        for right in RIGHTS.iter().filter(|right| right.kind == Kind::Command) {
            assert!(!right.roles.contains(&Auditor) && !right.roles.contains(&Risk), "{}", right.method);
        }
    }
}
