//! What a configuration accepts, refuses and prints.

use super::*;

fn load(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, Error> {
    let path = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(path.path(), file).expect("written");
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_layers(Some(path.path()), environment, flags.iter().copied())
}

#[test]
fn the_later_layer_wins() {
    let file = "[grpc]\nlisten = '127.0.0.1:1'\nmax_streams = 7\nreflection = false\n[house]\ndomains = ['A']";
    let environment = [
        ("QUITTANCE__GRPC__LISTEN", "127.0.0.1:2"),
        ("QUITTANCE__HOUSE__ID", "123"),
        ("QUITTANCE__HOUSE__DOMAINS", "EUR-INT, USD-INT"),
        ("HOME", "/root"),
    ];
    let config =
        load(file, &environment, &[("grpc.listen", "127.0.0.1:3"), ("telemetry.sample_ratio", "0.5")]).expect("sound");
    assert_eq!(config.grpc.listen, "127.0.0.1:3");
    assert_eq!(config.grpc.max_streams, 7);
    assert!(!config.grpc.reflection);
    assert_eq!(config.house.id, "123", "a text that looks like a number stays a text");
    assert_eq!(config.house.domains, ["EUR-INT", "USD-INT"]);
    assert_eq!(config.telemetry.sample_ratio, 0.5);
    assert_eq!(config.store, Store::default());
}

#[test]
fn what_nobody_knows_is_an_error_that_says_where() {
    let text = |result: Result<Config, Error>| result.expect_err("refused").to_string();
    let unknown = text(load("[grpc]\nlisten_to = '127.0.0.1:1'", &[], &[]));
    assert!(
        unknown.contains("there is no key grpc.listen_to; [grpc] has") && unknown.contains("max_streams"),
        "{unknown}"
    );
    let section = text(load("[gprc]\nlisten = 'x'", &[], &[]));
    assert!(section.contains("no key gprc; the sections are") && section.contains("grpc"), "{section}");
    let variable = text(load("", &[("QUITTANCE__STORE__DIRECTORY", "x")], &[]));
    assert!(
        variable.starts_with("variable QUITTANCE__STORE__DIRECTORY: there is no key store.directory"),
        "{variable}"
    );
    let flag = text(load("", &[], &[("dir", "x")]));
    assert!(flag.starts_with("flag dir: there is no key dir; the sections are"), "{flag}");
    let missing = text(Config::from_layers(Some(Path::new("/nowhere.toml")), [], []));
    assert!(missing.starts_with("/nowhere.toml: "), "{missing}");
}

#[test]
fn a_value_must_make_sense() {
    for (key, value, says) in [
        ("grpc.max_streams", "many", "expected a whole number"),
        ("grpc.max_streams", "-1", "invalid value"),
        ("grpc.max_streams", "0", "at least 1"),
        ("grpc.reflection", "yes", "true or false"),
        ("grpc.listen", "localhost:7400", "an address and a port"),
        ("store.witness_check", "lenient", "strict, catch-up or reset"),
        ("store.compression", "0", "level of zstd"),
        ("telemetry.format", "xml", "text or json"),
        ("telemetry.sample_ratio", "2.0", "0.0 to 1.0"),
    ] {
        let refused = load("", &[], &[(key, value)]).expect_err(key).to_string();
        assert!(refused.contains(says), "{key} = {value}: {refused}");
    }
    let refused = load("[grpc]\nlisten = 7400", &[], &[]).expect_err("a number").to_string();
    assert!(refused.contains("grpc.listen = 7400: expected a text, such as"), "{refused}");
}

#[test]
fn what_is_printed_is_the_same_configuration() {
    let flags = [("grpc.max_streams", "9"), ("house.domains", "A,B"), ("store.dir", "/tmp/a \"b\"")];
    let config = load("", &[], &flags).expect("sound");
    let printed = config.print();
    assert_eq!(load(&printed, &[], &[]).expect("reads what it prints"), config);
    assert!(printed.contains("# Calls at once on one connection.\nmax_streams = 9\n"), "{printed}");
    assert_eq!(layers::table(&config).len(), sections::ABOUT.len());
}

#[test]
fn secrets_are_not_printed() {
    let config = load("[kafka]\nsettings = ['sasl.username=me', 'sasl.password=hunter2']", &[], &[]).expect("sound");
    let printed = config.print();
    assert!(printed.contains("sasl.username=me") && printed.contains("sasl.password=***"), "{printed}");
    assert!(!printed.contains("hunter2"));
    assert!(load("", &[], &[("kafka.settings", "acks")]).expect_err("no value").to_string().contains("name=value"));
}

#[test]
fn says_which_listeners_are_reachable_from_outside() {
    assert!(Config::default().exposed().is_empty());
    let open = load("", &[], &[("http.listen", "0.0.0.0:7401")]).expect("allowed, and warned about");
    assert_eq!(open.exposed(), ["http.listen"]);
}

#[test]
fn an_agent_has_a_name_and_banks() {
    let banks = ("agent.banks", "MYBANK/ALPHA+GAMMA=quittance.advices.v1,OTHER=other.advices");
    let config = load("", &[], &[("agent.id", "QCSD-AG"), banks]).expect("sound");
    assert_eq!(config.agent.banks.len(), 2);
    for wrong in [&[("agent.id", "QCSD-AG")][..], &[banks], &[("agent.id", "QCSD-AG"), ("agent.banks", "MYBANK")]] {
        let error = load("", &[], wrong).expect_err("half an agent").to_string();
        assert!(error.contains("agent.banks"), "{error}");
    }
}
