//! The one binary: every way a person or a script talks to Quittance. A module for each noun; `fault` is how all of them end.

mod accounting;
mod agent;
mod asking;
mod asof;
mod audit;
mod breaks;
mod calc;
mod cash;
mod codes;
mod connection;
mod controls;
mod coverage;
mod dates;
mod day;
mod demo;
mod explain;
mod fault;
mod fold;
mod followed;
mod front_office;
mod instructions;
mod iso;
mod ledger;
mod log;
mod margin;
mod output;
mod paging;
mod pipeline;
mod pnl;
mod positions;
mod progress;
mod promote;
mod proof;
mod proposals;
mod quarantine;
mod rebuild;
mod repairs;
mod report;
mod risk;
mod service;
mod status;
mod store;
mod stories;
mod submit;
mod topics;
mod trades;
mod verify;
mod views;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

/// What one stage of the shard makes another lets go of: an allocator that takes things back from other threads cheaply.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Quittance: the back office of an investment bank as one event-sourced service
#[derive(Parser, Debug)]
#[command(
    name = "quittance",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Begin with `quittance demo`: a settlement week, no broker needed.\n\n\
    Exit codes: 0 done, 1 failed or refused, 2 called wrongly, 4 no such thing. Answers go to stdout, all else to stderr.\n\
    QUITTANCE_SERVER and QUITTANCE_ACTOR stand in for --server and --actor, QUITTANCE_TLS_CA, _TLS_CERT, _TLS_KEY and\n    QUITTANCE_TOKEN_FILE for what proves who calls; NO_COLOR is heeded."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::Demo),
    Stories(stories::Stories),
    Serve(service::Serve),
    Agent(agent::Agent),
    Init(service::Init),
    Config(service::Configure),
    Status(status::Status),
    Submit(submit::Submit),
    Trades(trades::Trades),
    Instructions(instructions::Instructions),
    Breaks(breaks::Breaks),
    Cash(cash::Cash),
    Ledger(ledger::Ledger),
    Positions(positions::Positions),
    Pnl(pnl::Pnl),
    Report(report::Report),
    Coverage(coverage::CoverageCommand),
    Margin(margin::Margin),
    Risk(risk::Risk),
    Day(day::Day),
    Controls(controls::Controls),
    Proposals(proposals::Proposals),
    Quarantine(quarantine::Quarantine),
    Repairs(repairs::Repairs),
    Log(log::Log),
    Verify(verify::Verify),
    Audit(audit::Audit),
    Rebuild(rebuild::Rebuild),
    Store(store::Store),
    Promote(promote::Promote),
    Fold(fold::Fold),
    Calc(calc::Calc),
    Topics(topics::Topics),
    FrontOffice(front_office::FrontOffice),
    Iso(iso::Iso),
    /// Measure this build on this machine: quittance bench fold
    Bench(benches::Bench),
    /// Completions for a shell: quittance completions bash > /etc/bash_completion.d/quittance
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(fault::report(&error)),
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Submit(command) => wait(submit::run(command)),
        Command::Trades(command) => wait(trades::run(command)),
        Command::Instructions(command) => wait(instructions::run(command)),
        Command::Breaks(command) => wait(breaks::run(command)),
        Command::Cash(command) => wait(cash::run(command)),
        Command::Ledger(command) => wait(ledger::run(command)),
        Command::Positions(command) => wait(positions::run(command)),
        Command::Pnl(command) => wait(pnl::run(command)),
        Command::Report(command) => wait(report::run(command)),
        Command::Coverage(command) => wait(coverage::run(command)),
        Command::Margin(command) => wait(margin::run(command)),
        Command::Risk(command) => wait(risk::run(command)),
        Command::Day(command) => wait(day::run(command)),
        Command::Controls(command) => wait(controls::run(command)),
        Command::Proposals(command) => wait(proposals::run(command)),
        Command::Quarantine(command) => wait(quarantine::run(command)),
        Command::Repairs(command) => wait(repairs::run(command)),
        Command::Log(command) => wait(log::run(command)),
        Command::Demo(command) => wait(demo::run(command)),
        Command::Stories(command) => wait(stories::run(command)),
        Command::Serve(command) => service::serve(command),
        Command::Agent(command) => agent::run(&command),
        Command::Init(command) => service::init(command),
        Command::Config(command) => service::configure(command),
        Command::Status(command) => wait(status::run(command)),
        Command::Verify(command) => verify::run(command),
        Command::Audit(command) => audit::run(&command),
        Command::Rebuild(command) => rebuild::run(command),
        Command::Store(command) => store::run(command),
        Command::Promote(command) => wait(promote::run(command)),
        Command::Topics(command) => topics::run(command),
        Command::FrontOffice(command) => front_office::run(command),
        Command::Fold(command) => fold::run(command),
        Command::Iso(command) => iso::run(command),
        Command::Calc(command) => calc::run(command),
        Command::Bench(command) => benches::main(&command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "quittance", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Runs what talks to a server.
fn wait(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
