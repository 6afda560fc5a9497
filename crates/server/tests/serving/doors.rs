//! How callers are known: certificates of named authorities, signed tokens, and their own word only where it was said so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::record::Content;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ED25519, SanType,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use server::{Config, Running};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Request, Status};
use wire::pb::service as pb;
use wire::pb::service::operator_service_client::OperatorServiceClient;

use crate::house::{SOON, by};

/// A certificate authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("sound");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("signed").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate and its key for whoever has these names.
    fn certify(&self, names: &[&str], spiffe: &[&str], usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("sound");
        let uris = spiffe.iter().map(|id| SanType::URI((*id).try_into().expect("ASCII")));
        params.subject_alt_names.extend(uris);
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.issuer).expect("signed").pem(), key.serialize_pem())
    }

    fn client(&self, spiffe: &str) -> (String, String) {
        self.certify(&[], &[spiffe], ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// A service with such a door.
struct Door {
    dir: TempDir,
    running: Running,
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("writes");
    path
}

fn config(dir: &Path, flags: &[(&str, &str)]) -> Config {
    let data = dir.join("data").to_string_lossy().into_owned();
    let fixed = [
        ("store.dir", data.as_str()),
        ("grpc.listen", "127.0.0.1:0"),
        ("http.listen", ""),
        ("console.listen", ""),
        ("store.cache_mib", "8"),
    ];
    Config::from_layers(None, [], fixed.into_iter().chain(flags.iter().copied())).expect("sound")
}

impl Door {
    async fn open(dir: TempDir, flags: &[(&str, &str)]) -> Door {
        let config = config(dir.path(), flags);
        let init = config.clone();
        tokio::task::spawn_blocking(move || server::init(&init)).await.expect("no panic").expect("creates the log");
        let running = Running::start(&config).await.expect("starts");
        Door { dir, running }
    }

    /// A connection with a client certificate, or none.
    async fn connect(&self, server: &Authority, client: Option<&(String, String)>) -> Option<Channel> {
        let mut tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&server.pem)).domain_name("localhost");
        if let Some((certificate, key)) = client {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        let address = format!("https://{}", self.running.grpc_address());
        Channel::from_shared(address).expect("an address").tls_config(tls).expect("sound").connect().await.ok()
    }

    /// Who the last record says asked.
    fn last_actor(&self) -> String {
        let log = self.running.log();
        let sequence = log.head().sequence;
        let block = log.block_holding(sequence).expect("reads").expect("there");
        let record = wire::record::decode(block.record(sequence).expect("in it")).expect("sound");
        match record.content {
            Content::Decided { inbound, .. } => inbound.actor.to_string(),
            Content::Genesis(_) => "nobody".to_owned(),
        }
    }
}

/// A command that says it comes from `root`.
fn forged(id: &str) -> Request<pb::SubmitCommandRequest> {
    let command = r#"{"setReference":{"party":{"id":"ALPHA"}}}"#;
    by(
        "root",
        pb::SubmitCommandRequest {
            command: Some(serde_json::from_str(command).expect("a command")),
            request_id: id.to_owned(),
            reason: "test".to_owned(),
        },
    )
}

async fn submit(channel: &Channel, id: &str) -> Result<(), Status> {
    OperatorServiceClient::new(channel.clone()).submit_command(forged(id)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_says_who_calls_and_its_authority_what_it_may() {
    let dir = tempfile::tempdir().expect("a directory");
    let (house, operators, publishers, stranger) =
        (Authority::new(), Authority::new(), Authority::new(), Authority::new());
    let (certificate, key) = house.certify(&["localhost"], &[], ExtendedKeyUsagePurpose::ServerAuth);
    let (certificate, key) = (file(dir.path(), "server.pem", &certificate), file(dir.path(), "server.key", &key));
    let ops = file(dir.path(), "operators.pem", &operators.pem);
    let pub_ = file(dir.path(), "publishers.pem", &publishers.pem);
    let authorities = format!("operator+approver={},publisher={}", ops.display(), pub_.display());
    let flags = [
        ("access.tls_cert", certificate.to_str().expect("text")),
        ("access.tls_key", key.to_str().expect("text")),
        ("access.client_cas", &authorities),
    ];
    let door = Door::open(dir, &flags).await;

    let ines = door.connect(&house, Some(&operators.client("spiffe://house/ines"))).await.expect("connects");
    submit(&ines, "a-1").await.expect("an operator may");
    assert_eq!(door.last_actor(), "ines", "not who the header said");

    let omar = operators.certify(&["omar.control"], &[], ExtendedKeyUsagePurpose::ClientAuth);
    let omar = door.connect(&house, Some(&omar)).await.expect("connects");
    submit(&omar, "a-2").await.expect("known by a DNS name");
    assert_eq!(door.last_actor(), "omar.control");

    let front = door.connect(&house, Some(&publishers.client("spiffe://house/FO-A"))).await.expect("connects");
    let refused = submit(&front, "a-3").await.expect_err("a publisher sets no reference data");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");

    let two = operators.certify(&[], &["spiffe://house/a", "spiffe://house/b"], ExtendedKeyUsagePurpose::ClientAuth);
    let nameless = operators.certify(&[], &[], ExtendedKeyUsagePurpose::ClientAuth);
    for unclear in [two, nameless] {
        let channel = door.connect(&house, Some(&unclear)).await.expect("connects");
        assert_eq!(submit(&channel, "a-4").await.expect_err("whose is it?").code(), Code::Unauthenticated);
    }
    let server_only = operators.certify(&[], &["spiffe://house/x"], ExtendedKeyUsagePurpose::ServerAuth);
    for unknown in [None, Some(stranger.client("spiffe://house/root")), Some(server_only)] {
        // Refused in the handshake, which a client of TLS 1.3 may learn with its first call only.
        if let Some(channel) = door.connect(&house, unknown.as_ref()).await {
            assert!(submit(&channel, "a-5").await.is_err());
        }
    }
    assert_eq!(door.last_actor(), "omar.control", "nothing more was taken");
    // The beginning of a handshake that never goes on: a record of 512 bytes is announced, 32 come.
    let mut slow = TcpStream::connect(door.running.grpc_address()).await.expect("connects");
    slow.write_all(&[&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 32]].concat()).await.expect("sends");
    let mut buffer = [0; 64];
    let closed = async { while !matches!(slow.read(&mut buffer).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(SOON, closed).await.expect("closed by the service");
    let plain = Channel::from_shared(format!("http://{}", door.running.grpc_address())).expect("an address");
    if let Ok(channel) = plain.connect().await {
        assert!(submit(&channel, "a-6").await.is_err(), "no plaintext where there is TLS");
    }
    door.running.stop().await.expect("ends in order");
    drop(door.dir);
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn token(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

async fn with_token(channel: &Channel, id: &str, token: &str) -> Result<(), Status> {
    let mut request = forged(id);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("ASCII"));
    OperatorServiceClient::new(channel.clone()).submit_command(request).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_only_as_it_was_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let public = file(dir.path(), "issuer.pem", &key.public_key_pem());
    let flags = [
        ("access.insecure_plaintext", "true"),
        ("access.token_key", public.to_str().expect("text")),
        ("access.token_issuer", "https://login.house"),
        ("access.token_audience", "quittance-test"),
    ];
    let door = Door::open(dir, &flags).await;
    let address = format!("http://{}", door.running.grpc_address());
    let channel = Channel::from_shared(address).expect("an address").connect().await.expect("connects");

    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key.serialize_der()).expect("a key");
    let other = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let other = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&other.serialize_der()).expect("a key");
    let sign = |bytes: &[u8]| pair.sign(bytes).as_ref().to_vec();
    let header = r#"{"alg":"EdDSA","typ":"JWT"}"#;
    let claims =
        |sub: &str, iss: &str, aud: &str, rest: &str| format!(r#"{{"sub":{sub},"iss":{iss},"aud":{aud}{rest}}}"#);
    let (ines, issuer, audience) = (r#""ines""#, r#""https://login.house""#, r#""quittance-test""#);
    let soon = format!(r#","exp":{}"#, now() + 300);
    let good = claims(ines, issuer, audience, &soon);

    with_token(&channel, "t-1", &token(header, &good, sign)).await.expect("sound");
    assert_eq!(door.last_actor(), "ines", "not who the header said");
    let several = claims(ines, issuer, r#"["other","quittance-test"]"#, &soon);
    with_token(&channel, "t-2", &token(header, &several, sign)).await.expect("one of its audiences");

    let late = format!(r#","exp":{}"#, now() - 300);
    let early = format!(r#"{soon},"nbf":{}"#, now() + 300);
    let unsigned = |_: &[u8]| Vec::new();
    let hmac_by_public_key = r#"{"alg":"HS256","typ":"JWT"}"#;
    let tampered = {
        let sound = token(header, &good, sign);
        let (signed, signature) = sound.rsplit_once('.').expect("three parts");
        let (first, _) = signed.split_once('.').expect("three parts");
        format!("{first}.{}.{signature}", part(&good.replace("ines", "root")))
    };
    let refused = [
        ("no signature", token(r#"{"alg":"none"}"#, &good, unsigned)),
        ("no algorithm but a signature", token(r#"{"alg":"none"}"#, &good, sign)),
        ("an empty signature", token(header, &good, unsigned)),
        ("a secret that is our public key", token(hmac_by_public_key, &good, sign)),
        ("another algorithm", token(r#"{"alg":"ES256"}"#, &good, sign)),
        ("a header that demands more", token(r#"{"alg":"EdDSA","crit":["b64"]}"#, &good, sign)),
        ("another key", token(header, &good, |bytes| other.sign(bytes).as_ref().to_vec())),
        ("claims changed afterwards", tampered),
        ("another issuer", token(header, &claims(ines, r#""https://evil""#, audience, &soon), sign)),
        ("no issuer", token(header, &format!(r#"{{"sub":"ines","aud":"quittance-test"{soon}}}"#), sign)),
        ("another audience", token(header, &claims(ines, issuer, r#""other""#, &soon), sign)),
        ("an audience that is no text", token(header, &claims(ines, issuer, "7", &soon), sign)),
        ("expired", token(header, &claims(ines, issuer, audience, &late), sign)),
        ("never expires", token(header, &claims(ines, issuer, audience, ""), sign)),
        ("expires when it likes", token(header, &claims(ines, issuer, audience, r#","exp":"never""#), sign)),
        ("not yet", token(header, &claims(ines, issuer, audience, &early), sign)),
        ("nobody", token(header, &format!(r#"{{"iss":{issuer},"aud":{audience}{soon}}}"#), sign)),
        ("no name", token(header, &claims(r#""in es""#, issuer, audience, &soon), sign)),
        ("no claims", token(header, "[]", sign)),
        ("no token", "abc".to_owned()),
        ("four parts", format!("{}.x", token(header, &good, sign))),
        ("nothing", String::new()),
        ("a long one", "a".repeat(9_000)),
    ];
    for (what, token) in refused {
        let status = with_token(&channel, "t-3", &token).await.expect_err(what);
        assert_eq!(status.code(), Code::Unauthenticated, "{what}: {status:?}");
        assert!(!status.message().is_empty(), "{what}");
    }
    assert_eq!(door.running.log().head().sequence, 3, "nothing more was taken");
    door.running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_another_algorithm_by_configuration() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let public = file(dir.path(), "issuer.pem", &key.public_key_pem());
    let flags = [
        ("access.insecure_plaintext", "true"),
        ("access.token_key", public.to_str().expect("text")),
        ("access.token_algorithm", "ES256"),
        ("access.token_issuer", "house"),
    ];
    let door = Door::open(dir, &flags).await;
    let address = format!("http://{}", door.running.grpc_address());
    let channel = Channel::from_shared(address).expect("an address").connect().await.expect("connects");
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der(), &random);
    let pair = pair.expect("a key");
    let claims = format!(r#"{{"sub":"omar","iss":"house","aud":"quittance","exp":{}}}"#, now() + 300);
    // Numbers with leading zero bytes and set first bits come up among so many.
    for number in 0..40 {
        let signed =
            token(r#"{"alg":"ES256"}"#, &claims, |bytes| pair.sign(&random, bytes).expect("signs").as_ref().to_vec());
        with_token(&channel, &format!("e-{number}"), &signed).await.expect("sound");
    }
    assert_eq!(door.last_actor(), "omar");
    door.running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_is_for_loopback_and_has_to_be_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let refused = async |flags: &[(&str, &str)]| {
        let config = config(dir.path(), flags);
        format!("{:#}", Running::start(&config).await.err().expect("refused"))
    };
    assert!(refused(&[]).await.contains("--insecure-plaintext"));
    let outside = [("access.insecure_plaintext", "true"), ("grpc.listen", "0.0.0.0:0")];
    assert!(refused(&outside).await.contains("only on a loopback address"));
    let console = [("access.insecure_plaintext", "true"), ("console.listen", "0.0.0.0:0")];
    assert!(refused(&console).await.contains("only on a loopback address, and console.listen = 0.0.0.0:0"));
    let both = [("access.insecure_plaintext", "true"), ("access.tls_cert", "/nowhere/server.pem")];
    assert!(refused(&both).await.contains("say one of them"));
    let unknown = [("access.tls_cert", "/nowhere/server.pem"), ("access.tls_key", "/nowhere/server.key")];
    assert!(refused(&unknown).await.contains("callers cannot be known"));
    let role = [("access.tls_cert", "/nowhere/server.pem"), ("access.client_cas", "boss=/nowhere/ca.pem")];
    assert!(refused(&role).await.contains("boss is no role"));
}
