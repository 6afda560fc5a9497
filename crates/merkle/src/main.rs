//! `quittance-proof`: checks a proof with nothing but the proof, checkpoints, and the key of whoever signed them.
//!
//! Exit codes: 0 it holds, 1 it does not, 2 called wrongly.

use std::process::ExitCode;

use merkle::note::{Checkpoint, VerifierKey};
use merkle::proof::Proof;

const USAGE: &str = "quittance-proof record KEY CHECKPOINT PROOF RECORD        the record (its stored bytes) is in the log\n\
                     quittance-proof consistency KEY EARLIER LATER PROOF       the later log goes on from the earlier\n\n\
                     KEY is the signer's `name+id+base64`; the others are files.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["record", key, checkpoint, proof, record] => check_record(key, checkpoint, proof, record),
        ["consistency", key, earlier, later, proof] => check_consistency(key, earlier, later, proof),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("quittance-proof: NOT PROVED: {why}");
            ExitCode::from(1)
        }
    }
}

type Checked = Result<String, Box<dyn std::error::Error>>;

fn checkpoint(key: &str, path: &str) -> Result<Checkpoint, Box<dyn std::error::Error>> {
    let note = std::fs::read_to_string(path)?;
    Ok(Checkpoint::parse(VerifierKey::parse(key)?.open(&note)?)?)
}

fn check_record(key: &str, checkpoint_file: &str, proof: &str, record: &str) -> Checked {
    let checkpoint = checkpoint(key, checkpoint_file)?;
    let sequence = Proof::from_bytes(&std::fs::read(proof)?)?.check_record(&std::fs::read(record)?, &checkpoint)?;
    Ok(format!("this is record {sequence} of {}, among {} signed", checkpoint.origin, checkpoint.size))
}

fn check_consistency(key: &str, earlier: &str, later: &str, proof: &str) -> Checked {
    let (earlier, later) = (checkpoint(key, earlier)?, checkpoint(key, later)?);
    Proof::from_bytes(&std::fs::read(proof)?)?.check_consistency(&earlier, &later)?;
    Ok(format!("{}: {} records go on from {}; nothing was changed or removed", later.origin, later.size, earlier.size))
}
