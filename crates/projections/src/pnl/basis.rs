//! What an entity's figures stand on: which close, which one before, by which sets, and how much was known then.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use model::accounting::FrozenSet;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::PartyIx;
use wire::pb::view as pb;

use super::marks::Marks;
use crate::positions::{By, Picture};
use crate::valuation::{Grounds, SetName};
use crate::{Error, values};

/// What was asked, beside the positions.
pub(super) struct Question {
    pub(super) date: Option<Date>,
    pub(super) since: Option<Date>,
    pub(super) series: Vec<SetName>,
    pub(super) currency: Option<CurrencyCode>,
    pub(super) by: By,
}

impl Question {
    pub(super) fn parse(question: &pb::PnlQuestion) -> Result<Question, Error> {
        let wrong = |field, reason: String| Error::Filter { field, reason };
        let name = |text: &str| Identifier::parse(text).map_err(|error| wrong("sets", error.to_string()));
        let series =
            |each: &pb::SetSeries| Ok::<_, Error>(SetName { snap: name(&each.snap)?, source: name(&each.source)? });
        let currency = Some(question.currency.as_str()).filter(|code| !code.is_empty()).map(|code| {
            let known = CurrencyCode::parse(code).ok().filter(|code| model::currency::exponent(*code).is_some());
            known.ok_or_else(|| wrong("currency", format!("{code} is no currency of ISO 4217 that we know")))
        });
        let parsed = Question {
            date: values::from_number("date", question.date)?,
            since: values::from_number("since", question.since)?,
            series: question.sets.iter().map(series).collect::<Result<_, _>>()?,
            currency: currency.transpose()?,
            by: By::from_wire(question.method()),
        };
        match (parsed.since, parsed.date) {
            (Some(since), Some(date)) if since >= date => {
                Err(wrong("since", format!("{since} does not come before {date}")))
            }
            _ => Ok(parsed),
        }
    }
}

/// A close: prices, and what was known.
#[derive(Clone)]
pub(super) struct Moment {
    pub(super) marks: Rc<Marks>,
    /// The record that closed the books for it: its own close, or the first one after it. None: they are open, and
    /// everything counts.
    pub(super) known: Option<u64>,
    /// By a close of its own, with the sets it froze.
    pub(super) closed: bool,
}

#[derive(Clone)]
pub(super) struct Basis {
    pub(super) entity: Option<(PartyIx, Identifier)>,
    pub(super) close: Moment,
    pub(super) last: Option<Moment>,
    series: Vec<SetName>,
}

/// Everything that figures are made from, and what was read of it so far.
pub(super) struct Desk<'a> {
    pub(super) picture: Picture<'a>,
    pub(super) grounds: &'a Grounds,
    pub(super) question: &'a Question,
    read: RefCell<BTreeMap<SetsOfDate, Rc<Marks>>>,
    bases: RefCell<BTreeMap<Option<PartyIx>, Rc<Basis>>>,
}

/// A date, and the sets it is valued by: date, name, version.
type SetsOfDate = (Date, Vec<(Date, SetName, u32)>);

