//! The first inputs of each target, made by what makes such bytes everywhere else: the scenarios, the generated week, the samples.

use model::command::{Command, Inbound};
use model::record::Record;
use prost::Message as _;
use quittance_fuzz::targets::command::BETWEEN;
use quittance_fuzz::targets::{note, proof, token};
use std::collections::BTreeSet;
use std::mem::discriminant;
use std::path::{Path, PathBuf};
use testkit::flow::{Flow, Shape, Step};
use testkit::memory::Shard;
use testkit::scenario::{Mode, Script, player};

/// Target, name and bytes.
pub type Seed = (&'static str, String, Vec<u8>);

/// What a scenario submits after its set-up, and the shard it leaves behind.
struct Played {
    name: String,
    standard: bool,
    submitted: Vec<Inbound>,
    shard: Shard,
}

/// Every seed.
pub fn all() -> Vec<Seed> {
    let played = scenarios();
    let mut seeds = Vec::new();
    seeds.extend(messages(&played));
    seeds.extend(sequences(&played));
    seeds.extend(lines_and_records(&played));
    seeds.extend(snapshots(&played));
    seeds.extend(decimals());
    // What is sound lies in the tests of iso20022.
    let hostile = b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
    seeds.push(("xml", "document-type".to_owned(), hostile.to_vec()));
    seeds.extend(token::seeds().into_iter().map(|(name, bytes)| ("token", name, bytes)));
    seeds.extend(proof::seeds().into_iter().map(|(name, bytes)| ("proof", name, bytes)));
    seeds.extend(note::seeds().into_iter().map(|(name, bytes)| ("note", name, bytes)));
    seeds
}

fn scenarios() -> Vec<Played> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let include = |name: &str| std::fs::read_to_string(root.join(name).with_extension("setup")).ok();
    let mut found = Vec::new();
    files(&root, &mut found);
    found.sort();
    let play = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a scenario is a text");
        let name =
            path.strip_prefix(&root).expect("below it").with_extension("").display().to_string().replace('/', "-");
        let mut player = player(Mode::Straight);
        player.play(&Script::parse(&name, &text).expect("it parses"), &include).expect("it plays");
        let (standard, outside) = (text.contains("include standard"), text.contains("include outside"));
        let set_up = text.lines().filter_map(|line| line.strip_prefix("include ")).filter_map(&include);
        let lines = set_up.map(|text| Script::parse_setup(&name, &text).len()).sum::<usize>();
        let submitted = player.submitted()[if standard || outside { lines } else { 0 }..].to_vec();
        Played { name, standard, submitted, shard: player.stage().shard().clone() }
    };
    found.into_iter().map(play).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of scenarios") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
}

/// Trades and advices, one of each form; and the poison of the generated week.
fn messages(played: &[Played]) -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut forms = BTreeSet::new();
    for Played { name, submitted, .. } in played {
        for (place, inbound) in submitted.iter().enumerate() {
            let (target, form, bytes) = match &inbound.command {
                Command::Trade(trade) => {
                    let mut bytes = Vec::new();
                    wire::trade::encode(trade, &mut bytes);
                    ("trade", shape(&bytes), bytes)
                }
                Command::Advice(advice) => {
                    let mut bytes = Vec::new();
                    wire::settlement::encode_advice(advice, &mut bytes);
                    ("advice", shape(&bytes), bytes)
                }
                _ => continue,
            };
            if forms.insert((target, form)) {
                seeds.push((target, short(&format!("{name}-{place}")), bytes));
            }
        }
    }
    let week = Flow::new(3, Shape { trades: 30, members: 4, ..Shape::demo() });
    let poison = week.week().filter_map(|item| match item.step {
        Step::Message(message) => {
            let mut bytes = Vec::new();
            message.encode(&mut bytes);
            Some(bytes)
        }
        _ => None,
    });
    let refused = poison.filter(|bytes| bytes.len() < 1_000 && wire::trade::decode(bytes).is_err());
    seeds.extend(refused.enumerate().map(|(place, bytes)| ("trade", format!("poison-{place}"), bytes)));
    seeds
}

/// Which fields a message has, and those of its first message: their keys one after the other.
fn shape(bytes: &[u8]) -> Vec<u8> {
    let mut keys = Vec::new();
    let mut open = vec![bytes];
    while let Some(mut bytes) = open.pop() {
        while let Ok((number, wire)) = prost::encoding::decode_key(&mut bytes) {
            keys.push(number as u8);
            match wire {
                prost::encoding::WireType::LengthDelimited => {
                    let Ok(length) = prost::encoding::decode_varint(&mut bytes) else { break };
                    let (value, rest) = bytes.split_at((length as usize).min(bytes.len()));
                    if keys.len() < 8 && std::str::from_utf8(value).is_err() {
                        open.push(value);
                    }
                    bytes = rest;
                }
                _ => drop(prost::encoding::decode_varint(&mut bytes)),
            }
        }
    }
    keys
}

