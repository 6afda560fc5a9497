//! Where records come from: a store, an exported file, the published topic. Each gives blocks, and none is believed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::chain::{Batch, Hash};
use crate::fault::{Fault, must};

/// Gives blocks in the order they lie there.
pub trait Source: Send {
    /// Hands over each block until told to stop.
    ///
    /// # Errors
    /// What makes a block unreadable, and whatever `take` says.
    fn each(&mut self, take: &mut dyn FnMut(Batch) -> Result<bool, Fault>) -> Result<(), Fault>;
}

/// A place in the history that somebody else remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub who: String,
    pub sequence: u64,
    pub chain: Hash,
}

/// A log in a file, as `quittance log export --stored` writes it: a line for each record, with its place, the chain after it and
/// its bytes in Base64.
pub struct Export {
    lines: BufReader<File>,
}

#[derive(serde::Deserialize)]
struct Line {
    sequence: u64,
    chain: Option<String>,
    stored: Option<String>,
}

/// Lines of a file that are taken together.
const TOGETHER: usize = 256;

impl Export {
    pub fn open(path: &Path) -> Result<Export, Fault> {
        let file = File::open(path).map_err(|cause| Fault::unknown(format!("{}: {cause}", path.display())))?;
        Ok(Export { lines: BufReader::with_capacity(1 << 20, file) })
    }

    fn line(&mut self, text: &mut String) -> Result<Option<(u64, Hash, Vec<u8>)>, Fault> {
        text.clear();
        let read = self.lines.read_line(text).map_err(|cause| Fault::unknown(format!("the export: {cause}")))?;
        if read == 0 {
            return Ok(None);
        }
        let line: Line =
            serde_json::from_str(text).map_err(|cause| Fault::unknown(format!("a line of the export: {cause}")))?;
        let (Some(chain), Some(stored)) = (line.chain, line.stored) else {
            return Err(Fault::unknown("the export has no stored bytes: export with --stored"));
        };
        let bad = |what: &str| {
            Fault::violated(crate::Invariant::I10, format!("record {} of the export: {what}", line.sequence))
        };
        let chain = crate::unhex(&chain).ok_or_else(|| bad("its chain is no hash"))?;
        let bytes = STANDARD.decode(&stored).map_err(|_| bad("its bytes are not Base64"))?;
        Ok(Some((line.sequence, chain, bytes)))
    }
}

impl Source for Export {
    fn each(&mut self, take: &mut dyn FnMut(Batch) -> Result<bool, Fault>) -> Result<(), Fault> {
        let (mut text, mut prior) = (String::new(), crate::chain::ORIGIN);
        let mut batch = Batch::default();
        loop {
            let line = self.line(&mut text)?;
            if let Some((sequence, chain, bytes)) = &line {
                let expected = if batch.count == 0 { *sequence } else { batch.first + batch.count as u64 };
                must!(I10, *sequence == expected, "record {sequence} stands where {expected} belongs");
                if batch.count == 0 {
                    (batch.first, batch.prior) = (*sequence, prior);
                }
                let length = u32::try_from(bytes.len()).map_err(|_| Fault::unknown("a record beyond 4 GiB"))?;
                batch.payload.extend(length.to_be_bytes());
                batch.payload.extend_from_slice(bytes);
                batch.count += 1;
                batch.after = *chain;
                prior = *chain;
            }
            let full = batch.count == TOGETHER || (line.is_none() && batch.count > 0);
            if full && !take(std::mem::take(&mut batch))? {
                return Ok(());
            }
            if line.is_none() {
                return Ok(());
            }
        }
    }
}

/// What the witness beside a log last saw: two slots of 64 bytes at 0 and 4096, the higher one counts.
///
/// A slot: `QWIT`, format 1 (`u16`), zero (`u16`), sequence `u64`, chain `[32]`, and the first half of the SHA-256 of these 48 bytes.
pub fn witness(path: &Path) -> Result<Option<Mark>, Fault> {
    use sha2::{Digest, Sha256};
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Fault::unknown(format!("{}: {cause}", path.display()))),
    };
    let slot = |from: usize| -> Option<Mark> {
        let slot = bytes.get(from..from + 64)?;
        let sound = slot[..8] == *b"QWIT\0\x01\0\0" && Sha256::digest(&slot[..48])[..16] == slot[48..];
        let sequence = u64::from_be_bytes(slot[8..16].try_into().ok()?);
        sound.then(|| Some(Mark { who: "the witness".to_owned(), sequence, chain: slot[16..48].try_into().ok()? }))?
    };
    let newest = [0, 4096].into_iter().filter_map(slot).max_by_key(|mark| mark.sequence);
    newest.map(Some).ok_or_else(|| Fault::violated(crate::Invariant::I11, "the witness cannot be read"))
}
