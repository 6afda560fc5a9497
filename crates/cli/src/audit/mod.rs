//! `quittance audit`: what outsiders need to check the log without us, and what those who look at everything have asked.

pub mod proofs;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use server::questions::{self, Questions};

use crate::fault::failed;

/// Signed heads of the log, proofs for outsiders, and what auditors asked
#[derive(Args, Debug)]
pub struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make the key that signs heads; prints the one that verifies them
    #[command(after_help = "Example:\n  quittance audit key --data quittance-data --key audit.key")]
    Key(proofs::Key),
    /// The head of the log, signed: how many records, and the Merkle root over them (C2SP tlog-checkpoint)
    #[command(after_help = "Keep each somewhere that who runs the service cannot reach.\n\nExample:\n  \
        quittance audit head --data quittance-data --key audit.key --file 2026-11-23.checkpoint")]
    Head(proofs::Head),
    /// Prove that a record is in the log of a checkpoint
    #[command(after_help = "Example:\n  quittance audit prove 4711 --data quittance-data --file 4711.proof")]
    Prove(proofs::Prove),
    /// Prove that the log goes on from an earlier checkpoint: nothing of it was changed or removed
    #[command(after_help = "Example:\n  quittance audit consistency 120000 --data quittance-data --file grows.proof")]
    Consistency(proofs::Consistency),
    /// Check a proof, without store or service
    #[command(after_help = "The program quittance-proof does the same and is nothing else.\n\nExamples:\n  \
        quittance audit verify --by KEY --checkpoint c --proof 4711.proof --record 4711.proof.record\n  \
        quittance audit verify --by KEY --checkpoint later --earlier earlier --proof grows.proof")]
    Verify(proofs::Check),
    /// The questions that were written down
    Queries {
        #[command(subcommand)]
        verb: Queries,
    },
}

#[derive(Subcommand, Debug)]
enum Queries {
    /// Check that no question was changed, left out or put in
    #[command(
        after_help = "Compare the chain's end with one noted earlier: lines cut off at the end show only there.\n\n\
        Example:\n  quittance audit queries verify --data quittance-data"
    )]
    Verify {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

pub fn run(command: &Audit) -> Result<()> {
    let data = match &command.verb {
        Verb::Key(command) => return proofs::key(command),
        Verb::Head(command) => return proofs::head(command),
        Verb::Prove(command) => return proofs::prove(command),
        Verb::Consistency(command) => return proofs::consistency(command),
        Verb::Verify(command) => return proofs::check(command),
        Verb::Queries { verb: Queries::Verify { data } } => data,
    };
    let path = data.join(Questions::FILE);
    let verified = questions::verify(&path).map_err(|fault| failed(format!("{}: {fault}", path.display())))?;
    let chain: String = verified.chain.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{} questions, each linked to the one before; the chain ends with {chain}", verified.questions);
    Ok(())
}
