//! Trades: capture, amend and cancel. One table says what each does at each stage (docs/TRADES.md).

use crate::change::{cancel_both, push_cancelled};
use crate::draft::Draft;
use crate::instruction::{Instruction, capture_postings, change_postings};
use crate::limits;
use crate::outside;
use crate::past::{IdKey, cancelled_key, message_of, trade_key, version_key};
use crate::resolve::resolve;
use crate::slab::NONE;
use crate::state::{Loose, Pending, State, Trade};
use crate::steer::steer_to;
use alloc::boxed::Box;
use model::command::Command;
use model::event::Event;
use model::identifier::Identifier;
use model::index::{Kind, SourceIx};
use model::instruction::code;
use model::ledger::reversed;
use model::record::{Content, Record};
use model::rejection::{Reason, Rejection};
use model::trade::{Action, Defect, DefectKind, Details, Method, Terms, TradeMessage};

/// How many amendments may wait for trades that have not come.
const AWAITED_LIMIT: usize = 100_000;

/// What came of a trade message that was not refused.
pub(crate) enum Verdict {
    Decided,
    /// The same was said before.
    Duplicate(u64),
}

pub(crate) fn decide_trade(draft: &mut Draft<'_>, message: &TradeMessage) -> Result<Verdict, Rejection> {
    let key = trade_key(&message.source, &message.id);
    if let Some(place) = draft.state.place_of(&key) {
        return decide_open(draft, message, &key, place);
    }
    if draft.past.sequence_of(&key).is_some() {
        return decide_closed(draft, message, &key);
    }
    if draft.state.awaited.get(&key).is_some_and(|held| held.contains_key(&message.version)) {
        return answer_seen(draft, message, &key, Reason::VersionConflict);
    }
    match message.action {
        Action::New => capture(draft, message, &key),
        Action::Amend | Action::Cancel => await_trade(draft, message),
    }?;
    Ok(Verdict::Decided)
}

/// Whether a version was seen before: its record, and whether it said the same.
fn seen(draft: &Draft<'_>, key: &IdKey, message: &TradeMessage) -> Option<(u64, bool)> {
    let by_version = draft.past.sequence_of(&version_key(key, message.version));
    for sequence in by_version.into_iter().chain(draft.past.sequence_of(key)) {
        let record = draft.past.record(sequence).expect("a key leads to a record of the log");
        if let Some(earlier) = message_of(&record)
            && (&earlier.source, &earlier.id, earlier.version) == (&message.source, &message.id, message.version)
        {
            return Some((sequence, earlier == message));
        }
    }
    None
}

/// The answer to a version that was seen before, or is older than the one in force.
fn answer_seen(
    draft: &Draft<'_>,
    message: &TradeMessage,
    key: &IdKey,
    otherwise: Reason,
) -> Result<Verdict, Rejection> {
    match seen(draft, key, message) {
        Some((sequence, true)) => Ok(Verdict::Duplicate(sequence)),
        Some((_, false)) => Err(Rejection::new(Reason::VersionConflict, message.id.as_str())),
        None => Err(Rejection::new(otherwise, message.id.as_str())),
    }
}

fn decide_closed(draft: &Draft<'_>, message: &TradeMessage, key: &IdKey) -> Result<Verdict, Rejection> {
    let cancelled = draft.past.sequence_of(&cancelled_key(key)).is_some();
    let reason = if cancelled { Reason::TradeCancelled } else { Reason::TradeSettled };
    answer_seen(draft, message, key, reason)
}

fn decide_open(draft: &mut Draft<'_>, message: &TradeMessage, key: &IdKey, place: u32) -> Result<Verdict, Rejection> {
    let trade = &draft.state.trades[place];
    let newest = trade.pending.as_ref().map_or(trade.version, |pending| pending.version.max(trade.version));
    if message.version <= newest {
        return answer_seen(draft, message, key, Reason::VersionTooOld);
    }
    match message.action {
        Action::Cancel => cancel(draft, message.version, place),
        // A source that sends a higher version as new means an amendment.
        Action::New | Action::Amend => amend(draft, message, place),
    }?;
    Ok(Verdict::Decided)
}

