//! What a proposed command is about, in words for the person who is to approve it.

use model::command::Command;
use model::identifier::Identifier;
use model::reference::Reference;

/// Names what the command would change.
pub(super) fn subject(command: &Command) -> String {
    match command {
        Command::SetReference(reference) => reference_subject(reference),
        Command::Open(opening) => format!("account {}, book {}", opening.account, opening.book),
        Command::Transfer(transfer) => {
            let end =
                |account: &Option<Identifier>| account.as_ref().map_or("outside".to_owned(), Identifier::to_string);
            format!("{} to {}, book {}", end(&transfer.from), end(&transfer.to), transfer.book)
        }
        Command::Reverse { sequence, instruction: None } => format!("record {sequence}"),
        Command::Reverse { sequence, instruction: Some(number) } => {
            format!("record {sequence}, instruction {number}")
        }
        Command::Trade(trade) => format!("trade {} {}", trade.source, trade.id),
        Command::Repair(repair) => format!("trade {} {}", repair.source, repair.id),
        Command::Steer { instruction, .. } => format!("instruction {instruction}"),
        Command::Day(day) => format!("domain {}", day.domain),
        Command::Approve { proposal, .. } | Command::Refuse { proposal } => format!("proposal {proposal}"),
        Command::CloseQuarantined { sequence, .. } => format!("record {sequence}"),
        Command::ControlTotals(said) => format!("control totals {} {} {}", said.source, said.trade_date, said.currency),
        Command::SignOff(said) => format!("control totals {} {} {}", said.source, said.trade_date, said.currency),
        Command::Accounting(day) => format!("accounting day of {}", day.entity),
        Command::Advice(advice) => format!("advice {} {}", advice.sender, advice.id),
        Command::CloseBreak(closing) => format!("break {}", closing.number),
        Command::AssignBreak { number, .. } => format!("break {number}"),
        Command::IssueMarginCalls(issue) => format!("margin accounts at prices of {}", issue.set.date),
        Command::IssueInitialCalls(issue) => format!("initial margin of {}", issue.set.date),
        Command::AnswerMarginCall { number, .. } => format!("margin call {number}"),
        Command::Continue(_) | Command::Quarantine(_) => String::new(),
    }
}

fn reference_subject(reference: &Reference) -> String {
    match reference {
        Reference::Party(each) => format!("party {}", each.id),
        Reference::Book(each) => format!("book {}", each.id),
        Reference::Account(each) => format!("account {}", each.id),
        Reference::Domain(each) => format!("settlement domain {}", each.id),
        Reference::Instrument(each) => format!("instrument {}", each.id),
        Reference::Calendar(each) => format!("calendar {}", each.id),
        Reference::Currency(each) => format!("currency {}", each.code),
        Reference::Cycle(each) => format!("cycle of market {}", each.market),
        Reference::Ssi(each) => format!("standing settlement instruction {} of {}", each.id, each.party),
        Reference::Tolerance(each) => format!("tolerance in {}", each.currency),
        Reference::CreditLimit(each) => format!("credit limit of {} in {}", each.account, each.currency),
        Reference::PriceSet(each) => format!("prices of {} from {}", each.date, each.source),
        Reference::Parameters(_) => "parameters".to_owned(),
        Reference::BookPolicy(each) => format!("policy of book {} from {}", each.book, each.valid_from),
        Reference::CounterpartyLimit(each) => {
            let (amount, currency) = (each.amount, each.currency);
            let (kind, entity, with) = (each.kind.name(), &each.entity, &each.counterparty);
            format!("{kind} limit of {entity} with {with} from {}: {amount} {currency}", each.valid_from)
        }
        Reference::MarginAccount(each) => format!("margin account {} of {}", each.id, each.client),
        Reference::AddOn(each) => format!("add-on {} of {:?} from {}", each.rate, each.cfi_prefix, each.valid_from),
        Reference::Issuer(each) => format!("issuer of {}", each.instrument),
        Reference::ClearingTerms(each) => format!("clearing terms of {} from {}", each.ccp, each.valid_from),
        Reference::Grant(each) => format!("grant of {} from {}", each.actor, each.valid_from),
    }
}
