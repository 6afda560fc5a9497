//! Why a receipt has not come: followed from depot to depot until something else than a lack of securities is the cause.

use model::instruction::code;
use wire::pb::view::CoverageRoot as Root;

use super::Coverages;
use super::plan::{Delivery, Plan};
use crate::status::Open;

/// Depots that a chain is followed through.
const DEPTH: usize = 32;

/// A receipt that should bring what a delivery lacks, and why it does not.
pub(super) struct Cause<'a> {
    /// Absent where nothing open would bring it.
    pub(super) receipt: Option<Open<'a>>,
    /// The deliverer's instruction, when it is matched.
    pub(super) delivery: Option<Open<'a>>,
    /// How much of what is missing.
    pub(super) quantity: i128,
    pub(super) root: Root,
    pub(super) because: Vec<Cause<'a>>,
}

impl<'a> Coverages<'a> {
    /// What a delivery waits for. `path` are the instructions of the deliveries from the first to this one.
    pub(super) fn causes(&mut self, plan: &Plan<'a>, delivery: &Delivery<'a>, path: &mut Vec<u64>) -> Vec<Cause<'a>> {
        let mut causes = Vec::new();
        for (receipt, quantity) in &delivery.from {
            causes.push(self.cause(plan.receipts[*receipt], *quantity, path));
        }
        if delivery.unmet > 0 {
            let root = Root::NoReceipt;
            causes.push(Cause { receipt: None, delivery: None, quantity: delivery.unmet, root, because: Vec::new() });
        }
        causes
    }

    fn cause(&mut self, receipt: Open<'a>, quantity: i128, path: &mut Vec<u64>) -> Cause<'a> {
        let counter = receipt.instruction.and_then(|(_, row)| self.status.open_at(row.counter));
        let mut cause =
            Cause { receipt: Some(receipt), delivery: counter, quantity, root: Root::Unspecified, because: Vec::new() };
        let Some((_, row)) = receipt.instruction else { return Cause { root: Root::NotInstructed, ..cause } };
        if row.agent.is_some() {
            return Cause { root: Root::AtAgent, ..cause };
        }
        let Some(counter) = counter else { return Cause { root: Root::Unmatched, ..cause } };
        let is = |codes: &[model::instruction::Code]| row.reasons.iter().any(|reason| codes.contains(reason));
        if is(&[code::PREA, code::PRCY, code::BOTH]) {
            return Cause { root: Root::Held, ..cause };
        }
        if is(&[code::MONY, code::CMON]) {
            return Cause { root: Root::Cash, ..cause };
        }
        if is(&[code::FUTU]) {
            return Cause { root: Root::NotDue, ..cause };
        }
        if path.contains(&counter.number) {
            return Cause { root: Root::Circle, ..cause };
        }
        if path.len() >= DEPTH || self.budget == 0 {
            return Cause { root: Root::Cut, ..cause };
        }
        self.budget -= 1;
        let Some(depot) = counter.outline.depot else { return Cause { root: Root::Free, ..cause } };
        let plan = self.plan((counter.outline.instrument, depot));
        let ours = |each: &&Delivery<'_>| each.open.instruction.is_some() && each.open.number == counter.number;
        if let Some(delivery) = plan.deliveries.iter().find(ours) {
            path.push(counter.number);
            cause.because = self.causes(&plan, delivery, path);
            path.pop();
        }
        if cause.because.is_empty() {
            cause.root = Root::Free;
        }
        cause
    }
}
