//! Matching tolerances: what bands must be for them to be set, and how they are kept.

use crate::reference::{ToleranceEntry, invalid, minor};
use crate::state::State;
use model::reference::Tolerance;
use model::rejection::Rejection;

pub(crate) fn check_tolerance(tolerance: &Tolerance) -> Result<(), Rejection> {
    minor(tolerance.recompute, tolerance.currency)?;
    let mut last = None;
    for band in &tolerance.bands {
        let up_to = band.up_to.map(|up_to| minor(up_to, tolerance.currency)).transpose()?;
        if minor(band.tolerance, tolerance.currency)? < 0 {
            return Err(invalid("bands: a tolerance is not below zero"));
        }
        if last == Some(None) || last.flatten().is_some_and(|last| up_to.is_some_and(|up_to| up_to <= last)) {
            return Err(invalid("bands: upper ends rise, and the open end comes last"));
        }
        last = Some(up_to);
    }
    Ok(())
}

impl State {
    pub(crate) fn apply_tolerance(&mut self, tolerance: &Tolerance) {
        let minor = |amount| minor(amount, tolerance.currency).expect("checked when it was set");
        let entry = ToleranceEntry {
            valid_from: tolerance.valid_from,
            bands: tolerance.bands.iter().map(|band| (band.up_to.map(minor), minor(band.tolerance))).collect(),
            recompute: minor(tolerance.recompute),
        };
        let rows = self.reference.tolerances.entry(tolerance.currency).or_default();
        rows.retain(|row| row.valid_from != entry.valid_from);
        let at = rows.partition_point(|row| row.valid_from < entry.valid_from);
        rows.insert(at, entry);
    }
}
