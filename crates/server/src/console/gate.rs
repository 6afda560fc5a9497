//! Before every request of a browser: is it for this service, does it come from our own page, is it a call or a page.
//!
//! A page of somebody else's, open in the same browser, may send requests here (its origin gives it away), and may have its
//! own name point to 127.0.0.1 (the name it asks for gives it away). Neither gets as far as the services.

use std::future::{Future, ready};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, STRICT_TRANSPORT_SECURITY};
use tonic::codegen::http::uri::Authority;
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;

use super::pages;

/// What begins the path of a call that is ours.
const CALLS: &str = "/quittance.service.v1.";
/// What a call is written in.
const GRPC_WEB: &[u8] = b"application/grpc-web";

/// Sent with every answer: nothing from elsewhere is loaded, run, framed or told.
const HEADERS: [(HeaderName, HeaderValue); 8] = [
    (
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        ),
    ),
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY")),
    (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static("require-corp")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// What the listener is.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    pub(super) encrypted: bool,
    /// Bytes of the headers of one request.
    pub(super) header_bytes: usize,
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, service: S) -> Gated<S> {
        Gated { service, gate: *self }
    }
}

#[derive(Clone)]
pub(super) struct Gated<S> {
    service: S,
    gate: Gate,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let gate = self.gate;
        let answer = match gate.look(&request) {
            Err((status, why)) => pages::words(status, why),
            Ok(Wants::Page) => pages::answer(&request),
            Ok(Wants::Call) => {
                let answer = self.service.call(request);
                return Box::pin(async move { answer.await.map(|answer| gate.seal(answer)) });
            }
        };
        Box::pin(ready(Ok(gate.seal(answer))))
    }
}

enum Wants {
    Page,
    Call,
}

type Refused = (StatusCode, &'static str);

impl Gate {
    fn look(&self, request: &Request<Body>) -> Result<Wants, Refused> {
        let headers = request.headers();
        if bytes(headers) > self.header_bytes {
            return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too many or too long headers\n"));
        }
        let asked = request.uri().authority().cloned().or_else(|| headers.get(HOST)?.to_str().ok()?.parse().ok());
        let asked = asked.ok_or((StatusCode::BAD_REQUEST, "the request names no host\n"))?;
        if !self.encrypted && !is_loopback(&asked) {
            return Err((StatusCode::MISDIRECTED_REQUEST, "without TLS only this machine itself is served\n"));
        }
        if let Some(origin) = headers.get(ORIGIN) {
            let scheme = if self.encrypted { "https" } else { "http" };
            if origin.as_bytes() != format!("{scheme}://{asked}").as_bytes() {
                return Err((StatusCode::FORBIDDEN, "this page is none of ours\n"));
            }
        }
        if !request.uri().path().starts_with(CALLS) {
            return Ok(Wants::Page);
        }
        let spoken = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if !spoken.starts_with(GRPC_WEB) {
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "calls are gRPC-web here; gRPC has its own listener\n"));
        }
        Ok(Wants::Call)
    }

    fn seal(&self, mut answer: Response<Body>) -> Response<Body> {
        let headers = answer.headers_mut();
        headers.extend(HEADERS);
        if self.encrypted {
            headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        answer
    }
}

/// As HTTP/2 counts them (RFC 9113 section 6.5.2), so that one limit holds for both.
fn bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Gate = Gate { encrypted: false, header_bytes: 1_024 };

    fn asked(path: &str, headers: &[(&str, &str)]) -> Result<bool, u16> {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let wants = PLAIN.look(&request.body(Body::empty()).expect("a request"));
        wants.map(|wants| matches!(wants, Wants::Call)).map_err(|(status, _)| status.as_u16())
    }

    #[test]
    fn a_foreign_page_gets_nowhere() {
        let call = "/quittance.service.v1.LogService/GetHead";
        let web = ("content-type", "application/grpc-web+proto");
        let ours = ("host", "127.0.0.1:7402");
        assert_eq!(asked("/", &[ours]), Ok(false));
        assert_eq!(asked(call, &[ours, web]), Ok(true));
        assert_eq!(asked(call, &[ours, web, ("origin", "http://127.0.0.1:7402")]), Ok(true));
        for origin in ["http://127.0.0.1:7400", "https://127.0.0.1:7402", "http://evil.example", "null"] {
            assert_eq!(asked(call, &[ours, web, ("origin", origin)]), Err(403), "{origin}");
        }
        for host in ["evil.example", "evil.example:7402", "127.0.0.1.evil.example", "10.0.0.1"] {
            assert_eq!(asked("/", &[("host", host)]), Err(421), "{host}");
        }
        for host in ["localhost:7402", "[::1]:7402", "127.0.0.2"] {
            assert_eq!(asked("/", &[("host", host)]), Ok(false), "{host}");
        }
        assert_eq!(asked("/", &[]), Err(400));
    }

    #[test]
    fn other_languages_and_long_headers_are_refused() {
        let call = "/quittance.service.v1.LogService/GetHead";
        let ours = ("host", "localhost");
        for spoken in ["application/grpc", "text/plain", "application/json"] {
            assert_eq!(asked(call, &[ours, ("content-type", spoken)]), Err(415), "{spoken}");
        }
        assert_eq!(asked("/", &[ours, ("x-long", &"x".repeat(1_024))]), Err(431));
    }
}
