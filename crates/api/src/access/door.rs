//! The door: who calls, and on whose word. A client certificate of a named authority, a signed token, or, where the
//! service was started so on a loopback address, what the caller says of itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::identifier::Identifier;
use model::permission::AccessRole;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use store::chain;
use tonic::codegen::http::HeaderMap;
use webpki::{EndEntityCert, KeyUsage};

use super::revoked::Revocations;
use super::token::Tokens;
use crate::caller::ACTOR;

/// A certificate that was checked is checked again after so long.
const CHECKED_FOR: Duration = Duration::from_secs(60);
/// Checked certificates that are remembered; more are forgotten all at once.
const REMEMBERED: usize = 4_096;

/// Who calls, as the door made sure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) actor: Identifier,
    /// What the authority that vouches for it may let it do. None: whatever its grant says.
    pub(crate) roles: Option<Vec<AccessRole>>,
    /// The id of the token that was brought.
    pub(crate) token: Option<String>,
}

/// A certificate authority, and for which roles its word counts.
#[derive(Clone, Debug)]
pub struct Authority {
    roles: Vec<AccessRole>,
    anchors: Vec<TrustAnchor<'static>>,
}

impl Authority {
    /// `pem` holds the authority's certificates.
    ///
    /// # Errors
    /// When there is none that can be read.
    pub fn new(roles: Vec<AccessRole>, pem: &[u8]) -> Result<Authority, String> {
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("no certificate: {error}"))?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate)
                .map_err(|error| format!("no certificate of an authority: {error}"))?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() || roles.is_empty() {
            return Err("there is no certificate in it, or no role named for it".to_owned());
        }
        Ok(Authority { roles, anchors })
    }
}

/// How callers are known.
#[derive(Debug, Default)]
pub struct Door {
    authorities: Vec<Authority>,
    tokens: Option<Tokens>,
    /// What a caller says of itself is believed.
    believes: bool,
    revocations: Option<Revocations>,
    checked: Mutex<HashMap<[u8; 32], (Identity, Instant)>>,
}

impl Door {
    /// Nobody is known but by what is given here.
    #[must_use]
    pub fn new(authorities: Vec<Authority>, tokens: Option<Tokens>) -> Door {
        Door { authorities, tokens, ..Door::default() }
    }

    /// Who brings neither certificate nor token is believed: for loopback, tests and demonstrations.
    #[must_use]
    pub fn believing(self) -> Door {
        Door { believes: true, ..self }
    }

    /// Whom the list names is not let in, however it is known; and tokens need an id by which they could be revoked.
    #[must_use]
    pub fn but(self, revocations: Revocations) -> Door {
        Door { revocations: Some(revocations), ..self }
    }

    pub(crate) fn revocations(&self) -> Option<&Revocations> {
        self.revocations.as_ref()
    }

    /// Who calls; none for a caller that says nothing where that is enough. `certificates` are those of the connection.
    pub(crate) fn identify(
        &self,
        certificates: Option<&[CertificateDer<'static>]>,
        headers: &HeaderMap,
    ) -> Result<Option<Identity>, &'static str> {
        let by_certificate = match certificates {
            Some([leaf, chain @ ..]) => Some(self.certified(leaf, chain)?),
            _ => None,
        };
        let by_token = match headers.get("authorization") {
            None => None,
            Some(value) => {
                let tokens = self.tokens.as_ref().ok_or("tokens are not accepted here")?;
                let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
                let claims = tokens.read(token.ok_or("the authorization is not of the form `Bearer TOKEN`")?, now())?;
                if self.revocations.is_some() && claims.id.is_none() {
                    return Err("the token has no id (jti): it could not be revoked");
                }
                Some(claims)
            }
        };
        let identity = match (by_certificate, by_token) {
            (Some(one), Some(other)) if one.actor != other.subject => {
                return Err("certificate and token name two different callers");
            }
            (Some(identity), token) => Some(Identity { token: token.and_then(|token| token.id), ..identity }),
            (None, Some(token)) => Some(Identity { actor: token.subject, roles: None, token: token.id }),
            (None, None) if self.believes => said(headers),
            (None, None) => return Err("who calls? Bring a client certificate or a signed token"),
        };
        let known = identity.as_ref();
        let refused = self.revocations.as_ref().and_then(|list| {
            list.refuses(known.map(|known| &known.actor), known.and_then(|known| known.token.as_deref()))
        });
        refused.map_or(Ok(identity), Err)
    }

    fn certified(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> Result<Identity, &'static str> {
        let key = chain::leaf(leaf.as_ref());
        if let Some((identity, at)) = self.remembered().get(&key)
            && at.elapsed() < CHECKED_FOR
        {
            return Ok(identity.clone());
        }
        let certificate = EndEntityCert::try_from(leaf).map_err(|_| "the certificate cannot be read")?;
        let mut roles: Vec<AccessRole> = Vec::new();
        let time = UnixTime::since_unix_epoch(Duration::from_secs_f64(now().max(0.0)));
        for authority in &self.authorities {
            let algorithms = webpki::ALL_VERIFICATION_ALGS;
            let usage = KeyUsage::client_auth();
            let vouched =
                certificate.verify_for_usage(algorithms, &authority.anchors, chain, time, usage, None, None).is_ok();
            if vouched {
                roles.extend(&authority.roles);
            }
        }
        if roles.is_empty() {
            return Err("no authority that is known here vouches for the certificate");
        }
        roles.sort_unstable();
        roles.dedup();
        let identity = Identity { actor: named(&certificate)?, roles: Some(roles), token: None };
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, (identity.clone(), Instant::now()));
        Ok(identity)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], (Identity, Instant)>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one name in a certificate: the path of its SPIFFE id (`spiffe://house/omar.control`), else its one DNS name. A
/// subject's common name is not looked at (RFC 6125 section 6.4.4).
fn named(certificate: &EndEntityCert<'_>) -> Result<Identifier, &'static str> {
    let ids = certificate.valid_uri_names().filter_map(|uri| uri.strip_prefix("spiffe://"));
    let mut names: Vec<&str> = ids.filter_map(|id| id.split_once('/')).map(|(_, path)| path).collect();
    if names.is_empty() {
        names = certificate.valid_dns_names().collect();
    }
    match names[..] {
        [name] => Identifier::parse(name).map_err(|_| "the certificate's name is no name of a person or system"),
        [] => Err("the certificate has no alternative name (a SPIFFE id or a DNS name): whose is it?"),
        _ => Err("the certificate has several names: whose is it?"),
    }
}

/// What a caller says of itself. What is no name is found later, with the place where it stands.
fn said(headers: &HeaderMap) -> Option<Identity> {
    let actor = Identifier::parse(headers.get(ACTOR)?.to_str().ok()?).ok()?;
    Some(Identity { actor, roles: None, token: None })
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
