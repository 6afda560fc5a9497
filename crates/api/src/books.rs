//! Where the books of each legal entity stand, and whether the sources agree with the log: asked of the shard's state.

use tonic::Status;
use wire::pb::service as pb;

use crate::backend::Backend;
use crate::failure;
use crate::state::date_number;

impl Backend {
    /// The accounting day of each legal entity that ever opened one.
    pub(crate) async fn accounting(&self) -> Result<Vec<pb::AccountingStanding>, Status> {
        let rows = self.shard()?.ask(|state| state.accounting_days()).await.map_err(failure::shard)?;
        Ok(rows
            .into_iter()
            .map(|row| pb::AccountingStanding {
                entity: row.entity.to_string(),
                date: date_number(row.date),
                open: row.open,
                closed: row.closed.map(date_number),
                sets: row.sets.iter().map(wire::control::frozen_set).collect(),
            })
            .collect())
    }

    /// What the log has of each source, trade date and currency, beside what the source said.
    pub(crate) async fn controls(&self) -> Result<Vec<pb::ControlStanding>, Status> {
        let rows = self.shard()?.ask(|state| state.control_totals()).await.map_err(failure::shard)?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let state = match (row.agreed, row.signed_off, &row.stated) {
                    (true, _, _) => pb::ControlState::Agreed,
                    (false, true, _) => pb::ControlState::SignedOff,
                    (false, false, Some(_)) => pb::ControlState::Differs,
                    (false, false, None) => pb::ControlState::Unstated,
                };
                pb::ControlStanding {
                    source: row.source.to_string(),
                    trade_date: date_number(row.trade_date),
                    currency: row.currency.to_string(),
                    state: state as i32,
                    counted: Some(wire::control::totals(&row.counted)),
                    stated: row.stated.as_ref().map(wire::control::totals),
                }
            })
            .collect())
    }
}
