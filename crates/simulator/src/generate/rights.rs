//! Who may do what: one day somebody is made administrator, the others get their duties, and from then on people mostly ask
//! what they may.

use super::Generator;
use crate::books::Books;
use crate::input::Input;
use crate::world::{self, id};
use model::command::Command;
use model::identifier::Identifier;
use model::permission::{AccessRole, ActorKind, Grant};
use model::reference::Reference;

use AccessRole::{Administrator, Approver, Auditor, Operator, Publisher};

/// Who does what, of the house's people and the systems that tell it of trades.
const DUTIES: [(&str, AccessRole); 9] = [
    ("root", Administrator),
    ("boss", Administrator),
    ("OMS-1", Publisher),
    ("OMS-2", Publisher),
    ("ines", Operator),
    ("omar", Operator),
    ("wu", Approver),
    ("eve", Approver),
    ("bea", Operator),
];

impl Generator {
    fn duty(&self, actor: &str, role: AccessRole) -> Grant {
        let system = actor.starts_with("OMS");
        let books =
            if actor == "bea" { vec![id(&world::book("BETA", 0)), id(&world::book("BETA", 1))] } else { vec![] };
        Grant {
            actor: id(actor),
            kind: if system { ActorKind::System } else { ActorKind::Person },
            valid_from: self.now.date_utc().add_days(-2).expect("a date"),
            roles: vec![role],
            books,
            counterparties: Vec::new(),
            person: None,
        }
    }

    /// The next duty that nobody has been given, or a change of one; nothing before the day on which the house begins with it.
    pub(super) fn rights(&mut self, books: &Books) -> Option<Input> {
        if self.steps < self.grants_from {
            return None;
        }
        self.granted = true;
        let missing = DUTIES.iter().find(|(actor, _)| !books.has_grant(&id(actor)));
        if missing.is_none() && !self.random.chance(100) {
            return None;
        }
        let (actor, role) = missing.copied().unwrap_or(*self.random.pick(&DUTIES));
        let mut grant = self.duty(actor, role);
        if missing.is_none() {
            grant.valid_from = self.now.date_utc().add_days(self.random.below(3) as i32).expect("a date");
            match self.random.below(14) {
                0 => grant.roles = Vec::new(),
                1 => grant.roles = vec![Operator, Approver],
                2 => grant.roles = vec![Administrator, Auditor],
                3 => grant.person = Some(id("ines")),
                4 => grant.kind = ActorKind::System,
                5 => grant.counterparties = vec![id("ALPHA"), id("GAMMA")],
                6 => grant.books = world::MEMBERS[..2].iter().map(|member| id(&world::book(member, 0))).collect(),
                7 => grant.roles.push(AccessRole::RiskViewer),
                _ => grant.valid_from = self.now.date_utc(),
            }
        }
        let administrator = self.name(&["root", "root", "root", "boss"]);
        let by = if self.random.chance(300) { "ines" } else { administrator };
        let command = Command::SetReference(Box::new(Reference::Grant(grant)));
        Some(self.call(command, if actor == "root" { "root" } else { by }))
    }

    /// Who asks: mostly somebody who may.
    pub(super) fn who(&mut self, command: &Command) -> Identifier {
        let anybody = ["ines", "omar", "wu"];
        if !self.granted || self.random.chance(300) {
            return id(self.name(&anybody));
        }
        if let Command::ControlTotals(said) = command {
            return said.source.clone();
        }
        id(match AccessRole::needed(command) {
            Some(Administrator) => self.name(&["root", "boss"]),
            Some(Approver) => self.name(&["wu", "eve"]),
            _ => self.name(&["ines", "ines", "omar", "omar", "bea"]),
        })
    }

    /// Who looks a second time: mostly somebody else than who proposed, and with the duty to.
    pub(super) fn second(&mut self, maker: &Identifier, administers: bool) -> Identifier {
        if self.random.chance(1_500) {
            return maker.clone();
        }
        let others = match (self.granted, administers) {
            (false, _) => ["ines", "omar", "wu"],
            (true, true) => ["root", "boss", "boss"],
            (true, false) => ["wu", "eve", "boss"],
        };
        let other = id(self.name(&others));
        if other != *maker { other } else { id(others[usize::from(others[0] == maker.as_str())]) }
    }
}
