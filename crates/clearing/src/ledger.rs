//! Movements other than by settlement: opening balances, transfers, and the reversal of what was booked wrongly.

use crate::balances::location;
use crate::draft::Draft;
use crate::reference::{AccountEntry, minor, units};
use alloc::string::ToString;
use alloc::vec::Vec;
use model::command::{Opening, Transfer, What};
use model::date::Date;
use model::decimal::Decimal;
use model::event::{Event, ReversedTrade, TradeRef};
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, BookIx, InstrumentIx, Kind, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::reference::AccountKind;
use model::rejection::{Reason, Rejection};

fn named<T>(draft: &Draft<'_>, kind: Kind, name: &Identifier, find: impl Fn(u32) -> Option<T>) -> Result<T, Rejection> {
    let index = draft.state.names.find(kind, name.as_str());
    index.and_then(find).ok_or_else(|| Rejection::new(Reason::UnknownName, name.as_str()))
}

fn account(draft: &Draft<'_>, name: &Identifier) -> Result<(AccountIx, AccountEntry), Rejection> {
    named(draft, Kind::Account, name, |index| {
        Some((AccountIx(index), draft.state.reference.account(AccountIx(index))?.clone()))
    })
}

fn book(draft: &Draft<'_>, name: &Identifier, owner: PartyIx) -> Result<BookIx, Rejection> {
    let reference = &draft.state.reference;
    let (index, entry) = named(draft, Kind::Book, name, |index| Some((BookIx(index), reference.book(BookIx(index))?)))?;
    if entry.owner != owner {
        return Err(Rejection::new(Reason::AccountNotAllowed, name.as_str()));
    }
    Ok(index)
}

/// The asset a command names and how much of it, in its smallest unit.
fn asset(draft: &Draft<'_>, what: &What, quantity: Decimal) -> Result<(Asset, i64), Rejection> {
    match what {
        What::Currency(code) => Ok((Asset::currency(*code), minor(quantity, *code)?)),
        What::Instrument(name) => {
            let reference = &draft.state.reference;
            let today = draft.today();
            let index = match reference.by_isin(name.as_str(), today) {
                Some(index) => index,
                None => named(draft, Kind::Instrument, name, |index| {
                    reference.instrument(InstrumentIx(index)).map(|_| InstrumentIx(index))
                })?,
            };
            let amount = units(quantity, reference.scale(index))
                .ok_or_else(|| Rejection::new(Reason::QuantityTooFine, quantity.to_string()))?;
            Ok((Asset::instrument(index), amount))
        }
    }
}

fn holds(entry: &AccountEntry, asset: Asset) -> bool {
    match entry.kind {
        AccountKind::Depot => asset.as_instrument().is_some(),
        AccountKind::Nostro => asset.as_currency().is_some(),
        AccountKind::Internal => true,
    }
}

pub(crate) fn decide_open(draft: &mut Draft<'_>, opening: &Opening) -> Result<(), Rejection> {
    let (index, entry) = account(draft, &opening.account)?;
    let book = book(draft, &opening.book, entry.holder)?;
    let (asset, amount) = asset(draft, &opening.what, opening.quantity)?;
    if !holds(&entry, asset) {
        return Err(Rejection::new(Reason::AccountNotAllowed, opening.account.as_str()));
    }
    if asset.as_instrument().is_some() && amount <= 0 && !entry.may_go_short {
        return Err(Rejection::new(Reason::QuantityNotPositive, opening.quantity.to_string()));
    }
    let cost = match &opening.cost {
        Some(cost) => Some((cost.currency, minor(cost.amount, cost.currency)?)),
        None => None,
    };
    let postings = Vec::from(moved((book, entry.holder, index), asset, i128::from(amount)));
    draft.check_range(&postings)?;
    draft.push(Event::Opened { account: index, book, postings, cost });
    Ok(())
}

