//! Open files: each connection is one, and so is each file of log and views. Who runs out of them cannot write a table file, and the shard
//! ends; callers that only open connections must not bring that about. So the limit is raised as far as the system lets it go, and a
//! service whose places for connections would leave the store too few does not start.

use anyhow::{Context as _, Result, ensure};

use crate::config::Config;
use crate::settings;

/// Left for everything that is no connection: files of log, views and witness, brokers, the runtime's own.
const OTHERS: u64 = 1_024;

/// Raises the limit of open files of this process.
///
/// # Errors
/// When it stays too low for the connections that the configuration allows.
pub(crate) fn suffice(config: &Config) -> Result<()> {
    let connections = [config.grpc.max_connections, config.console.max_connections, settings::OF_OPERATIONS.all];
    let needed = OTHERS + connections.map(u64::from).iter().sum::<u64>();
    let limit = rlimit::increase_nofile_limit(u64::MAX).context("raising the limit of open files")?;
    ensure!(
        limit >= needed,
        "this process may open {limit} files, and {needed} may be needed: {OTHERS} for the store and {} for connections \
         (grpc.max_connections, console.max_connections and those of operations); raise the hard limit (ulimit -Hn, LimitNOFILE) or \
         allow fewer connections",
        needed - OTHERS
    );
    tracing::debug!(limit, needed, "open files");
    Ok(())
}
