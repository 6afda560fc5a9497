//! Any client margin account, and what comes of it.

use super::*;
use model::accounting::{FrozenSet, SetName};
use model::command::Command;
use model::event::Event;
use model::margin::{
    CallMoved, CallStanding, ClearingTerms, InitialAssessment, InitialFigures, IssueMarginCalls, IssuedCall,
    MarginAccount, MarginAnswer, MarginAssessment, MarginFigures,
};
use proptest::sample::select;

pub fn account() -> impl Strategy<Value = MarginAccount> {
    let names = (identifier(), identifier(), identifier(), identifier());
    (names, currency(), "[A-Z]{2}", any::<u8>(), date()).prop_map(
        |((id, client, book, domain), currency, jurisdiction, call_days, valid_from)| MarginAccount {
            id,
            client,
            book,
            currency,
            jurisdiction,
            domain,
            call_days,
            valid_from,
        },
    )
}

pub fn clearing_terms() -> impl Strategy<Value = ClearingTerms> {
    let rates = (decimal(), decimal(), decimal(), decimal(), decimal());
    let history = (small(), any::<u8>(), some("[A-Z]{1,6}"));
    (identifier(), "[A-Z]{2}", date(), text(), rates, history).prop_map(
        |(ccp, jurisdiction, valid_from, source, rates, (scenarios, horizon, index_cfi))| {
            let (gap_threshold, gap_rate, fails_rate, least_haircut, confidence) = rates;
            ClearingTerms {
                ccp,
                jurisdiction,
                valid_from,
                source,
                gap_threshold,
                gap_rate,
                fails_rate,
                least_haircut,
                confidence,
                scenarios,
                horizon,
                index_cfi,
            }
        },
    )
}

pub fn commands() -> Vec<BoxedStrategy<Command>> {
    let set = || (date(), identifier(), identifier()).prop_map(|(date, snap, source)| SetName { date, snap, source });
    let (set, named) = (set(), set());
    vec![
        (set, some(identifier()))
            .prop_map(|(set, accounts)| Command::IssueMarginCalls(IssueMarginCalls { set, accounts }))
            .boxed(),
        (named, some(identifier()))
            .prop_map(|(set, accounts)| Command::IssueInitialCalls(IssueMarginCalls { set, accounts }))
            .boxed(),
        (natural(), prop_oneof![Just(MarginAnswer::Met), Just(MarginAnswer::Withdrawn)])
            .prop_map(|(number, answer)| Command::AnswerMarginCall { number, answer })
            .boxed(),
    ]
}

pub fn events() -> Vec<BoxedStrategy<Event>> {
    let set = || {
        let parts = (date(), identifier(), identifier(), small());
        parts.prop_map(|(date, snap, source, version)| FrozenSet { date, snap, source, version })
    };
    let figures = any::<[i64; 7]>().prop_map(|[long, short, cash, equity, initial, maintenance, missing]| {
        MarginFigures { long, short, cash, equity, initial, maintenance, missing }
    });
    let initial = any::<[i64; 5]>().prop_map(|[bought, sold_short, available, equity, required]| InitialFigures {
        bought,
        sold_short,
        available,
        equity,
        required,
    });
    let call = || {
        let parts = (natural(), integer(), date());
        parts.prop_map(|(number, amount, due)| IssuedCall { number, amount, due })
    };
    let standings =
        [CallStanding::Open, CallStanding::Missed, CallStanding::Met, CallStanding::Cured, CallStanding::Withdrawn];
    vec![
        (identifier(), set(), currency(), figures, some("[A-Z]{3}/[A-Z]{3}"), maybe(call()))
            .prop_map(|(account, set, currency, figures, lacks, call)| {
                Event::MarginAssessed(MarginAssessment { account, set, currency, figures, lacks, call })
            })
            .boxed(),
        (identifier(), set(), currency(), initial, some("[A-Z]{3}/[A-Z]{3}"), maybe(call()))
            .prop_map(|(account, set, currency, figures, lacks, call)| {
                Event::InitialAssessed(InitialAssessment { account, set, currency, figures, lacks, call })
            })
            .boxed(),
        (natural(), integer(), integer(), select(standings.to_vec()))
            .prop_map(|(number, paid, outstanding, standing)| {
                Event::MarginCallMoved(CallMoved { number, paid, outstanding, standing })
            })
            .boxed(),
    ]
}
