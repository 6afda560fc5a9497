//! `quittance audit`: what those who look at everything have asked, and that nobody has changed it since.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use server::questions::{self, Questions};

use crate::fault::failed;

/// What auditors and administrators asked
#[derive(Args, Debug)]
pub struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
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
    let Verb::Queries { verb: Queries::Verify { data } } = &command.verb;
    let path = data.join(Questions::FILE);
    let verified = questions::verify(&path).map_err(|fault| failed(format!("{}: {fault}", path.display())))?;
    let chain: String = verified.chain.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{} questions, each linked to the one before; the chain ends with {chain}", verified.questions);
    Ok(())
}
