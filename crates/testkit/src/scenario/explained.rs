//! An explanation in lines: the causes in order, what would settle it, and whether that was proved.

use clearing::{Actor, Change, Explanation};

pub(super) fn lines(explanation: &Explanation) -> Vec<String> {
    let mut told = Vec::new();
    for cause in &explanation.causes {
        let codes: String = cause.codes.iter().map(|code| format!(" {code}")).collect();
        told.push(format!("because {:?}{codes}: {}", cause.kind, cause.text));
    }
    told.extend(explanation.changes.iter().map(change));
    if explanation.partial {
        told.push("not all was looked at".to_owned());
    }
    told.push(match explanation.settles {
        true => "proved: it settles".to_owned(),
        false => format!("not found: {}", explanation.unfound),
    });
    told
}

fn change(change: &Change) -> String {
    let who = match change.actor {
        Actor::We => "we",
        Actor::Counterparty => "counterparty",
        Actor::Agent => "agent",
    };
    let second = if change.needs_second { ", by two persons" } else { "" };
    let assumed = match change.assumes.as_str() {
        "" => String::new(),
        assumes => format!(" (taken for granted: {assumes})"),
    };
    format!("{who}: {}{second}{assumed}", change.text)
}
