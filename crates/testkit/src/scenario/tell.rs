//! Records in words: what a settlement analyst would say had happened. Numbers that depend on how a file is played
//! (sequences) are not told.

use super::control;
use super::view::{Standing, View};
use super::{limits, margin};
use model::command::{CutOff, Task};
use model::event::{Event, Wait};
use model::identifier::CurrencyCode;
use model::index::{Asset, Kind};
use model::instruction::{Code, Movement};
use model::ledger::{LedgerAccount, Posting};
use model::record::{Content, Outcome, Record};
use model::reference::Reference;
use model::trade::{Defect, Method};

/// Folds a record into the view and says what it brought. `steps`: also how far long work has come.
pub(super) fn record(view: &mut View, record: &Record, steps: bool) -> Vec<String> {
    let Content::Decided { inbound, outcome } = &record.content else { return Vec::new() };
    let mut lines = Vec::new();
    match outcome {
        Outcome::Rejected(rejection) => {
            let subject = &rejection.subject;
            // A bare number names a record or an instruction: it says nothing to a reader and changes with replay.
            let silent = subject.is_empty() || subject.bytes().all(|byte| byte.is_ascii_digit());
            let about = if silent { String::new() } else { format!(" ({subject})") };
            lines.push(format!("rejected {}{about}", rejection.reason.code()));
        }
        Outcome::Duplicate { .. } => lines.push("the same as before: nothing happens again".to_owned()),
        Outcome::Accepted(events) => {
            for event in events {
                view.fold(event);
                lines.extend(tell(view, event, steps));
            }
        }
    }
    if let model::command::Command::Quarantine(unreadable) = &inbound.command {
        lines.push(format!("quarantined: {} {}", unreadable.path, unreadable.reason));
    }
    lines
}

fn tell(view: &View, event: &Event, steps: bool) -> Option<String> {
    Some(match event {
        Event::Interned { .. } | Event::Quarantined {} => return None,
        Event::ReferenceSet { reference, .. } => set(reference),
        Event::Opened { postings, .. } => format!("opened: {}", places(view, postings)),
        Event::Transferred { postings, .. } => format!("moved: {}", places(view, postings)),
        Event::Reversed { postings, .. } => format!("reversed: {}", places(view, postings)),
        Event::TradeCaptured { trade, terms, defects, .. } => {
            format!("trade {}: {}{}", view.trades[trade].id, view.summary(terms), in_repair(defects))
        }
        Event::TradeChanged { trade, version, economic, terms, defects, .. } => {
            let kind = if *economic { "changed" } else { "changed, nothing owed" };
            format!("trade {} v{version} {kind}: {}{}", view.trades[trade].id, view.summary(terms), in_repair(defects))
        }
        Event::TradeChangeRequested { trade, version, cancel } => {
            let what = if *cancel { "cancel" } else { "amendment" };
            format!("trade {} v{version}: {what} waits for the counterparty", view.trades[trade].id)
        }
        Event::TradeCancelled { trade, version, .. } => format!("trade {} v{version} cancelled", view.trades[trade].id),
        Event::TradeAwaited { message, .. } => format!("trade {} v{} waits for its trade", message.id, message.version),
        Event::InstructionIssued { instruction, .. } => {
            let held = if view.instructions[instruction].held { ", on hold" } else { "" };
            format!("instruction {}{held}", instructed(view, *instruction))
        }
        Event::InstructionUnmatched { instruction, reasons } => {
            format!("instruction {} unmatched: {}", view.instructions[instruction].name, codes(reasons))
        }
        Event::InstructionsMatched { deliver, receive, reasons, .. } => {
            let waits = reasons.map_or(String::new(), |(one, other)| format!(", waits {one}/{other}"));
            format!("matched {}{waits}", pair(view, *deliver, *receive))
        }
        Event::InstructionsPending { deliver, receive, reasons, waits } => {
            let wait = waits.map_or(String::new(), |wait| format!(": {}", waiting(view, wait)));
            format!("pending {} {}/{}{wait}", pair(view, *deliver, *receive), reasons.0, reasons.1)
        }
        Event::InstructionSteered { instruction, held, priority, cancel_requested } => {
            let cancel = if *cancel_requested { ", cancellation requested" } else { "" };
            let held = if *held { "on hold" } else { "released" };
            format!("instruction {} {held}, priority {priority}{cancel}", view.instructions[instruction].name)
        }
        Event::InstructionsSettled { deliver, receive, quantity, currency, amount, value_date, .. } => {
            let row = &view.instructions[deliver];
            let terms = &view.trades[&row.trade].terms;
            let delivered = view.amount(Asset::instrument(terms.instrument), i128::from(*quantity));
            let paid = match terms.method {
                Method::Dvp => format!("against {}", view.amount(Asset::currency(*currency), i128::from(*amount))),
                Method::Fop => "free".to_owned(),
            };
            format!("settled {}: {delivered} {paid}, value {value_date}", pair(view, *deliver, *receive))
        }
        Event::InstructionCancelled { instruction, reason } => {
            format!("instruction {} cancelled {reason}", view.instructions[instruction].name)
        }
        Event::InstructionsFailing { instructions, .. } => {
            let names: Vec<&str> = instructions.iter().map(|number| &*view.instructions[number].name).collect();
            format!("failing: {}", names.join(" "))
        }
        Event::DayOpened { domain, date, cut_offs } => {
            format!("{} opens {date}, {}", view.named(Kind::Domain, domain.0), hours(cut_offs))
        }
        Event::CutOffPassed { domain, date, currency } => {
            format!("{} {date}: cut-off {}", view.named(Kind::Domain, domain.0), of_what(*currency))
        }
        Event::DayClosed { domain, date } => format!("{} closes {date}", view.named(Kind::Domain, domain.0)),
        Event::Progressed { task, examined, remaining, .. } if steps => {
            let name = match task {
                Task::Retry => "retry",
                Task::Cycle(_) => "cycle",
                Task::Survey(_) => "survey",
                Task::Repair => "repair",
                Task::Reserve => "reserve",
            };
            format!("{name}: {examined} looked at, {}", if *remaining { "more to do" } else { "done" })
        }
        Event::Progressed { .. } => return None,
        Event::Proposed { command, .. } => format!("proposed: {} waits for a second person", command.name()),
        Event::ProposalClosed { approved, .. } => if *approved { "approved" } else { "refused" }.to_owned(),
        Event::QuarantineClosed { replayed, .. } => if *replayed { "replayed" } else { "discarded" }.to_owned(),
        Event::TradeChangeLapsed { .. }
        | Event::ControlTotalsCompared { .. }
        | Event::ControlSignedOff { .. }
        | Event::AccountingDayOpened { .. }
        | Event::AccountingDayClosed { .. }
        | Event::PriorDay { .. } => return control::tell(view, event),
        Event::LimitReserved(_) | Event::HoldingReserved(_) | Event::LimitBreached(_) | Event::LimitCured(_) => {
            return limits::tell(view, event);
        }
        Event::MarginAssessed(_) | Event::InitialAssessed(_) | Event::MarginCallMoved(_) => {
            return margin::tell(view, event);
        }
        event => return super::outside::tell(view, event),
    })
}

