//! Which two instructions agree, and why one agrees with none (domain notes 2.2 to 2.4).

use super::{Books, Instruction};
use model::identifier::Identifier;
use model::instruction::{Code, code};
use model::trade::Method;

impl Instruction {
    fn deliverer(&self) -> &Identifier {
        if self.delivers() { &self.deal.party } else { &self.deal.counterparty }
    }

    fn receiver(&self) -> &Identifier {
        if self.delivers() { &self.deal.counterparty } else { &self.deal.party }
    }

    fn optional(&self) -> [Option<&Identifier>; 3] {
        let deal = &self.deal;
        [deal.common_reference.as_ref(), deal.delivering_client.as_ref(), deal.receiving_client.as_ref()]
    }
}

impl Books {
    fn tolerance(&self, one: &Instruction, other: &Instruction) -> u64 {
        let deliver = if one.delivers() { one } else { other };
        let Some(currency) = deliver.cut_off() else { return 0 };
        self.known.matching_tolerance(currency, deliver.deal.trade_date, deliver.amount).unsigned_abs()
    }

    /// How many optional fields both give and agree in; nothing when the two do not match.
    fn agree(&self, one: &Instruction, other: &Instruction) -> Option<usize> {
        let (mine, theirs) = (&one.deal, &other.deal);
        let same = mine.domain == theirs.domain
            && one.deliverer() == other.deliverer()
            && one.receiver() == other.receiver()
            && one.movement() != other.movement()
            && mine.instrument == theirs.instrument
            && one.quantity == other.quantity
            && mine.method == theirs.method
            && (mine.method == Method::Fop || mine.currency == theirs.currency)
            && mine.trade_date == theirs.trade_date
            && mine.date == theirs.date
            && mine.cum_ex == theirs.cum_ex
            && mine.opt_out == theirs.opt_out
            && one.amount.abs_diff(other.amount) <= self.tolerance(one, other);
        if !same {
            return None;
        }
        let mut equal = 0;
        for (mine, theirs) in one.optional().into_iter().zip(other.optional()) {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) if mine != theirs => return None,
                (Some(_), Some(_)) => equal += 1,
                _ => {}
            }
        }
        Some(equal)
    }

    fn unmatched(&self) -> impl Iterator<Item = &Instruction> {
        self.instructions.values().filter(|each| each.partner.is_none() && !each.is_outside())
    }

    /// What else is unmatched where this one settles.
    fn others<'a>(&'a self, mine: &'a Instruction) -> impl Iterator<Item = &'a Instruction> {
        self.unmatched().filter(|other| other.number != mine.number && other.deal.domain == mine.deal.domain)
    }

    /// The best counter-instruction: the nearest amount, then more optional fields in common, then the older.
    pub(super) fn best_match(&self, number: u64) -> Option<u64> {
        let fresh = &self.instructions[&number];
        let fits = self.unmatched().filter_map(|each| {
            let equal = self.agree(fresh, each)?;
            Some((fresh.amount.abs_diff(each.amount), usize::MAX - equal, each.number))
        });
        fits.min().map(|(_, _, number)| number)
    }

    /// The fields in which the nearest counter-instruction differs; CMIS when there is none.
    pub(super) fn why_unmatched(&self, mine: &Instruction) -> Vec<Code> {
        let others = self.others(mine);
        let of_pair = others.filter(|other| {
            other.movement() != mine.movement()
                && other.deliverer() == mine.deliverer()
                && other.receiver() == mine.receiver()
        });
        let nearest = of_pair
            .map(|other| (self.differences(mine, other), other.number))
            .min_by_key(|(codes, number)| (codes.contains(&code::DSEC), codes.len(), *number));
        match nearest {
            Some((codes, _)) if !codes.contains(&code::DSEC) || codes.len() <= 2 => codes,
            _ => self.same_direction(mine).unwrap_or_else(|| vec![code::CMIS]),
        }
    }

    /// The counterparty says the same movement, and hardly anything else differs.
    fn same_direction(&self, mine: &Instruction) -> Option<Vec<Code>> {
        let turned = self.others(mine).filter(|other| {
            other.movement() == mine.movement()
                && other.deliverer() == mine.receiver()
                && other.receiver() == mine.deliverer()
        });
        let near = turned.map(|other| (self.differences(mine, other), other.number));
        let near = near.filter(|(codes, _)| codes.len() <= 1 && !codes.contains(&code::DSEC));
        let (codes, _) = near.min_by_key(|(codes, number)| (codes.len(), *number))?;
        Some([vec![code::DELN], codes].concat())
    }

    fn differences(&self, mine: &Instruction, other: &Instruction) -> Vec<Code> {
        let (own, theirs) = (&mine.deal, &other.deal);
        let differ = |one: &Option<Identifier>, two: &Option<Identifier>| one.is_some() && two.is_some() && one != two;
        let same_money = own.method == theirs.method && own.currency == theirs.currency;
        let far = mine.amount.abs_diff(other.amount) > self.tolerance(mine, other);
        let mut codes = Vec::new();
        let mut differs = |is: bool, code| {
            if is {
                codes.push(code);
            }
        };
        differs(own.instrument != theirs.instrument, code::DSEC);
        differs(mine.quantity != other.quantity, code::DQUA);
        differs(own.date != theirs.date, code::DDAT);
        differs(own.trade_date != theirs.trade_date, code::DTRD);
        differs(own.method != theirs.method, code::FRAP);
        differs(own.method == theirs.method && own.currency != theirs.currency, code::NCRR);
        differs(same_money && far, code::DMON);
        differs(own.cum_ex != theirs.cum_ex, code::DCMX);
        differs(own.opt_out != theirs.opt_out, code::DMCT);
        differs(differ(&own.common_reference, &theirs.common_reference), code::IIND);
        differs(differ(&own.delivering_client, &theirs.delivering_client), code::ICUS);
        differs(differ(&own.receiving_client, &theirs.receiving_client), code::IEXE);
        codes
    }
}
