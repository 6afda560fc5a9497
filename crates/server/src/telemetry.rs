//! Logs, traces and metrics of the process. Set up once, by the program and not by a library: tests and embedders have their own.

use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::Telemetry;

/// Traces that were not exported yet are when this is dropped.
#[must_use = "dropping it ends the export of traces"]
pub struct Telemetering {
    traces: Option<SdkTracerProvider>,
}

/// Sends log lines to standard error and, when a collector is configured, traces to it. Needs a tokio runtime for the latter.
///
/// # Errors
/// When the filter or the collector's address makes no sense, or a subscriber is installed already.
pub fn install(config: &Telemetry) -> Result<Telemetering> {
    let filter = || {
        let parsed = EnvFilter::try_new(&config.filter);
        parsed.with_context(|| {
            format!("telemetry.filter = {}: expected what RUST_LOG has, such as info,engine=debug", config.filter)
        })
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if config.format == "json" { lines.json().boxed() } else { lines.boxed() };
    let traces = match config.otlp_endpoint.as_str() {
        "" => None,
        endpoint => Some(exporter(config, endpoint)?),
    };
    let spans = match &traces {
        None => None,
        Some(provider) => {
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("quittance"));
            Some(layer.with_filter(filter()?))
        }
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter()?))
        .with(spans)
        .try_init()
        .context("telemetry can be set up once in a process")?;
    Ok(Telemetering { traces })
}

fn exporter(config: &Telemetry, endpoint: &str) -> Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build();
    let exporter = exporter.with_context(|| format!("telemetry.otlp_endpoint = {endpoint}"))?;
    // A caller that traces decides for its calls; the others are sampled.
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio)));
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(Resource::builder().with_service_name(config.service.clone()).build())
        .build())
}

impl Drop for Telemetering {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.traces.take().map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// Buckets of durations: from a tenth of a millisecond to ten seconds.
const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The one recorder of the process. All servers in it share it: metrics are global by their nature.
///
/// # Errors
/// When another recorder is installed.
pub(crate) fn recorder() -> Result<PrometheusHandle> {
    static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let installed = RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS);
        builder.and_then(PrometheusBuilder::install_recorder).map_err(|error| error.to_string())
    });
    installed.clone().map_err(|error| anyhow::anyhow!("metrics: {error}"))
}
