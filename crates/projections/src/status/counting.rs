//! When management figures are added to: what happened to an instruction, and on which settlement day.

use model::event::Event;
use model::index::DomainIx;
use model::record::{FactContent, Facts, Outcome};

use super::Status;
use super::figures::{Figures, Measure, Of};
use super::instruction::{Instruction, Stage};
use super::trade::Trade;
use crate::numbered::Numbered;

impl Status {
    /// On the day that its domain has; without one nothing is early or late.
    pub(super) fn count_match(&mut self, number: u64) {
        let Some(row) = self.instructions.get(number) else { return };
        let on = self.days.get(&row.outline.domain).copied().unwrap_or(row.outline.trade_date);
        self.figures.matched(row, on);
    }

    /// A day is over when the next one opens: until then what fails may settle.
    pub(super) fn count_overnight(&mut self, domain: DomainIx) {
        let Some(date) = self.days.get(&domain).copied() else { return };
        for (currency, (count, value)) in self.failing_now(domain) {
            self.figures.add(Of { domain, currency, measure: Measure::FailingOvernight, date }, count, value);
        }
    }

    /// A person did something to an instruction. What a trade message brings about – a request to cancel, say – is its front
    /// office's, and goes through by itself.
    pub(super) fn touch(&mut self, facts: &Facts, instruction: u64) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        let by_trade = |event: &Event| {
            matches!(
                event,
                Event::TradeCaptured { .. }
                    | Event::TradeChanged { .. }
                    | Event::TradeChangeRequested { .. }
                    | Event::TradeCancelled { .. }
                    | Event::TradeChangeLapsed { .. }
            )
        };
        if events.iter().any(by_trade) {
            return;
        }
        let trades: Vec<u64> = match self.instructions.get(instruction) {
            Some(row) => row.links.iter().map(|link| link.trade).collect(),
            None => return,
        };
        for trade in trades {
            if self.trades.get(trade).is_some_and(|trade| !trade.touched) {
                self.with_trade(trade, facts.sequence, |trade| trade.touched = true);
            }
        }
    }
}

/// An instruction has ended: settled, or cancelled before anybody waited for it.
pub(super) fn count_end(figures: &mut Figures, trades: &Numbered<Trade>, row: &Instruction) {
    match (row.stage, row.settled_on) {
        (Stage::Settled, Some(on)) => {
            let touched = |link: &super::instruction::Linked| trades.get(link.trade).is_some_and(|trade| trade.touched);
            figures.settled(row, on, row.links.iter().any(touched));
        }
        (Stage::Cancelled, _) if row.matched == 0 && row.agent.is_none() => figures.withdrawn(row),
        _ => {}
    }
}
