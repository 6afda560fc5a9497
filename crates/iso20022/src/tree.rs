//! Bytes to a tree of elements, with bounds: what comes from outside may be anything.
//!
//! The tree is a list with numbers for parents and children: nothing here or in its drop recurses. A DTD is refused, so there
//! are no entities but the five of XML and characters by number, and nothing can grow when it is read.

use crate::error::ReadError;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use std::fmt::Display;

/// The most bytes of a document. A statement of a thousand lines has about half a million.
pub const MAX_DOCUMENT: usize = 4 << 20;

/// Elements within elements. The deepest path of the messages read is 14 below the root.
const MAX_DEPTH: usize = 48;
/// Elements of a document: a short one has seven bytes.
const MAX_ELEMENTS: usize = 400_000;

/// An element.
pub(crate) struct Element {
    /// Without its prefix.
    pub name: String,
    /// Number in [`Tree::namespaces`].
    pub namespace: usize,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    /// All text directly in it.
    pub text: String,
    /// The attribute `Ccy`.
    pub currency: Option<String>,
    /// Where its tag begins.
    pub offset: usize,
}

/// A document. The first element is its root.
pub(crate) struct Tree {
    pub elements: Vec<Element>,
    pub namespaces: Vec<String>,
}

impl Tree {
    /// From the root to an element.
    pub fn path(&self, mut at: usize) -> String {
        let mut names = Vec::new();
        loop {
            names.push(self.elements[at].name.as_str());
            match self.elements[at].parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
        names.reverse();
        names.join("/")
    }
}

struct Growing {
    tree: Tree,
    open: Vec<usize>,
}

/// Reads XML.
pub(crate) fn parse(bytes: &[u8]) -> Result<Tree, ReadError> {
    if bytes.len() > MAX_DOCUMENT {
        let reason = format!("{} bytes are more than a document may have ({MAX_DOCUMENT})", bytes.len());
        return Err(ReadError::of("", reason));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError {
        path: String::new(),
        offset: error.valid_up_to(),
        reason: "not UTF-8".to_owned(),
    })?;
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = text.len() - plain.len();
    let mut reader = NsReader::from_str(plain);
    reader.config_mut().check_comments = true;
    let mut growing =
        Growing { tree: Tree { elements: Vec::new(), namespaces: vec![String::new()] }, open: Vec::new() };
    loop {
        let offset = mark + reader.buffer_position() as usize;
        let event = reader.read_resolved_event();
        let (namespace, event) = match event {
            Ok((namespace, event)) => (namespace, event),
            Err(error) => {
                let reason = format!("not well-formed XML: {error}");
                let offset = mark + reader.error_position() as usize;
                return Err(ReadError { offset, ..growing.fault(offset, reason) });
            }
        };
        match event {
            Event::Start(start) => growing.start(&start, &namespace, offset)?,
            Event::Empty(start) => {
                growing.start(&start, &namespace, offset)?;
                growing.open.pop();
            }
            Event::End(_) => {
                growing.open.pop();
            }
            Event::Text(text) => growing.text(&text.xml10_content(), offset)?,
            Event::CData(text) => growing.text(&text.xml10_content(), offset)?,
            Event::GeneralRef(reference) => growing.reference(&reference, offset)?,
            Event::Decl(declaration) => {
                if let Some(encoding) = declaration.encoding() {
                    let encoding = encoding.map_err(|error| growing.fault(offset, error))?;
                    if !encoding.eq_ignore_ascii_case("utf-8") {
                        return Err(growing.fault(offset, format!("encoding {encoding}, expected UTF-8")));
                    }
                }
            }
            Event::DocType(_) => return Err(growing.fault(offset, "a document type definition is not accepted")),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return growing.finish(offset),
        }
    }
}

impl Growing {
    fn fault(&self, offset: usize, reason: impl Display) -> ReadError {
        let path = self.open.last().map(|at| self.tree.path(*at)).unwrap_or_default();
        ReadError { path, offset, reason: reason.to_string() }
    }

