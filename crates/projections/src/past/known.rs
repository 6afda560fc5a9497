//! Known at what: a record, or the end of a business date, which is a record too.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use model::date::Date;
use model::event::Event;
use model::identifier::Identifier;
use model::index::{DomainIx, Kind};
use model::record::{FactContent, Outcome};

use crate::runner::decode;
use crate::{Error, Progress, Source};

/// Up to where the log is believed to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// All records up to this one.
    Record(u64),
    /// All records up to the last one that closes a settlement day of this date or an earlier one, in whatever domain.
    EndOf(Date),
}

impl Known {
    /// `4711`, or `2026-11-23`.
    ///
    /// # Errors
    /// What is neither, in words.
    pub fn parse(text: &str) -> Result<Known, String> {
        let neither = || format!("{text:?} is neither the sequence of a record nor a business date as YYYY-MM-DD");
        if text.contains('-') {
            return Date::parse(text).map(Known::EndOf).map_err(|_| neither());
        }
        match text.parse() {
            Ok(0) => Err("the first record is 1: before it nothing is known".to_owned()),
            Ok(sequence) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Known::Record(sequence)),
            _ => Err(neither()),
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Known::Record(sequence) => write!(out, "record {sequence}"),
            Known::EndOf(date) => write!(out, "the end of {date}"),
        }
    }
}

/// When settlement days were opened and closed, as far as the log was read.
#[derive(Default)]
pub(super) struct Days {
    read: u64,
    domains: BTreeMap<DomainIx, Identifier>,
    open: BTreeMap<DomainIx, Date>,
    /// The last record that closed a day of each date.
    closed: BTreeMap<Date, u64>,
    latest: Option<Date>,
}

impl Days {
    /// Reads on to the head; `false` when it was told not to go on.
    pub(super) fn catch_up(
        &mut self,
        source: &dyn Source,
        go_on: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<bool, Error> {
        let (from, head) = (self.read, source.head().sequence);
        if from >= head {
            return Ok(true);
        }
        let mut taken = Ok(true);
        source.read(from + 1, &mut |block| {
            let read = self.read;
            for (sequence, bytes) in block.iter().filter(|(sequence, _)| *sequence > read) {
                match decode(sequence, bytes) {
                    Ok(facts) => {
                        if let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content {
                            events.iter().for_each(|event| self.event(sequence, event));
                        }
                    }
                    Err(error) => {
                        taken = Err(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            self.read = self.read.max(block.last());
            taken = Ok(go_on(Progress { from, at: self.read, head }));
            if matches!(taken, Ok(true)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        taken
    }

    fn event(&mut self, sequence: u64, event: &Event) {
        match event {
            Event::Interned { kind: Kind::Domain, index, id } => {
                self.domains.insert(DomainIx(*index), id.clone());
            }
            Event::DayOpened { domain, date, .. } => {
                self.open.insert(*domain, *date);
                self.latest = self.latest.max(Some(*date));
            }
            Event::DayClosed { domain, date } => {
                self.open.remove(domain);
                self.closed.insert(*date, sequence);
            }
            _ => {}
        }
    }

    /// The record with which a business date ended.
    pub(super) fn end_of(&self, date: Date) -> Result<u64, Error> {
        let refused = |why: String| Err(Error::NoPast(why));
        match self.latest {
            None => return refused("no settlement day was ever opened: name a record".to_owned()),
            Some(latest) if latest < date => {
                return refused(format!("the log has not come to {date}: its latest business date is {latest}"));
            }
            Some(_) => {}
        }
        if let Some((domain, open)) = self.open.iter().find(|(_, open)| **open <= date) {
            let domain = self.domains.get(domain).map_or("?", Identifier::as_str);
            return refused(format!(
                "{date} is not over: the settlement day {open} of {domain} is open; name a record"
            ));
        }
        match self.closed.range(..=date).map(|(_, sequence)| *sequence).max() {
            Some(sequence) => Ok(sequence),
            None => refused(format!("no settlement day was closed up to {date}: name a record")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn a_record_or_a_date() {
        assert_eq!(Known::parse("4711"), Ok(Known::Record(4711)));
        assert_eq!(Known::parse("2026-11-23"), Ok(Known::EndOf(date("2026-11-23"))));
        for wrong in ["", "0", "-1", "+1", "2026-13-01", "23.11.2026", "1e3", "99999999999999999999"] {
            assert!(Known::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_date_ends_when_its_last_domain_closes_it() {
        let (paris, tokyo) = (DomainIx(0), DomainIx(1));
        let opened = |domain, text| Event::DayOpened { domain, date: date(text), cut_offs: Vec::new() };
        let closed = |domain, text| Event::DayClosed { domain, date: date(text) };
        let mut days = Days::default();
        assert!(days.end_of(date("2026-11-23")).unwrap_err().to_string().contains("ever opened"));
        for (index, id) in [(0, "PARIS"), (1, "TOKYO")] {
            let id = Identifier::parse(id).unwrap();
            days.event(1, &Event::Interned { kind: Kind::Domain, index, id });
        }
        days.event(2, &opened(paris, "2026-11-20"));
        days.event(3, &closed(paris, "2026-11-20"));
        days.event(4, &opened(tokyo, "2026-11-23"));
        days.event(5, &opened(paris, "2026-11-23"));
        days.event(6, &closed(tokyo, "2026-11-23"));
        // Tokyo is a day ahead while Paris still settles.
        days.event(7, &opened(tokyo, "2026-11-24"));
        let open = days.end_of(date("2026-11-23")).unwrap_err().to_string();
        assert!(open.contains("settlement day 2026-11-23 of PARIS is open"), "{open}");
        days.event(9, &closed(paris, "2026-11-23"));
        assert_eq!(days.end_of(date("2026-11-23")).unwrap(), 9);
        // A Sunday ends with the Friday before it; the day before the first has no end, and tomorrow none yet.
        assert_eq!(days.end_of(date("2026-11-22")).unwrap(), 3);
        assert!(days.end_of(date("2026-11-19")).unwrap_err().to_string().contains("no settlement day was closed"));
        assert!(
            days.end_of(date("2026-11-25")).unwrap_err().to_string().contains("latest business date is 2026-11-24")
        );
    }
}
