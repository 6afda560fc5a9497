//! An element as the messages look at it: by names, with errors that say the path.
//!
//! Only elements of the message's own namespace are seen. One that must be there once and is there twice is an error: two readers
//! that each take another of the two would believe different things.

use crate::error::ReadError;
use crate::tree::{Element, Tree};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::Identifier;
use std::fmt::Display;

/// An element.
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    tree: &'t Tree,
    at: usize,
}

impl<'t> Node<'t> {
    pub fn root(tree: &'t Tree) -> Node<'t> {
        Node { tree, at: 0 }
    }

    fn element(self) -> &'t Element {
        &self.tree.elements[self.at]
    }

    /// Its name without prefix.
    pub fn name(self) -> &'t str {
        &self.element().name
    }

    /// Its namespace; empty: none.
    pub fn namespace(self) -> &'t str {
        &self.tree.namespaces[self.element().namespace]
    }

    /// Every element in it, of whatever namespace.
    pub fn all(self) -> impl Iterator<Item = Node<'t>> {
        self.element().children.iter().map(move |at| Node { tree: self.tree, at: *at })
    }

    /// The elements in it of its own namespace.
    pub fn children(self) -> impl Iterator<Item = Node<'t>> {
        let namespace = self.element().namespace;
        self.all().filter(move |child| child.element().namespace == namespace)
    }

    /// Those of a name.
    pub fn every(self, name: &'static str) -> impl Iterator<Item = Node<'t>> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The only one of a name, if it is there.
    pub fn find(self, name: &'static str) -> Result<Option<Node<'t>>, ReadError> {
        let mut every = self.every(name);
        let found = every.next();
        match every.next() {
            Some(second) => Err(second.fault("it is said twice, expected once")),
            None => Ok(found),
        }
    }

    /// Along names, as far as it is there.
    pub fn seek(self, names: &[&'static str]) -> Result<Option<Node<'t>>, ReadError> {
        let mut at = self;
        for name in names {
            match at.find(name)? {
                Some(child) => at = child,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// Along names that must be there.
    pub fn need(self, names: &[&'static str]) -> Result<Node<'t>, ReadError> {
        let mut at = self;
        for name in names {
            at = at.find(name)?.ok_or_else(|| at.missing(name))?;
        }
        Ok(at)
    }

    /// The one of some elements that is there: a choice.
    pub fn choice(self, names: &[&'static str]) -> Result<Node<'t>, ReadError> {
        let mut found = None;
        for name in names {
            if let Some(child) = self.find(name)? {
                if let Some(other) = found {
                    let other: Node<'_> = other;
                    return Err(child.fault(format!("{} is there too, expected one of them", other.name())));
                }
                found = Some(child);
            }
        }
        found.ok_or_else(|| self.missing(&names.join(" or ")))
    }

    /// Its text, without the blanks around it; never empty.
    pub fn text(self) -> Result<&'t str, ReadError> {
        let element = self.element();
        if !element.children.is_empty() {
            return Err(self.fault("it holds elements, expected a text"));
        }
        match element.text.trim() {
            "" => Err(self.fault("it is empty, expected a text")),
            text => Ok(text),
        }
    }

    /// The text at the end of names, if it is there.
    pub fn text_at(self, names: &[&'static str]) -> Result<Option<&'t str>, ReadError> {
        self.seek(names)?.map(Node::text).transpose()
    }

    /// The same; empty where it is not there.
    pub fn string_at(self, names: &[&'static str]) -> Result<String, ReadError> {
        Ok(self.text_at(names)?.unwrap_or_default().to_owned())
    }

    /// A reference: the element's text, or, as in earlier versions, that of the `Id` in it.
    pub fn reference(self) -> Result<&'t str, ReadError> {
        self.find("Id")?.unwrap_or(self).text()
    }

    /// The reference at the end of names; empty where it is not there.
    pub fn reference_at(self, names: &[&'static str]) -> Result<String, ReadError> {
        Ok(self.seek(names)?.map(Node::reference).transpose()?.unwrap_or_default().to_owned())
    }

    pub fn currency(self) -> Result<&'t str, ReadError> {
        self.element().currency.as_deref().ok_or_else(|| self.fault("the attribute Ccy is missing"))
    }

    /// Its text as something that can be read from one.
    pub fn parse<T, E: Display>(self, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, ReadError> {
        let text = self.text()?;
        read(text).map_err(|error| self.fault(format!("{}: {error}", Shown(text))))
    }

    pub fn identifier(self) -> Result<Identifier, ReadError> {
        self.parse(Identifier::parse)
    }

    /// `YesNoIndicator`.
    pub fn indicator(self) -> Result<bool, ReadError> {
        self.parse(|text| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("expected true or false"),
        })
    }

    /// The number of an `xs:decimal`: also with a plus, and without digits on one side of the point.
    pub fn decimal(self) -> Result<Decimal, ReadError> {
        self.parse(|text| {
            let unsigned = text.trim_start_matches(['+', '-']);
            if text.len() - unsigned.len() > 1 {
                return Err("two signs, expected one at most".to_owned());
            }
            let (whole, behind) = unsigned.split_once('.').unwrap_or((unsigned, ""));
            if whole.is_empty() && behind.is_empty() {
                return Err("expected a number".to_owned());
            }
            let sign = if text.starts_with('-') { "-" } else { "" };
            let whole = if whole.is_empty() { "0" } else { whole };
            let plain = if behind.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{behind}") };
            Decimal::parse(&plain).map_err(|error| error.to_string())
        })
    }

    /// `ISODate`: the day as it is written, whatever zone stands behind it.
    pub fn date(self) -> Result<Date, ReadError> {
        self.parse(|text| {
            let (day, zone) = text.split_at_checked(10).ok_or("expected YYYY-MM-DD")?;
            if !zone.is_empty() && crate::header::zone(zone).is_none() {
                return Err("expected YYYY-MM-DD".to_owned());
            }
            Date::parse(day).map_err(|error| error.to_string())
        })
    }

    /// The day of a choice of `Dt` and `DtTm`: of an instant the day where it was said.
    pub fn day(self) -> Result<Date, ReadError> {
        let said = self.choice(&["Dt", "DtTm"])?;
        if said.name() == "Dt" { said.date() } else { Ok(said.parse(crate::header::instant)?.1) }
    }

    #[cold]
    pub fn missing(self, name: &str) -> ReadError {
        let path = format!("{}/{name}", self.tree.path(self.at));
        ReadError { path, offset: self.element().offset, reason: "it is required and missing".to_owned() }
    }

    #[cold]
    pub fn fault(self, reason: impl Display) -> ReadError {
        let (path, offset) = (self.tree.path(self.at), self.element().offset);
        ReadError { path, offset, reason: reason.to_string() }
    }
}

/// A text as errors repeat it: quoted, and not all of a long one.
pub(crate) struct Shown<'a>(pub &'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MOST: usize = 60;
        match self.0.char_indices().nth(MOST) {
            Some((cut, _)) => write!(f, "{:?}…", &self.0[..cut]),
            None => write!(f, "{:?}", self.0),
        }
    }
}
