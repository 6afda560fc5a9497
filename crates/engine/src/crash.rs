//! The crash marker: a small file beside the log that names what was being decided when the process died.
//!
//! A panic is caught and names its message exactly. A harder death (out of memory, a signal) leaves the mark that was
//! set before the first command of the run; the next run then goes *carefully*, one command a block with a mark before
//! each, and if it dies again the mark is exact. After two exact crashes at one place the shard starts halted. Whoever
//! kills an idle process, or one that has committed since it started, leaves no mark.

use model::command::Origin;
use model::identifier::Identifier;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// After so many crashes at one place the shard starts halted.
pub(crate) const LIMIT: u32 = 2;

/// After a crash so many commands are committed one by one.
pub(crate) const CAREFUL: u32 = 10_000;

/// Where a command came from, as far as it helps to find it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A message of a Kafka partition.
    Kafka { topic: Identifier, partition: u32, offset: u64 },
    /// A call.
    Call { request_id: Identifier },
    /// A line of a file.
    File { line: u64 },
    /// The engine's own: its timer or long work, which would have become this record.
    Own { sequence: u64 },
}

impl Place {
    /// Of a command that would become the record `sequence`.
    pub(crate) fn of(origin: &Origin, sequence: u64) -> Place {
        match origin {
            Origin::Kafka { topic, partition, offset } => {
                Place::Kafka { topic: topic.clone(), partition: *partition, offset: *offset }
            }
            Origin::Call { request_id } => Place::Call { request_id: request_id.clone() },
            Origin::File { line } => Place::File { line: *line },
            Origin::Engine => Place::Own { sequence },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Kafka { topic, partition, offset } => write!(f, "kafka {topic} {partition} {offset}"),
            Place::Call { request_id } => write!(f, "call {request_id}"),
            Place::File { line } => write!(f, "file {line}"),
            Place::Own { sequence } => write!(f, "own {sequence}"),
        }
    }
}

impl Place {
    fn parse(text: &str) -> Option<Place> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["kafka", topic, partition, offset] => Some(Place::Kafka {
                topic: Identifier::parse(topic).ok()?,
                partition: partition.parse().ok()?,
                offset: offset.parse().ok()?,
            }),
            ["call", id] => Some(Place::Call { request_id: Identifier::parse(id).ok()? }),
            ["file", line] => Some(Place::File { line: line.parse().ok()? }),
            ["own", sequence] => Some(Place::Own { sequence: sequence.parse().ok()? }),
            _ => None,
        }
    }
}

/// What an earlier run died of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// What was being decided.
    pub place: Place,
    /// How often it is known to have crashed just there.
    pub crashes: u32,
    /// Whether it was certainly this command, or one soon after it.
    pub exact: bool,
    /// The panic's message, when there was one.
    pub cause: String,
}

/// The file, and what it said when the engine started.
pub(crate) struct Marker {
    path: PathBuf,
    pub previous: Option<Suspect>,
    armed: bool,
}

impl Marker {
    /// Reads the mark beside a log.
    pub fn read(log: &Path) -> Marker {
        let mut path = log.as_os_str().to_owned();
        path.push(".crash");
        let path = PathBuf::from(path);
        let previous = fs::read_to_string(&path).ok().and_then(|text| parse(&text));
        Marker { path, previous, armed: false }
    }

    /// Why the shard must start halted, if it must.
    pub fn halts(&self) -> Option<&Suspect> {
        let stops = |suspect: &&Suspect| {
            suspect.exact
                && suspect.crashes >= LIMIT
                // Nobody sends a call or a line of a file again on his own: these do not loop.
                && matches!(suspect.place, Place::Kafka { .. } | Place::Own { .. })
        };
        self.previous.as_ref().filter(stops)
    }

    fn crashes_at(&self, place: &Place) -> u32 {
        let same = |suspect: &&Suspect| suspect.exact && suspect.place == *place;
        self.previous.as_ref().filter(same).map_or(0, |suspect| suspect.crashes)
    }

    /// Sets the mark that the next run finds if this one dies now.
    pub fn arm(&mut self, place: Place, exact: bool) -> io::Result<()> {
        let crashes = self.crashes_at(&place) + 1;
        self.armed = true;
        self.write(&Suspect { place, crashes, exact, cause: "the process died without a word".to_owned() })
    }

    /// A panic was caught: names it.
    pub fn caught(&mut self, place: Place, cause: &str) -> io::Result<()> {
        let crashes = self.crashes_at(&place) + 1;
        self.write(&Suspect { place, crashes, exact: true, cause: cause.replace('\n', " ") })
    }

    /// What was armed is on disk, or the process ends in order.
    pub fn clear(&mut self) -> io::Result<()> {
        if !self.armed {
            return Ok(());
        }
        self.armed = false;
        remove(&self.path)
    }

    /// An operator has dealt with what the mark says, or it has turned out harmless.
    pub fn forget(&mut self) -> io::Result<()> {
        self.previous = None;
        self.armed = false;
        remove(&self.path)
    }

    fn write(&self, suspect: &Suspect) -> io::Result<()> {
        let Suspect { place, crashes, exact, cause } = suspect;
        // No sync: the mark is against the death of the process, not of the machine.
        fs::write(&self.path, format!("place {place}\ncrashes {crashes}\nexact {exact}\ncause {cause}\n"))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

fn parse(text: &str) -> Option<Suspect> {
    let mut lines = text.lines();
    let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
    Some(Suspect {
        place: Place::parse(value("place")?)?,
        crashes: value("crashes")?.parse().ok()?,
        exact: value("exact")?.parse().ok()?,
        cause: value("cause")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(offset: u64) -> Place {
        Place::Kafka { topic: Identifier::parse("quittance.trades.v1").expect("a name"), partition: 0, offset }
    }

    #[test]
    fn two_exact_crashes_at_one_place_halt_and_others_do_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("log");
        let run = |what: &dyn Fn(&mut Marker)| {
            let mut marker = Marker::read(&log);
            what(&mut marker);
            Marker::read(&log).halts().cloned()
        };
        // A death without a word at the first command of a run tells nothing for sure, however often.
        assert_eq!(run(&|marker| marker.arm(kafka(7), false).expect("writes")), None);
        assert_eq!(run(&|marker| marker.arm(kafka(7), false).expect("writes")), None);
        // Two panics at the same place.
        assert_eq!(run(&|marker| marker.caught(kafka(8), "first\nline").expect("writes")), None);
        assert_eq!(run(&|marker| marker.arm(kafka(7), true).expect("writes")), None);
        assert_eq!(run(&|marker| marker.caught(kafka(8), "once").expect("writes")), None);
        let halted = run(&|marker| marker.caught(kafka(8), "twice").expect("writes")).expect("halts");
        assert_eq!(halted, Suspect { place: kafka(8), crashes: 2, exact: true, cause: "twice".to_owned() });
        // Once it was dealt with, it starts from nothing.
        assert_eq!(run(&|marker| marker.forget().expect("removes")), None);
        assert_eq!(Marker::read(&log).previous, None);
    }

    #[test]
    fn a_call_never_halts_and_a_torn_mark_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("log");
        let call = Place::Call { request_id: Identifier::parse("r-1").expect("a name") };
        for _ in 0..3 {
            Marker::read(&log).caught(call.clone(), "x").expect("writes");
        }
        let marker = Marker::read(&log);
        assert_eq!(marker.previous.as_ref().map(|suspect| suspect.crashes), Some(3));
        assert_eq!(marker.halts(), None);
        fs::write(&marker.path, "place kafka t 0").expect("writes");
        assert_eq!(Marker::read(&log).previous, None);
    }
}
