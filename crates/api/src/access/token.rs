//! Signed tokens (JWT, RFC 7519 in the compact form of RFC 7515): who calls, said by an issuer we trust.
//!
//! The algorithm is the configured one and no other, whatever the token's header says; issuer, audience and expiry are
//! required. Only signatures by a private key are known: there is no shared secret that could be mistaken for a key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::identifier::Identifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use serde_json::Value;
use webpki::RawPublicKeyEntity;

/// Clocks of issuer and service may differ by so many seconds.
const LEEWAY: f64 = 30.0;
/// A token is no longer than this; the rest of the header limit is for others.
const LONGEST: usize = 8 << 10;

/// By what a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256, 2048 to 8192 bits.
    Rs256,
}

impl Algorithm {
    /// As tokens and the configuration name it.
    pub const ALL: [(&str, Algorithm); 3] =
        [("EdDSA", Algorithm::EdDsa), ("ES256", Algorithm::Es256), ("RS256", Algorithm::Rs256)];

    pub fn parse(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, algorithm)| algorithm)
    }

    fn name(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
        }
    }

    fn verifier(self) -> &'static dyn SignatureVerificationAlgorithm {
        match self {
            Algorithm::EdDsa => webpki::ring::ED25519,
            Algorithm::Es256 => webpki::ring::ECDSA_P256_SHA256,
            Algorithm::Rs256 => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

/// What a token must be for its word to be taken.
#[derive(Clone, Debug)]
pub struct Tokens {
    algorithm: Algorithm,
    key: SubjectPublicKeyInfoDer<'static>,
    /// The `kid` of the key; nothing: tokens need not say by which they are signed.
    key_id: Option<String>,
    issuer: String,
    audience: String,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) subject: Identifier,
    /// `jti`: by which it can be revoked.
    pub(crate) id: Option<String>,
}

impl Tokens {
    /// `pem` is the issuer's public key (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// When the key cannot be read, or a name is missing.
    pub fn new(algorithm: Algorithm, pem: &[u8], issuer: &str, audience: &str) -> Result<Tokens, String> {
        if issuer.is_empty() || audience.is_empty() {
            return Err("issuer and audience are required".to_owned());
        }
        let key = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|error| format!("no public key: {error}"))?;
        RawPublicKeyEntity::try_from(&key).map_err(|error| format!("no public key: {error}"))?;
        let key = key.into_owned();
        Ok(Tokens { algorithm, key, key_id: None, issuer: issuer.to_owned(), audience: audience.to_owned() })
    }

    /// Tokens must say that they are signed by the key of this name (`kid`).
    #[must_use]
    pub fn signed_by(self, key_id: &str) -> Tokens {
        Tokens { key_id: Some(key_id.to_owned()), ..self }
    }

    /// What the token says, now (seconds since 1970), or what is wrong with it.
    pub(crate) fn read(&self, token: &str, now: f64) -> Result<Claims, &'static str> {
        if token.len() > LONGEST {
            return Err("the token is too long");
        }
        let malformed = "the token is not of the form header.claims.signature";
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(malformed)?;
        let header = json(header).ok_or("the token's header cannot be read")?;
        if header.get("alg").and_then(Value::as_str) != Some(self.algorithm.name()) {
            return Err("the token is signed by another algorithm than the one that is asked for");
        }
        if self.key_id.is_some() && header.get("kid").and_then(Value::as_str) != self.key_id.as_deref() {
            return Err("the token does not say that it is signed by the key that is known here (kid)");
        }
        if header.get("crit").is_some() {
            return Err("the token demands what is not known here");
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed)?;
        let signature = match self.algorithm {
            Algorithm::Es256 => der(&signature).ok_or("the token's signature has another length")?,
            Algorithm::EdDsa | Algorithm::Rs256 => signature,
        };
        RawPublicKeyEntity::try_from(&self.key)
            .and_then(|key| key.verify_signature(self.algorithm.verifier(), signed.as_bytes(), &signature))
            .map_err(|_| "the token's signature is wrong")?;
        self.claims(&json(claims).ok_or("the token's claims cannot be read")?, now)
    }

    fn claims(&self, claims: &Value, now: f64) -> Result<Claims, &'static str> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err("the token is of another issuer");
        }
        let meant = match claims.get("aud") {
            Some(Value::String(one)) => *one == self.audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(&self.audience)),
            _ => false,
        };
        if !meant {
            return Err("the token is for another audience");
        }
        let expires = claims.get("exp").and_then(Value::as_f64).ok_or("the token never expires")?;
        if now > expires + LEEWAY {
            return Err("the token has expired");
        }
        for since in ["nbf", "iat"] {
            match claims.get(since).map(Value::as_f64) {
                Some(Some(from)) if now + LEEWAY >= from => {}
                None => {}
                Some(_) => return Err("the token does not hold yet"),
            }
        }
        let subject = claims.get("sub").and_then(Value::as_str).ok_or("the token names nobody")?;
        let subject = Identifier::parse(subject).map_err(|_| "the token's subject is no name of a person or system")?;
        let id = match claims.get("jti") {
            None => None,
            Some(id) => Some(id.as_str().ok_or("the token's id (jti) is no text")?.to_owned()),
        };
        Ok(Claims { subject, id })
    }
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// An ECDSA signature of two numbers of 32 bytes (RFC 7518 section 3.4) as ASN.1 has it.
fn der(fixed: &[u8]) -> Option<Vec<u8>> {
    if fixed.len() != 64 {
        return None;
    }
    let mut body = Vec::with_capacity(72);
    for number in [&fixed[..32], &fixed[32..]] {
        let digits = &number[number.iter().position(|byte| *byte != 0).unwrap_or(31)..];
        // A number that begins with a set bit would be taken for a negative one.
        let padded = digits[0] >= 0x80;
        body.extend([0x02, (digits.len() + usize::from(padded)) as u8]);
        body.extend(padded.then_some(0));
        body.extend(digits);
    }
    let mut whole = vec![0x30, body.len() as u8];
    whole.extend(body);
    Some(whole)
}
