//! `quittance audit key | head | prove | consistency | verify`: the log as a Merkle tree, its head signed, and proofs for outsiders.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use merkle::note::{Checkpoint, Signer, VerifierKey};
use merkle::proof::Proof;
use merkle::{Grower, tree};
use model::record::Content;
use store::Log;

use crate::fault::{failed, not_found, usage};
use crate::log::log_dir;
use crate::output::{figure, note};
use crate::{progress, views};

/// A log, and where the hashes of its tree lie.
#[derive(Args, Debug)]
pub struct Tree {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where the tree's hashes are kept, 32 bytes a record [default: DIR/merkle]
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
}

/// Who signs.
#[derive(Args, Debug)]
pub struct Key {
    #[command(flatten)]
    tree: Tree,
    /// Where the secret key goes; nothing may be there yet
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// A signed checkpoint.
#[derive(Args, Debug)]
pub struct Head {
    #[command(flatten)]
    tree: Tree,
    /// The secret key, of `quittance audit key`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where the checkpoint goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// A record, and the proof that it is in the log.
#[derive(Args, Debug)]
pub struct Prove {
    #[command(flatten)]
    tree: Tree,
    /// The record's sequence
    sequence: u64,
    /// For the checkpoint over so many records [default: all there are]
    #[arg(long, value_name = "RECORDS")]
    size: Option<u64>,
    /// Where the proof goes; the record's stored bytes go to the same name with `.record`
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

/// The proof that a later log goes on from an earlier one.
#[derive(Args, Debug)]
pub struct Consistency {
    #[command(flatten)]
    tree: Tree,
    /// Records of the earlier checkpoint
    from: u64,
    /// Records of the later checkpoint [default: all there are]
    #[arg(long, value_name = "RECORDS")]
    size: Option<u64>,
    /// Where the proof goes
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

/// A proof, checked without a store: what `quittance-proof` does.
#[derive(Args, Debug)]
pub struct Check {
    /// Who signed: name+id+base64, as `quittance audit key` told it
    #[arg(long, value_name = "KEY")]
    by: String,
    /// The checkpoint; for consistency the later one
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// The proof
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// The record's stored bytes
    #[arg(long, value_name = "FILE", required_unless_present = "earlier", conflicts_with = "earlier")]
    record: Option<PathBuf>,
    /// The earlier checkpoint, for consistency
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,
}

impl Tree {
    fn open(&self) -> Result<(Log, Grower)> {
        if !self.data.is_dir() {
            return Err(not_found(format!("there is no directory {}", self.data.display())));
        }
        let log = Log::open_read_only(&log_dir(&self.data), &views::options())?;
        let dir = self.tree.clone().unwrap_or_else(|| self.data.join("merkle"));
        let grower = Grower::open(&dir).with_context(|| format!("the tree in {}", dir.display()))?;
        Ok((log, grower))
    }

