//! The HTTP listener of operations: metrics for Prometheus, whether the process lives, whether it serves.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Projections;
use store::Log;

/// What the listener knows. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Condition {
    metrics: PrometheusHandle,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// What keeps it from serving; nothing: it serves.
    not_ready: Option<String>,
    /// It is out of space, which nothing else makes good.
    full: Option<String>,
    /// Why the process must end.
    broken: Option<String>,
    followed: Option<(Arc<Log>, Projections)>,
}

impl Condition {
    pub(crate) fn new(metrics: PrometheusHandle) -> Condition {
        let inner = Inner { not_ready: Some("starting".to_owned()), full: None, broken: None, followed: None };
        Condition { metrics, inner: Arc::new(Mutex::new(inner)) }
    }

    pub(crate) fn not_ready(&self, why: String) {
        self.with(|inner| inner.not_ready = Some(why));
    }

    pub(crate) fn ready(&self) {
        self.with(|inner| inner.not_ready = None);
    }

    pub(crate) fn broken(&self, why: String) {
        self.with(|inner| {
            inner.not_ready = Some(why.clone());
            inner.broken = Some(why);
        });
    }

    /// The disk is full: it answers questions and takes no commands, for as long as this condition lasts.
    pub(crate) fn full(&self, why: String) {
        let why = format!("questions are answered, and it goes on by itself when there is space: {why}");
        self.with(|inner| inner.full = Some(why));
    }

    /// Whose lag is shown.
    pub(crate) fn follow(&self, log: Arc<Log>, views: Projections) {
        self.with(|inner| inner.followed = Some((log, views)));
    }

    /// Takes in what histograms collected, so that they do not grow when nobody scrapes.
    pub(crate) fn upkeep(&self) {
        self.metrics.run_upkeep();
    }

    /// The routes of the listener.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/metrics", get(render))
            .route("/healthz", get(alive))
            .route("/readyz", get(serves))
            .with_state(self)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn render(State(condition): State<Condition>) -> String {
    if let Some((log, views)) = condition.with(|inner| inner.followed.clone()) {
        let head = log.head().sequence;
        gauge!("quittance_log_sequence").set(head as f64);
        for each in views.standing() {
            gauge!("quittance_view_sequence", "view" => each.view).set(each.sequence as f64);
            gauge!("quittance_view_lag_records", "view" => each.view).set(head.saturating_sub(each.sequence) as f64);
            gauge!("quittance_view_stopped", "view" => each.view).set(f64::from(u8::from(each.stopped.is_some())));
        }
    }
    condition.metrics.render()
}

async fn alive(State(condition): State<Condition>) -> (StatusCode, String) {
    match condition.with(|inner| inner.broken.clone()) {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn serves(State(condition): State<Condition>) -> (StatusCode, String) {
    match condition.with(|inner| inner.full.clone().or_else(|| inner.not_ready.clone())) {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}
