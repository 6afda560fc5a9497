//! Signed tokens: one is taken exactly when the key signed it and its claims are what is asked for, by a plain reading of them.
//!
//! The first byte chooses: 0 a token as it comes, 1 claims that the key signs, 2 a sound token of one of the three algorithms that is
//! bent by the bytes behind it, 3 header and claims (a bar between them) that the key signs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::Value;
use std::cell::OnceCell;
use verifier::{Algorithm, Tokens};

/// The service's own source: its crate would bring RocksDB and the whole server into every program here.
#[path = "../../../crates/api/src/access/token.rs"]
#[allow(dead_code)]
mod verifier;

/// A private key that protects nothing.
const RSA: &[u8] = include_bytes!("../../../crates/server/tests/serving/rsa-for-tests.der");
const RSA_PUBLIC: &str = include_str!("../../../crates/server/tests/serving/rsa-for-tests.pub.pem");

const ISSUER: &str = "https://login.house";
const AUDIENCE: &str = "quittance";
const NOW: f64 = 1_795_000_000.0;
const CLAIMS: &str = r#"{"iss":"https://login.house","aud":"quittance","sub":"anna","exp":1795000300,"jti":"t-1"}"#;

/// What tests of tokens stand on.
struct Issuers {
    pair: Ed25519KeyPair,
    ed25519: Tokens,
    /// A sound token of each algorithm, and who takes it.
    sound: Vec<(String, Tokens)>,
}

