//! What a trade says, taken from the log, and the same with other fields: for amendments, repairs and the other side's trade.

use crate::explain::scratch::Scratch;
use crate::explain::words::grouped;
use crate::past::{Past, message_of};
use crate::state::Trade;
use crate::trade::details_of;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use model::command::Command;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::Identifier;
use model::instruction::{Code, code};
use model::trade::{Action, Charge, Details, Side, TradeMessage};

/// A trade's name and details, as its source sent them or a person repaired them.
pub(super) struct Said {
    pub source: Identifier,
    pub id: Identifier,
    /// The newest version heard of.
    pub version: u32,
    pub details: Details,
}

/// What the log has of an open trade.
pub(super) fn said(scratch: &Scratch<'_>, trade: &Trade) -> Option<Said> {
    let current = scratch.record(trade.current)?;
    let details = details_of(&current)?.clone();
    let captured = scratch.record(scratch.sequence_of(&trade.key)?)?;
    let message = message_of(&captured)?;
    let version = trade.pending.as_ref().map_or(trade.version, |pending| pending.version.max(trade.version));
    Some(Said { source: message.source.clone(), id: message.id.clone(), version, details })
}

impl Said {
    pub fn amend(&self, details: Details) -> Command {
        let (source, id) = (self.source.clone(), self.id.clone());
        let version = self.version + 1;
        Command::Trade(alloc::boxed::Box::new(TradeMessage {
            source,
            id,
            version,
            action: Action::Amend,
            details: Some(details),
        }))
    }
}

pub(super) fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

/// What costs one side is not received by the other: with the signs turned both come to the same net.
fn turned(charges: &[Charge]) -> Vec<Charge> {
    let turn = |amount: Decimal| Decimal { unscaled: -amount.unscaled, scale: amount.scale };
    charges.iter().map(|charge| Charge { kind: charge.kind, amount: turn(charge.amount) }).collect()
}

/// The other side's trade, as it must be to match ours, which settles on `date`.
pub(super) fn mirrored(ours: &Details, book: &Identifier, date: Date) -> Details {
    Details {
        party: ours.counterparty.clone(),
        counterparty: ours.party.clone(),
        book: book.clone(),
        side: opposite(ours.side),
        charges: turned(&ours.charges),
        intended_settlement_date: Some(date),
        depot: None,
        nostro: None,
        hold: false,
        uti: None,
        order_reference: None,
        ..ours.clone()
    }
}

/// The fields of `theirs` that `codes` name, as `ours` says them; and in words.
pub(super) fn agreed(
    theirs: &Details,
    ours: &Details,
    codes: &[Code],
    (trade_date, date): (Date, Date),
) -> Option<(Details, String)> {
    let mut next = theirs.clone();
    let mut words: Vec<String> = Vec::new();
    let mut amounts = false;
    for code in codes {
        amounts |= [code::DSEC, code::DQUA, code::FRAP, code::NCRR, code::DMON, code::DELN].contains(code);
        match *code {
            code::DSEC => {
                next.instrument = ours.instrument.clone();
                next.quantity_type = ours.quantity_type;
                words.push(format!("instrument to {}", ours.instrument));
            }
            code::DQUA => {
                next.quantity = ours.quantity;
                words.push(format!("quantity to {}", grouped(ours.quantity)));
            }
            code::DDAT => {
                next.intended_settlement_date = Some(date);
                words.push(format!("intended settlement date to {date}"));
            }
            code::DTRD => {
                next.trade_date = trade_date;
                // Else the cycle would make another one of it.
                next.intended_settlement_date = Some(date);
                words.push(format!("trade date to {trade_date}"));
            }
            code::FRAP => {
                next.method = ours.method;
                words.push("payment to ours".into());
            }
            code::NCRR => {
                next.currency = ours.currency;
                words.push(format!("currency to {}", ours.currency));
            }
            code::DMON => {}
            code::DCMX => {
                next.cum_ex = ours.cum_ex;
                words.push("cum/ex to ours".into());
            }
            code::DMCT => {
                next.opt_out = ours.opt_out;
                words.push("opt-out to ours".into());
            }
            code::IIND => {
                next.common_reference = ours.common_reference.clone();
                words.push("common reference to ours".into());
            }
            code::ICUS => {
                next.delivering_client = ours.delivering_client.clone();
                words.push("delivering client to ours".into());
            }
            code::IEXE => {
                next.receiving_client = ours.receiving_client.clone();
                words.push("receiving client to ours".into());
            }
            code::DELN => {
                next.side = opposite(ours.side);
                words.push("side to the other".into());
            }
            _ => return None,
        }
    }
    if amounts {
        (next.price, next.price_type) = (ours.price, ours.price_type);
        (next.gross, next.accrued, next.net) = (ours.gross, ours.accrued, ours.net);
        next.charges = turned(&ours.charges);
        if !theirs.net.same_value(ours.net) || codes.contains(&code::DMON) {
            words.push(format!("amount to {} {}", grouped(ours.net), ours.currency));
        }
    }
    Some((next, words.join(", ")))
}
