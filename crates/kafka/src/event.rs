//! The headers of a message: CloudEvents 1.0 in Kafka's binary mode, and W3C trace context.
//!
//! In binary mode the value is the event's data as it is and the attributes are headers, so a consumer that knows nothing of
//! CloudEvents loses nothing.

use rdkafka::message::{Header, OwnedHeaders};
use std::ffi::CStr;

/// The header of W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACEPARENT_C: &CStr = c"traceparent";
/// The header that says what the value is: the attribute `datacontenttype` of CloudEvents, in Kafka's binary mode.
pub const CONTENT_TYPE: &str = "content-type";
pub(crate) const CONTENT_TYPE_C: &CStr = c"content-type";
/// Of a protobuf message.
pub const PROTOBUF: &str = "application/protobuf";
/// Of an XML document: RFC 7303.
pub const XML: &str = "application/xml";

/// The attributes of an event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// With the source it names the event: the same event sent again has the same id.
    pub id: &'a str,
    /// What it is: `quittance.trade.v1`.
    pub kind: &'a str,
    /// Who sends it: a URI reference, `/front-office/FO-ALPHA`.
    pub source: &'a str,
    /// What the value is.
    pub content_type: &'a str,
    /// A sampled trace it belongs to.
    pub traceparent: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// A protobuf message.
    pub fn protobuf(id: &'a str, kind: &'a str, source: &'a str) -> Event<'a> {
        Event { id, kind, source, content_type: PROTOBUF, traceparent: None }
    }

    /// An XML document.
    pub fn xml(id: &'a str, kind: &'a str, source: &'a str) -> Event<'a> {
        Event { content_type: XML, ..Event::protobuf(id, kind, source) }
    }

    pub(crate) fn headers(&self) -> OwnedHeaders {
        let headers = OwnedHeaders::new_with_capacity(6 + EXTENSIONS);
        let headers = put(headers, "ce_specversion", "1.0");
        let headers = put(headers, "ce_id", self.id);
        let headers = put(headers, "ce_type", self.kind);
        let headers = put(headers, "ce_source", self.source);
        let headers = put(headers, CONTENT_TYPE, self.content_type);
        match self.traceparent {
            Some(trace) => put(headers, TRACEPARENT, trace),
            None => headers,
        }
    }
}

/// Room for a message's own headers.
const EXTENSIONS: usize = 9;

pub(crate) fn put(headers: OwnedHeaders, key: &str, value: &str) -> OwnedHeaders {
    headers.insert(Header { key, value: Some(value) })
}

/// Whether a content type is one of XML's (RFC 7303): `application/xml`, `text/xml` or anything that ends in `+xml`, in letters of any
/// size, whatever parameters follow. What the document's characters are is for its reader: they must be UTF-8.
#[must_use]
pub fn is_xml(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence == XML.as_bytes() || essence == b"text/xml" || essence.ends_with(b"+xml")
}

/// A `traceparent` that is well-formed and says *sampled*; all others are of no use to a span link.
///
/// `00-<32 hex trace id>-<16 hex span id>-<2 hex flags>`, of which a later version may have more.
pub(crate) fn sampled(header: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(header).ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    let formed = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && some(trace) && some(span);
    let ends = version != "ff" && (version != "00" || parts.next().is_none());
    let sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    (formed && ends && sampled).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::message::Headers as _;

    #[test]
    fn attributes_become_headers() {
        let event = Event { traceparent: Some("x"), ..Event::protobuf("7", "quittance.trade.v1", "/front-office/A") };
        let headers = event.headers();
        let all: Vec<_> = headers.iter().map(|header| (header.key, header.value.unwrap_or_default())).collect();
        assert_eq!(all[0], ("ce_specversion", &b"1.0"[..]));
        assert_eq!(all[1], ("ce_id", &b"7"[..]));
        assert_eq!(all[5], ("traceparent", &b"x"[..]));
    }

    #[test]
    fn xml_has_several_names() {
        for name in
            ["application/xml", "text/xml; charset=utf-8", "Application/XML ;x=y", "application/vnd.iso20022+xml"]
        {
            assert!(is_xml(name.as_bytes()), "{name}");
        }
        for name in ["", "application/protobuf", "application/xml-dtd", "xml", "application/json; was=application/xml"]
        {
            assert!(!is_xml(name.as_bytes()), "{name}");
        }
    }

    /// The example of the W3C recommendation, and what is wrong with others.
    #[test]
    fn only_sampled_traces_count() {
        let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(sampled(example.as_bytes()), Some(example));
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings";
        assert_eq!(sampled(later.as_bytes()), Some(later));
        for wrong in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf9-00f067aa0ba902b7-01",
            "",
            "nonsense",
        ] {
            assert_eq!(sampled(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(sampled(b"\xff"), None);
    }
}