impl<'a> Desk<'a> {
    pub(super) fn new(picture: Picture<'a>, grounds: &'a Grounds, question: &'a Question) -> Desk<'a> {
        Desk { picture, grounds, question, read: RefCell::default(), bases: RefCell::default() }
    }

    /// Sets, read once.
    fn marks(&self, date: Date, names: Vec<FrozenSet>) -> Result<Rc<Marks>, Error> {
        let one =
            |set: &FrozenSet| (set.date, SetName { snap: set.snap.clone(), source: set.source.clone() }, set.version);
        let key = (date, names.iter().map(one).collect::<Vec<_>>());
        if let Some(marks) = self.read.borrow().get(&key) {
            return Ok(marks.clone());
        }
        let marks = Rc::new(Marks::read(&self.grounds.sets, self.picture.reader(), date, names)?);
        self.read.borrow_mut().insert(key, marks.clone());
        Ok(marks)
    }

    /// The basis of the entity that owns a book.
    pub(super) fn basis(&self, entity: Option<(PartyIx, Identifier)>) -> Result<Rc<Basis>, Error> {
        let key = entity.as_ref().map(|(entity, _)| *entity);
        if let Some(basis) = self.bases.borrow().get(&key) {
            return Ok(basis.clone());
        }
        let basis = Rc::new(self.find(entity)?);
        self.bases.borrow_mut().insert(key, basis.clone());
        Ok(basis)
    }

    fn find(&self, entity: Option<(PartyIx, Identifier)>) -> Result<Basis, Error> {
        let (sets, asked) = (&self.grounds.sets, self.question);
        let number = entity.as_ref().map(|(entity, _)| *entity);
        let before = |date| number.and_then(|entity| self.grounds.last_close(entity, date));
        let series = if asked.series.is_empty() { self.usual_series(number)? } else { asked.series.clone() };
        let last_set = || series.iter().filter_map(|name| sets.last(name)).map(|set| set.date).max();
        let none = || Error::Filter { field: "date", reason: "no set of prices and rates is recorded".to_owned() };
        let date = asked.date.or_else(last_set).ok_or_else(none)?;
        let set_before = || series.iter().filter_map(|name| sets.before(name, date)).map(|set| set.date).max();
        let last_close = before(date).map(|(date, _)| date);
        let last = asked.since.or_else(|| last_close.max(set_before()));
        let moment = |date: Date| {
            let close = number.and_then(|entity| self.grounds.close(entity, date));
            let frozen = close.map(|close| close.sets.clone()).filter(|sets| !sets.is_empty());
            let named = || series.iter().filter_map(|name| sets.on(name, date)).collect();
            let marks = self.marks(date, frozen.unwrap_or_else(named))?;
            let closed = close.is_some();
            let close = close.or_else(|| number.and_then(|entity| self.grounds.next_close(entity, date)));
            Ok::<_, Error>(Moment { marks, known: close.map(|close| close.sequence), closed })
        };
        Ok(Basis { entity, close: moment(date)?, last: last.map(moment).transpose()?, series })
    }

    /// By what the entity closed its books last; else the only series there is.
    fn usual_series(&self, entity: Option<PartyIx>) -> Result<Vec<SetName>, Error> {
        let last = entity.and_then(|entity| self.grounds.last_close(entity, Date::MAX));
        let frozen: Vec<_> = last.into_iter().flat_map(|(_, close)| &close.sets).collect();
        if !frozen.is_empty() {
            let mut series = Vec::new();
            for set in frozen {
                let name = SetName { snap: set.snap.clone(), source: set.source.clone() };
                if !series.contains(&name) {
                    series.push(name);
                }
            }
            return Ok(series);
        }
        Ok(self.grounds.sets.only()?.cloned().into_iter().collect())
    }

    /// The marks of the day something came, and whether they are of an earlier day because that day has none.
    pub(super) fn acquired(&self, basis: &Basis, date: Date) -> Result<(Rc<Marks>, bool), Error> {
        for moment in [Some(&basis.close), basis.last.as_ref()].into_iter().flatten() {
            if moment.marks.date == date && !moment.marks.names.is_empty() {
                return Ok((moment.marks.clone(), false));
            }
        }
        let close = basis.entity.as_ref().and_then(|(entity, _)| self.grounds.close(*entity, date));
        if let Some(close) = close.filter(|close| !close.sets.is_empty()) {
            return Ok((self.marks(date, close.sets.clone())?, false));
        }
        let (sets, mut earlier, mut names) = (&self.grounds.sets, false, Vec::new());
        for name in &basis.series {
            let same = sets.on(name, date);
            earlier |= same.is_none();
            names.extend(same.or_else(|| sets.before(name, date)));
        }
        Ok((self.marks(date, names)?, earlier))
    }

    /// The bases used so far.
    pub(super) fn bases(&self, sequence: u64) -> Vec<pb::PnlBasis> {
        let sets = |moment: &Moment| moment.marks.names.iter().map(wire::control::frozen_set).collect();
        let bases = self.bases.borrow();
        let one = |basis: &Rc<Basis>| pb::PnlBasis {
            entity: basis.entity.as_ref().map_or(String::new(), |(_, name)| name.to_string()),
            date: values::number(basis.close.marks.date),
            closed: basis.close.closed,
            sequence: basis.close.known.unwrap_or(sequence),
            sets: sets(&basis.close),
            last_date: basis.last.as_ref().map_or(0, |last| values::number(last.marks.date)),
            last_closed: basis.last.as_ref().is_some_and(|last| last.closed),
            last_sequence: basis.last.as_ref().map_or(0, |last| last.known.unwrap_or(sequence)),
            last_sets: basis.last.as_ref().map_or(Vec::new(), sets),
        };
        bases.values().map(one).collect()
    }
}