    /// The tree over all records there are now.
    fn grown(&self) -> Result<(Log, Grower)> {
        let (log, mut grower) = self.open()?;
        let head = log.head().sequence;
        if let Some(kept) = grower.leaf(grower.size())? {
            let own = record(&log, grower.size())?.map(|bytes| tree::leaf(&bytes));
            if own != Some(kept) {
                let dir = grower.dir().display();
                return Err(failed(format!(
                    "the tree in {dir} is of another history than the log: look why before you remove it"
                )));
            }
        }
        let bar = progress::counted(head - grower.size(), "records");
        bar.set_message("hashing");
        for block in log.blocks_from(grower.size() + 1) {
            let grown = grower.size();
            for (_, bytes) in block?.iter().filter(|(sequence, _)| *sequence > grown) {
                grower.push(tree::leaf(bytes))?;
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        grower.flush()?;
        Ok((log, grower))
    }
}

fn record(log: &Log, sequence: u64) -> Result<Option<Vec<u8>>> {
    Ok(log.block_holding(sequence)?.and_then(|block| block.record(sequence).map(<[u8]>::to_vec)))
}

/// Of which log: the house and the shard, as the genesis names them.
fn origin(log: &Log) -> Result<String> {
    let bytes = record(log, 1)?.ok_or_else(|| failed("the log has no genesis"))?;
    match wire::record::decode(&bytes)?.content {
        Content::Genesis(genesis) => Ok(format!("quittance/{}/shard-{}", genesis.house, genesis.shard)),
        Content::Decided { .. } => Err(failed("record 1 is no genesis")),
    }
}

pub fn key(command: &Key) -> Result<()> {
    let (log, _) = command.tree.open()?;
    let document = Signer::generate()?;
    let signer = Signer::new(&origin(&log)?, &document)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&command.key)
        .with_context(|| command.key.display().to_string())?;
    file.write_all(&document)?;
    file.sync_all()?;
    println!("{}", signer.verifier());
    note(format!("the secret key is in {}; the line above is for whoever verifies", command.key.display()));
    Ok(())
}

pub fn head(command: &Head) -> Result<()> {
    let (log, grower) = command.tree.grown()?;
    let (origin, size) = (origin(&log)?, grower.size());
    let document = read(&command.key)?;
    let signer = Signer::new(&origin, &document)?;
    let chain = log.chain_at(size)?.ok_or_else(|| failed("the log has lost its head"))?;
    let extensions = vec![format!("chain {}", figure::hash(&chain))];
    let signed = signer.sign(&Checkpoint { origin, size, root: grower.root(size)?, extensions }.text());
    match &command.file {
        Some(path) => write(path, signed.as_bytes()),
        None => {
            print!("{signed}");
            Ok(())
        }
    }
}

pub fn prove(command: &Prove) -> Result<()> {
    let (log, grower) = command.tree.grown()?;
    let proof = grower.inclusion(command.sequence, command.size.unwrap_or(grower.size()))?;
    let bytes = record(&log, command.sequence)?.ok_or_else(|| failed("the record is gone"))?;
    let mut beside = command.file.clone().into_os_string();
    beside.push(".record");
    write(Path::new(&beside), &bytes)?;
    write(&command.file, &proof.to_bytes())
}

pub fn consistency(command: &Consistency) -> Result<()> {
    let (_, grower) = command.tree.grown()?;
    let proof = grower.consistency(command.from, command.size.unwrap_or(grower.size()))?;
    write(&command.file, &proof.to_bytes())
}

pub fn check(command: &Check) -> Result<()> {
    let by = VerifierKey::parse(&command.by).map_err(|wrong| usage(wrong.to_string()))?;
    let later = checkpoint(&by, &command.checkpoint)?;
    let proof = Proof::from_bytes(&read(&command.proof)?)?;
    let (size, origin) = (figure::count(later.size), &later.origin);
    match (&command.record, &command.earlier) {
        (Some(record), _) => {
            let sequence = proof.check_record(&read(record)?, &later)?;
            println!("this is record {} of {origin}, among {size} signed", figure::count(sequence));
        }
        (None, Some(path)) => {
            let earlier = checkpoint(&by, path)?;
            proof.check_consistency(&earlier, &later)?;
            println!(
                "{origin}: {size} records go on from {}; nothing was changed or removed",
                figure::count(earlier.size)
            );
        }
        (None, None) => return Err(usage("--record or --earlier")),
    }
    Ok(())
}

/// The checkpoint in a file, if the key signed it.
pub fn checkpoint(by: &VerifierKey, path: &Path) -> Result<Checkpoint> {
    let text = String::from_utf8(read(path)?).with_context(|| path.display().to_string())?;
    let text = by.open(&text).with_context(|| path.display().to_string())?;
    Ok(Checkpoint::parse(text)?)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| usage(format!("{}: {error}", path.display())))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())?;
    note(format!("{}: {} bytes", path.display(), figure::count(bytes.len() as u64)));
    Ok(())
}
