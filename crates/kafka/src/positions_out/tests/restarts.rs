//! Restarts: from the fold that was kept, or from the beginning.

use super::*;
use std::collections::BTreeSet;

/// A restart goes on from the fold that was kept; a kept one that is damaged, of another log, or ahead of what was told is noticed,
/// and all is folded again. Whichever: nothing is told twice, nothing is left out.
#[test]
fn a_restart_goes_on_from_the_kept_fold_or_from_the_beginning() {
    let house = House::new();
    let records = story(BUSY);
    let (kept_at, step) = (house.place().with_extension("fold"), records.len() / 8);
    let mut upto = step;
    house.commit(&records[..upto]);
    assert_eq!(house.run(), 0, "nothing was kept yet");
    // What happens to the file, and whether it is gone on from.
    let good = std::fs::read(&kept_at).expect("kept when it stopped");
    let early = std::fs::read(house.place()).expect("a place");
    let damaged = || {
        let mut bytes = std::fs::read(&kept_at).expect("a fold");
        bytes[70] ^= 1;
        bytes
    };
    for round in ["as it is", "damaged", "older than the place", "all the rest"] {
        let expected_from = match round {
            "damaged" => {
                std::fs::write(&kept_at, damaged()).expect("written");
                0
            }
            // What came after it is folded again and not told again.
            "older than the place" => {
                std::fs::write(&kept_at, &good).expect("written");
                step
            }
            _ => upto,
        };
        let next = if round == "all the rest" { records.len() } else { upto + step };
        house.commit(&records[upto..next]);
        upto = next;
        assert_eq!(house.run(), expected_from as u64, "{round}");
        let there = house.there();
        assert_eq!(kept(&there), expected(&records[..upto]), "{round}");
        let ids: BTreeSet<&str> = there.iter().map(|message| message.header("ce_id")).collect();
        assert_eq!(ids.len(), there.len(), "{round}: each once");
    }
    // The place of before with the fold of now: what is between was told, as the topic says, and the fold is made again.
    std::fs::write(house.place(), early).expect("written");
    let there = house.there();
    assert_eq!((house.run(), house.there()), (0, there));

    // The files of another log.
    let other = House::new();
    other.commit(&story("open\ntransfer 7 SAP from ALPHA-DEPOT book=ALPHA-EQ")[..]);
    std::fs::write(other.place().with_extension("fold"), std::fs::read(&kept_at).expect("a fold")).expect("written");
    assert_eq!(other.run(), 0);
}

/// Wherever it is cut, what a kept fold goes on to say is what the other one says that was never stopped.
#[test]
fn a_kept_fold_goes_on_as_if_it_had_never_stopped() {
    for records in [story(BUSY), story_on("outside", IN_PARTS)] {
        let told = letters(&records);
        for cut in 0..=records.len() {
            let (mut fold, mut out) = (PositionsFold::default(), Vec::new());
            for (sequence, bytes) in (1..).zip(&records) {
                fold.record(sequence, bytes, &mut Vec::new()).expect("a record");
                out.extend(fold.latest().expect("it can be told").into_iter().map(|(_, letter)| letter));
                if sequence == cut as u64 {
                    let kept = Letters::keep(&fold);
                    fold = PositionsFold::default();
                    fold.take_up(&kept).expect("as it was kept");
                    assert_eq!(Letters::keep(&fold), kept);
                }
            }
            assert_eq!(out, told.iter().map(|(_, letter)| letter.clone()).collect::<Vec<_>>(), "cut at {cut}");
        }
    }
    assert!(PositionsFold::default().take_up(b"\x0a\x7fnonsense").is_err());
}