fn set(reference: &Reference) -> String {
    match reference {
        Reference::Party(party) => format!("set party {}", party.id),
        Reference::Book(book) => format!("set book {}", book.id),
        Reference::Account(account) => format!("set account {}", account.id),
        Reference::Domain(domain) => format!("set domain {}", domain.id),
        Reference::Instrument(instrument) => format!("set instrument {}", instrument.id),
        Reference::Calendar(calendar) => format!("set calendar {}", calendar.id),
        Reference::Currency(currency) => format!("set currency {}", currency.code),
        Reference::Cycle(cycle) => format!("set cycle of {}: T+{} from {}", cycle.market, cycle.days, cycle.valid_from),
        Reference::Ssi(ssi) => format!("set SSI {} of {}", ssi.id, ssi.party),
        Reference::Tolerance(tolerance) => format!("set tolerance in {}", tolerance.currency),
        Reference::CreditLimit(limit) => format!("set limit of {}: {} {}", limit.account, limit.amount, limit.currency),
        Reference::PriceSet(set) => format!("set prices of {} {} version {}", set.date, set.snap, set.version),
        Reference::Parameters(_) => "set parameters".to_owned(),
        Reference::BookPolicy(policy) => format!("set policy of {} from {}", policy.book, policy.valid_from),
        Reference::CounterpartyLimit(limit) => limits::set(limit),
        Reference::AddOn(add_on) => limits::set_add_on(add_on),
        Reference::MarginAccount(account) => margin::set(account),
        Reference::Issuer(each) => format!("set issuer of {}: {}", each.instrument, each.issuer),
        Reference::ClearingTerms(terms) => margin::set_terms(terms),
        Reference::Grant(grant) => super::grants::tell(grant),
    }
}

/// Only where things lie; who owns them follows.
fn places(view: &View, postings: &[Posting]) -> String {
    let at = |posting: &&Posting| matches!(posting.account, LedgerAccount::Location { .. });
    postings.iter().filter(at).map(|posting| moved(view, posting)).collect::<Vec<_>>().join(", ")
}

/// `ALPHA-DEPOT -100 SAP`.
pub(super) fn moved(view: &View, posting: &Posting) -> String {
    let plus = if posting.amount > 0 { "+" } else { "" };
    format!("{} {plus}{}", view.account(posting.account), view.amount(posting.asset, posting.amount))
}

