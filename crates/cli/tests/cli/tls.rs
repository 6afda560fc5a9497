//! A server that wants certificates, asked by the binary with and without one.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};

use crate::service::Server;
use crate::{fail, succeed, text};

fn file(dir: &Path, name: &str, content: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, content).expect("writes");
    path
}

/// A certificate and its key, signed by an authority, as files.
fn certify(
    dir: &Path,
    name: &str,
    names: Vec<String>,
    id: Option<&str>,
    issuer: &Issuer<'_, KeyPair>,
) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(names).expect("sound");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names.extend(id.map(|id| SanType::URI(id.try_into().expect("ASCII"))));
    let pem = params.signed_by(&key, issuer).expect("signed").pem();
    (file(dir, &format!("{name}.pem"), &pem), file(dir, &format!("{name}.key"), &key.serialize_pem()))
}

#[test]
fn a_certificate_opens_the_door_and_names_who_asks() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("sound");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = file(dir.path(), "authority.pem", &params.self_signed(&key).expect("signed").pem());
    let issuer = Issuer::new(params, key);
    let (certificate, key) = certify(dir.path(), "server", vec!["127.0.0.1".to_owned()], None, &issuer);
    let (own, own_key) = certify(dir.path(), "ines", Vec::new(), Some("spiffe://house/ines"), &issuer);

    let data = dir.path().join("data");
    succeed(&["init", "--data", text(&data), "--house", "ALPHA"]);
    let set = [
        format!("access.tls_cert={}", certificate.display()),
        format!("access.tls_key={}", key.display()),
        format!("access.client_cas=operator+auditor={}", authority.display()),
    ];
    let server = Server::start_with(&data, &["--set", &set[0], "--set", &set[1], "--set", &set[2]]);
    let proof = ["--tls-ca", text(&authority), "--tls-cert", text(&own), "--tls-key", text(&own_key)];
    let way = [&["--server", server.address.as_str()][..], &proof].concat();
    assert!(succeed(&[&["status"], &way[..]].concat()).contains("ALPHA"));
    let party = file(
        dir.path(),
        "party.ndjson",
        r#"{"actor":"mallory","reason":"test","command":{"setReference":{"party":{"id":"ALPHA"}}}}"#,
    );
    succeed(&[&["submit", text(&party)], &way[..]].concat());
    let record = succeed(&[&["log", "show", "2"], &way[..]].concat());
    assert!(record.contains("ines") && !record.contains("mallory"), "{record}");

    fail(&["status", "--server", &server.address], 1);
    fail(&["status", "--server", &server.address, "--tls-ca", text(&authority)], 1);
    assert!(fail(&["status", "--tls-cert", text(&own)], 2).contains("--tls-ca"));
    server.stop();
    assert!(succeed(&["audit", "queries", "verify", "--data", text(&data)]).starts_with("0 questions"));
}
