//! What proves to a server who calls: a client certificate, or a signed token. Without either the caller's own word goes,
//! which a server believes only where it was started so.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::connection::ACTOR;
use crate::fault::usage;

/// Who calls, and how the server can know.
#[derive(Args, Clone, Debug, Default)]
pub struct Proof {
    /// The authority of the server's certificate, a PEM file: speaks TLS
    #[arg(long, global = true, env = "QUITTANCE_TLS_CA", value_name = "FILE", hide_short_help = true)]
    tls_ca: Option<PathBuf>,
    /// The caller's own certificate, a PEM file
    #[arg(long, global = true, env = "QUITTANCE_TLS_CERT", value_name = "FILE", hide_short_help = true)]
    tls_cert: Option<PathBuf>,
    /// Its private key, a PEM file
    #[arg(long, global = true, env = "QUITTANCE_TLS_KEY", value_name = "FILE", hide_short_help = true)]
    tls_key: Option<PathBuf>,
    /// A signed token (JWT) in a file: it says who calls
    #[arg(long, global = true, env = "QUITTANCE_TOKEN_FILE", value_name = "FILE", hide_short_help = true)]
    token_file: Option<PathBuf>,
}

/// A channel over which every call says who calls.
pub type Spoken = InterceptedService<Channel, Word>;

impl Proof {
    pub fn is_encrypted(&self) -> bool {
        self.tls_ca.is_some()
    }

    pub fn encrypt(&self, endpoint: Endpoint) -> Result<Endpoint> {
        let Some(authority) = &self.tls_ca else {
            if self.tls_cert.is_some() || self.tls_key.is_some() {
                return Err(usage("--tls-cert needs --tls-ca: by it the server is known"));
            }
            return Ok(endpoint);
        };
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(authority)?));
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?)),
            (None, None) => {}
            _ => return Err(usage("--tls-cert and --tls-key go together")),
        }
        endpoint.tls_config(tls).map_err(|error| usage(format!("TLS: {error}")))
    }

    /// What each call carries.
    pub fn word(&self) -> Result<Word> {
        let actor = std::env::var("QUITTANCE_ACTOR").ok().filter(|actor| !actor.is_empty()).or_else(user);
        let token = match &self.token_file {
            None => None,
            Some(path) => {
                let text = String::from_utf8_lossy(&read(path)?).trim().to_owned();
                let value = format!("Bearer {text}").parse();
                Some(value.map_err(|_| usage(format!("{}: there is no token in it", path.display())))?)
            }
        };
        Ok(Word { actor: actor.and_then(|actor| actor.parse().ok()), token, dates: Vec::new() })
    }
}

/// What a call says of its caller.
#[derive(Clone)]
pub struct Word {
    actor: Option<MetadataValue<Ascii>>,
    token: Option<MetadataValue<Ascii>>,
    /// What was known when, and which date is asked for.
    pub dates: Vec<(&'static str, MetadataValue<Ascii>)>,
}

impl Interceptor for Word {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        if let Some(actor) = self.actor.clone().filter(|_| !metadata.contains_key(ACTOR)) {
            metadata.insert(ACTOR, actor);
        }
        if let Some(token) = self.token.clone() {
            metadata.insert("authorization", token);
        }
        for (key, value) in &self.dates {
            metadata.insert(*key, value.clone());
        }
        Ok(request)
    }
}

/// The user of this machine.
pub fn user() -> Option<String> {
    ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|user| !user.is_empty())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| usage(format!("{}: {error}", path.display())))
}
