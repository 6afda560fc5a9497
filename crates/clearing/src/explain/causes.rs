//! What keeps a trade from settling at this moment: the first thing that whoever settles it would meet.

use super::scratch::Scratch;
use super::words::grouped;
use super::{Cause, CauseKind, Lack};
use crate::balances::location;
use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::limits::Limits;
use crate::matching::why_unmatched;
use crate::past::Past;
use crate::settlement::{Attempt, slot_limit};
use crate::slab::NONE;
use crate::state::{State, Trade};
use crate::trade::details_of;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use model::breaks::AgentStanding;
use model::command::{Command, Inbound, Origin, Task};
use model::date::Date;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, PartyIx};
use model::instruction::{Code, Movement, code};
use model::limit::OnBreach;
use model::timestamp::Timestamp;
use model::trade::{Defect, Side};

/// A cause as the search needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Defect(Defect),
    Uninstructed,
    Request,
    HeldAtAgent,
    AtAgent(AgentStanding),
    Unmatched(Vec<Code>),
    /// This instruction of the pair is held.
    Held(u64),
    Early(Date),
    NotOpen,
    CutOff,
    /// The account of this holder lacks; the deliverer's instruction, and how much there is.
    Lacks {
        holder: PartyIx,
        account: AccountIx,
        asset: Asset,
        need: i64,
        deliver: u64,
    },
    Untried,
}

/// A cause, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub trade: u64,
    pub instruction: Option<u64>,
    pub why: Why,
}

/// The first cause in the way of a trade; nothing when it is not open.
pub(super) fn first(scratch: &Scratch<'_>, number: u64) -> Option<Found> {
    let state = &scratch.state;
    let (_, trade) = state.trade(number)?;
    let instruction = state.instructions.get(trade.instruction);
    let found = |why| Some(Found { trade: number, instruction: instruction.map(|open| open.number), why });
    let Some(instruction) = instruction else {
        let defect = trade.loose.as_ref().and_then(|loose| loose.defects.first());
        return found(defect.map_or(Why::Uninstructed, |defect| Why::Defect(defect.clone())));
    };
    if let Some(outside) = &instruction.outside {
        return found(match outside.request {
            Some(_) => Why::Request,
            None if instruction.held => Why::HeldAtAgent,
            None => Why::AtAgent(outside.standing),
        });
    }
    if instruction.partner == NONE {
        return found(Why::Unmatched(why_unmatched(state, instruction)));
    }
    let other = &state.instructions[instruction.partner];
    if let Some(held) = [instruction, other].into_iter().find(|each| each.held) {
        return found(Why::Held(held.number));
    }
    let delivers = instruction.movement == Movement::Deliver;
    let (deliver, receive) = if delivers { (instruction, other) } else { (other, instruction) };
    found(blocked(scratch, deliver, receive))
}

fn blocked(scratch: &Scratch<'_>, deliver: &Instruction, receive: &Instruction) -> Why {
    let state = &scratch.state;
    let inbound = Inbound {
        command: Command::Continue(Task::Retry),
        origin: Origin::Engine,
        actor: Identifier::parse("explain").expect("a name"),
        reason: String::new(),
        at: state.at.unwrap_or(Timestamp::start_of(Date::MIN)),
    };
    let draft = Draft::new(state, &inbound, scratch);
    match draft.attempt(deliver, receive, deliver.matched_amount, None) {
        Attempt::Settles => Why::Untried,
        Attempt::NotNow(reason) if reason == code::FUTU => Why::Early(deliver.date),
        Attempt::NotNow(_) => {
            let cut = state.day(deliver.domain).is_some_and(|day| day.open);
            if cut { Why::CutOff } else { Why::NotOpen }
        }
        Attempt::Lacks(wait, _) => {
            let holder = if wait.asset.as_instrument().is_some() { deliver.party } else { receive.party };
            let (account, asset, need) = (wait.account, wait.asset, wait.need);
            Why::Lacks { holder, account, asset, need, deliver: deliver.number }
        }
    }
}

/// What an account can give: its balance, and its credit line.
pub(super) fn available(state: &State, holder: PartyIx, account: AccountIx, asset: Asset) -> i128 {
    let place = location(holder, account);
    state.balances.amount(place, asset) + i128::from(slot_limit(state, place, asset))
}

/// The lines of limits that keep a trade on hold, in words.
fn limits_over(state: &State, trade: &Trade) -> Vec<String> {
    let today = state.at.map_or(Date::MIN, Timestamp::date_utc);
    let reserved = state.limits.reserved.get(&trade.number).into_iter().flatten().map(|reserved| reserved.line);
    // A purchase is part of what is owned of its issuer, and reserves nothing apart from it.
    let terms = state.terms_of(trade);
    let issuer = state.issuer_line((terms.party, terms.instrument)).filter(|_| terms.side == Side::Buy);
    let over = reserved.chain(issuer.map(|(line, _)| line)).filter_map(|line| {
        let limit = state.limits.limits.get(&Limits::key(&line))?;
        let (amount, on_breach) = limit.on(today)?;
        let used = state.limits.used.get(&line)?;
        (on_breach == OnBreach::Hold && used.is_over(amount)).then(|| {
            let currency = Asset::currency(limit.currency);
            format!(
                "{} limit of {} on {}: {} used of {}",
                line.kind.name(),
                state.party_name(line.entity),
                state.party_name(line.counterparty),
                state.amount(currency, i128::from(used.amount)),
                grouped(state.figure(currency, i128::from(amount))),
            )
        })
    });
    over.collect()
}

