//! The small file that says how far the records topic was read: a start need not read all of it again.

use super::rule::Rule;
use crate::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use store::Head;

/// The last block that was accepted: where it stands, under which fence, and what it ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub offset: u64,
    pub generation: u64,
    pub last: Head,
}

impl Place {
    /// The rule as it stood after that block.
    pub(crate) fn rule(&self) -> Rule {
        Rule { generation: Some(self.generation), last: self.last }
    }

    /// Reads it. Whatever is not a place means the beginning: to read the topic again does no harm.
    pub(crate) fn load(path: &Path) -> Option<Place> {
        parse(&fs::read_to_string(path).ok()?)
    }

    /// Writes it, whole or not at all.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Error> {
        let chain: String = self.last.chain.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut staged = path.as_os_str().to_owned();
        staged.push(".new");
        let staged = PathBuf::from(staged);
        let write = || -> io::Result<()> {
            let mut file = File::create(&staged)?;
            writeln!(file, "{} {} {} {chain}", self.offset, self.generation, self.last.sequence)?;
            file.sync_data()?;
            fs::rename(&staged, path)
        };
        write().map_err(|cause| Error::File { path: path.display().to_string(), cause: cause.to_string() })
    }
}

fn parse(text: &str) -> Option<Place> {
    let mut words = text.split_ascii_whitespace();
    let mut number = || words.next()?.parse().ok();
    let (offset, generation, sequence) = (number()?, number()?, number()?);
    let hex = words.next().filter(|hex| hex.len() == 64 && hex.is_ascii())?;
    let mut chain = [0; 32];
    for (place, byte) in chain.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some(Place { offset, generation, last: Head { sequence, chain } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_and_nonsense_does_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("records");
        assert_eq!(Place::load(&path), None);
        let place = Place { offset: 7, generation: 3, last: Head { sequence: 90, chain: [0xAB; 32] } };
        place.save(&path).expect("writes");
        assert_eq!(Place::load(&path), Some(place));
        fs::write(&path, "7 3 90 abc").expect("writes");
        assert_eq!(Place::load(&path), None);
    }
}
