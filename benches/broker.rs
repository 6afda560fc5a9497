//! A Kafka broker of the bench's own, through `deploy/kafka/kafka.sh`.

use anyhow::{Context, Result, ensure};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A running broker; stopped and wiped when dropped.
pub struct Broker {
    port: u16,
    data: TempDir,
    script: PathBuf,
}

impl Broker {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When the script fails; its words are on standard error.
    pub fn start() -> Result<Broker> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kafka/kafka.sh");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let broker = Broker { port, data: tempfile::tempdir()?, script };
        broker.run("start")?;
        Ok(broker)
    }

    fn run(&self, what: &str) -> Result<()> {
        let status = Command::new("bash")
            .arg(&self.script)
            .arg(what)
            .env("KAFKA_PORT", self.port.to_string())
            .env("KAFKA_DATA", self.data.path().join("kafka"))
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {}", self.script.display()))?;
        ensure!(status.success(), "{} {what} failed", self.script.display());
        Ok(())
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.run("kill");
    }
}
