//! Who may do what, in the words of a scenario; and what an approval says it has seen.

use super::player::Player;
use super::reference::since;
use super::stage::Stage;
use super::words::{Words, name};
use model::date::Date;
use model::identifier::Identifier;
use model::permission::{AccessRole, ActorKind, Grant};

/// `grant anna [roles=operator,auditor] [system=yes] [books=B1,B2] [cptys=BETA] [person=P-1] [from=]`
pub(super) fn grant(words: &mut Words, today: Date) -> Result<Grant, String> {
    let actor = words.name("the actor")?;
    let list = |text: Option<String>| text.unwrap_or_default();
    let roles = list(words.option("roles"));
    let role = |text: &str| {
        let role = AccessRole::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| format!("{text} is not a role"))
    };
    let (books, counterparties) = (list(words.option("books")), list(words.option("cptys")));
    let names = |text: &str| parts(text).map(name).collect::<Result<Vec<Identifier>, String>>();
    Ok(Grant {
        actor,
        kind: if words.is_set("system")? { ActorKind::System } else { ActorKind::Person },
        valid_from: since(words, today)?,
        roles: parts(&roles).map(role).collect::<Result<_, _>>()?,
        books: names(&books)?,
        counterparties: names(&counterparties)?,
        person: words.name_option("person")?,
    })
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|part| !part.is_empty())
}

pub(super) fn tell(grant: &Grant) -> String {
    if grant.roles.is_empty() {
        return format!("{} may do nothing from {}", grant.actor, grant.valid_from);
    }
    let roles: Vec<_> = grant.roles.iter().map(|role| role.name()).collect();
    let scope: Vec<_> = grant.books.iter().chain(&grant.counterparties).map(Identifier::as_str).collect();
    let within = if scope.is_empty() { String::new() } else { format!(" for {}", scope.join(", ")) };
    format!("{} is {}{within}", grant.actor, roles.join(", "))
}

impl<S: Stage> Player<S> {
    /// `seen=p1`: what was proposed by the line of that label, as its hash.
    pub(super) fn payload_hash(&mut self, words: &mut Words) -> Result<Option<[u8; 32]>, String> {
        let Some(label) = words.option("seen") else { return Ok(None) };
        let sequence = *self.labels.get(&label).ok_or_else(|| format!("no line is labelled {label}"))?;
        let hash = self.payloads.get(&sequence).ok_or_else(|| format!("{label} is no command"))?;
        Ok(Some(*hash))
    }
}