/// What is submitted in scenarios that begin with the same house, in one input each.
fn sequences(played: &[Played]) -> Vec<Seed> {
    let short_ones = played.iter().filter(|played| played.standard && played.submitted.len() <= 16);
    let mut kinds = BTreeSet::new();
    let mut seeds = Vec::new();
    for Played { name, submitted, .. } in short_ones {
        let pieces: Vec<Vec<u8>> = submitted.iter().map(|inbound| generated(inbound).encode_to_vec()).collect();
        let fresh =
            submitted.iter().filter(|inbound| kinds.insert(format!("{:?}", discriminant(&inbound.command)))).count();
        let bytes = pieces.join(BETWEEN);
        if fresh > 0 || bytes.len() < 900 {
            seeds.push(("command", short(name), bytes));
        }
    }
    seeds
}

fn generated(inbound: &Inbound) -> wire::pb::record::Inbound {
    let line = wire::json::inbound_to_line(inbound);
    serde_json::from_str(&line).expect("a line just written")
}

/// A line of each kind of command, and a record of each set of events.
fn lines_and_records(played: &[Played]) -> Vec<Seed> {
    let (mut kinds, mut events) = (BTreeSet::new(), BTreeSet::new());
    let mut seeds = Vec::new();
    for Played { name, shard, .. } in played {
        for (record, bytes) in shard.records().iter().zip(shard.bytes()) {
            let sequence = record.sequence;
            if let model::record::Content::Decided { inbound, .. } = &record.content {
                let line = wire::json::inbound_to_line(inbound);
                if kinds.insert(kind(&line)) {
                    seeds.push(("line", short(&format!("{name}-{sequence}")), line.into_bytes()));
                }
            }
            if bytes.len() < 1_500 && events.insert(said(record)) {
                seeds.push(("record", short(&format!("{name}-{sequence}")), bytes));
            }
        }
    }
    seeds
}

/// The names of a command and of what is in it.
fn kind(line: &str) -> String {
    let inbound: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let command = inbound["command"].as_object().and_then(|command| command.iter().next());
    let (name, body) = command.expect("a command has one kind");
    let inside: Vec<_> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let inside = if ["trade", "advice", "repair"].contains(&&**name) { String::new() } else { inside.join(" ") };
    format!("{name} {inside}")
}

/// What came of it, without figures: the event of a kind that no record before it had is what counts.
fn said(record: &Record) -> String {
    let names = record
        .events()
        .iter()
        .map(|event| format!("{event:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect::<String>());
    let all: BTreeSet<String> = names.collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}

/// States: an empty one, and those that the shorter scenarios leave behind.
fn snapshots(played: &[Played]) -> Vec<Seed> {
    let mut seeds = vec![("snapshot", "nothing".to_owned(), written(&clearing::State::default()))];
    let genesis = Shard::new(testkit::scenario::genesis());
    let genesis = written(genesis.state());
    seeds.push(("snapshot", "something-behind".to_owned(), [&genesis[..], &[0]].concat()));
    seeds.push(("snapshot", "cut-off".to_owned(), genesis[..genesis.len() - 1].to_vec()));
    seeds.push(("snapshot", "genesis".to_owned(), genesis));
    for name in [
        "external-requests",
        "external-breaks",
        "limits-hold",
        "margin-calls",
        "reference-names",
        "settlement-lack-cash",
    ] {
        let found = played.iter().find(|played| played.name == name);
        seeds.extend(found.map(|played| ("snapshot", name.to_owned(), written(played.shard.state()))));
    }
    seeds
}

fn written(state: &clearing::State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.write_snapshot(&mut |piece| bytes.extend_from_slice(piece));
    bytes
}

fn decimals() -> Vec<Seed> {
    let texts = [
        ("zero", "0"),
        ("money", "12.50|12.5"),
        ("negative", "-0.05|-0.050"),
        ("largest", "9223372036854775807|1"),
        ("smallest", "-9223372036854775808|-9.223372036854775808"),
        ("finest", "0.000000000000000001|-0.0"),
        ("too-large", "9223372036854775808"),
        ("too-fine", "0.0000000000000000001"),
        ("leading-zeros", "000000000000000000000012.345"),
        ("half", "2.5|-2.5"),
        ("exponent", "1e5"),
        ("sign", "+1"),
        ("points", "1.2.3"),
        ("no-digits", "-."),
    ];
    let seed = |(place, (name, text)): (usize, (&str, &str))| {
        ("decimal", name.to_owned(), [&[place as u8 % 4, place as u8 % 6], text.as_bytes()].concat())
    };
    texts.into_iter().enumerate().map(seed).collect()
}

/// A name that fits.
fn short(name: &str) -> String {
    name.chars()
        .rev()
        .take(39)
        .collect::<String>()
        .chars()
        .rev()
        .collect::<String>()
        .trim_start_matches('-')
        .to_lowercase()
}
