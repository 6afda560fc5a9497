//! A settlement as the agent tells it: our records mirror it. What agrees with the instruction moves the counterparty
//! against depot and nostro; whatever else was moved stands on the break account.

use super::{Quoted, advice::unknown, quoted, requests};
use crate::balances::location;
use crate::breaks::Found;
use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::reference::{minor, units};
use crate::state::{Loose, State};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use model::advice::{Advice, Confirmation};
use model::breaks::{BreakItem, BreakKind};
use model::date::Date;
use model::decimal::{Rounding, mul_div_round};
use model::event::Event;
use model::index::{AccountIx, Asset, InstrumentIx, Kind};
use model::instruction::Movement;
use model::ledger::{LedgerAccount, Posting};
use model::outbound::Instruct;
use model::trade::Method;

/// The instrument that a text from outside means.
pub(super) fn instrument(draft: &Draft<'_>, text: &str, on: Date) -> Option<InstrumentIx> {
    let reference = &draft.state.reference;
    let named = || draft.state.names.find(Kind::Instrument, text).map(InstrumentIx);
    reference.by_isin(text, on).or_else(named).filter(|found| reference.instrument(*found).is_some())
}

pub(super) fn confirm(draft: &mut Draft<'_>, advice: &Advice, said: &Confirmation) {
    match quoted(draft, &advice.reference) {
        Quoted::Open(_, instruction, ..) => confirm_open(draft, instruction, said),
        Quoted::Ended(number, sent) => {
            let subject = format!("{} {}", advice.reference, said.partial);
            set_aside(draft, Found::new(BreakKind::SettledAfterEnd, Some(number), subject.trim()), said, Some(&sent));
        }
        Quoted::Unknown => set_aside(draft, unknown(advice), said, None),
    }
}

/// What it moved is booked against the break account, as far as we know accounts and instrument; the rest is told.
fn set_aside(draft: &mut Draft<'_>, found: Found, said: &Confirmation, sent: Option<&Instruct>) {
    let (state, about) = (draft.state, found.instruction);
    let or_sent =
        |text: &str, sent: Option<&str>| if text.is_empty() { sent.unwrap_or("").to_string() } else { text.into() };
    let depot_name = or_sent(&said.account, sent.map(|sent| sent.depot.as_str()));
    let nostro = sent.and_then(|sent| sent.nostro.as_ref());
    let nostro_name = or_sent(&said.cash_account, nostro.map(|name| name.as_str()));
    let name = or_sent(&said.instrument, sent.map(|sent| sent.instrument.as_str()));
    let sign = if said.movement == Movement::Deliver { -1 } else { 1 };
    let (mut items, mut further) = (Vec::new(), Vec::new());
    match (state.mirror(&depot_name), instrument(draft, &name, said.effective_date)) {
        (None, _) => further.push(Found::new(BreakKind::UnknownAccount, about, depot_name)),
        (_, None) => further.push(Found::new(BreakKind::UnknownInstrument, about, name)),
        (Some(account), Some(instrument)) => match counted(draft, said, instrument) {
            Some(quantity) => items.push(moved(account, Asset::instrument(instrument), sign * i128::from(quantity))),
            None => further.push(Found::new(BreakKind::CannotBook, about, said.quantity.to_string())),
        },
    }
    if let (Some(currency), Some(amount)) = (said.currency, said.amount.filter(|amount| !amount.is_zero())) {
        let paid = minor(amount, currency).ok().filter(|paid| *paid >= 0);
        match (state.mirror(&nostro_name), paid) {
            (None, _) => further.push(Found::new(BreakKind::UnknownAccount, about, nostro_name)),
            (_, None) => further.push(Found::new(BreakKind::CannotBook, about, format!("{amount} {currency}"))),
            (Some(account), Some(amount)) => {
                items.push(moved(account, Asset::currency(currency), -sign * i128::from(amount)));
            }
        }
    }
    book(draft, found, items);
    for found in further {
        draft.tell_break(found, Vec::new());
    }
}

/// The quantity in the instrument's units; `None` when it cannot be counted so, or is not above zero.
fn counted(draft: &Draft<'_>, said: &Confirmation, instrument: InstrumentIx) -> Option<i64> {
    units(said.quantity, draft.state.reference.scale(instrument)).filter(|units| *units > 0)
}

/// A movement of which our records know nothing.
pub(super) fn moved(account: AccountIx, asset: Asset, amount: i128) -> BreakItem {
    BreakItem { account: Some(account), asset, ours: 0, theirs: i64::try_from(amount).unwrap_or(i64::MAX) }
}

