//! What is told of each call: its span, joined to the caller's trace, and its metrics.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use metrics::{counter, histogram};
use opentelemetry::propagation::Extractor;
use tonic::codegen::{Service, http};
use tower_layer::Layer;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What begins the path of a call that is ours.
const OURS: &str = "/quittance.service.v1.";

/// The span of a call. A caller that traces is its parent (W3C `traceparent`).
pub(crate) fn span(request: &http::Request<()>) -> Span {
    let path = request.uri().path();
    let span =
        tracing::info_span!("call", otel.name = path, otel.kind = "server", rpc.system = "grpc", rpc.method = path);
    if request.headers().contains_key("traceparent") {
        let parent = opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&Headers(request)));
        // Refused when nobody collects traces.
        let _ = span.set_parent(parent);
    }
    span
}

struct Headers<'a>(&'a http::Request<()>);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.headers().get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.headers().keys().map(http::HeaderName::as_str).collect()
    }
}

/// Counts calls by method and code, and how long each took to its answer, a stream to its beginning.
#[derive(Clone, Copy)]
pub(crate) struct Counted;

impl<S> Layer<S> for Counted {
    type Service = Counting<S>;

    fn layer(&self, service: S) -> Counting<S> {
        Counting { service }
    }
}

#[derive(Clone)]
pub(crate) struct Counting<S> {
    service: S,
}

impl<S, Asked, Answered> Service<http::Request<Asked>> for Counting<S>
where
    S: Service<http::Request<Asked>, Response = http::Response<Answered>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Asked>) -> Self::Future {
        let begun = Instant::now();
        let method = request.uri().path().strip_prefix(OURS).map(str::to_owned);
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            // What fails before it has said anything has its code in the headers; the trailers of streams are not looked at.
            let code =
                answer.headers().get("grpc-status").and_then(|code| code.to_str().ok()).unwrap_or("0").to_owned();
            // A path that does not exist must not become a name in the metrics: anybody could make millions.
            let method = method.filter(|_| code != UNIMPLEMENTED).unwrap_or_else(|| "other".to_owned());
            histogram!("quittance_grpc_call_seconds", "method" => method.clone()).record(begun.elapsed());
            counter!("quittance_grpc_calls_total", "method" => method, "code" => code).increment(1);
            Ok(answer)
        })
    }
}

const UNIMPLEMENTED: &str = "12";
