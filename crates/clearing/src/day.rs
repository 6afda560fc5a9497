//! The settlement day of a domain: it opens, cuts off and closes by command; what follows is long work in small steps.

use crate::draft::Draft;
use crate::matching::why_unmatched;
use crate::slab::NONE;
use crate::state::State;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use model::command::{CutOff, DayStep, Step, Task};
use model::date::Date;
use model::event::{Cursor, Event};
use model::identifier::CurrencyCode;
use model::index::{DomainIx, Kind};
use model::rejection::{Reason, Rejection};

pub(crate) fn decide_day(draft: &mut Draft<'_>, step: &DayStep) -> Result<(), Rejection> {
    let state = draft.state;
    if !state.owns(&step.domain) {
        return Err(Rejection::new(Reason::NotOurDomain, step.domain.as_str()));
    }
    let index = state.names.find(Kind::Domain, step.domain.as_str()).map(DomainIx);
    let known = index.and_then(|index| Some((index, state.reference.domain(index)?)));
    let (domain, entry) = known.ok_or_else(|| Rejection::new(Reason::UnknownName, step.domain.as_str()))?;
    let day = state.day(domain);
    let open_on = day.filter(|day| day.open).and_then(|day| day.date);
    match &step.step {
        Step::Open { date, cut_offs } => {
            if let Some(open) = open_on {
                return Err(Rejection::new(Reason::DayAlreadyOpen, open.to_string()));
            }
            if day.and_then(|day| day.date).is_some_and(|last| *date <= last) {
                return Err(Rejection::new(Reason::DayNotAfter, date.to_string()));
            }
            let calendar = state.reference.calendar(entry.calendar);
            if calendar.and_then(|calendar| calendar.is_business_day(*date).ok()) != Some(true) {
                return Err(Rejection::new(Reason::NotABusinessDay, date.to_string()));
            }
            draft.push(Event::DayOpened { domain, date: *date, cut_offs: cut_offs.clone() });
        }
        Step::CutOff { date, currency } => {
            let day = day.filter(|_| open_on == Some(*date));
            let day = day.ok_or_else(|| Rejection::new(Reason::DayNotOpen, date.to_string()))?;
            if day.passed.contains(currency) {
                let subject = currency.map_or("free of payment".into(), |currency| currency.as_str().to_string());
                return Err(Rejection::new(Reason::CutOffPassed, subject));
            }
            draft.push(Event::CutOffPassed { domain, date: *date, currency: *currency });
        }
        Step::Close { date } => {
            let day = day.filter(|_| open_on == Some(*date));
            let day = day.ok_or_else(|| Rejection::new(Reason::DayNotOpen, date.to_string()))?;
            if day.cycle.is_some() {
                return Err(Rejection::new(Reason::WorkUnfinished, "the settlement cycle"));
            }
            draft.push(Event::DayClosed { domain, date: *date });
        }
    }
    Ok(())
}

/// A step through the open instructions of a domain: who fails now, and why who is unmatched.
pub(crate) fn continue_survey(draft: &mut Draft<'_>, domain: DomainIx) -> Result<(), Rejection> {
    let state = draft.state;
    let day = state.day(domain).ok_or(Reason::NothingToDo)?;
    let (Some(from), Some(date)) = (day.survey, day.date) else { return Err(Reason::NothingToDo.into()) };
    let budget = state.reference.parameters.examined_per_step.max(1);
    let end = (state.instructions.places.len() as u32).min(from.saturating_add(budget));
    let mut failing = Vec::new();
    for place in from..end {
        let Some(instruction) = state.instructions.get(place).filter(|each| each.domain == domain) else { continue };
        if instruction.outside.is_some() {
            // The agent says why it waits or fails.
            continue;
        }
        if instruction.partner == NONE {
            let reasons = why_unmatched(state, instruction);
            if instruction.reasons.as_deref() != Some(reasons.as_slice()) {
                draft.push(Event::InstructionUnmatched { instruction: instruction.number, reasons });
            }
        } else if !instruction.failing && day.is_past(instruction.date, instruction.cut_off()) {
            failing.push(instruction.number);
        }
    }
    if !failing.is_empty() {
        draft.push(Event::InstructionsFailing { domain, date, instructions: failing });
    }
    draft.push(Event::Progressed {
        task: Task::Survey(domain),
        examined: end - from,
        remaining: end < state.instructions.places.len() as u32,
        cursor: Cursor { place: u64::from(end), ..Cursor::default() },
    });
    Ok(())
}

impl State {
    pub(crate) fn apply_day_opened(&mut self, domain: DomainIx, date: Date, cut_offs: &[CutOff]) {
        let day = self.day_mut(domain);
        day.date = Some(date);
        day.open = true;
        day.cut_offs = cut_offs.to_vec();
        day.passed.clear();
        day.cycle = Some(Cursor::default());
        day.survey = Some(0);
        // What waited for an account overnight is tried again, in order, account by account.
        for slot in 0..self.balances.slots.len() as u32 {
            self.wake(slot);
        }
    }

    pub(crate) fn apply_cut_off(&mut self, domain: DomainIx, currency: Option<CurrencyCode>) {
        let day = self.day_mut(domain);
        day.passed.insert(currency);
        day.survey = Some(0);
    }

    pub(crate) fn apply_day_closed(&mut self, domain: DomainIx) {
        let day = self.day_mut(domain);
        day.open = false;
        day.survey = Some(0);
    }

    pub(crate) fn apply_unmatched(&mut self, number: u64, reasons: &[model::instruction::Code]) {
        let (place, _) = self.instruction(number).expect("what is unmatched is open");
        self.instructions[place].reasons = Some(Box::from(reasons));
    }

    pub(crate) fn apply_failing(&mut self, numbers: &[u64]) {
        for number in numbers {
            let (place, _) = self.instruction(*number).expect("what fails is open");
            self.instructions[place].failing = true;
        }
    }
}
