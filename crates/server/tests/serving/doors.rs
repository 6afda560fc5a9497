//! How callers are known: certificates of named authorities, and their own word only where it was said so. Tokens: `tokens`.

use model::record::Content;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use server::{Config, Running};
use std::path::{Path, PathBuf};
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
pub struct Door {
    pub dir: TempDir,
    pub running: Running,
}

pub fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
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
    pub async fn open(dir: TempDir, flags: &[(&str, &str)]) -> Door {
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
    pub fn last_actor(&self) -> String {
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
pub fn forged(id: &str) -> Request<pb::SubmitCommandRequest> {
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
