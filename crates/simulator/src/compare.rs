//! The house against the bookkeeper: every balance, instruction, trade and day; then what the views say of them.

mod facts;

pub use facts::record;

use crate::books::{Books, Ended, Instruction, Place, Thing};
use clearing::{InstructionFacts, Standing, State};
use model::decimal::Decimal;
use model::identifier::Identifier;
use model::index::{Asset, DomainIx, InstrumentIx, Kind};
use model::ledger::LedgerAccount;
use projections::{At, PageRequest, Projections};
use std::collections::BTreeMap;
use std::fmt::Debug;
use wire::pb::view as pb;

/// The first thing in which house and bookkeeper differ.
pub type Difference = String;

fn same<T: PartialEq + Debug>(what: impl FnOnce() -> String, house: &T, books: &T) -> Result<(), Difference> {
    match house == books {
        true => Ok(()),
        false => Err(format!("{}: the house says {house:?}, the bookkeeper {books:?}", what())),
    }
}

fn name(state: &State, kind: Kind, index: u32) -> Identifier {
    state.name(kind, index).expect("a number that was given has its name").clone()
}

fn place(state: &State, account: LedgerAccount) -> Place {
    let party = |index: model::index::PartyIx| name(state, Kind::Party, index.0);
    match account {
        LedgerAccount::Book { entity, book } => Place::Book(party(entity), name(state, Kind::Book, book.0)),
        LedgerAccount::Counterparty { entity, party: other } => Place::Owed(party(entity), party(other)),
        LedgerAccount::Difference { entity } => Place::Difference(party(entity)),
        LedgerAccount::Break { entity } => Place::Break(party(entity)),
        LedgerAccount::Location { entity, account } => {
            Place::Lies(party(entity), name(state, Kind::Account, account.0))
        }
    }
}

fn thing(state: &State, asset: Asset) -> Thing {
    match (asset.as_instrument(), asset.as_currency()) {
        (Some(InstrumentIx(index)), _) => Thing::Paper(name(state, Kind::Instrument, index)),
        (None, code) => Thing::Cash(code.expect("an asset is one or the other")),
    }
}

/// The state of the house against the books.
pub fn state(books: &Books, state: &State) -> Result<(), Difference> {
    let house: BTreeMap<(Place, Thing), i128> = state
        .balances()
        .filter(|(_, _, amount)| *amount != 0)
        .map(|(account, asset, amount)| ((place(state, account), thing(state, asset)), amount))
        .collect();
    let ours = books.balances().map(|(place, thing, amount)| ((place.clone(), thing.clone()), *amount)).collect();
    balances(&house, &ours)?;
    for (number, instruction) in &books.instructions {
        let found =
            state.instruction_facts(*number).ok_or_else(|| format!("instruction {number} is not open in the house"))?;
        same(|| format!("instruction {number}"), &found, &facts(instruction))?;
    }
    same(|| "breaks".to_owned(), &state.open_breaks().collect::<Vec<_>>(), &books.breaks.keys().copied().collect())?;
    same(|| "how many are open".to_owned(), &state.open_counts(), &books.open_counts())?;
    for trade in books.trades.values() {
        let what = || format!("the instruction of trade {} {}", trade.source, trade.id);
        same(what, &state.instruction_of(&trade.source, &trade.id), &trade.instruction)?;
        same(
            || format!("trade {} {} is open", trade.source, trade.id),
            &state.is_open(&trade.source, &trade.id),
            &true,
        )?;
    }
    for (domain, day) in &books.days {
        let index = state.find(Kind::Domain, domain.as_str()).map(DomainIx);
        let house = index.and_then(|index| state.settlement_day(index)).map(|(date, open, _)| (date, open));
        same(|| format!("the day of {domain}"), &house, &day.date.map(|date| (date, day.open)))?;
    }
    facts::days(books, state)?;
    facts::limits(books, state)?;
    facts::calls(books, state)?;
    let ours = books.grants().cloned().collect::<Vec<_>>();
    same(|| "grants".to_owned(), &state.grants().iter().cloned().collect(), &ours)?;
    let quarantined = state.quarantined().collect::<Vec<_>>();
    same(|| "quarantined".to_owned(), &quarantined, &books.quarantined.iter().copied().collect())?;
    let word = |task| match task {
        model::command::Task::Retry => ("retry", None),
        model::command::Task::Repair => ("repair", None),
        model::command::Task::Reserve => ("reserve", None),
        model::command::Task::Cycle(DomainIx(domain)) => ("cycle", Some(name(state, Kind::Domain, domain))),
        model::command::Task::Survey(DomainIx(domain)) => ("survey", Some(name(state, Kind::Domain, domain))),
    };
    let next = books.next_work().map(|(word, domain)| (word, domain.cloned()));
    same(|| "the work that comes next".to_owned(), &clearing::next_task(state).map(word), &next)
}

