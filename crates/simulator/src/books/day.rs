//! The settlement day of a domain, and the look over what is open when it moves.

use super::Books;
use model::command::{DayStep, Step};
use model::identifier::Identifier;
use model::rejection::Reason;

impl Books {
    pub(super) fn day_step(&mut self, step: &DayStep) -> Result<(), Reason> {
        if !self.owned.is_empty() && !self.owned.contains(&step.domain) {
            return Err(Reason::NotOurDomain);
        }
        let domain = self.known.domains.get(&step.domain).ok_or(Reason::UnknownName)?;
        let calendar = self.known.calendars.get(&domain.calendar);
        let day = self.days.get(&step.domain).cloned().unwrap_or_default();
        let open_on = day.date.filter(|_| day.open);
        match &step.step {
            Step::Open { date, cut_offs } => {
                if open_on.is_some() {
                    return Err(Reason::DayAlreadyOpen);
                }
                if day.date.is_some_and(|last| *date <= last) {
                    return Err(Reason::DayNotAfter);
                }
                if calendar.and_then(|named| named.calendar.is_business_day(*date).ok()) != Some(true) {
                    return Err(Reason::NotABusinessDay);
                }
                let day = self.days.entry(step.domain.clone()).or_default();
                (day.date, day.open, day.survey) = (Some(*date), true, true);
                day.cut_offs = cut_offs.iter().map(|cut_off| cut_off.currency).collect();
                day.passed.clear();
                day.cycle = Some((0, 0, 0));
                self.wake_all();
                self.look_at_limits();
            }
            Step::CutOff { date, currency } => {
                if open_on != Some(*date) {
                    return Err(Reason::DayNotOpen);
                }
                if day.passed.contains(currency) {
                    return Err(Reason::CutOffPassed);
                }
                let day = self.days.get_mut(&step.domain).expect("it is open");
                day.passed.insert(*currency);
                day.survey = true;
            }
            Step::Close { date } => {
                if open_on != Some(*date) {
                    return Err(Reason::DayNotOpen);
                }
                if day.cycle.is_some() {
                    return Err(Reason::WorkUnfinished);
                }
                let day = self.days.get_mut(&step.domain).expect("it is open");
                (day.open, day.survey) = (false, true);
                self.miss_calls(&step.domain, *date);
            }
        }
        Ok(())
    }

    /// Says why who is unmatched is so, and who fails. A house as small as the simulator's takes one step.
    pub(super) fn survey(&mut self, domain: &Identifier) {
        let day = self.days[domain].clone();
        let here: Vec<u64> =
            self.instructions.values().filter(|each| each.deal.domain == *domain).map(|each| each.number).collect();
        for number in here {
            let instruction = &self.instructions[&number];
            if instruction.is_outside() {
                continue;
            }
            if instruction.partner.is_none() {
                let reasons = self.why_unmatched(instruction);
                self.instructions.get_mut(&number).expect("it is open").reasons = reasons;
            } else if day.is_past(instruction.deal.date, instruction.cut_off()) {
                self.instructions.get_mut(&number).expect("it is open").failing = true;
            }
        }
        self.days.get_mut(domain).expect("it has a day").survey = false;
    }
}
