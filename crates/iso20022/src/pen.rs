//! Writes elements in order, with what the standard has room for.

use crate::access::Shown;
use crate::error::WriteError;
use model::date::Date;
use model::decimal::Decimal;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;
use std::fmt::Display;
use std::io;

/// The most digits of any number of the standard.
const MOST_DIGITS: usize = 18;

/// A document that is being written.
pub(crate) struct Pen {
    out: Writer<Vec<u8>>,
    path: Vec<&'static str>,
}

impl Pen {
    pub fn new() -> Pen {
        let mut pen = Pen { out: Writer::new_with_indent(Vec::with_capacity(4096), b' ', 2), path: Vec::new() };
        pen.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        pen
    }

    pub fn finish(self) -> Vec<u8> {
        let mut bytes = self.out.into_inner();
        bytes.push(b'\n');
        bytes
    }

    fn event(&mut self, event: Event<'_>) {
        let written: io::Result<()> = self.out.write_event(event);
        written.expect("memory takes what is written");
    }

    /// An element that holds others.
    pub fn node(
        &mut self,
        name: &'static str,
        inner: impl FnOnce(&mut Pen) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.open(name, BytesStart::new(name), inner)
    }

    /// The same with a default namespace.
    pub fn space(
        &mut self,
        name: &'static str,
        namespace: &str,
        inner: impl FnOnce(&mut Pen) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.open(name, BytesStart::new(name).with_attributes([("xmlns", namespace)]), inner)
    }

    fn open(
        &mut self,
        name: &'static str,
        start: BytesStart<'_>,
        inner: impl FnOnce(&mut Pen) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.event(Event::Start(start));
        self.path.push(name);
        inner(self)?;
        self.path.pop();
        self.event(Event::End(BytesEnd::new(name)));
        Ok(())
    }

    /// Elements around one.
    pub fn within(
        &mut self,
        names: &[&'static str],
        inner: impl FnOnce(&mut Pen) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        for name in names {
            self.event(Event::Start(BytesStart::new(*name)));
            self.path.push(name);
        }
        inner(self)?;
        for name in names.iter().rev() {
            self.path.pop();
            self.event(Event::End(BytesEnd::new(*name)));
        }
        Ok(())
    }

    /// A code or anything else of ours that fits by what it is.
    pub fn code(&mut self, name: &'static str, text: &str) {
        self.plain(BytesStart::new(name), name, text);
    }

    fn plain(&mut self, start: BytesStart<'_>, name: &'static str, text: &str) {
        self.event(Event::Start(start));
        self.event(Event::Text(BytesText::new(text)));
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// A text of 1 to `most` characters.
    pub fn text(&mut self, name: &'static str, text: &str, most: usize) -> Result<(), WriteError> {
        let count = text.chars().count();
        if count == 0 || count > most {
            let reason = format!("{}: {count} characters, the standard has room for 1 to {most}", Shown(text));
            return Err(self.fault(name, reason));
        }
        if text.trim() != text {
            return Err(self.fault(name, format!("{}: blanks around a text would be lost", Shown(text))));
        }
        if let Some(letter) =
            text.chars().find(|letter| letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}'))
        {
            return Err(self.fault(name, format!("{letter:?} cannot stand in a text of XML")));
        }
        self.code(name, text);
        Ok(())
    }

    /// `Max35Text`.
    pub fn text35(&mut self, name: &'static str, text: &str) -> Result<(), WriteError> {
        self.text(name, text, 35)
    }

    /// The same where there is a text.
    pub fn maybe35(&mut self, name: &'static str, text: &str) -> Result<(), WriteError> {
        if text.is_empty() { Ok(()) } else { self.text35(name, text) }
    }

    pub fn date(&mut self, name: &'static str, date: Date) {
        self.code(name, &date.to_string());
    }

    pub fn indicator(&mut self, name: &'static str, yes: bool) {
        self.code(name, if yes { "true" } else { "false" });
    }

    /// A number not below zero, with at most so many decimals that are not zeros at the end.
    pub fn number(&mut self, name: &'static str, number: Decimal, decimals: u32) -> Result<(), WriteError> {
        self.fits(name, number, decimals)?;
        self.code(name, &number.to_string());
        Ok(())
    }

    /// An amount with its currency, not below zero: which way it goes is said elsewhere.
    pub fn amount(&mut self, name: &'static str, currency: &str, amount: Decimal) -> Result<(), WriteError> {
        self.fits(name, amount, 5)?;
        self.plain(BytesStart::new(name).with_attributes([("Ccy", currency)]), name, &amount.to_string());
        Ok(())
    }

    fn fits(&self, name: &'static str, number: Decimal, decimals: u32) -> Result<(), WriteError> {
        let text = number.to_string();
        let (whole, behind) = text.split_once('.').unwrap_or((&text, ""));
        let (whole, behind) = (whole.trim_start_matches('0'), behind.trim_end_matches('0'));
        if number.unscaled < 0 {
            return Err(self.fault(name, format!("{text} is below zero")));
        }
        if whole.len() + behind.len() > MOST_DIGITS || behind.len() > decimals as usize {
            let room = format!("{MOST_DIGITS} digits, {decimals} of them behind the point");
            return Err(self.fault(name, format!("{text}: the standard has room for {room}")));
        }
        Ok(())
    }

    #[cold]
    pub fn fault(&self, name: &str, reason: impl Display) -> WriteError {
        let mut path: Vec<&str> = self.path.iter().copied().skip(1).collect();
        path.push(name);
        WriteError::of(&path.join("/"), reason)
    }
}