fn details(message: &TradeMessage) -> &Details {
    message.details.as_ref().expect("the wire lets in no new or amended trade without details")
}

/// The details a record holds, whichever command brought them.
pub(crate) fn details_of(record: &Record) -> Option<&Details> {
    let repaired = match &record.content {
        Content::Decided { inbound, .. } => match &inbound.command {
            Command::Repair(repair) => repair.details.as_ref(),
            _ => None,
        },
        Content::Genesis(_) => None,
    };
    repaired.or_else(|| message_of(record)?.details.as_ref())
}

fn capture(draft: &mut Draft<'_>, message: &TradeMessage, key: &IdKey) -> Result<(), Rejection> {
    let source = SourceIx(draft.intern(Kind::Source, &message.source));
    let (mut terms, mut defects) = resolve(draft, details(message), false)?;
    let postings = capture_postings(&terms);
    draft.check_range(&postings)?;
    let number = draft.trade_number();
    limits::hold(draft, number, None, &mut terms);
    draft.push(Event::TradeCaptured {
        trade: number,
        source,
        id: message.id.clone(),
        version: message.version,
        terms: Box::new(terms.clone()),
        defects: defects.clone(),
        postings,
    });
    // The latest of what came before its trade decides.
    let awaited = draft.state.awaited.get(key).and_then(|held| held.last_key_value());
    if let Some((version, sequence)) = awaited.filter(|(version, _)| **version > message.version) {
        let record = draft.past.record(*sequence).expect("what waits stands in the log");
        match details_of(&record) {
            None => {
                draft.push(Event::TradeCancelled {
                    trade: number,
                    version: *version,
                    postings: reversed(&capture_postings(&terms)),
                });
                return Ok(());
            }
            Some(amended) => {
                let change =
                    Change { trade: number, version: *version, details_in: *sequence, amounts_accepted: false };
                let before = terms;
                (terms, defects) = resolve(draft, amended, false)?;
                limits::hold(draft, number, Some(&before), &mut terms);
                push_changed(draft, change, true, &before, &terms, &defects)?;
            }
        }
    }
    if defects.is_empty() {
        issue(draft, number, NONE, &terms);
    }
    Ok(())
}

fn await_trade(draft: &mut Draft<'_>, message: &TradeMessage) -> Result<(), Rejection> {
    if draft.state.awaited.len() >= AWAITED_LIMIT {
        return Err(Reason::AwaitedTooMany.into());
    }
    let source = SourceIx(draft.intern(Kind::Source, &message.source));
    if let Some(details) = &message.details {
        // What makes no sense is refused now, not when the trade comes.
        resolve(draft, details, false)?;
    }
    draft.push(Event::TradeAwaited { source, message: Box::new(message.clone()) });
    Ok(())
}

pub(crate) struct Change {
    pub trade: u64,
    pub version: u32,
    pub details_in: u64,
    pub amounts_accepted: bool,
}

pub(crate) fn push_changed(
    draft: &mut Draft<'_>,
    change: Change,
    economic: bool,
    before: &Terms,
    after: &Terms,
    defects: &[Defect],
) -> Result<(), Rejection> {
    let postings = change_postings(before, after);
    draft.check_range(&postings)?;
    draft.push(Event::TradeChanged {
        trade: change.trade,
        version: change.version,
        economic,
        details_in: change.details_in,
        amounts_accepted: change.amounts_accepted,
        terms: Box::new(after.clone()),
        defects: defects.to_vec(),
        postings,
    });
    Ok(())
}

