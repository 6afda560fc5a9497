//! Breaks: what the outside contradicts us in, with age and owner, until a person closes it.

use model::breaks::{BreakItem, BreakKind};
use model::date::Date;
use model::event::Event;
use model::index::{AccountIx, Asset, Kind};
use model::record::Facts;
use model::timestamp::Timestamp;
use store::Views;
use wire::pb::view as pb;

use super::Status;
use super::render::Renderer;
use crate::rows::{self, Rows};
use crate::view::table;
use crate::{Error, values};

impl Status {
    pub(super) fn break_event(&mut self, facts: &Facts, event: &Event) {
        let number = match event {
            Event::BreakOpened { number, kind, instruction, subject, items, booked, since, .. } => {
                let row = pb::BreakRow {
                    kind: *kind as u32,
                    instruction: instruction.unwrap_or(0),
                    subject: subject.clone(),
                    items: item_rows(items),
                    booked: *booked,
                    since: since.days(),
                    opened: facts.sequence,
                    at: facts.at.micros(),
                    owner: String::new(),
                };
                self.breaks.insert(*number, row);
                number
            }
            Event::BreakChanged { number, items } => {
                self.open_break(*number).items = item_rows(items);
                number
            }
            Event::BreakAssigned { number, owner } => {
                self.open_break(*number).owner = owner.to_string();
                number
            }
            Event::BreakClosed { number, .. } => {
                self.breaks.remove(number);
                number
            }
            _ => return,
        };
        self.dirty_breaks.push(*number);
    }

    fn open_break(&mut self, number: u64) -> &mut pb::BreakRow {
        match self.breaks.get_mut(&number) {
            Some(row) => row,
            None => panic!("break {number} is not open"),
        }
    }

    pub(super) fn save_breaks(&self, rows: &mut Rows<'_, '_>) {
        for number in &self.dirty_breaks {
            match self.breaks.get(number) {
                Some(row) => rows.put(table::BREAKS, &number.to_be_bytes(), row),
                None => rows.delete(table::BREAKS, &number.to_be_bytes()),
            }
        }
    }

    pub(super) fn load_breaks(&mut self, rows: &Views) -> Result<(), Error> {
        rows::each(rows, table::BREAKS, |key, row| {
            self.breaks.insert(rows::number(table::BREAKS, key)?, row);
            Ok(())
        })
    }
}

fn item_rows(items: &[BreakItem]) -> Vec<pb::BreakItemRow> {
    let row = |item: &BreakItem| pb::BreakItemRow {
        account: item.account.map(|account| account.0),
        asset: item.asset.0,
        ours: item.ours,
        theirs: item.theirs,
    };
    items.iter().map(row).collect()
}

impl Renderer<'_> {
    pub(crate) fn open_break(&self, number: u64, row: &pb::BreakRow) -> Result<pb::Break, Error> {
        let kind = BreakKind::ALL.iter().find(|kind| **kind as u32 == row.kind);
        let kind = rows::present(table::BREAKS, kind, "such kind of break")?;
        let since = rows::date(table::BREAKS, row.since)?;
        Ok(pb::Break {
            number,
            kind: kind.code().to_owned(),
            instruction: row.instruction,
            subject: row.subject.clone(),
            items: row.items.iter().map(|item| self.break_item(item)).collect::<Result<_, _>>()?,
            booked: row.booked,
            since: values::number(since),
            age: self.break_age(row, since),
            opened_at: Timestamp::from_micros(row.at).ok().map(values::timestamp),
            opened_at_sequence: row.opened,
            owner: row.owner.clone(),
        })
    }

    /// Business days, in the calendar of the domain where it lies; of one that lies nowhere in the oldest domain's.
    fn break_age(&self, row: &pb::BreakRow, since: Date) -> u32 {
        let account = row.items.iter().find_map(|item| item.account);
        let domain = account.and_then(|account| self.names.domain_of(AccountIx(account)));
        let domain = domain.or_else(|| self.days.keys().next().copied());
        let today = domain.and_then(|domain| Some((domain, *self.days.get(&domain)?)));
        today.map_or(0, |(domain, today)| self.names.age(domain, since, today))
    }

    fn break_item(&self, item: &pb::BreakItemRow) -> Result<pb::BreakItem, Error> {
        let asset = Asset(item.asset);
        let scale = self.names.scale(asset);
        let amount = |units: i128| values::decimal("a difference", units, scale).map(Some);
        let difference = i128::from(item.theirs) - i128::from(item.ours);
        Ok(pb::BreakItem {
            account: item.account.map_or(Ok(String::new()), |account| self.names.text(Kind::Account, account))?,
            currency: asset.as_currency().map_or(String::new(), |code| code.to_string()),
            instrument: match asset.as_instrument() {
                Some(instrument) => self.names.text(Kind::Instrument, instrument.0)?,
                None => String::new(),
            },
            ours: amount(i128::from(item.ours))?,
            theirs: amount(i128::from(item.theirs))?,
            // What no number of the wire can say is not said: ours and theirs are.
            difference: amount(difference).unwrap_or_default(),
        })
    }

    pub(super) fn agent(&self, row: &pb::AgentRow, quantity: u32, amount: u32) -> Result<pb::AgentStatus, Error> {
        let decimal = |units: i64, scale| values::decimal("what settled", i128::from(units), scale).map(Some);
        Ok(pb::AgentStatus {
            status: row.status.clone(),
            reasons: row.reasons.clone(),
            narrative: row.narrative.clone(),
            reference: row.reference.clone(),
            settled_quantity: decimal(row.settled_quantity, quantity)?,
            settled_amount: decimal(row.settled_amount, amount)?,
            request: row.request.clone(),
            answer: row.answer.clone(),
        })
    }
}