    fn start(&mut self, start: &BytesStart<'_>, namespace: &ResolveResult<'_>, offset: usize) -> Result<(), ReadError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault(offset, format!("more than {MAX_DEPTH} elements within each other")));
        }
        if self.tree.elements.len() >= MAX_ELEMENTS {
            return Err(self.fault(offset, format!("more than {MAX_ELEMENTS} elements")));
        }
        let namespace = match namespace {
            ResolveResult::Unbound => 0,
            ResolveResult::Bound(namespace) => self.namespace(namespace.0, offset)?,
            ResolveResult::Unknown(prefix) => {
                return Err(self.fault(offset, format!("the prefix {prefix} is bound to no namespace")));
            }
        };
        let mut currency = None;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| self.fault(offset, error))?;
            if attribute.key.0 == "Ccy" {
                currency = Some(attribute.value.trim().to_owned());
            }
        }
        let at = self.tree.elements.len();
        let parent = self.open.last().copied();
        match parent {
            Some(parent) => self.tree.elements[parent].children.push(at),
            None if at > 0 => return Err(self.fault(offset, "a second root element")),
            None => {}
        }
        let name = start.local_name().as_ref().to_owned();
        let (children, text) = (Vec::new(), String::new());
        self.tree.elements.push(Element { name, namespace, parent, children, text, currency, offset });
        self.open.push(at);
        Ok(())
    }

    fn namespace(&mut self, name: &str, offset: usize) -> Result<usize, ReadError> {
        // A message has three or four; whoever sends thousands wants our time.
        const MOST: usize = 32;
        if let Some(known) = self.tree.namespaces.iter().position(|known| known == name) {
            return Ok(known);
        }
        if self.tree.namespaces.len() >= MOST {
            return Err(self.fault(offset, format!("more than {MOST} namespaces")));
        }
        self.tree.namespaces.push(name.to_owned());
        Ok(self.tree.namespaces.len() - 1)
    }

    fn text(&mut self, text: &str, offset: usize) -> Result<(), ReadError> {
        match self.open.last() {
            Some(at) => self.tree.elements[*at].text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(self.fault(offset, "text outside of the root element")),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>, offset: usize) -> Result<(), ReadError> {
        let letter = match &**reference {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => reference.resolve_char_ref().map_err(|error| self.fault(offset, error))?,
        };
        match letter {
            Some(letter) => self.text(letter.encode_utf8(&mut [0; 4]), offset),
            None => Err(self.fault(offset, format!("the entity {} is not one of XML's own", &**reference))),
        }
    }

    fn finish(self, offset: usize) -> Result<Tree, ReadError> {
        if !self.open.is_empty() {
            return Err(self.fault(offset, "the document ends within this element"));
        }
        if self.tree.elements.is_empty() {
            return Err(self.fault(offset, "there is no element"));
        }
        Ok(self.tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        parse(text.as_bytes()).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_document_that_would_grow_is_refused() {
        let laughs = r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>"#;
        assert!(reason(laughs).contains("a document type definition is not accepted"), "{}", reason(laughs));
        assert!(reason("<l>&b;</l>").contains("the entity b is not one of XML's own"));
        assert!(reason("<l>&#0;</l>").starts_with("l "), "{}", reason("<l>&#0;</l>"));
        let deep = "<a>".repeat(MAX_DEPTH + 1);
        assert!(reason(&deep).contains("within each other"), "{}", reason(&deep));
        let long = parse(&vec![b' '; MAX_DOCUMENT + 1]).err().expect("too long").to_string();
        assert!(long.contains("more than a document may have"), "{long}");
        let many: String = (0..40).map(|n| format!("<a xmlns='urn:{n}'/>")).collect();
        assert!(reason(&format!("<r>{many}</r>")).contains("namespaces"));
    }

    #[test]
    fn xml_that_is_none_says_where() {
        for (text, part) in [
            ("", "there is no element"),
            ("<a>", "ends within this element"),
            ("<a></b>", "not well-formed"),
            ("<a/><b/>", "a second root"),
            ("<a/>x", "text outside"),
            ("<p:a/>", "bound to no namespace"),
            ("<?xml version='1.0' encoding='latin1'?><a/>", "expected UTF-8"),
            ("<a b='1' b='2'/>", "a"),
        ] {
            assert!(reason(text).contains(part), "{text}: {}", reason(text));
        }
        assert_eq!(parse(b"<a>\xff</a>").err().expect("no text").offset, 3);
    }

    #[test]
    fn text_comes_whole() {
        let tree = parse("<a Ccy=' EUR '>x&amp;y<!-- c --><![CDATA[<z>]]>&#65;</a>".as_bytes()).expect("good");
        assert_eq!(tree.elements[0].text, "x&y<z>A");
        assert_eq!(tree.elements[0].currency.as_deref(), Some("EUR"));
    }
}