/// Makes an instruction of an obligation, matches it, and settles the pair when it can; or sends it to the agent.
pub(crate) fn issue(draft: &mut Draft<'_>, trade: u64, place: u32, terms: &Terms) {
    if draft.state.is_external(terms.domain) {
        return outside::issue(draft, trade, place, terms);
    }
    let number = draft.instruction_number();
    let instruction = Instruction::from_terms(number, place, terms);
    draft.push(Event::InstructionIssued {
        instruction: number,
        links: alloc::vec![model::event::Link { trade, quantity: instruction.quantity, amount: instruction.amount }],
        movement: instruction.movement,
        quantity: instruction.quantity,
        amount: instruction.amount,
    });
    match draft.best_match(&instruction) {
        Some(counter) => draft.pair_up(instruction, counter),
        None => draft.fresh.push(instruction),
    }
}

fn amend(draft: &mut Draft<'_>, message: &TradeMessage, place: u32) -> Result<(), Rejection> {
    let trade = &draft.state.trades[place];
    let wanted = details(message);
    let stored = draft.past.record(trade.current).expect("the record of the details in force is in the log");
    let current = details_of(&stored).expect("it holds details");
    let before = draft.state.terms_of(trade);
    let (mut terms, defects) = resolve(draft, wanted, false)?;
    if trade.has_instruction() && (&current.depot, &current.nostro) == (&wanted.depot, &wanted.nostro) {
        // An SSI that changed meanwhile does not move what is instructed.
        let moved = Terms { depot: before.depot, nostro: before.nostro, ..terms.clone() };
        if !differ_economically(&before, &moved) {
            terms = moved;
        }
    }
    let open = draft.state.instructions.get(trade.instruction);
    // A book that cannot be told is our own affair: what is matched stands, and the trade is in repair beside it.
    let own_affair = open.is_some_and(|open| open.partner != NONE) && defects.iter().all(is_about_book);
    let economic = differ_economically(&before, &terms) || !(defects.is_empty() || own_affair);
    let change =
        Change { trade: trade.number, version: message.version, details_in: draft.sequence, amounts_accepted: false };
    if trade.partly_settled && economic {
        return Err(Rejection::new(Reason::PartlySettled, message.id.as_str()));
    }
    match open {
        Some(instruction) if instruction.outside.is_some() && (economic || instruction.cancel_requested) => {
            draft.check_range(&change_postings(&before, &terms))?;
            request_change(draft, place, message.version, false)
        }
        Some(instruction) if economic && instruction.partner != NONE => {
            draft.check_range(&change_postings(&before, &terms))?;
            draft.own_details = Some(wanted.clone());
            request_change(draft, place, message.version, false)
        }
        Some(open) if !economic => {
            // The instruction stands; the book moves the position, and hold and priority are each side's own.
            let instruction = trade.instruction;
            let withdrawn = trade.pending.is_some();
            let (held, priority) = open.asked();
            let held = if wanted.hold == current.hold { held } else { wanted.hold };
            let priority = if wanted.priority == current.priority { priority } else { wanted.priority };
            terms = Terms { hold: held, priority, ..terms };
            push_changed(draft, change, false, &before, &terms, &defects)?;
            steer_to(draft, instruction, held, priority, withdrawn);
            Ok(())
        }
        open => {
            if let Some(instruction) = open {
                draft.push(Event::InstructionCancelled { instruction: instruction.number, reason: code::CANZ });
                draft.set_gone(instruction.number);
            }
            limits::hold(draft, trade.number, Some(&before), &mut terms);
            push_changed(draft, change, economic, &before, &terms, &defects)?;
            if defects.is_empty() {
                issue(draft, trade.number, place, &terms);
            }
            Ok(())
        }
    }
}

/// Whether a defect says no more than that the book is unknown or another party's.
pub(crate) fn is_about_book(defect: &Defect) -> bool {
    matches!(defect.kind, DefectKind::UnknownBook | DefectKind::BookNotOwned)
}