fn in_repair(defects: &[Defect]) -> String {
    if defects.is_empty() { String::new() } else { format!("; in repair: {}", self::defects(defects)) }
}

fn defects(defects: &[Defect]) -> String {
    let each = |defect: &Defect| format!("{} {}", defect.kind.code(), defect.subject);
    defects.iter().map(each).collect::<Vec<_>>().join(", ")
}

fn codes(codes: &[Code]) -> String {
    codes.iter().map(|code| code.to_string()).collect::<Vec<_>>().join(" ")
}

/// `A1 receives 100 SAP against 12000.00 EUR`.
fn instructed(view: &View, number: u64) -> String {
    let row = &view.instructions[&number];
    let terms = &view.trades[&row.trade].terms;
    let verb = if row.movement == Movement::Deliver { "delivers" } else { "receives" };
    let quantity = view.amount(Asset::instrument(terms.instrument), i128::from(row.quantity));
    let paid = match terms.method {
        Method::Dvp => format!("against {}", view.amount(Asset::currency(terms.currency), i128::from(row.amount))),
        Method::Fop => "free".to_owned(),
    };
    format!("{} {verb} {quantity} {paid}", row.name)
}

fn pair(view: &View, deliver: u64, receive: u64) -> String {
    format!("{} -> {}", view.instructions[&deliver].name, view.instructions[&receive].name)
}

fn waiting(view: &View, wait: Wait) -> String {
    let need = view.amount(wait.asset, i128::from(wait.need));
    format!("needs {need} on {}", view.named(Kind::Account, wait.account.0))
}

fn of_what(currency: Option<CurrencyCode>) -> String {
    currency.map_or("free of payment".to_owned(), |code| code.to_string())
}

fn hours(cut_offs: &[CutOff]) -> String {
    let each = |cut_off: &CutOff| format!("{} until {}", of_what(cut_off.currency), &cut_off.at.to_string()[11..16]);
    if cut_offs.is_empty() {
        "no cut-offs".to_owned()
    } else {
        cut_offs.iter().map(each).collect::<Vec<_>>().join(", ")
    }
}

/// What the query `instruction` answers.
pub(super) fn instruction(view: &View, number: u64) -> String {
    let row = &view.instructions[&number];
    let date = view.trades[&row.trade].terms.intended_settlement_date;
    let mut text = format!("{} on {date}: ", instructed(view, number));
    match &row.standing {
        Standing::Unmatched(_) if row.agent.is_some() => text.push_str(row.agent.as_deref().unwrap_or_default()),
        Standing::Unmatched(reasons) if reasons.is_empty() => text.push_str("unmatched"),
        Standing::Unmatched(reasons) => text.push_str(&format!("unmatched {}", codes(reasons))),
        Standing::Matched { with, reason, waits } => {
            let (state, other) = (if row.failing { "PENF" } else { "PEND" }, &view.instructions[with].name);
            let reason = reason.map_or("no reason".to_owned(), |code| code.to_string());
            let wait = waits.map_or(String::new(), |wait| format!(", {}", waiting(view, wait)));
            text.push_str(&format!("matched with {other}, {state} {reason}{wait}"));
        }
        Standing::Settled(date) => text.push_str(&format!("settled on {date}")),
        Standing::Cancelled(reason) => text.push_str(&format!("cancelled {reason}")),
    }
    if matches!(row.standing, Standing::Unmatched(_) | Standing::Matched { .. }) {
        for (is, word) in [(row.held, ", on hold"), (row.cancel_requested, ", cancellation requested")] {
            text.push_str(if is { word } else { "" });
        }
        if row.priority != 4 {
            text.push_str(&format!(", priority {}", row.priority));
        }
    }
    text
}

/// What the query `status` answers: a trade's state is what its links say.
pub(super) fn status(view: &View, number: u64) -> String {
    let row = &view.trades[&number];
    let open = row.instructions.last().map(|number| &view.instructions[number].standing);
    let state = match open {
        _ if row.cancelled => "cancelled".to_owned(),
        _ if !row.defects.is_empty() => format!("in repair: {}", defects(&row.defects)),
        None => "captured".to_owned(),
        Some(Standing::Unmatched(_)) => "instructed".to_owned(),
        Some(Standing::Matched { .. }) => "matched".to_owned(),
        Some(Standing::Settled(_)) => "settled".to_owned(),
        Some(Standing::Cancelled(_)) => "without instruction".to_owned(),
    };
    // What was asked for and had no answer when the pair settled is asked no more.
    let asked = row.requested.filter(|_| state == "matched");
    let requested = asked.map_or(String::new(), |version| format!(", v{version} waits for the counterparty"));
    format!("{} v{} {state}{requested}", row.id, row.version)
}
