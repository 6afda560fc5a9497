//! The built console in the binary: four files, each with its hash as its tag, also compressed.

use std::sync::LazyLock;

use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

/// Path, type and bytes, as `make console` built them.
const BUILT: [(&str, &str, &[u8]); 4] = [
    ("/", "text/html; charset=utf-8", include_bytes!("../../console/dist/index.html")),
    ("/console.js", "text/javascript; charset=utf-8", include_bytes!("../../console/dist/console.js")),
    ("/console.css", "text/css; charset=utf-8", include_bytes!("../../console/dist/console.css")),
    ("/favicon.svg", "image/svg+xml", include_bytes!("../../console/dist/favicon.svg")),
];
/// Pages are compressed once, when the first is asked for.
const LEVEL: i32 = 12;

struct Page {
    path: &'static str,
    kind: HeaderValue,
    tag: HeaderValue,
    plain: Bytes,
    /// Nothing when it would not be shorter.
    zstd: Option<Bytes>,
}

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| BUILT.iter().map(page).collect());

fn page(&(path, kind, bytes): &(&'static str, &'static str, &'static [u8])) -> Page {
    let hash = store::chain::leaf(bytes);
    let tag: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let zstd = zstd::encode_all(bytes, LEVEL).ok().filter(|shorter| shorter.len() < bytes.len());
    Page {
        path,
        kind: HeaderValue::from_static(kind),
        tag: HeaderValue::from_str(&format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\"")),
        plain: Bytes::from_static(bytes),
        zstd: zstd.map(Bytes::from),
    }
}

/// The page that is asked for, or why there is none.
pub(super) fn answer(request: &Request<Body>) -> Response<Body> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = words(StatusCode::METHOD_NOT_ALLOWED, "pages are read with GET\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let Some(page) = PAGES.iter().find(|page| page.path == request.uri().path()) else {
        return words(StatusCode::NOT_FOUND, "there is no such page\n");
    };
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert(ETAG, page.tag.clone());
    // Asked for again each time, and sent again only when the program is another one.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if lists(request.headers(), IF_NONE_MATCH, page.tag.as_bytes()) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    headers.insert(CONTENT_TYPE, page.kind.clone());
    let bytes = match &page.zstd {
        Some(zstd) if lists(request.headers(), ACCEPT_ENCODING, b"zstd") => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
            zstd
        }
        _ => &page.plain,
    };
    if request.method() == Method::GET {
        *answer.body_mut() = Body::new(http_body_util::Full::new(bytes.clone()));
    }
    answer
}

/// A line of text instead of a page.
pub(super) fn words(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::new(http_body_util::Full::new(Bytes::from_static(text.as_bytes()))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// A header that lists things with commas names this one.
fn lists(headers: &HeaderMap, header: HeaderName, wanted: &[u8]) -> bool {
    let named =
        |value: &HeaderValue| value.as_bytes().split(|byte| *byte == b',').any(|each| each.trim_ascii() == wanted);
    headers.get_all(header).iter().any(named)
}
