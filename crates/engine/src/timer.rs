//! Cut-offs: their instants when a day is opened, and the command that passes each when its instant has come.

use clearing::State;
use jiff::tz::TimeZone;
use model::command::{CutOff, DayStep, Step};
use model::date::Date;
use model::index::{DomainIx, Kind};
use model::reference::CutOffRule;
use model::timestamp::{Timestamp, TimestampError};

/// The next cut-off of the shard, kept until a settlement day changes.
#[derive(Default)]
pub(crate) struct Timer {
    next: Option<(Timestamp, DayStep)>,
    /// Passed without effect: not to be tried for ever.
    refused: Option<DayStep>,
    known: bool,
}

impl Timer {
    /// A settlement day may have changed: look again.
    pub fn look_again(&mut self) {
        self.known = false;
    }

    /// The next cut-off and its instant.
    pub fn next(&mut self, state: &State) -> Option<(Timestamp, &DayStep)> {
        if !self.known {
            self.known = true;
            self.next = next_cut_off(state).filter(|(_, step)| self.refused.as_ref() != Some(step));
        }
        self.next.as_ref().map(|(at, step)| (*at, step))
    }

    /// The cut-off was decided; when it was refused it is left to people.
    pub fn passed(&mut self, accepted: bool) {
        let step = self.next.take().map(|(_, step)| step);
        if !accepted {
            tracing::error!(?step, "a cut-off was refused: an operator has to pass it");
            self.refused = step;
        }
        self.known = false;
    }
}

/// The cut-off that comes first, of all domains whose day is open; of equals the domain defined first.
fn next_cut_off(state: &State) -> Option<(Timestamp, DayStep)> {
    let domains = state.names(Kind::Domain).iter().enumerate();
    let coming = domains.filter_map(|(index, name)| {
        let (date, open, cut_offs) = state.settlement_day(DomainIx(index as u32))?;
        let first = cut_offs.into_iter().filter(|_| open).min_by_key(|cut_off| (cut_off.at, cut_off.currency))?;
        let step = Step::CutOff { date, currency: first.currency };
        Some((first.at, DayStep { domain: name.clone(), step }))
    });
    coming.min_by_key(|(at, _)| *at)
}

/// Why a domain's cut-offs have no instants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutOffError {
    /// Not a name of the IANA database.
    #[error("{0:?} is not a time zone of the IANA database")]
    UnknownZone(String),
    /// Beyond what an instant can be.
    #[error(transparent)]
    Instant(#[from] TimestampError),
}

/// The instants at which a domain's cut-offs come on a date: what opens its day. A time that the change to summer time
/// leaves out is read as by the clock before the change, one that comes twice is the first.
///
/// # Errors
/// [`CutOffError::UnknownZone`].
pub fn resolve_cut_offs(zone: &str, rules: &[CutOffRule], date: Date) -> Result<Vec<CutOff>, CutOffError> {
    let unknown = || CutOffError::UnknownZone(zone.to_owned());
    let zone = TimeZone::get(zone).map_err(|_| unknown())?;
    let resolve = |rule: &CutOffRule| {
        let midnight = Timestamp::start_of(date).add_micros(i64::from(rule.minute_of_day) * 60_000_000)?;
        // The wall clock's reading, as if it were UTC; the zone then says when that is.
        let reading = jiff::Timestamp::from_microsecond(midnight.micros()).map_err(|_| TimestampError::OutOfRange)?;
        let reading = TimeZone::UTC.to_datetime(reading);
        let instant = zone.to_ambiguous_timestamp(reading).compatible().map_err(|_| TimestampError::OutOfRange)?;
        Ok(CutOff { currency: rule.currency, at: Timestamp::from_micros(instant.as_microsecond())? })
    };
    rules.iter().map(resolve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, date: &str, minute_of_day: u16) -> String {
        let rules = [CutOffRule { currency: None, minute_of_day }];
        let date = Date::parse(date).expect("a date");
        resolve_cut_offs(zone, &rules, date).expect("resolves")[0].at.to_string()
    }

    #[test]
    fn wall_time_of_the_zone_becomes_an_instant() {
        assert_eq!(instant("Europe/Berlin", "2026-11-23", 16 * 60), "2026-11-23T15:00:00.000000Z");
        assert_eq!(instant("Europe/Berlin", "2026-07-01", 16 * 60), "2026-07-01T14:00:00.000000Z");
        assert_eq!(instant("America/New_York", "2026-11-23", 18 * 60 + 30), "2026-11-23T23:30:00.000000Z");
    }

    #[test]
    fn the_hour_that_is_missing_and_the_hour_that_comes_twice() {
        // 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
        assert_eq!(instant("Europe/Berlin", "2026-03-29", 150), "2026-03-29T01:30:00.000000Z");
        assert_eq!(instant("Europe/Berlin", "2026-10-25", 150), "2026-10-25T00:30:00.000000Z");
    }

    #[test]
    fn a_zone_nobody_knows_is_an_error() {
        let date = Date::parse("2026-11-23").expect("a date");
        assert_eq!(resolve_cut_offs("Mars/Base", &[], date), Err(CutOffError::UnknownZone("Mars/Base".to_owned())));
    }
}
