//! Commands, one after the other, as people, front offices, agents and the timer send them: each is written back to the same, all are
//! decided in turn, and at the end the log must fold, and the snapshot read, to the state that is there.
//!
//! The bytes are `quittance.record.v1.Inbound` messages with [`BETWEEN`] between them: what is inserted in one does not move the
//! others. A piece that is none is passed over.

use super::house;
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use prost::Message as _;
use testkit::memory::Shard;
use wire::{command, pb};

/// What stands between two commands.
pub const BETWEEN: &[u8] = b"\xff\xfe|\xff";

/// The most commands of one input.
const MOST: usize = 24;

/// Whether there is a command in it.
pub fn run(bytes: &[u8]) -> bool {
    let mut house: Option<Shard> = None;
    for piece in pieces(bytes).take(MOST) {
        let Some(asked) = read(piece) else { continue };
        let house = house.get_or_insert_with(house::internal);
        // As the engine stamps it: never backwards.
        let now = house.state().at().expect("a house with a past");
        let line = house.records().len() as u64;
        let inbound = Inbound { at: asked.at.max(now), origin: Origin::File { line }, ..asked };
        house::submit(house, inbound);
    }
    let Some(house) = house else { return false };
    house::check(&house);
    // Folding it all again takes longer than all else: every sixteenth input.
    if bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).is_multiple_of(16) {
        house::check_recovery(house);
    }
    true
}

fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let end = bytes.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        let (piece, rest) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + BETWEEN.len()..]));
        bytes = rest;
        Some(piece)
    })
}

/// A command as a client sends it.
fn read(piece: &[u8]) -> Option<Inbound> {
    let generated = pb::record::Inbound::decode(piece).ok()?;
    let read = command::from_wire(generated.command.as_ref()?).ok()?;
    let again = command::into_wire(&read);
    assert_eq!(command::from_wire(&again).as_ref(), Ok(&read), "written, it is another command");
    let at = generated.at.and_then(|at| Timestamp::from_micros(at.seconds.checked_mul(1_000_000)?).ok());
    Some(Inbound {
        actor: Identifier::parse(&generated.actor).ok()?,
        reason: command::free_text(&generated.reason).ok()?,
        at: at.unwrap_or(Timestamp::EPOCH),
        origin: Origin::Engine,
        // What only the engine asks itself is refused at every door.
        command: Some(read).filter(|command| !matches!(command, Command::Continue(_) | Command::Quarantine(_)))?,
    })
}