fn balances(house: &BTreeMap<(Place, Thing), i128>, books: &BTreeMap<(Place, Thing), i128>) -> Result<(), Difference> {
    for (key, amount) in books {
        same(|| format!("{key:?}"), &house.get(key).copied().unwrap_or(0), amount)?;
    }
    for (key, amount) in house {
        same(|| format!("{key:?}"), amount, &books.get(key).copied().unwrap_or(0))?;
    }
    Ok(())
}

fn standing(instruction: &Instruction) -> Standing {
    match (instruction.partner, instruction.failing) {
        (None, true) if instruction.is_outside() => Standing::Failing,
        (None, _) if instruction.is_matched_outside() => Standing::Pending,
        (None, _) => Standing::Unmatched,
        (Some(_), false) => Standing::Pending,
        (Some(_), true) => Standing::Failing,
    }
}

fn facts(instruction: &Instruction) -> InstructionFacts {
    InstructionFacts {
        number: instruction.number,
        trade: instruction.trade,
        standing: standing(instruction),
        counter: instruction.partner,
        reasons: instruction.reasons.clone(),
        held: instruction.held,
        cancel_requested: instruction.cancel_requested,
        priority: instruction.priority,
        quantity: instruction.quantity,
        amount: instruction.amount,
        intended_settlement_date: instruction.date(),
    }
}

