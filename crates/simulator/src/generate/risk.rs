//! What is measured: limits on counterparties and issuers, the shares they count, and the prices and rates they stand on.

use super::Generator;
use crate::input::Input;
use crate::world::{self, cash, decimal, id};
use model::command::Command;
use model::date::Date;
use model::limit::{AddOn, CounterpartyLimit, LimitKind, OnBreach};
use model::margin::ClearingTerms;
use model::reference::{Issuer, Price, PriceSet, Priced, Reference};

impl Generator {
    pub(super) fn risk(&mut self) -> Input {
        let reference = match self.random.below(20) {
            0..=8 => Reference::CounterpartyLimit(self.limit()),
            9..=10 => Reference::AddOn(self.add_on()),
            11..=12 => Reference::Issuer(Issuer {
                instrument: id(self.name(&world::PAPERS)),
                issuer: id(self.name(&["SAP-SE", "STATE"])),
                lei: None,
            }),
            13 => Reference::ClearingTerms(self.terms()),
            _ => Reference::PriceSet(self.prices()),
        };
        self.asked(Command::SetReference(Box::new(reference)))
    }

    /// A day about today: rows begin to hold later, or held before.
    fn about_today(&mut self) -> Date {
        let days = *self.random.pick(&[-5, -1, 0, 0, 0, 1, 2]);
        self.now.date_utc().add_days(days).expect("a date")
    }

    fn limit(&mut self) -> CounterpartyLimit {
        let kind = *self.random.pick(&[LimitKind::PreSettlement, LimitKind::Delivery, LimitKind::Issuer]);
        let (entity, other) = (self.name(&world::MEMBERS), self.name(&world::MEMBERS));
        let other = match kind {
            LimitKind::Issuer => self.name(&["SAP-SE", "SAP-SE", "STATE", "NOBODY-YET"]),
            _ if self.random.chance(300) => "NOBODY-AT-ALL",
            _ => other,
        };
        let amount = self.random.between(-1, 16) * *self.random.pick(&[1_000, 4_000, 20_000]);
        CounterpartyLimit {
            entity: id(entity),
            counterparty: id(other),
            kind,
            currency: cash(if self.random.chance(700) { "USD" } else { "EUR" }),
            valid_from: self.about_today(),
            amount: decimal(amount, if self.random.chance(200) { 3 } else { 0 }),
            on_breach: if self.random.chance(5_000) { OnBreach::Hold } else { OnBreach::Warn },
        }
    }

    fn add_on(&mut self) -> AddOn {
        let cfi_prefix = (*self.random.pick(&["", "E", "ES", "DBF", "DBF", "es"])).to_owned();
        let rate = decimal(self.random.between(-1, 130), 2);
        AddOn { cfi_prefix, valid_from: self.about_today(), rate }
    }

    /// A set of a day and snap; in a correction something may be missing.
    pub(super) fn prices(&mut self) -> PriceSet {
        let snap = id(self.name(&["CLOSE", "CLOSE", "NOON"]));
        let version = self.random.between(1, 4) as u32;
        let mut prices = Vec::new();
        for paper in world::PAPERS {
            if self.random.chance(500) {
                continue;
            }
            let bund = paper == "BUND";
            prices.push(Price {
                of: Priced::Instrument(id(paper)),
                currency: cash(if self.random.chance(9_500) { "EUR" } else { "USD" }),
                value: if bund {
                    decimal(self.random.between(90_000, 110_000), 3)
                } else {
                    decimal(self.random.between(100, 20_000), 2)
                },
                accrued: (bund && self.random.chance(9_000)).then(|| decimal(self.random.between(-20, 300), 2)),
            });
        }
        if self.random.chance(6_000) {
            let (base, quoted) = if self.random.chance(5_000) { ("EUR", "USD") } else { ("USD", "EUR") };
            let value = decimal(self.random.between(7_000, 14_000), 4);
            prices.push(Price { of: Priced::Currency(cash(base)), currency: cash(quoted), value, accrued: None });
        }
        let date = self.now.date_utc().add_days(-(self.random.below(2) as i32)).expect("a date");
        PriceSet { date, snap, source: id("QUOTES"), version, prices }
    }

    fn terms(&mut self) -> ClearingTerms {
        ClearingTerms {
            ccp: id(self.name(&["BETA", "BETA", "NOBODY-AT-ALL"])),
            jurisdiction: "US".to_owned(),
            valid_from: self.about_today(),
            source: "the member's agreement".to_owned(),
            gap_threshold: decimal(self.random.between(0, 110), 2),
            gap_rate: decimal(10, 2),
            fails_rate: decimal(5, 2),
            least_haircut: decimal(2, 2),
            confidence: decimal(99, 2),
            scenarios: *self.random.pick(&[250, 500, 10]),
            horizon: 2,
            index_cfi: vec!["EU".to_owned()],
        }
    }
}
