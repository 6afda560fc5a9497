//! How callers are let in, as the configuration says it: TLS with the authorities of each role, signed tokens, or – on a
//! loopback address and by an explicit flag only – plaintext in which a caller's own word counts.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use api::Backend;
use api::access::{Algorithm, Authority, Door, Questions, Revocations, Tokens};
use model::permission::AccessRole;
use tokio::sync::watch;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::config::{Access, Config};
use crate::settings;

/// How long a caller may take to agree on a secret.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What the services stand on, behind its door; and the TLS of the listener where there is one.
///
/// # Errors
/// As [`door`].
pub(crate) fn backend(config: &Config, closing: watch::Receiver<bool>) -> Result<(Backend, Option<ServerTlsConfig>)> {
    let (door, tls) = door(config)?;
    let questions = Questions::new(config.store.dir.join(Questions::FILE)).context("the writer of questions")?;
    let backend = Backend::new(settings::limits(&config.grpc), env!("CARGO_PKG_VERSION"), closing);
    Ok((backend.behind(door).writing_down(questions), tls))
}

/// The door, and the TLS of the listener where there is one.
///
/// # Errors
/// What cannot be read, or a configuration that would let in anybody from anywhere.
fn door(config: &Config) -> Result<(Door, Option<ServerTlsConfig>)> {
    let access = &config.access;
    let encrypted = !is_empty(&access.tls_cert);
    let outside = |listen: &&str| !listen.parse().is_ok_and(|address: SocketAddr| address.ip().is_loopback());
    let listeners = [("grpc.listen", config.grpc.listen.as_str()), ("console.listen", config.console.listen.as_str())];
    let exposed = listeners.into_iter().find(|(_, listen)| !listen.is_empty() && outside(listen));
    if !encrypted {
        ensure!(
            access.insecure_plaintext,
            "callers cannot be known: name a certificate (access.tls_cert, access.tls_key) and how callers are known \
             (access.client_cas or access.token_key), or, for trying out on this machine, say --insecure-plaintext"
        );
        if let Some((key, listen)) = exposed {
            bail!("access.insecure_plaintext: only on a loopback address, and {key} = {listen}");
        }
        ensure!(access.client_cas.is_empty(), "access.client_cas: certificates need TLS (access.tls_cert)");
    } else if access.insecure_plaintext {
        bail!("access.insecure_plaintext and access.tls_cert: say one of them");
    }
    let tokens = tokens(access)?;
    let (mut authorities, mut bundle) = (Vec::new(), Vec::new());
    for entry in &access.client_cas {
        let named = || format!("access.client_cas: {entry:?}");
        let (roles, path) = entry.split_once('=').with_context(|| format!("{}: expected role+role=file", named()))?;
        let roles = roles.split('+').map(role).collect::<Result<Vec<_>>>().with_context(named)?;
        let pem = read(Path::new(path)).with_context(named)?;
        authorities.push(Authority::new(roles, &pem).map_err(anyhow::Error::msg).with_context(named)?);
        bundle.extend(pem);
        bundle.push(b'\n');
    }
    let certain = !authorities.is_empty() || tokens.is_some();
    ensure!(certain || !encrypted, "callers cannot be known: name access.client_cas or access.token_key");
    let optional = tokens.is_some();
    let mut door = Door::new(authorities, tokens);
    if !is_empty(&access.revoked) {
        let revocations = Revocations::follow(&access.revoked).map_err(anyhow::Error::msg).context("access.revoked")?;
        door = door.but(revocations);
    }
    if !encrypted {
        return Ok((door.believing(), None));
    }
    let identity = Identity::from_pem(read(&access.tls_cert)?, read(&access.tls_key)?);
    let mut tls = ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE);
    if !bundle.is_empty() {
        tls = tls.client_ca_root(Certificate::from_pem(bundle)).client_auth_optional(optional);
    }
    Ok((door, Some(tls)))
}

fn tokens(access: &Access) -> Result<Option<Tokens>> {
    if is_empty(&access.token_key) {
        return Ok(None);
    }
    let algorithm = Algorithm::parse(&access.token_algorithm).with_context(|| {
        format!("access.token_algorithm = {}: expected EdDSA, ES256 or RS256", access.token_algorithm)
    })?;
    let tokens = Tokens::new(algorithm, &read(&access.token_key)?, &access.token_issuer, &access.token_audience);
    let tokens = tokens.map_err(anyhow::Error::msg).context("access.token_key, token_issuer, token_audience")?;
    Ok(Some(if access.token_key_id.is_empty() { tokens } else { tokens.signed_by(&access.token_key_id) }))
}

fn role(name: &str) -> Result<AccessRole> {
    let role = AccessRole::ALL.into_iter().find(|role| role.name() == name);
    let names = AccessRole::ALL.map(AccessRole::name).join(", ");
    role.with_context(|| format!("{name} is no role: {names}"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}
