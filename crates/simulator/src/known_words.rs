//! Everything the engine knows, by name: each kind of command, piece of reference data and fact. A kind that is added to
//! `model` and not here does not compile; one that is here and never came up in the fixed seeds fails their test.

use model::accounting::AccountingStep;
use model::advice::AdviceBody;
use model::command::{Command, Replay, Step, Task};
use model::event::Event;
use model::instruction::Steer;
use model::margin::MarginAnswer;
use model::reference::Reference;

macro_rules! words {
    ($($of:ident: $kind:ty, $all:ident { $($pattern:pat => $word:literal,)* })*) => { $(
        pub const $all: &[&str] = &[$($word),*];
        fn $of(of: &$kind) -> &'static str { match of { $($pattern => $word,)* } }
    )* };
}

words! {
    event_word: Event, EVENTS {
        Event::Interned { .. } => "Interned",
        Event::ReferenceSet { .. } => "ReferenceSet",
        Event::Opened { .. } => "Opened",
        Event::Transferred { .. } => "Transferred",
        Event::Reversed { .. } => "Reversed",
        Event::TradeCaptured { .. } => "TradeCaptured",
        Event::TradeChanged { .. } => "TradeChanged",
        Event::TradeChangeRequested { .. } => "TradeChangeRequested",
        Event::TradeCancelled { .. } => "TradeCancelled",
        Event::TradeAwaited { .. } => "TradeAwaited",
        Event::InstructionIssued { .. } => "InstructionIssued",
        Event::InstructionUnmatched { .. } => "InstructionUnmatched",
        Event::InstructionsMatched { .. } => "InstructionsMatched",
        Event::InstructionsPending { .. } => "InstructionsPending",
        Event::InstructionSteered { .. } => "InstructionSteered",
        Event::InstructionsSettled { .. } => "InstructionsSettled",
        Event::InstructionCancelled { .. } => "InstructionCancelled",
        Event::InstructionsFailing { .. } => "InstructionsFailing",
        Event::DayOpened { .. } => "DayOpened",
        Event::CutOffPassed { .. } => "CutOffPassed",
        Event::DayClosed { .. } => "DayClosed",
        Event::Progressed { .. } => "Progressed",
        Event::Proposed { .. } => "Proposed",
        Event::ProposalClosed { .. } => "ProposalClosed",
        Event::Quarantined {} => "Quarantined",
        Event::QuarantineClosed { .. } => "QuarantineClosed",
        Event::TradeChangeLapsed { .. } => "TradeChangeLapsed",
        Event::ControlTotalsCompared { .. } => "ControlTotalsCompared",
        Event::ControlSignedOff { .. } => "ControlSignedOff",
        Event::AccountingDayOpened { .. } => "AccountingDayOpened",
        Event::AccountingDayClosed { .. } => "AccountingDayClosed",
        Event::PriorDay { .. } => "PriorDay",
        Event::InstructionSent { .. } => "InstructionSent",
        Event::AdviceTaken { .. } => "AdviceTaken",
        Event::InstructionAdvised { .. } => "InstructionAdvised",
        Event::InstructionConfirmed { .. } => "InstructionConfirmed",
        Event::RequestAnswered { .. } => "RequestAnswered",
        Event::BreakOpened { .. } => "BreakOpened",
        Event::BreakChanged { .. } => "BreakChanged",
        Event::BreakAssigned { .. } => "BreakAssigned",
        Event::BreakClosed { .. } => "BreakClosed",
        Event::LimitReserved(_) => "LimitReserved",
        Event::HoldingReserved(_) => "HoldingReserved",
        Event::LimitBreached(_) => "LimitBreached",
        Event::LimitCured(_) => "LimitCured",
        Event::MarginAssessed(_) => "MarginAssessed",
        Event::InitialAssessed(_) => "InitialAssessed",
        Event::MarginCallMoved(_) => "MarginCallMoved",
    }
    command_word: Command, COMMANDS {
        Command::Trade(_) => "trade",
        Command::Open(_) => "open",
        Command::Transfer(_) => "transfer",
        Command::Reverse { .. } => "reverse",
        Command::Repair(_) => "repair",
        Command::Approve { .. } => "approve",
        Command::Refuse { .. } => "refuse",
        Command::Quarantine(_) => "quarantine",
        Command::CloseBreak(_) => "close-break",
        Command::AssignBreak { .. } => "assign-break",
        Command::ControlTotals(_) => "control-totals",
        Command::SignOff(_) => "sign-off",
        Command::IssueMarginCalls(_) => "issue-margin-calls",
        Command::IssueInitialCalls(_) => "issue-initial-calls",
        Command::Steer { steer: Steer::Hold, .. } => "hold",
        Command::Steer { steer: Steer::Release, .. } => "release",
        Command::Steer { steer: Steer::Prioritise(_), .. } => "prioritise",
        Command::Steer { steer: Steer::Cancel, .. } => "cancel",
        Command::Steer { steer: Steer::KeepAfterAll, .. } => "keep after all",
        Command::Day(model::command::DayStep { step: Step::Open { .. }, .. }) => "day opens",
        Command::Day(model::command::DayStep { step: Step::CutOff { .. }, .. }) => "cut-off",
        Command::Day(model::command::DayStep { step: Step::Close { .. }, .. }) => "day closes",
        Command::Continue(Task::Retry) => "continue retry",
        Command::Continue(Task::Cycle(_)) => "continue cycle",
        Command::Continue(Task::Survey(_)) => "continue survey",
        Command::Continue(Task::Repair) => "continue repair",
        Command::Continue(Task::Reserve) => "continue reserve",
        Command::CloseQuarantined { replay: None, .. } => "discard quarantined",
        Command::CloseQuarantined { replay: Some(Replay::Trade(_)), .. } => "replay a trade",
        Command::CloseQuarantined { replay: Some(Replay::Advice(_)), .. } => "replay an advice",
        Command::AnswerMarginCall { answer: MarginAnswer::Met, .. } => "call met",
        Command::AnswerMarginCall { answer: MarginAnswer::Withdrawn, .. } => "call withdrawn",
        Command::Accounting(_) => "accounting",
        Command::Advice(_) => "advice",
        Command::SetReference(_) => "set-reference",
    }
    accounting_word: AccountingStep, ACCOUNTING {
        AccountingStep::Open { .. } => "opens",
        AccountingStep::Close { .. } => "closes",
    }
    advice_word: AdviceBody, ADVICES {
        AdviceBody::Status(_) => "status",
        AdviceBody::Confirmation(_) => "confirmation",
        AdviceBody::CancellationAnswer(_) => "cancellation answer",
        AdviceBody::ModificationAnswer(_) => "modification answer",
        AdviceBody::Allegement(_) => "allegement",
        AdviceBody::CashEntry(_) => "cash entry",
        AdviceBody::SecuritiesBalances(_) => "securities balances",
        AdviceBody::CashBalances(_) => "cash balances",
        AdviceBody::AllegementRemoval(_) => "allegement removal",
    }
    reference_word: Reference, REFERENCES {
        Reference::Party(_) => "party",
        Reference::Book(_) => "book",
        Reference::Account(_) => "account",
        Reference::Domain(_) => "domain",
        Reference::Instrument(_) => "instrument",
        Reference::Calendar(_) => "calendar",
        Reference::Currency(_) => "currency",
        Reference::Cycle(_) => "cycle",
        Reference::Ssi(_) => "ssi",
        Reference::Tolerance(_) => "tolerance",
        Reference::CreditLimit(_) => "credit limit",
        Reference::PriceSet(_) => "price set",
        Reference::Parameters(_) => "parameters",
        Reference::Grant(_) => "grant",
        Reference::BookPolicy(_) => "book policy",
        Reference::CounterpartyLimit(_) => "counterparty limit",
        Reference::AddOn(_) => "add-on",
        Reference::MarginAccount(_) => "margin account",
        Reference::Issuer(_) => "issuer",
        Reference::ClearingTerms(_) => "clearing terms",
    }
}

/// The name of a fact.
pub fn event(event: &Event) -> &'static str {
    event_word(event)
}

/// What a command says; with its kind, where it has many.
pub fn command(command: &Command) -> String {
    let kind = match command {
        Command::SetReference(reference) => reference_word(reference),
        Command::Advice(advice) => advice_word(&advice.body),
        Command::Accounting(day) => accounting_word(&day.step),
        _ => return command_word(command).to_owned(),
    };
    format!("{} {kind}", command_word(command))
}

/// Every word that [`command`] may say.
pub fn commands() -> Vec<String> {
    let mut all = Vec::new();
    for word in COMMANDS {
        let kinds = match *word {
            "set-reference" => REFERENCES,
            "advice" => ADVICES,
            "accounting" => ACCOUNTING,
            _ => &[""],
        };
        all.extend(kinds.iter().map(|kind| format!("{word} {kind}").trim_end().to_owned()));
    }
    all
}
