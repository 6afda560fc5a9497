//! What a record told that no balance shows, and the rooms of the state that only such records fill: control totals and
//! accounting days.

use super::{Difference, name, same};
use crate::books::{Books, Call, Fact, Line, sums_of};
use clearing::State;
use model::event::Event;
use model::identifier::Identifier;
use model::index::Kind;
use model::limit::LimitLine;
use model::margin::{InitialFigures, IssuedCall, MarginFigures};
use model::record::Record;
use std::collections::BTreeMap;

/// What the house's record tells, in the bookkeeper's words.
fn told(state: &State, event: &Event) -> Option<Fact> {
    let party = |index: model::index::PartyIx| name(state, Kind::Party, index.0);
    let sums = |totals, currency| sums_of(totals, currency).expect("the house's own totals");
    Some(match event {
        Event::ControlTotalsCompared { counted, currency, agreed, .. } => {
            Fact::Compared { counted: sums(counted, *currency), agreed: *agreed }
        }
        Event::ControlSignedOff { counted, currency, .. } => Fact::SignedOff { counted: sums(counted, *currency) },
        Event::AccountingDayClosed { entity, date, clean, .. } => {
            Fact::Closed { entity: party(*entity), date: *date, clean: *clean }
        }
        Event::PriorDay { entity, trade, belongs_to, shows_on } => {
            Fact::PriorDay { entity: party(*entity), trade: *trade, belongs_to: *belongs_to, shows_on: *shows_on }
        }
        Event::LimitReserved(told) => Fact::Reserved {
            line: line(state, &told.line),
            trade: told.trade,
            amount: told.amount,
            lacks: told.lacks.clone(),
        },
        Event::HoldingReserved(told) => Fact::Held {
            line: line(state, &told.line),
            instrument: name(state, Kind::Instrument, told.instrument.0),
            quantity: told.quantity,
            amount: told.amount,
            lacks: told.lacks.clone(),
        },
        Event::LimitBreached(told) => Fact::Breached {
            line: line(state, &told.line),
            trade: told.trade,
            used: told.used,
            excess: told.excess,
            unmeasured: told.unmeasured,
            on_breach: told.on_breach,
        },
        Event::LimitCured(told) => {
            Fact::Cured { line: line(state, &told.line), limit: told.limit, used: told.used, since: told.since }
        }
        Event::MarginAssessed(told) => {
            let MarginFigures { long, short, cash, equity, initial, maintenance, missing } = told.figures;
            let figures = vec![long, short, cash, equity, initial, maintenance, missing];
            assessed(&told.account, figures, &told.lacks, told.call)
        }
        Event::InitialAssessed(told) => {
            let InitialFigures { bought, sold_short, available, equity, required } = told.figures;
            assessed(&told.account, vec![bought, sold_short, available, equity, required], &told.lacks, told.call)
        }
        Event::MarginCallMoved(told) => Fact::CallMoved {
            number: told.number,
            paid: told.paid,
            outstanding: told.outstanding,
            standing: told.standing,
        },
        _ => return None,
    })
}

fn assessed(account: &Identifier, figures: Vec<i64>, lacks: &[String], call: Option<IssuedCall>) -> Fact {
    let call = call.map(|call| (call.number, call.amount, call.due));
    Fact::Assessed { account: account.clone(), figures, lacks: lacks.to_vec(), call }
}

/// Every margin call that has not ended.
pub(super) fn calls(books: &Books, state: &State) -> Result<(), Difference> {
    let house: BTreeMap<u64, Call> = state
        .margin_calls()
        .into_iter()
        .map(|facts| {
            let call = Call {
                kind: facts.kind,
                account: facts.account,
                date: facts.date,
                amount: facts.amount,
                outstanding: facts.outstanding,
                due: facts.due,
                missed: facts.missed,
                issued: facts.issued,
            };
            (facts.number, call)
        })
        .collect();
    same(|| "margin calls".to_owned(), &house, books.margin_calls())
}

fn line(state: &State, line: &LimitLine) -> Line {
    let party = |index: model::index::PartyIx| name(state, Kind::Party, index.0);
    (party(line.entity), party(line.counterparty), line.kind, line.value_date)
}

/// Every line of every limit: what is used of it, by how many, and whether it is breached.
pub(super) fn limits(books: &Books, state: &State) -> Result<(), Difference> {
    let house: BTreeMap<_, _> = state
        .limits(books.today())
        .into_iter()
        .map(|facts| {
            let line = (facts.entity.clone(), facts.counterparty.clone(), facts.kind, facts.value_date);
            let used = (facts.used, facts.trades, facts.unmeasured, facts.breached);
            (line, (facts.currency, facts.limit, used))
        })
        .collect();
    let ours = books.limit_lines().into_iter();
    let ours = ours.map(|(line, (currency, row, used))| {
        (line, (currency, row, (used.amount, used.count, used.unmeasured, used.breached)))
    });
    same(|| "limits".to_owned(), &house, &ours.collect())
}

/// The last record against what the bookkeeper told of it.
pub fn record(books: &Books, state: &State, record: &Record) -> Result<(), Difference> {
    // By content: in which order a record tells of several lines is nobody's business.
    let sorted = |mut facts: Vec<Fact>| {
        facts.sort_by_cached_key(|fact| format!("{fact:?}"));
        facts
    };
    let house = sorted(record.events().iter().filter_map(|event| told(state, event)).collect());
    same(|| format!("what record {} tells", record.sequence), &house, &sorted(books.facts.clone()))
        .map_err(|difference| format!("{difference}; it was {record:?}"))
}

/// Control totals and accounting days.
pub(super) fn days(books: &Books, state: &State) -> Result<(), Difference> {
    let mut house = BTreeMap::new();
    for row in state.control_totals() {
        let sums = |totals| sums_of(&totals, row.currency).map_err(|reason| format!("totals: {reason:?}"));
        let stated = row.stated.map(sums).transpose()?;
        let figures = (sums(row.counted)?, stated, row.agreed, row.signed_off);
        house.insert((row.trade_date, row.source.clone(), row.currency), figures);
    }
    let ours = books.control_rows().iter();
    let ours = ours.map(|(key, row)| (key.clone(), (row.counted, row.stated, row.agrees(), row.is_signed_off())));
    same(|| "control totals".to_owned(), &house, &ours.collect())?;
    let house: BTreeMap<_, _> = state
        .accounting_days()
        .into_iter()
        .map(|facts| (facts.entity.clone(), (facts.date, facts.open, facts.closed, facts.sets)))
        .collect();
    let ours = books.closings.iter();
    let ours = ours.map(|(entity, day)| (entity.clone(), (day.date, day.open, day.closed, day.sets.clone())));
    same(|| "accounting days".to_owned(), &house, &ours.collect())
}
