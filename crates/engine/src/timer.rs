//! The settlement day by the clock: cut-offs, and opening and closing where the domain has a schedule.
//!
//! A service that was away plays what it missed in order: it opens each day, passes its cut-offs, closes it.

use clearing::State;
use jiff::tz::TimeZone;
use model::command::{CutOff, DayStep, Step};
use model::date::Date;
use model::identifier::Identifier;
use model::index::{DomainIx, Kind};
use model::reference::CutOffRule;
use model::timestamp::{Timestamp, TimestampError};

/// The next step of the shard's settlement days, kept until a settlement day changes.
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

    /// The next step and its instant.
    pub fn next(&mut self, state: &State) -> Option<(Timestamp, &DayStep)> {
        if !self.known {
            self.known = true;
            self.next = next_step(state).filter(|(_, step)| self.refused.as_ref() != Some(step));
        }
        self.next.as_ref().map(|(at, step)| (*at, step))
    }

    /// The step was decided; when it was refused it is left to people.
    pub fn passed(&mut self, accepted: bool) {
        let step = self.next.take().map(|(_, step)| step);
        if !accepted {
            tracing::error!(?step, "a step of a settlement day was refused: an operator has to see to it");
            self.refused = step;
        }
        self.known = false;
    }
}

/// The step that comes first, of all domains; of equals the domain defined first, and a cut-off before the close.
fn next_step(state: &State) -> Option<(Timestamp, DayStep)> {
    let domains = state.names(Kind::Domain).iter().enumerate();
    let coming = domains.flat_map(|(index, name)| {
        let domain = DomainIx(index as u32);
        [next_cut_off(state, domain, name), next_scheduled(state, domain, name)]
    });
    coming.flatten().min_by_key(|(at, _)| *at)
}

fn next_cut_off(state: &State, domain: DomainIx, name: &Identifier) -> Option<(Timestamp, DayStep)> {
    let (date, open, cut_offs) = state.settlement_day(domain)?;
    let first = cut_offs.into_iter().filter(|_| open).min_by_key(|cut_off| (cut_off.at, cut_off.currency))?;
    Some((first.at, DayStep { domain: name.clone(), step: Step::CutOff { date, currency: first.currency } }))
}

fn next_scheduled(state: &State, domain: DomainIx, name: &Identifier) -> Option<(Timestamp, DayStep)> {
    let (date, opens, minute) = state.scheduled(domain)?;
    let (zone, rules) = state.domain_rules(domain)?;
    let resolve = || {
        let at = instant(&known_zone(&zone)?, date, minute)?;
        let step = if opens {
            Step::Open { date, cut_offs: resolve_cut_offs(&zone, &rules, date)? }
        } else {
            Step::Close { date }
        };
        Ok::<_, CutOffError>((at, DayStep { domain: name.clone(), step }))
    };
    // A zone that this release does not know is left to people.
    resolve().inspect_err(|error| tracing::error!(domain = %name, %error, "its schedule has no instants")).ok()
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
    let zone = known_zone(zone)?;
    let resolve = |rule: &CutOffRule| {
        Ok(CutOff { currency: rule.currency, at: instant(&zone, date, rule.minute_of_day.into())? })
    };
    rules.iter().map(resolve).collect()
}

fn known_zone(name: &str) -> Result<TimeZone, CutOffError> {
    TimeZone::get(name).map_err(|_| CutOffError::UnknownZone(name.to_owned()))
}

/// When a zone's clocks show so many minutes after midnight of a date.
fn instant(zone: &TimeZone, date: Date, minute: i32) -> Result<Timestamp, CutOffError> {
    // The clocks' reading, as if it were UTC; the zone then says when that is.
    let reading = Timestamp::start_of(date).add_micros(i64::from(minute) * 60_000_000)?;
    let reading = jiff::Timestamp::from_microsecond(reading.micros()).map_err(|_| TimestampError::OutOfRange)?;
    let reading = TimeZone::UTC.to_datetime(reading);
    let instant = zone.to_ambiguous_timestamp(reading).compatible().map_err(|_| TimestampError::OutOfRange)?;
    Ok(Timestamp::from_micros(instant.as_microsecond())?)
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