/// A book's holding and the place where it lies move together.
fn moved((book, entity, account): (BookIx, PartyIx, AccountIx), asset: Asset, amount: i128) -> [Posting; 2] {
    [
        Posting { account: LedgerAccount::Book { entity, book }, asset, amount },
        Posting { account: location(entity, account), asset, amount },
    ]
}

pub(crate) fn decide_transfer(draft: &mut Draft<'_>, transfer: &Transfer) -> Result<(), Rejection> {
    let from = transfer.from.as_ref().map(|name| account(draft, name)).transpose()?;
    let to = transfer.to.as_ref().map(|name| account(draft, name)).transpose()?;
    let (asset, amount) = asset(draft, &transfer.what, transfer.quantity)?;
    if amount <= 0 {
        return Err(Rejection::new(Reason::QuantityNotPositive, transfer.quantity.to_string()));
    }
    for (end, name) in [(&from, &transfer.from), (&to, &transfer.to)] {
        if let (Some((_, entry)), Some(name)) = (end, name)
            && !holds(entry, asset)
        {
            return Err(Rejection::new(Reason::AccountNotAllowed, name.as_str()));
        }
    }
    if let (Some((_, from)), Some((_, to)), Some(name)) = (&from, &to, &transfer.to)
        && from.capacity != to.capacity
    {
        // A client's assets do not become the house's, or another client's, by a transfer.
        return Err(Rejection::new(Reason::AccountNotAllowed, name.as_str()));
    }
    let giver = match (&from, &to) {
        (Some((_, entry)), _) | (None, Some((_, entry))) => entry.holder,
        (None, None) => return Err(Rejection::new(Reason::UnknownName, "from, to")),
    };
    let own = book(draft, &transfer.book, giver)?;
    let receiver = to.as_ref().map_or(giver, |(_, entry)| entry.holder);
    let other = match &transfer.to_book {
        Some(name) => book(draft, name, receiver)?,
        None if receiver == giver => own,
        None => return Err(Rejection::new(Reason::UnknownName, "to_book")),
    };
    let mut postings: Vec<Posting> = Vec::new();
    if let Some((index, entry)) = &from {
        check_covered(draft, *index, entry, asset, amount)?;
        postings.extend(moved((own, entry.holder, *index), asset, -i128::from(amount)));
    }
    if let Some((index, entry)) = &to {
        postings.extend(moved((other, entry.holder, *index), asset, i128::from(amount)));
    }
    if own == other && from.is_some() && to.is_some() {
        // The book keeps what it has; only the place changes.
        postings.retain(|posting| matches!(posting.account, LedgerAccount::Location { .. }));
    }
    draft.check_range(&postings)?;
    draft.push(Event::Transferred { what: transfer.what.clone(), postings });
    Ok(())
}

fn check_covered(
    draft: &Draft<'_>,
    index: AccountIx,
    entry: &AccountEntry,
    asset: Asset,
    amount: i64,
) -> Result<(), Rejection> {
    let balance = draft.balance(location(entry.holder, index), asset);
    let name = || draft.state.names.name(Kind::Account, index.0).map_or("account", |name| name.as_str());
    match asset.as_currency() {
        None if entry.may_go_short => Ok(()),
        None if balance < i128::from(amount) => Err(Rejection::new(Reason::InsufficientSecurities, name())),
        Some(currency) => {
            let limit = draft.state.reference.limit(index, currency, business_date(draft, entry));
            if balance + i128::from(limit) < i128::from(amount) {
                return Err(Rejection::new(Reason::InsufficientCash, name()));
            }
            Ok(())
        }
        None => Ok(()),
    }
}

fn business_date(draft: &Draft<'_>, entry: &AccountEntry) -> Date {
    draft.state.day(entry.domain).and_then(|day| day.date).unwrap_or_else(|| draft.today())
}