/// Books a break, or only tells it when a balance would leave its range.
pub(super) fn book(draft: &mut Draft<'_>, found: Found, items: Vec<BreakItem>) {
    let fits = items.iter().all(|item| {
        let Some(account) = item.account else { return true };
        let Some(entry) = draft.state.reference.account(account) else { return true };
        let amount = i128::from(item.theirs) - i128::from(item.ours);
        let posting = |account| Posting { account, asset: item.asset, amount };
        let entity = entry.holder;
        draft.check_range(&[posting(location(entity, account)), posting(LedgerAccount::Break { entity })]).is_ok()
    });
    if fits {
        draft.book_break(found, items);
    } else {
        let about = found.instruction;
        draft.tell_break(found, items);
        draft.tell_break(Found::new(BreakKind::CannotBook, about, "a balance would leave its range"), Vec::new());
    }
}

/// What the agent moved, in our units.
struct Moved {
    depot: AccountIx,
    nostro: Option<AccountIx>,
    quantity: i64,
    /// In the instruction's currency.
    paid: i64,
    /// What differs besides.
    further: Vec<(Found, Vec<BreakItem>)>,
}

fn confirm_open(draft: &mut Draft<'_>, instruction: &Instruction, said: &Confirmation) {
    let about = Some(instruction.number);
    let other = said.movement != instruction.movement;
    let same = said.instrument.is_empty()
        || instrument(draft, &said.instrument, said.effective_date) == Some(instruction.instrument);
    if other || !same {
        let sent = super::message(draft, 0, instruction);
        let word = if other { "direction" } else { &said.instrument };
        return set_aside(draft, Found::new(BreakKind::OtherTerms, about, word), said, Some(&sent));
    }
    let Some(moved) = read_moved(draft, instruction, said) else {
        let figures = said.amount.map_or(said.quantity.to_string(), |amount| format!("{} / {amount}", said.quantity));
        return draft.tell_break(Found::new(BreakKind::CannotBook, about, figures), Vec::new());
    };
    settle(draft, instruction, said, moved);
}

/// `None` when quantity or amount cannot be counted.
fn read_moved(draft: &Draft<'_>, instruction: &Instruction, said: &Confirmation) -> Option<Moved> {
    let state = draft.state;
    let about = Some(instruction.number);
    let quantity = counted(draft, said, instruction.instrument)?;
    let mut further = Vec::new();
    let mut account = |text: &str, instructed: Option<AccountIx>| -> Option<AccountIx> {
        if text.is_empty() {
            return instructed;
        }
        let found = state.mirror(text);
        let own = found
            .filter(|found| state.reference.account(*found).is_some_and(|entry| entry.holder == instruction.party));
        if found.is_none() {
            further.push((Found::new(BreakKind::UnknownAccount, about, text), Vec::new()));
        } else if instructed.is_some() && found != instructed {
            further.push((Found::new(BreakKind::OtherAccount, about, text), Vec::new()));
        }
        own.or(instructed)
    };
    let depot = account(&said.account, Some(instruction.depot))?;
    let nostro = account(&said.cash_account, instruction.nostro);
    let mut paid = 0;
    if let (Some(currency), Some(amount)) = (said.currency, said.amount) {
        let amount = minor(amount, currency).ok().filter(|amount| *amount >= 0)?;
        let against = instruction.method == Method::Dvp && Asset::currency(currency) == instruction.currency;
        if against {
            paid = amount;
        } else if amount != 0 {
            // Paid where nothing, or another currency, was to be paid.
            let sign = if instruction.movement == Movement::Deliver { 1 } else { -1 };
            let items = nostro.map(|nostro| self::moved(nostro, Asset::currency(currency), sign * i128::from(amount)));
            let found = Found::new(BreakKind::OtherAmount, about, format!("{} {currency}", said.amount?));
            further.push((found, items.into_iter().collect()));
        }
    }
    Some(Moved { depot, nostro, quantity, paid, further })
}