/// What the views answer, when they stand where the books stand.
pub fn views(books: &Books, views: &Projections) -> Result<(), Difference> {
    let failed = |error: projections::Error| format!("a view does not answer: {error}");
    for view in views.standing() {
        if let Some(reason) = view.stopped {
            return Err(format!("the view {} has stopped: {reason}", view.view));
        }
    }
    let mut ours: BTreeMap<(Place, Thing), i128> = BTreeMap::new();
    for (place, thing, amount) in books.balances() {
        ours.insert((place.clone(), thing.clone()), *amount);
    }
    let mut theirs = BTreeMap::new();
    let mut token = String::new();
    loop {
        let page = PageRequest { size: 1_000, token: &token };
        let page = views.balances(&pb::BalanceFilter::default(), page, At::NOW).map_err(failed)?;
        for row in page.balances {
            let key = row_place(&row);
            theirs.insert(key.clone(), units(books, &key.1, row.amount)?);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    balances(&theirs, &ours).map_err(|difference| format!("view ledger: {difference}"))?;
    positions(books, views, &ours)?;
    cash(books, views, &ours)?;
    for (number, instruction) in &books.instructions {
        let row = views.instruction(*number, At::NOW).map_err(failed)?.value;
        let wanted = match standing(instruction) {
            Standing::Unmatched => pb::InstructionStatus::Unmatched,
            Standing::Pending => pb::InstructionStatus::Pending,
            Standing::Failing => pb::InstructionStatus::Failing,
        };
        same(|| format!("view status: instruction {number}"), &row.status(), &wanted)?;
        same(|| format!("view status: hold of {number}"), &row.held, &instruction.held)?;
    }
    for (number, ended) in &books.ended {
        let row = views.instruction(*number, At::NOW).map_err(failed)?.value;
        let wanted = match ended {
            Ended::Settled => pb::InstructionStatus::Settled,
            // What is left of it was given up.
            Ended::InPart | Ended::Cancelled(_) => pb::InstructionStatus::Cancelled,
        };
        same(|| format!("view status: ended instruction {number}"), &row.status(), &wanted)?;
        if let Ended::Cancelled(code) = ended {
            same(|| format!("view status: why {number} ended"), &row.reasons, &vec![code.to_string()])?;
        }
    }
    let open = views.breaks(At::NOW).map_err(failed)?.value;
    let open: Vec<(u64, String)> = open.into_iter().map(|row| (row.number, row.kind)).collect();
    let ours = books.breaks.iter().map(|(number, each)| (*number, each.kind.code().to_owned())).collect();
    same(|| "view status: breaks".to_owned(), &open, &ours)
}

/// What a book has by trade date is what the ledger has in it.
fn positions(books: &Books, views: &Projections, ours: &BTreeMap<(Place, Thing), i128>) -> Result<(), Difference> {
    let failed = |error: projections::Error| format!("a view does not answer: {error}");
    let mut token = String::new();
    let mut theirs: BTreeMap<(Identifier, Thing), i128> = BTreeMap::new();
    loop {
        let page = PageRequest { size: 1_000, token: &token };
        let method = wire::pb::record::LotMethod::Unspecified;
        let page = views.positions(&pb::PositionFilter::default(), method, page, At::NOW).map_err(failed)?;
        for row in page.positions {
            let key = (identifier(&row.book), Thing::Paper(identifier(&row.instrument)));
            let amount = units(books, &key.1, row.traded)?;
            if amount != 0 {
                theirs.insert(key, amount);
            }
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let mut wanted: BTreeMap<(Identifier, Thing), i128> = BTreeMap::new();
    for ((place, thing), amount) in ours {
        if let (Place::Book(_, book), Thing::Paper(_)) = (place, thing) {
            *wanted.entry((book.clone(), thing.clone())).or_default() += amount;
        }
    }
    wanted.retain(|_, amount| *amount != 0);
    same(|| "view positions".to_owned(), &theirs, &wanted)
}

/// What lies in a cash account.
fn cash(books: &Books, views: &Projections, ours: &BTreeMap<(Place, Thing), i128>) -> Result<(), Difference> {
    let failed = |error: projections::Error| format!("a view does not answer: {error}");
    let mut token = String::new();
    let mut seen = BTreeMap::new();
    loop {
        let page = PageRequest { size: 1_000, token: &token };
        let page = views.cash(&pb::CashFilter::default(), page, At::NOW).map_err(failed)?;
        for row in page.ladders {
            let code = model::identifier::CurrencyCode::parse(&row.currency).map_err(|error| error.to_string())?;
            let key = (Place::Lies(identifier(&row.holder), identifier(&row.account)), Thing::Cash(code));
            let amount = units(books, &key.1, row.settled)?;
            seen.insert(key, amount);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    for (key, amount) in ours {
        if matches!(key, (Place::Lies(..), Thing::Cash(_))) {
            same(|| format!("view cash: {key:?}"), &seen.get(key).copied().unwrap_or(0), amount)?;
        }
    }
    Ok(())
}

fn identifier(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name the house gave")
}

fn row_place(row: &pb::Balance) -> (Place, Thing) {
    let entity = identifier(&row.entity);
    let place = match row.kind() {
        pb::LedgerAccountKind::Book => Place::Book(entity, identifier(&row.account)),
        pb::LedgerAccountKind::Counterparty => Place::Owed(entity, identifier(&row.account)),
        pb::LedgerAccountKind::Difference => Place::Difference(entity),
        pb::LedgerAccountKind::Break => Place::Break(entity),
        _ => Place::Lies(entity, identifier(&row.account)),
    };
    let code = model::identifier::CurrencyCode::parse(&row.currency);
    let thing = code.map_or_else(|_| Thing::Paper(identifier(&row.instrument)), Thing::Cash);
    (place, thing)
}

/// A decimal of a view in smallest units.
fn units(books: &Books, thing: &Thing, said: Option<wire::pb::typ::Decimal>) -> Result<i128, Difference> {
    let said = said.unwrap_or_default();
    let places = match thing {
        Thing::Cash(code) => model::currency::exponent(*code).unwrap_or(0),
        Thing::Paper(paper) => books.scale(paper),
    };
    let decimal = Decimal::new(said.unscaled, said.scale).map_err(|error| error.to_string())?;
    decimal.to_scale(u32::from(places)).map_err(|error| error.to_string())
}
