//! Any command.

use super::outside::resolution;
use super::reference::reference;
use super::settlement::advice;
use super::trade::{details, trade};
use super::*;
use model::breaks::CloseBreak;
use model::command::*;
use model::index::DomainIx;
use model::instruction::Steer;
use proptest::strategy::Union;

pub fn command() -> impl Strategy<Value = Command> {
    let ours = [
        trade().prop_map(|trade| Command::Trade(Box::new(trade))).boxed(),
        reference().prop_map(|reference| Command::SetReference(Box::new(reference))).boxed(),
        opening().prop_map(Command::Open).boxed(),
        transfer().prop_map(Command::Transfer).boxed(),
        (natural(), proptest::option::of(natural()))
            .prop_map(|(sequence, instruction)| Command::Reverse { sequence, instruction })
            .boxed(),
        (identifier(), identifier(), maybe(details()))
            .prop_map(|(source, id, details)| Command::Repair(Box::new(Repair { source, id, details })))
            .boxed(),
        (natural(), steer()).prop_map(|(instruction, steer)| Command::Steer { instruction, steer }).boxed(),
        (identifier(), step()).prop_map(|(domain, step)| Command::Day(DayStep { domain, step })).boxed(),
        (natural(), proptest::option::of(any::<[u8; 32]>()))
            .prop_map(|(proposal, payload_hash)| Command::Approve { proposal, payload_hash })
            .boxed(),
        natural().prop_map(|proposal| Command::Refuse { proposal }).boxed(),
        task().prop_map(Command::Continue).boxed(),
        unreadable().prop_map(|unreadable| Command::Quarantine(Box::new(unreadable))).boxed(),
        (natural(), maybe(replay()))
            .prop_map(|(sequence, replay)| Command::CloseQuarantined { sequence, replay })
            .boxed(),
        super::control::control_totals().prop_map(|totals| Command::ControlTotals(Box::new(totals))).boxed(),
        super::control::sign_off().prop_map(Command::SignOff).boxed(),
        super::control::accounting_day().prop_map(|day| Command::Accounting(Box::new(day))).boxed(),
        advice().prop_map(|advice| Command::Advice(Box::new(advice))).boxed(),
        (natural(), resolution(), maybe(identifier()))
            .prop_map(|(number, resolution, target)| Command::CloseBreak(CloseBreak { number, resolution, target }))
            .boxed(),
        (natural(), identifier()).prop_map(|(number, owner)| Command::AssignBreak { number, owner }).boxed(),
    ];
    Union::new(ours.into_iter().chain(super::margin::commands()))
}

fn replay() -> impl Strategy<Value = Replay> {
    prop_oneof![
        trade().prop_map(|trade| Replay::Trade(Box::new(trade))).boxed(),
        advice().prop_map(|advice| Replay::Advice(Box::new(advice))).boxed(),
    ]
}

pub fn what() -> impl Strategy<Value = What> {
    prop_oneof![currency().prop_map(What::Currency), identifier().prop_map(What::Instrument)]
}

fn opening() -> impl Strategy<Value = Opening> {
    let cost = (currency(), decimal()).prop_map(|(currency, amount)| Cost { currency, amount });
    (identifier(), identifier(), what(), decimal(), maybe(cost))
        .prop_map(|(account, book, what, quantity, cost)| Opening { account, book, what, quantity, cost })
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (maybe(identifier()), maybe(identifier()), identifier(), maybe(identifier()), what(), decimal())
        .prop_map(|(from, to, book, to_book, what, quantity)| Transfer { from, to, book, to_book, what, quantity })
}

fn steer() -> impl Strategy<Value = Steer> {
    prop_oneof![
        Just(Steer::Hold),
        Just(Steer::Release),
        any::<u8>().prop_map(Steer::Prioritise),
        Just(Steer::Cancel),
        Just(Steer::KeepAfterAll),
    ]
}

pub fn cut_off() -> impl Strategy<Value = CutOff> {
    (maybe(currency()), timestamp()).prop_map(|(currency, at)| CutOff { currency, at })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (date(), some(cut_off())).prop_map(|(date, cut_offs)| Step::Open { date, cut_offs }),
        (date(), maybe(currency())).prop_map(|(date, currency)| Step::CutOff { date, currency }),
        date().prop_map(|date| Step::Close { date }),
    ]
}

pub fn task() -> impl Strategy<Value = Task> {
    prop_oneof![
        Just(Task::Retry),
        small().prop_map(|domain| Task::Cycle(DomainIx(domain))),
        small().prop_map(|domain| Task::Survey(DomainIx(domain))),
        Just(Task::Repair),
        Just(Task::Reserve),
    ]
}

fn unreadable() -> impl Strategy<Value = Unreadable> {
    (text(), any::<String>(), any::<Vec<u8>>(), any::<[u8; 32]>(), natural())
        .prop_map(|(path, reason, bytes, hash, size)| Unreadable { path, reason, bytes, hash, size })
}