/// Turns round what a record booked. A settlement is turned round together with the capture of both its trades: the
/// books get back what they gave, so that nothing stays owed; a new trade that names the old one books it right.
pub(crate) fn decide_reverse(draft: &mut Draft<'_>, sequence: u64, instruction: Option<u64>) -> Result<(), Rejection> {
    let state = draft.state;
    let refuse = || Rejection::new(Reason::NotReversible, sequence.to_string());
    if sequence > state.sequence {
        return Err(refuse());
    }
    let record = draft.past.record(sequence).ok_or_else(refuse)?;
    let mut postings: Vec<Posting> = Vec::new();
    let mut settlement = None;
    let mut trades = Vec::new();
    for event in record.events() {
        match event {
            Event::Opened { postings: booked, .. } | Event::Transferred { postings: booked, .. } => {
                postings.extend(model::ledger::reversed(booked));
            }
            Event::InstructionsSettled {
                deliver,
                receive,
                books,
                postings: booked,
                deliver_trade,
                receive_trade,
                ..
            } if instruction.is_none_or(|wanted| [*deliver, *receive].contains(&wanted)) => {
                if settlement.is_some() {
                    let several =
                        Rejection::new(Reason::NotReversible, "instruction: the record settled several pairs");
                    return Err(several);
                }
                settlement = Some(*deliver);
                let undone: Vec<Posting> = settlement_undone(*books, booked).collect();
                trades.extend(taken_back(&undone, true, *deliver_trade));
                trades.extend(taken_back(&undone, false, *receive_trade));
                postings.extend(undone);
            }
            Event::InstructionConfirmed { instruction: confirmed, book, postings: booked, trade, .. }
                if instruction.is_none_or(|wanted| *confirmed == wanted) =>
            {
                settlement = Some(*confirmed);
                let undone: Vec<Posting> = settlement_undone((*book, *book), booked).collect();
                trades.extend(taken_back(&undone, true, *trade).or_else(|| taken_back(&undone, false, *trade)));
                postings.extend(undone);
            }
            _ => {}
        }
    }
    if state.reversed.contains(&(sequence, settlement.unwrap_or(0))) {
        return Err(refuse());
    }
    if postings.is_empty() {
        return Err(refuse());
    }
    for posting in postings.iter().filter(|posting| posting.amount < 0) {
        if let LedgerAccount::Location { account, .. } = posting.account {
            let entry = state.reference.account(account).expect("what was booked lies in a known account").clone();
            let amount = i64::try_from(-posting.amount).map_err(|_| Reason::AmountTooLarge)?;
            check_covered(draft, account, &entry, posting.asset, amount)?;
        }
    }
    draft.check_range(&postings)?;
    draft.push(Event::Reversed { sequence, instruction: settlement, postings, trades });
    Ok(())
}

/// A side's trade with the book that gets securities back, or gives back those it had got.
fn taken_back(undone: &[Posting], delivered: bool, trade: Option<TradeRef>) -> Option<ReversedTrade> {
    let TradeRef { trade, trade_date } = trade?;
    undone.iter().find_map(|posting| match posting.account {
        LedgerAccount::Book { entity, book }
            if posting.asset.as_instrument().is_some() && delivered == (posting.amount > 0) =>
        {
            Some(ReversedTrade { entity, book, trade, trade_date })
        }
        _ => None,
    })
}

/// A settlement's postings turned round, the counterparty's side of them in the books.
fn settlement_undone(books: (BookIx, BookIx), booked: &[Posting]) -> impl Iterator<Item = Posting> {
    // The deliverer's postings come first; the receiver's begin with the securities it is no longer owed.
    let mut book = books.0;
    booked.iter().map(move |posting| {
        let account = match posting.account {
            LedgerAccount::Counterparty { entity, .. } => {
                if posting.asset.as_instrument().is_some() && posting.amount > 0 {
                    book = books.1;
                }
                LedgerAccount::Book { entity, book }
            }
            other => other,
        };
        Posting { account, amount: -posting.amount, ..*posting }
    })
}
