//! What is told of positions: of each place that changed the last state, with the record that led to it.

use super::{Holder, Place, PositionsFold, Row, Sums};
use crate::status_out::stamp;
use model::decimal::Decimal;
use model::identifier::Identifier;
use model::index::Kind;
use model::reference::PROVISIONAL_SCALE;
use model::timestamp::Timestamp;
use wire::DecodeError;
use wire::pb::status::{Position, position};
use wire::pb::typ;

/// What is to be told under a key; nothing: nothing is held or open there any more.
pub(crate) struct Changed {
    /// The last record that changed it.
    pub sequence: u64,
    pub key: String,
    pub position: Option<Position>,
}

impl PositionsFold {
    /// How many places have changed since they were told.
    pub(crate) fn untold(&self) -> usize {
        self.untold.len()
    }

    /// What has changed since the last time, as it is now, in the order of the records that changed it last.
    ///
    /// # Errors
    /// When a quantity does not fit the wire.
    pub(crate) fn changed(&mut self) -> Result<Vec<Changed>, DecodeError> {
        let mut changed = Vec::with_capacity(self.untold.len());
        for (place, (sequence, at)) in std::mem::take(&mut self.untold) {
            let row = self.rows.get(&place);
            let position = row.map(|row| self.position(place, row, sequence, at)).transpose()?;
            changed.push(Changed { sequence, key: self.key(place), position });
        }
        changed.sort_by_key(|changed| changed.sequence);
        Ok(changed)
    }

    fn position(
        &self,
        (holder, instrument): Place,
        row: &Row,
        sequence: u64,
        at: Timestamp,
    ) -> Result<Position, DecodeError> {
        let instrument = self.name(Kind::Instrument, instrument.0);
        let scale = self.scales.get(instrument).copied().unwrap_or(PROVISIONAL_SCALE);
        let decimal = |units: i128| {
            let decimal = Decimal::from_units(units, u32::from(scale));
            let decimal = decimal.map(|decimal| typ::Decimal { unscaled: decimal.unscaled, scale: decimal.scale });
            decimal
                .map(Some)
                .map_err(|cause| DecodeError { path: format!("position of {instrument}"), reason: cause.to_string() })
        };
        let Sums { settled, traded, due_in, due_in_failing, due_out } = row.sums;
        Ok(Position {
            holder: Some(match holder {
                Holder::Book(book) => position::Holder::Book(self.name(Kind::Book, book.0).to_string()),
                Holder::Depot(depot) => position::Holder::Depot(self.name(Kind::Account, depot.0).to_string()),
            }),
            entity: self.name(Kind::Party, row.entity.0).to_string(),
            instrument: instrument.to_string(),
            settled: decimal(settled)?,
            traded: decimal(traded)?,
            due_in: decimal(due_in)?,
            due_in_failing: decimal(due_in_failing)?,
            due_out: decimal(due_out)?,
            available_to_deliver: decimal((settled - due_out).max(0))?,
            available_to_trade: decimal((settled + due_in - due_in_failing - due_out).max(0))?,
            sequence,
            at: Some(stamp(at)),
        })
    }

    /// No identifier has a bar in it, so no two places share a key.
    fn key(&self, (holder, instrument): Place) -> String {
        let (kind, name) = match holder {
            Holder::Book(book) => ("book", self.name(Kind::Book, book.0)),
            Holder::Depot(depot) => ("depot", self.name(Kind::Account, depot.0)),
        };
        format!("{kind}|{name}|{}", self.name(Kind::Instrument, instrument.0))
    }

    fn name(&self, kind: Kind, index: u32) -> &Identifier {
        self.names.get(&(kind, index)).expect("a number has its name before it is used")
    }
}