/// Books a confirmation: the counterparty is relieved of what it owed, the mirrors get what moved, and the two differ by
/// a tolerance or by a break.
fn settle(draft: &mut Draft<'_>, instruction: &Instruction, said: &Confirmation, moved: Moved) {
    let about = Some(instruction.number);
    let (open, due) = (instruction.quantity, instruction.amount);
    let quantity = moved.quantity.min(open);
    let own = relieved(draft, instruction, quantity, moved.paid);
    let tolerated = moved.paid.abs_diff(own) <= tolerance(draft, instruction, 0);
    let paid = if tolerated { moved.paid } else { own };
    let postings = postings(instruction, &moved, quantity, own, paid);
    if draft.check_range(&postings).is_err() {
        return draft
            .tell_break(Found::new(BreakKind::CannotBook, about, "a balance would leave its range"), Vec::new());
    }
    let left = open - quantity;
    let ended = left == 0 || said.partial != "PAIN";
    draft.push(Event::InstructionConfirmed {
        instruction: instruction.number,
        book: instruction.book,
        quantity,
        currency: instruction.currency.as_currency().expect("an instruction's currency is one"),
        amount: paid,
        effective_date: said.effective_date,
        open_quantity: left,
        open_amount: due - own,
        ended,
        postings,
        trade: draft.trade_ref(instruction),
    });
    let sign = if instruction.movement == Movement::Deliver { -1i64 } else { 1 };
    if moved.paid != paid
        && let Some(nostro) = moved.nostro
    {
        let (ours, theirs) = (-sign * own, -sign * moved.paid);
        let item = BreakItem { account: Some(nostro), asset: instruction.currency, ours, theirs };
        book(draft, Found::new(BreakKind::OtherAmount, about, ""), alloc::vec![item]);
    }
    let securities = Asset::instrument(instruction.instrument);
    if moved.quantity > quantity {
        let (ours, theirs) = (sign * quantity, sign.saturating_mul(moved.quantity));
        let item = BreakItem { account: Some(moved.depot), asset: securities, ours, theirs };
        book(draft, Found::new(BreakKind::OtherQuantity, about, ""), alloc::vec![item]);
    } else if ended && left > 0 {
        let (ours, theirs) = (sign * open, sign * quantity);
        let item = BreakItem { account: Some(moved.depot), asset: securities, ours, theirs };
        draft.tell_break(Found::new(BreakKind::OtherQuantity, about, said.partial.clone()), alloc::vec![item]);
    }
    for (found, items) in moved.further {
        book(draft, found, items);
    }
    if ended && left > 0 {
        draft.set_gone(instruction.number);
        draft.settled_part = Some(instruction.trade);
        let rest = Instruction { quantity: left, amount: due - own, ..instruction.clone() };
        requests::follow_trade(draft, instruction.trade, instruction.number, &rest.terms());
    }
}

/// What of the amount a quantity stands for. All of it for the last part; for a part the agent's own amount when it is
/// in proportion (the rounding is the agent's, the last part bears the remainder), else the proportion, half up.
fn relieved(draft: &Draft<'_>, instruction: &Instruction, quantity: i64, paid: i64) -> i64 {
    let (open, due) = (instruction.quantity, instruction.amount);
    if quantity == open {
        return due;
    }
    let part = mul_div_round(i128::from(due), i128::from(quantity), i128::from(open), Rounding::HalfUp);
    let part = part.and_then(|part| i64::try_from(part).ok()).unwrap_or(due);
    if paid <= due && paid.abs_diff(part) <= tolerance(draft, instruction, 1) { paid } else { part }
}

/// How far the agent's amount may be from ours: the matching tolerance, and at least so much.
fn tolerance(draft: &Draft<'_>, instruction: &Instruction, least: u64) -> u64 {
    let tolerance = instruction.cut_off().map_or(0, |currency| {
        draft.state.reference.matching_tolerance(currency, instruction.trade_date, instruction.amount)
    });
    tolerance.unsigned_abs().max(least)
}

/// Counterparty against depot and nostro. What a tolerance forgave goes to the difference account.
fn postings(instruction: &Instruction, moved: &Moved, quantity: i64, own: i64, paid: i64) -> Vec<Posting> {
    let entity = instruction.party;
    let owed = LedgerAccount::Counterparty { entity, party: instruction.counterparty };
    let sign = if instruction.movement == Movement::Deliver { -1i128 } else { 1 };
    let securities = Asset::instrument(instruction.instrument);
    let mut postings = Vec::with_capacity(5);
    let mut post = |account, asset, amount: i128| {
        if amount != 0 {
            postings.push(Posting { account, asset, amount });
        }
    };
    post(owed, securities, sign * i128::from(quantity));
    post(location(entity, moved.depot), securities, sign * i128::from(quantity));
    if let Some(nostro) = moved.nostro.filter(|_| instruction.method == Method::Dvp) {
        let (own, paid) = (-sign * i128::from(own), -sign * i128::from(paid));
        post(owed, instruction.currency, own);
        post(location(entity, nostro), instruction.currency, paid);
        post(LedgerAccount::Difference { entity }, instruction.currency, paid - own);
    }
    postings
}

impl State {
    pub(crate) fn apply_confirmed(&mut self, number: u64, open_quantity: i64, open_amount: i64, ended: bool) {
        let (place, _) = self.instruction(number).expect("what is confirmed is open");
        let instruction = &mut self.instructions[place];
        (instruction.quantity, instruction.amount) = (open_quantity, open_amount);
        let trade = instruction.trade;
        if !ended {
            self.trades[trade].partly_settled = true;
            return;
        }
        let instruction = self.close_instruction(place);
        if open_quantity == 0 {
            return self.close_trade(trade);
        }
        let trade = &mut self.trades[trade];
        trade.partly_settled = true;
        trade.instruction = crate::slab::NONE;
        trade.loose = Some(Box::new(Loose { terms: instruction.terms(), defects: Vec::new() }));
    }
}
