//! Rows as answers: numbers become names, dates become ages.

use model::date::Date;
use model::index::{Asset, InstrumentIx, Kind};
use model::instruction::Code;
use model::timestamp::Timestamp;
use model::trade::Method;
use wire::pb::view as pb;

use super::instruction::{Instruction, Linked, Stage};
use super::outline::Outline;
use super::sums::{Heading, Sum};
use super::trade::Trade;
use super::{Days, Reversed};
use crate::Error;
use crate::names::Names;
use crate::values;

/// What answers are made with: the names, the business days they are true on, and what came after the end.
pub(crate) struct Renderer<'a> {
    pub(crate) names: &'a Names,
    pub(crate) days: &'a Days,
    pub(crate) reversed: &'a Reversed,
}

impl Renderer<'_> {
    pub(crate) fn instruction(&self, number: u64, row: &Instruction) -> Result<pb::Instruction, Error> {
        let outline = &row.outline;
        let (quantity_scale, amount_scale) = self.scales(outline);
        let amount = |units: i64| values::decimal("an amount", i128::from(units), amount_scale);
        let account = |account: Option<model::index::AccountIx>| {
            account.map_or(Ok(String::new()), |account| self.names.text(Kind::Account, account.0))
        };
        Ok(pb::Instruction {
            number,
            trades: row
                .links
                .iter()
                .map(|link| self.link(link, quantity_scale, amount_scale))
                .collect::<Result<_, _>>()?,
            party: self.names.text(Kind::Party, outline.party.0)?,
            counterparty: self.names.text(Kind::Party, outline.counterparty.0)?,
            book: self.names.text(Kind::Book, outline.book.0)?,
            instrument: self.names.text(Kind::Instrument, outline.instrument.0)?,
            isin: self.isin(outline.instrument, outline.trade_date),
            domain: self.names.text(Kind::Domain, outline.domain.0)?,
            movement: movement(outline) as i32,
            payment: payment(outline) as i32,
            quantity: Some(values::decimal("a quantity", i128::from(outline.quantity), quantity_scale)?),
            currency: outline.currency.to_string(),
            amount: Some(amount(outline.amount)?),
            matched_amount: row.matched_amount.map(amount).transpose()?,
            trade_date: values::number(outline.trade_date),
            intended_settlement_date: values::number(outline.intended),
            actual_settlement_date: row.settled_on.map_or(0, values::number),
            status: row.status() as i32,
            reasons: row.reasons.iter().map(Code::to_string).collect(),
            waits: row.waits.map(|wait| self.wait(wait)).transpose()?,
            held: outline.held,
            cancel_requested: row.cancel_requested,
            priority: u32::from(outline.priority),
            counter_instruction: row.counter,
            late: outline.late,
            failing: row.failing,
            age: self.age(row),
            depot: account(outline.depot)?,
            nostro: account(outline.nostro)?,
            transaction_type: outline.transaction_type.to_string(),
            issued_at_sequence: row.issued,
            matched_at_sequence: row.matched,
            ended_at_sequence: row.ended,
            changed_at_sequence: row.changed,
            reversed_at_sequence: self.reversed_at(number, row.counter),
            agent: row.agent.as_deref().map(|agent| self.agent(agent, quantity_scale, amount_scale)).transpose()?,
        })
    }

    /// A trade with its instructions, in the order in which they were issued.
    pub(crate) fn trade(&self, trade: &Trade, instructions: &[(u64, Instruction)]) -> Result<pb::Trade, Error> {
        let last = || {
            let (_, row) = instructions.last()?;
            let link = row.links.iter().find(|link| link.trade == trade.number)?;
            Some(Outline { quantity: link.quantity, amount: link.amount, ..row.outline.clone() })
        };
        let outline = trade.outline.as_deref().cloned().or_else(last);
        let unspoken = || Error::NotFound { what: "instruction of trade", id: trade.number.to_string() };
        let outline = outline.ok_or_else(unspoken)?;
        let (quantity_scale, amount_scale) = self.scales(&outline);
        let (requested_version, cancel_requested) = trade.requested.unwrap_or_default();
        Ok(pb::Trade {
            number: trade.number,
            source: self.names.text(Kind::Source, trade.key.source.0)?,
            id: trade.key.id.to_string(),
            version: trade.version,
            status: status(trade, instructions) as i32,
            defects: trade
                .defects
                .iter()
                .map(|defect| pb::Defect { code: defect.kind.code().to_owned(), subject: defect.subject.to_string() })
                .collect(),
            requested_version,
            cancel_requested,
            party: self.names.text(Kind::Party, outline.party.0)?,
            counterparty: self.names.text(Kind::Party, outline.counterparty.0)?,
            book: self.names.text(Kind::Book, outline.book.0)?,
            instrument: self.names.text(Kind::Instrument, outline.instrument.0)?,
            isin: self.isin(outline.instrument, outline.trade_date),
            domain: self.names.text(Kind::Domain, outline.domain.0)?,
            movement: movement(&outline) as i32,
            payment: payment(&outline) as i32,
            quantity: Some(values::decimal("a quantity", i128::from(outline.quantity), quantity_scale)?),
            currency: outline.currency.to_string(),
            amount: Some(values::decimal("an amount", i128::from(outline.amount), amount_scale)?),
            trade_date: values::number(outline.trade_date),
            intended_settlement_date: values::number(outline.intended),
            late: outline.late,
            instructions: instructions
                .iter()
                .map(|(number, row)| self.instruction(*number, row))
                .collect::<Result<_, _>>()?,
            captured_at_sequence: trade.captured,
            changed_at_sequence: trade.changed,
        })
    }

    pub(crate) fn summary_line(&self, heading: &Heading, sum: &Sum) -> Result<pb::SummaryLine, Error> {
        let scale = self.names.scale(Asset::currency(heading.currency));
        Ok(pb::SummaryLine {
            status: heading.status,
            reason: heading.reason.map_or(String::new(), |reason| reason.to_string()),
            domain: self.names.text(Kind::Domain, heading.domain.0)?,
            currency: heading.currency.to_string(),
            count: sum.count.unsigned_abs(),
            value: values::decimal("a sum", sum.value, scale).ok(),
        })
    }

    pub(crate) fn proposal(&self, number: u64, row: &pb::ProposalRow) -> pb::Proposal {
        pb::Proposal {
            number,
            at: Timestamp::from_micros(row.at).ok().map(values::timestamp),
            actor: row.actor.clone(),
            command: row.command.clone(),
            subject: row.subject.clone(),
            // It stands in the record, which the fold does not keep.
            payload_hash: Vec::new(),
        }
    }

    fn scales(&self, outline: &Outline) -> (u32, u32) {
        let quantity = self.names.scale(Asset::instrument(outline.instrument));
        (quantity, self.names.scale(Asset::currency(outline.currency)))
    }

    fn isin(&self, instrument: InstrumentIx, on: Date) -> String {
        self.names.isin(instrument, on).map_or(String::new(), |isin| isin.to_string())
    }

    fn link(&self, link: &Linked, quantity_scale: u32, amount_scale: u32) -> Result<pb::TradeLink, Error> {
        Ok(pb::TradeLink {
            trade: link.trade,
            source: self.names.text(Kind::Source, link.key.source.0)?,
            id: link.key.id.to_string(),
            version: link.version,
            quantity: Some(values::decimal("a quantity", i128::from(link.quantity), quantity_scale)?),
            amount: Some(values::decimal("an amount", i128::from(link.amount), amount_scale)?),
        })
    }

    fn wait(&self, wait: model::event::Wait) -> Result<pb::Wait, Error> {
        let instrument = wait.asset.as_instrument();
        Ok(pb::Wait {
            account: self.names.text(Kind::Account, wait.account.0)?,
            currency: wait.asset.as_currency().map_or(String::new(), |code| code.to_string()),
            instrument: instrument.map_or(Ok(String::new()), |index| self.names.text(Kind::Instrument, index.0))?,
            need: Some(values::decimal("a need", i128::from(wait.need), self.names.scale(wait.asset))?),
        })
    }

    /// The record that turned the pair's postings round, by either number; zero when none did.
    fn reversed_at(&self, number: u64, counter: u64) -> u64 {
        self.reversed.get(&number).or_else(|| self.reversed.get(&counter)).copied().unwrap_or(0)
    }

    fn age(&self, row: &Instruction) -> Option<u32> {
        let today = self.days.get(&row.outline.domain).filter(|_| !row.has_ended())?;
        Some(self.names.age(row.outline.domain, row.outline.intended, *today))
    }
}

fn movement(outline: &Outline) -> pb::Movement {
    if outline.receives { pb::Movement::Receive } else { pb::Movement::Deliver }
}

fn payment(outline: &Outline) -> pb::Payment {
    match outline.method {
        Method::Dvp => pb::Payment::Dvp,
        Method::Fop => pb::Payment::Fop,
    }
}

/// A trade's status follows from its own row and its instructions.
fn status(trade: &Trade, instructions: &[(u64, Instruction)]) -> pb::TradeStatus {
    let any = |stage: Stage| instructions.iter().any(|(_, row)| row.stage == stage);
    let open = any(Stage::Unmatched) || any(Stage::Matched);
    match () {
        () if open && trade.requested.is_some() => pb::TradeStatus::ChangeRequested,
        () if any(Stage::Matched) => pb::TradeStatus::Matched,
        () if open => pb::TradeStatus::Instructed,
        () if trade.cancelled => pb::TradeStatus::Cancelled,
        () if any(Stage::Settled) => pb::TradeStatus::Settled,
        () if !trade.defects.is_empty() => pb::TradeStatus::InRepair,
        () if !trade.instructions.is_empty() => pb::TradeStatus::Uninstructed,
        () => pb::TradeStatus::Captured,
    }
}
