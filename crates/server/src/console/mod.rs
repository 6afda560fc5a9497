//! The console in the browser, on a listener of its own: its pages, and gRPC-web to the same services behind the same door.
//!
//! A connection has the limits of the gRPC listener (calls at once, headers, time, age); HTTP/1.1 is understood here and
//! nowhere else. What a page needs is in the binary: nothing is fetched from elsewhere, and the browser is told to refuse it.

mod gate;
mod pages;

use std::future::Future;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::transport::ServerTlsConfig;
use tonic_web::GrpcWebLayer;

use crate::calls::{self, Counted};
use crate::config::Config;
use crate::running::closed;
use crate::{listener, settings};
use gate::Gate;

/// Serves browsers until the service ends; at once at its end where there is no listener.
///
/// # Errors
/// When the certificate of the listener cannot be used.
pub(crate) fn serve(
    config: &Config,
    listener: Option<TcpListener>,
    routes: Routes,
    tls: Option<ServerTlsConfig>,
    closing: watch::Receiver<bool>,
) -> Result<impl Future<Output = Result<(), tonic::transport::Error>> + Send + use<>> {
    let mut transport = settings::transport(&config.grpc).server().accept_http1(true);
    let gate = Gate { encrypted: tls.is_some(), header_bytes: (config.grpc.max_header_kib as usize) << 10 };
    if let Some(tls) = tls {
        transport = transport.tls_config(tls).context("access.tls_cert, access.tls_key, access.client_cas")?;
    }
    let most = settings::browsers(&config.console);
    let mut transport = transport.layer(Counted).layer(gate).layer(GrpcWebLayer::new()).trace_fn(calls::span);
    Ok(async move {
        let Some(listener) = listener else { return Ok(()) };
        let connections = listener::connections(listener, most);
        transport.add_routes(routes).serve_with_incoming_shutdown(connections, closed(closing)).await
    })
}