impl Found {
    /// The cause for people and programs.
    pub fn tell(&self, scratch: &Scratch<'_>) -> Cause {
        let state = &scratch.state;
        let (_, trade) = state.trade(self.trade).expect("a cause is of an open trade");
        let terms = state.terms_of(trade);
        let mut cause = Cause {
            kind: CauseKind::Untried,
            codes: Vec::new(),
            party: state.party_name(terms.party),
            trade: self.trade,
            instruction: self.instruction,
            lack: None,
            date: None,
            text: String::new(),
        };
        let open = state.instructions.get(trade.instruction);
        let codes =
            || open.and_then(|open| open.reasons.as_deref()).unwrap_or_default().iter().map(ToString::to_string);
        (cause.kind, cause.text) = match &self.why {
            Why::Defect(defect) => {
                cause.codes.push(defect.kind.code().into());
                (CauseKind::InRepair, format!("the trade is in repair: {} {}", defect.kind.code(), defect.subject))
            }
            Why::Uninstructed => (CauseKind::Uninstructed, "the trade has no instruction: it was taken away".into()),
            Why::Request => (CauseKind::RequestPending, "the agent has not answered our last request".into()),
            Why::HeldAtAgent => {
                cause.codes.push(code::PREA.to_string());
                (CauseKind::Held, "it is on hold at the agent".into())
            }
            Why::AtAgent(standing) => {
                cause.codes.extend(codes());
                (CauseKind::AtAgent, format!("the agent has it and has not settled it: {standing:?}").to_lowercase())
            }
            Why::Unmatched(codes) => {
                cause.codes.extend(codes.iter().map(ToString::to_string));
                (CauseKind::Unmatched, format!("it is unmatched: {}", cause.codes.join(" ")))
            }
            Why::Held(number) => self.tell_hold(scratch, *number, &mut cause),
            Why::Early(date) => {
                cause.codes.push(code::FUTU.to_string());
                cause.date = Some(*date);
                (CauseKind::BeforeDate, format!("its intended settlement date {date} has not come"))
            }
            Why::NotOpen => {
                cause.codes.push(code::CYCL.to_string());
                (CauseKind::DayNotOpen, "the settlement day is not open".into())
            }
            Why::CutOff => {
                cause.codes.push(code::CYCL.to_string());
                (CauseKind::CutOffPassed, "today settles no more of this currency and method".into())
            }
            Why::Lacks { holder, account, asset, need, .. } => {
                let there = available(state, *holder, *account, *asset);
                let (kind, own) = match asset.as_instrument() {
                    Some(_) => (CauseKind::LacksSecurities, (code::LACK, code::CLAC)),
                    None => (CauseKind::LacksCash, (code::MONY, code::CMON)),
                };
                cause.codes.push(if *holder == terms.party { own.0 } else { own.1 }.to_string());
                let (need, name) = (i128::from(*need), state.account_name(*account));
                let short = state.amount(*asset, need - there);
                let (need, there) = (state.figure(*asset, need), state.figure(*asset, there));
                let text = format!("{name} lacks {short}: {} needed, {} there", grouped(need), grouped(there));
                cause.lack = Some(Lack { account: name, what: state.what(*asset), need, available: there });
                (kind, text)
            }
            Why::Untried => (CauseKind::Untried, "nothing is in its way: it has not been tried since".into()),
        };
        cause
    }

    fn tell_hold(&self, scratch: &Scratch<'_>, number: u64, cause: &mut Cause) -> (CauseKind, String) {
        let state = &scratch.state;
        let (_, held) = state.instruction(number).expect("what is held is open");
        let own = self.instruction == Some(number);
        cause.codes.push(if own { code::PREA } else { code::PRCY }.to_string());
        let trade = &state.trades[held.trade];
        let party = state.party_name(held.party);
        // By the front office's own word, or by a person's?
        let asked = scratch.record(trade.current).as_ref().and_then(details_of).is_some_and(|details| details.hold);
        let over = if asked { Vec::new() } else { limits_over(state, trade) };
        match over.is_empty() {
            true => (CauseKind::Held, format!("instruction {number} of {party} is on hold")),
            false => (
                CauseKind::LimitHold,
                format!("instruction {number} of {party} is on hold over a limit: {}", over.join("; ")),
            ),
        }
    }
}