/// Whether other terms change what is owed or what must match, and so need the instruction replaced. The rest (book,
/// the split of net, lateness, which SSI was used, hold and priority) leaves it standing.
pub(crate) fn differ_economically(before: &Terms, after: &Terms) -> bool {
    let net = if before.method == Method::Fop && after.method == Method::Fop { after.net } else { before.net };
    let blind = Terms {
        book: after.book,
        gross: after.gross,
        accrued: after.accrued,
        charges: after.charges,
        net,
        late: after.late,
        ssi: after.ssi,
        hold: after.hold,
        priority: after.priority,
        ..before.clone()
    };
    blind != *after
}

fn cancel(draft: &mut Draft<'_>, version: u32, place: u32) -> Result<(), Rejection> {
    let trade = &draft.state.trades[place];
    match draft.state.instructions.get(trade.instruction) {
        Some(instruction) if instruction.partner != NONE || instruction.outside.is_some() => {
            request_change(draft, place, version, true)
        }
        open => {
            if let Some(instruction) = open {
                draft.push(Event::InstructionCancelled { instruction: instruction.number, reason: code::CANI });
                draft.set_gone(instruction.number);
            }
            push_cancelled(draft, trade.number, &draft.state.terms_of(trade), version);
            Ok(())
        }
    }
}

/// Asks the counterparty to agree that a matched instruction goes; when it has asked too, both go.
fn request_change(draft: &mut Draft<'_>, place: u32, version: u32, cancel: bool) -> Result<(), Rejection> {
    let state = draft.state;
    let trade = &state.trades[place];
    let instruction = &state.instructions[trade.instruction];
    if instruction.outside.is_some() {
        outside::request_change(draft, place, version, cancel);
        return Ok(());
    }
    draft.push(Event::TradeChangeRequested { trade: trade.number, version, cancel });
    if !instruction.cancel_requested {
        draft.push(Event::InstructionSteered {
            instruction: instruction.number,
            held: instruction.held,
            priority: instruction.priority,
            cancel_requested: true,
        });
    }
    if state.instructions[instruction.partner].cancel_requested {
        cancel_both(draft, trade.instruction, Some(Pending { version, sequence: draft.sequence, cancel }))?;
    }
    Ok(())
}

impl State {
    #[allow(clippy::too_many_arguments, reason = "the fields of one event")]
    pub(crate) fn apply_captured(
        &mut self,
        sequence: u64,
        number: u64,
        source: SourceIx,
        id: &Identifier,
        version: u32,
        terms: &Terms,
        defects: &[Defect],
    ) {
        let key = trade_key(self.names.name(Kind::Source, source.0).expect("the source of a trade has its name"), id);
        let trade = Trade {
            number,
            key,
            source,
            current: sequence,
            version,
            instruction: NONE,
            amounts_accepted: false,
            partly_settled: false,
            loose: Some(Box::new(Loose { terms: terms.clone(), defects: defects.to_vec() })),
            pending: None,
        };
        let place = self.trades.insert(trade);
        self.index_trade(&key, number, place);
        self.next_trade = self.next_trade.max(number + 1);
        self.awaited.remove(&key);
        if !defects.is_empty() {
            self.repairs.insert(number, place);
        }
    }

    pub(crate) fn apply_changed(
        &mut self,
        number: u64,
        version: u32,
        (details_in, amounts_accepted): (u64, bool),
        terms: &Terms,
        defects: &[Defect],
    ) {
        let (place, _) = self.trade(number).expect("what is changed is open");
        let trade = &mut self.trades[place];
        trade.version = version;
        trade.current = details_in;
        trade.amounts_accepted = amounts_accepted;
        trade.pending = None;
        match self.instructions.get_mut(trade.instruction) {
            Some(instruction) => {
                instruction.book = terms.book;
                let wanted = (terms.hold, terms.priority);
                if let Some(outside) = instruction.outside.as_mut() {
                    outside.wanted = (wanted != (instruction.held, instruction.priority)).then_some(wanted);
                }
            }
            None => trade.loose = Some(Box::new(Loose { terms: terms.clone(), defects: defects.to_vec() })),
        }
        if defects.is_empty() {
            self.repairs.remove(&number);
        } else {
            self.repairs.insert(number, place);
        }
    }
}