/// Whether a token was taken.
pub fn run(bytes: &[u8]) -> bool {
    thread_local!(static ISSUERS: OnceCell<Issuers> = const { OnceCell::new() });
    ISSUERS.with(|issuers| {
        let issuers = issuers.get_or_init(Issuers::new);
        match bytes {
            [0, token @ ..] => std::str::from_utf8(token).is_ok_and(|token| issuers.judged(token)),
            [1, claims @ ..] => issuers.judged(&issuers.token(br#"{"alg":"EdDSA","kid":"k1"}"#, claims)),
            [2, which, bends @ ..] => issuers.bent(usize::from(*which), bends),
            [3, both @ ..] => match both.iter().position(|byte| *byte == b'|') {
                Some(bar) => issuers.judged(&issuers.token(&both[..bar], &both[bar + 1..])),
                None => false,
            },
            _ => false,
        }
    })
}

impl Issuers {
    fn new() -> Issuers {
        let seed: Vec<u8> = (1..=32).collect();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
        let known = |algorithm, pem: &str| Tokens::new(algorithm, pem.as_bytes(), ISSUER, AUDIENCE).expect("a key");
        let ed25519 = known(Algorithm::EdDsa, &pem(&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0], &pair));
        let ed25519 = ed25519.signed_by("k1");

        let random = SystemRandom::new();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("randomness");
        let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).expect("a key");
        // id-ecPublicKey on prime256v1.
        let head = [
            0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1,
            7, 3, 0x42, 0,
        ];
        let es256 = known(Algorithm::Es256, &pem(&head, &p256));
        let rsa = RsaKeyPair::from_pkcs8(RSA).expect("a key");
        let sign_rsa = |bytes: &[u8]| {
            let mut signature = vec![0; rsa.public().modulus_len()];
            rsa.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).expect("signs");
            signature
        };
        let sound = vec![
            (
                token(br#"{"alg":"EdDSA","kid":"k1"}"#, CLAIMS.as_bytes(), |bytes| pair.sign(bytes).as_ref().to_vec()),
                ed25519.clone(),
            ),
            (
                token(br#"{"alg":"ES256"}"#, CLAIMS.as_bytes(), |bytes| {
                    p256.sign(&random, bytes).expect("signs").as_ref().to_vec()
                }),
                es256,
            ),
            (token(br#"{"alg":"RS256"}"#, CLAIMS.as_bytes(), sign_rsa), known(Algorithm::Rs256, RSA_PUBLIC)),
        ];
        for (token, tokens) in &sound {
            tokens.read(token, NOW).expect("a sound token is taken");
        }
        Issuers { pair, ed25519, sound }
    }

    fn token(&self, header: &[u8], claims: &[u8]) -> String {
        token(header, claims, |bytes| self.pair.sign(bytes).as_ref().to_vec())
    }

    /// Ed25519 signs a text in one way only: a token is taken exactly when it is the one that we make of its own header and claims, and
    /// they say what they must.
    fn judged(&self, token: &str) -> bool {
        let taken = self.ed25519.read(token, NOW);
        let expected = parts(token).and_then(|(header, claims)| {
            let own = token.len() <= 8 << 10 && self.token(&header, &claims) == token;
            own.then(|| accepted(&header, &claims)).flatten()
        });
        match (&taken, &expected) {
            (Ok(taken), Some((subject, id))) => {
                assert_eq!((taken.subject.as_str(), taken.id.as_ref()), (&**subject, id.as_ref()));
            }
            (Err(_), None) => {}
            _ => panic!("{token}: {taken:?}, and not {expected:?}"),
        }
        taken.is_ok()
    }

    /// A sound token with bytes of it changed, taken out or doubled is no sound token.
    fn bent(&self, which: usize, bends: &[u8]) -> bool {
        let (sound, tokens) = &self.sound[which % self.sound.len()];
        let mut bent = sound.clone().into_bytes();
        for [high, low, what] in bends.as_chunks::<3>().0 {
            let at = usize::from(u16::from_be_bytes([*high, *low])) % bent.len().max(1);
            match what {
                _ if bent.is_empty() => {}
                0 => drop(bent.remove(at)),
                1 => bent.insert(at, bent[at]),
                2 => bent.truncate(at),
                other => bent[at] ^= other,
            }
        }
        let Ok(bent) = String::from_utf8(bent) else { return false };
        assert_eq!(tokens.read(&bent, NOW).is_ok(), bent == *sound, "{bent} instead of {sound}");
        for (_, others) in self.sound.iter().filter(|(other, _)| other != sound) {
            assert!(others.read(&bent, NOW).is_err(), "a token of another algorithm: {bent}");
        }
        bent == *sound
    }
}

/// A public key as a file has it.
fn pem(head: &[u8], pair: &impl KeyPair) -> String {
    let document = [head, pair.public_key().as_ref()].concat();
    let text = base64::engine::general_purpose::STANDARD.encode(document);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

fn token(header: &[u8], claims: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn parts(token: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let both = (parts.next()??, parts.next()??);
    (parts.next()?.is_some() && parts.next().is_none()).then_some(both)
}

/// Who calls, by a plain reading of what was signed.
fn accepted(header: &[u8], claims: &[u8]) -> Option<(String, Option<String>)> {
    let (header, claims): (Value, Value) = (serde_json::from_slice(header).ok()?, serde_json::from_slice(claims).ok()?);
    let near = |name: &str, holds: fn(f64) -> bool| claims[name].as_f64().is_some_and(holds);
    let since = |name: &str| claims.get(name).is_none() || near(name, |from| from <= NOW + 30.0);
    let subject = claims["sub"].as_str()?;
    let named = !subject.is_empty()
        && subject.len() <= 64
        && subject.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/+-".contains(&byte));
    let id = match claims.get("jti") {
        Some(id) => Some(id.as_str()?.to_owned()),
        None => None,
    };
    let good = header["alg"] == "EdDSA"
        && header["kid"] == "k1"
        && header.get("crit").is_none()
        && claims["iss"] == ISSUER
        && (claims["aud"] == AUDIENCE
            || claims["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == AUDIENCE)))
        && near("exp", |expires| NOW <= expires + 30.0)
        && since("nbf")
        && since("iat")
        && named;
    good.then(|| (subject.to_owned(), id))
}

/// Tokens to begin with: sound, and wrong in one way each.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let issuers = Issuers::new();
    let with = |first: u8, rest: &[u8]| [&[first], rest].concat();
    let claims = |from: &str, to: &str| with(1, CLAIMS.replacen(from, to, 1).as_bytes());
    let header = |header: &str| with(3, format!("{header}|{CLAIMS}").as_bytes());
    let unsigned = token(br#"{"alg":"none","kid":"k1"}"#, CLAIMS.as_bytes(), |_| Vec::new());
    [
        ("sound", with(0, issuers.sound[0].0.as_bytes())),
        ("unsigned", with(0, unsigned.as_bytes())),
        ("claims", with(1, CLAIMS.as_bytes())),
        ("audiences", claims(r#""quittance""#, r#"["other","quittance"]"#)),
        ("another-audience", claims("quittance", "other")),
        ("another-issuer", claims("login", "logout")),
        ("expired", claims("1795000300", "1794999900")),
        ("within-leeway", claims("1795000300", "1794999970.5")),
        ("no-expiry", claims("exp", "exq")),
        ("not-yet", claims(r#""jti""#, r#""nbf":1795000031,"iat":1794999000,"jti""#)),
        ("no-name", claims("anna", "anna smith")),
        ("id-no-text", claims(r#""t-1""#, "7")),
        ("bent-ed25519", vec![2, 0, 0, 20, 1]),
        ("bent-p256", vec![2, 1, 0, 90, 0x20]),
        ("bent-rsa", vec![2, 2, 1, 9, 0, 0, 3, 2]),
        ("straight-p256", vec![2, 1]),
        ("straight-rsa", vec![2, 2]),
        ("headers", header(r#"{"alg":"EdDSA","typ":"JWT","kid":"k1"}"#)),
        ("another-key", header(r#"{"alg":"EdDSA","kid":"k2"}"#)),
        ("another-algorithm", header(r#"{"alg":"HS256","kid":"k1"}"#)),
        ("demanding", header(r#"{"alg":"EdDSA","kid":"k1","crit":["exp"]}"#)),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
