//! A full disk: the service stays, answers questions of what is on disk, takes no commands, and starts again by itself when there is
//! space ([decision 68](../../../docs/decisions/0068-a-full-disk-leaves-the-readers-in.md)).

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::{Config, Running};

/// How often it looks for space.
const LOOK: Duration = Duration::from_secs(2);
/// What must be free before it starts again: starting writes tables from the write-ahead log.
const ENOUGH: usize = 32 << 20;

/// Says it where operators look.
pub(crate) fn tell(why: &str) {
    tracing::error!(
        why,
        "out of space: questions are answered, commands are refused; it goes on by itself when {} MiB are free",
        ENOUGH >> 20
    );
}

/// Comes when there is space again wherever the service writes.
pub(crate) async fn space(config: &Config) {
    loop {
        tokio::time::sleep(LOOK).await;
        let (records, views) = (config.log_dir(), config.views_dir());
        let enough = tokio::task::spawn_blocking(move || [records, views].iter().all(|dir| has_space(dir)));
        if enough.await.unwrap_or(false) {
            return;
        }
    }
}

/// Ends a service whose disk was full. What could not be written was never acknowledged.
pub(crate) async fn end(running: Running) {
    if let Err(error) = running.stop().await {
        tracing::info!(%error, "ended after the disk was full");
    }
}

/// Whether a file of some size can be written beside a directory and reaches the disk.
fn has_space(dir: &Path) -> bool {
    let probe = dir.with_extension("space");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&probe)?;
        let piece = vec![0x5A; 1 << 20];
        for _ in 0..ENOUGH / piece.len() {
            file.write_all(&piece)?;
        }
        file.sync_all()
    };
    let written = write().is_ok();
    fs::remove_file(&probe).is_ok() && written
}
