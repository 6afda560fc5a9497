//! Signed tokens: of each algorithm, only as they were asked for, and each refusal says what is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use server::{Config, Running};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use wire::pb::service::operator_service_client::OperatorServiceClient;

use crate::doors::{Door, file, forged};

/// A private key that protects nothing: ring signs by RSA and makes no keys for it.
const RSA: &[u8] = include_bytes!("rsa-for-tests.der");
const RSA_PUBLIC: &str = include_str!("rsa-for-tests.pub.pem");

const ISSUER: &str = "https://login.house";
const AUDIENCE: &str = "quittance-test";

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

fn token(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// An issuer of tokens by one algorithm.
pub struct TokenIssuer {
    algorithm: &'static str,
    public: String,
    sign: Sign,
}

impl TokenIssuer {
    pub fn ed25519() -> TokenIssuer {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key.serialize_der()).expect("a key");
        let sign = Box::new(move |bytes: &[u8]| pair.sign(bytes).as_ref().to_vec());
        TokenIssuer { algorithm: "EdDSA", public: key.public_key_pem(), sign }
    }

    fn p256() -> TokenIssuer {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der(), &random);
        let pair = pair.expect("a key");
        let sign = Box::new(move |bytes: &[u8]| pair.sign(&random, bytes).expect("signs").as_ref().to_vec());
        TokenIssuer { algorithm: "ES256", public: key.public_key_pem(), sign }
    }

    fn rsa() -> TokenIssuer {
        let pair = RsaKeyPair::from_pkcs8(RSA).expect("a key");
        let sign = Box::new(move |bytes: &[u8]| {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).expect("signs");
            signature
        });
        TokenIssuer { algorithm: "RS256", public: RSA_PUBLIC.to_owned(), sign }
    }

    fn header(&self) -> String {
        format!(r#"{{"alg":"{}","typ":"JWT","kid":"k1"}}"#, self.algorithm)
    }

    /// A sound token of somebody, with an id.
    pub fn of(&self, subject: &str, id: &str) -> String {
        let claims = claims(subject, ISSUER, AUDIENCE, &format!(r#","jti":"{id}","exp":{}"#, now() + 300));
        token(&self.header(), &claims, &self.sign)
    }

    /// The same without an id.
    pub fn without_id(&self, subject: &str) -> String {
        let claims = claims(subject, ISSUER, AUDIENCE, &format!(r#","exp":{}"#, now() + 300));
        token(&self.header(), &claims, &self.sign)
    }

    /// A service that takes its tokens, with further settings; and a connection to it.
    pub async fn door(&self, dir: TempDir, more: &[(&str, &str)]) -> (Door, Channel) {
        let public = file(dir.path(), "issuer.pem", &self.public);
        let flags = [
            ("access.insecure_plaintext", "true"),
            ("access.token_key", public.to_str().expect("text")),
            ("access.token_algorithm", self.algorithm),
            ("access.token_issuer", ISSUER),
            ("access.token_audience", AUDIENCE),
        ];
        let flags: Vec<_> = flags.into_iter().chain(more.iter().copied()).collect();
        let door = Door::open(dir, &flags).await;
        let address = format!("http://{}", door.running.grpc_address());
        let channel = Channel::from_shared(address).expect("an address").connect().await.expect("connects");
        (door, channel)
    }
}

fn claims(sub: &str, iss: &str, aud: &str, rest: &str) -> String {
    format!(r#"{{"sub":"{sub}","iss":"{iss}","aud":"{aud}"{rest}}}"#)
}

/// A call in whose headers the token stands.
pub fn bearing<T>(mut request: Request<T>, token: &str) -> Request<T> {
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("ASCII"));
    request
}

pub async fn with_token(channel: &Channel, id: &str, token: &str) -> Result<(), Status> {
    OperatorServiceClient::new(channel.clone()).submit_command(bearing(forged(id), token)).await.map(drop)
}

/// What is wrong with each token, and how its refusal says so.
fn refused(issuer: &TokenIssuer, other: &TokenIssuer) -> Vec<(&'static str, String, &'static str)> {
    let (header, sign) = (issuer.header(), &issuer.sign);
    let soon = format!(r#","exp":{}"#, now() + 300);
    let good = claims("ines", ISSUER, AUDIENCE, &soon);
    let signed = |claims: &str| token(&header, claims, sign);
    let alg = |alg: &str| format!(r#"{{"alg":"{alg}","kid":"k1"}}"#);
    let another = if issuer.algorithm == "ES256" { "RS256" } else { "ES256" };
    let tampered = {
        let sound = signed(&good);
        let (signed, signature) = sound.rsplit_once('.').expect("three parts");
        let (first, _) = signed.split_once('.').expect("three parts");
        format!("{first}.{}.{signature}", part(&good.replace("ines", "root")))
    };
    // The confusion of old: who takes the algorithm from the token takes our public key for a shared secret.
    let mac = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        move |bytes: &[u8]| hmac::sign(&key, bytes).as_ref().to_vec()
    };
    let pem = issuer.public.as_bytes();
    let bare: String = issuer.public.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = base64::engine::general_purpose::STANDARD.decode(bare).expect("PEM");
    let (algorithm, signature) = ("signed by another algorithm", "signature is wrong");
    let key = "signed by the key that is known here (kid)";
    let named = |kid: &str| format!(r#"{{"alg":"{}"{kid}}}"#, issuer.algorithm);
    vec![
        ("no signature", token(&alg("none"), &good, |_| Vec::new()), algorithm),
        ("no algorithm, and a signature", token(&alg("none"), &good, sign), algorithm),
        ("no algorithm at all", token("{}", &good, sign), algorithm),
        ("HS256 by the public key as PEM", token(&alg("HS256"), &good, mac(pem)), algorithm),
        ("HS256 by the public key as it is", token(&alg("HS256"), &good, mac(&spki)), algorithm),
        ("the right name and HS256 all the same", token(&header, &good, mac(pem)), "signature"),
        ("another algorithm", token(&alg(another), &good, sign), algorithm),
        ("the algorithm in other letters", token(&alg(&issuer.algorithm.to_lowercase()), &good, sign), algorithm),
        ("an empty signature", token(&header, &good, |_| Vec::new()), "signature"),
        ("an unknown key", token(&named(r#","kid":"k2""#), &good, sign), key),
        ("no key named", token(&named(""), &good, sign), key),
        ("a key that is no text", token(&named(r#","kid":["k1"]"#), &good, sign), key),
        ("a header that demands more", token(&named(r#","kid":"k1","crit":["b64"]"#), &good, sign), "demands what"),
        ("another key of the same name", token(&header, &good, &other.sign), signature),
        ("claims changed afterwards", tampered, signature),
        ("another issuer", signed(&claims("ines", "https://evil", AUDIENCE, &soon)), "of another issuer"),
        ("no issuer", signed(&format!(r#"{{"sub":"ines","aud":"{AUDIENCE}"{soon}}}"#)), "of another issuer"),
        ("another audience", signed(&claims("ines", ISSUER, "other", &soon)), "for another audience"),
        (
            "an audience that is no text",
            signed(&format!(r#"{{"sub":"ines","iss":"{ISSUER}","aud":7{soon}}}"#)),
            "for another audience",
        ),
        ("expired", signed(&claims("ines", ISSUER, AUDIENCE, &format!(r#","exp":{}"#, now() - 300))), "has expired"),
        ("never expires", signed(&claims("ines", ISSUER, AUDIENCE, "")), "never expires"),
        ("expires when it likes", signed(&claims("ines", ISSUER, AUDIENCE, r#","exp":"never""#)), "never expires"),
        (
            "not yet",
            signed(&claims("ines", ISSUER, AUDIENCE, &format!(r#"{soon},"nbf":{}"#, now() + 300))),
            "does not hold yet",
        ),
        (
            "issued tomorrow",
            signed(&claims("ines", ISSUER, AUDIENCE, &format!(r#"{soon},"iat":{}"#, now() + 86_400))),
            "does not hold yet",
        ),
        ("nobody", signed(&format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}"{soon}}}"#)), "names nobody"),
        ("no name", signed(&claims("in es", ISSUER, AUDIENCE, &soon)), "no name of a person"),
        ("an id that is no text", signed(&claims("ines", ISSUER, AUDIENCE, &format!(r#"{soon},"jti":7"#))), "jti"),
        ("no claims", signed("[]"), "of another issuer"),
        ("no token", "abc".to_owned(), "not of the form"),
        ("four parts", format!("{}.x", signed(&good)), "not of the form"),
        ("nothing", String::new(), "not of the form"),
        ("a long one", "a".repeat(9_000), "too long"),
    ]
}

async fn counts_only_as_it_was_asked_for(issuer: TokenIssuer, other: TokenIssuer) {
    let dir = tempfile::tempdir().expect("a directory");
    let (door, channel) = issuer.door(dir, &[("access.token_key_id", "k1")]).await;
    with_token(&channel, "t-1", &issuer.of("ines", "1")).await.expect("sound");
    assert_eq!(door.last_actor(), "ines", "not who the header said");
    let rest = format!(r#""exp":{}"#, now() + 300);
    let several = format!(r#"{{"sub":"omar","iss":"{ISSUER}","aud":["other","{AUDIENCE}"],{rest}}}"#);
    let several = token(&issuer.header(), &several, &issuer.sign);
    with_token(&channel, "t-2", &several).await.expect("one of its audiences");
    assert_eq!(door.last_actor(), "omar");

    for (what, token, why) in refused(&issuer, &other) {
        let status = with_token(&channel, "t-3", &token).await.expect_err(what);
        assert_eq!(status.code(), Code::Unauthenticated, "{what}: {status:?}");
        assert!(status.message().contains(why), "{what}: {:?}, expected {why:?}", status.message());
    }
    assert_eq!(door.running.log().head().sequence, 3, "nothing more was taken");
    door.running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eddsa_token_counts_only_as_it_was_asked_for() {
    counts_only_as_it_was_asked_for(TokenIssuer::ed25519(), TokenIssuer::ed25519()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_es256_token_counts_only_as_it_was_asked_for() {
    counts_only_as_it_was_asked_for(TokenIssuer::p256(), TokenIssuer::p256()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rs256_token_counts_only_as_it_was_asked_for() {
    counts_only_as_it_was_asked_for(TokenIssuer::rsa(), TokenIssuer::ed25519()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_every_length_in_an_es256_signature() {
    let (issuer, dir) = (TokenIssuer::p256(), tempfile::tempdir().expect("a directory"));
    // Without a name for the key tokens may name any: there is one only, and it decides.
    let (door, channel) = issuer.door(dir, &[]).await;
    // Numbers with leading zero bytes and set first bits come up among so many.
    for number in 0..40 {
        let signed = issuer.of("omar", &number.to_string());
        with_token(&channel, &format!("e-{number}"), &signed).await.expect("sound");
    }
    assert_eq!(door.last_actor(), "omar");
    door.running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_algorithm_is_offered_that_knows_a_shared_secret() {
    let dir = tempfile::tempdir().expect("a directory");
    let public = file(dir.path(), "issuer.pem", RSA_PUBLIC);
    for algorithm in ["HS256", "none", "RS512", "rs256", ""] {
        let flags = [
            ("access.insecure_plaintext", "true"),
            ("access.token_key", public.to_str().expect("text")),
            ("access.token_algorithm", algorithm),
            ("access.token_issuer", ISSUER),
            ("grpc.listen", "127.0.0.1:0"),
            ("http.listen", ""),
            ("console.listen", ""),
        ];
        let config = Config::from_layers(None, [], flags).expect("keys that are known");
        let error = format!("{:#}", Running::start(&config).await.err().expect("refused"));
        assert!(error.contains("expected EdDSA, ES256 or RS256"), "{algorithm}: {error}");
    }
}
