//! Trades: there and back, the same as the generated decoder, and no panic on any bytes.

use crate::{any, oracle, sample};
use model::trade::TradeMessage;
use proptest::prelude::*;
use prost::Message as _;
use wire::{DecodeError, MAX_TRADE, pb, trade};

fn encoded(message: &TradeMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    trade::encode(message, &mut bytes);
    bytes
}

/// The generated decoder and the plain conversion.
fn judged(bytes: &[u8]) -> Option<TradeMessage> {
    pb::trade::Trade::decode(bytes).ok().and_then(|message| oracle::trade(&message))
}

/// Whatever the fast decoder takes, the judge takes too and understands alike; what it refuses, the judge refuses, or
/// takes only because it repairs it (cuts a number to 32 bits, forgets a first part that was wrong).
fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (found, judged) = (trade::decode(bytes), judged(bytes));
    match found {
        Ok(found) => prop_assert_eq!(Some(found), judged),
        Err(refused) => {
            if let Some(judged) = judged {
                let repaired = pb::trade::Trade::decode(bytes).unwrap().encode_to_vec();
                prop_assert_ne!(&*repaired, bytes, "refused without need: {}", refused);
                prop_assert_eq!(trade::decode(&repaired), Ok(judged));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back(message in any::trade::trade()) {
        let bytes = encoded(&message);
        prop_assert_eq!(judged(&bytes), Some(message.clone()));
        prop_assert_eq!(trade::decode(&bytes), Ok(message.clone()));
        // The generated code writes the same bytes: ours are the canonical ones.
        let generated = trade::into_wire(&message);
        prop_assert_eq!(&generated.encode_to_vec(), &bytes);
        prop_assert_eq!(trade::from_wire(&generated), Ok(message));
    }

    #[test]
    fn two_messages_in_a_row_are_merged_as_protobuf_says(one in any::trade::trade(), other in any::trade::trade()) {
        let mut bytes = encoded(&one);
        bytes.extend(encoded(&other));
        let (found, judged) = (trade::decode(&bytes), judged(&bytes));
        prop_assert_eq!(found.ok(), judged);
    }

    #[test]
    fn unknown_fields_are_passed_over(
        message in any::trade::trade(),
        number in 40..500u32,
        value in any::<u64>(),
        raw in any::<Vec<u8>>(),
    ) {
        use prost::encoding::{WireType, bytes, encode_key, encode_varint, fixed32, fixed64};
        let mut stretched = Vec::new();
        fixed64::encode(number, &value, &mut stretched);
        stretched.extend(encoded(&message));
        fixed32::encode(number, &7, &mut stretched);
        bytes::encode(number, &raw, &mut stretched);
        encode_key(number, WireType::StartGroup, &mut stretched);
        encode_key(number + 1, WireType::Varint, &mut stretched);
        encode_varint(value, &mut stretched);
        encode_key(number, WireType::EndGroup, &mut stretched);
        prop_assert_eq!(trade::decode(&stretched), Ok(message));
    }

    #[test]
    fn damaged_bytes_are_judged_alike(
        message in any::trade::trade(),
        damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..4),
    ) {
        let mut bytes = encoded(&message);
        for (place, byte, kind) in damages {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => drop(bytes.remove(place)),
                _ => bytes.truncate(place),
            }
        }
        agree(&bytes)?;
    }

    #[test]
    fn any_bytes_are_judged_alike(bytes in any::<Vec<u8>>()) {
        agree(&bytes)?;
    }
}

/// Found by fuzzing: put together, the parts of a message must not be read across the seam. A field that claims more bytes than its
/// part has would swallow the beginning of the next.
#[test]
fn a_part_that_reaches_beyond_its_end_is_refused() {
    use prost::encoding::{WireType, bytes, encode_key, encode_varint};
    let mut generated = trade::into_wire(&sample::trade());
    let details = generated.details.take().expect("a new trade").encode_to_vec();
    let parts = |first: &[u8], second: &[u8]| {
        let mut message = generated.encode_to_vec();
        bytes::encode(5, &first.to_vec(), &mut message);
        bytes::encode(5, &second.to_vec(), &mut message);
        message
    };
    for swallowed in [1, 9, 200] {
        let mut first = Vec::new();
        encode_key(59, WireType::LengthDelimited, &mut first);
        encode_varint(swallowed as u64, &mut first);
        let message = parts(&first, &[&vec![0x0a; swallowed][..], &details].concat());
        assert_eq!(judged(&message), None);
        assert_eq!(trade::decode(&message).expect_err("it is cut").path, "details");
    }
    // Where a part ends between two fields nothing is wrong; where it ends within one, something is.
    let agreed = (0..=details.len()).filter(|seam| {
        let message = parts(&details[..*seam], &details[*seam..]);
        assert_eq!(trade::decode(&message).ok(), judged(&message), "cut at {seam}");
        judged(&message).is_some()
    });
    assert!((10..details.len() / 2).contains(&agreed.count()));
}

/// Every field in turn is taken out of the typical trade: the required ones by name, the others without complaint.
#[test]
fn each_required_field_is_missed_by_name() {
    fn without(change: impl Fn(&mut pb::trade::Trade)) -> Result<TradeMessage, DecodeError> {
        let mut message = trade::into_wire(&sample::trade());
        change(&mut message);
        trade::from_wire(&message)
    }
    macro_rules! missed {
        ($($field:ident)*) => {$(
            let refused = without(|message| message.$field = Default::default()).unwrap_err();
            assert_eq!((&*refused.path, &*refused.reason), (stringify!($field), "is required and missing"));
        )*};
    }
    macro_rules! details_missed {
        ($($field:ident)*) => {$(
            let refused = without(|message| message.details.as_mut().unwrap().$field = Default::default()).unwrap_err();
            assert_eq!(refused.to_string(), concat!("details.", stringify!($field), ": is required and missing"));
        )*};
    }
    macro_rules! details_optional {
        ($($field:ident)*) => {$(
            without(|message| message.details.as_mut().unwrap().$field = Default::default()).unwrap();
        )*};
    }
    missed!(source id version action details);
    details_missed!(party counterparty book side instrument quantity price trade_date currency gross net domain
        quantity_type price_type method);
    details_optional!(intended_settlement_date traded_at accrued charges transaction_type priority depot nostro hold
        place_of_trade cum_ex opt_out common_reference delivering_client receiving_client uti order_reference capacity);
}

#[test]
fn refusals_say_where_and_what() {
    use pb::typ::Decimal;
    let refused = |change: &dyn Fn(&mut pb::trade::Details)| {
        let mut message = trade::into_wire(&sample::trade());
        change(message.details.as_mut().unwrap());
        trade::from_wire(&message).unwrap_err().to_string()
    };
    let charge = |amount| pb::trade::Charge { kind: "COMM".to_owned(), amount };
    for (found, expected) in [
        (refused(&|d| d.side = 9), "details.side: 9 is unknown, expected one of 1 Buy 2 Sell"),
        (
            refused(&|d| d.trade_date = 20261131),
            "details.trade_date: 20261131 is no date of the form YYYYMMDD: there is no day 2026-11-31",
        ),
        (
            refused(&|d| d.trade_date = 99991231),
            "details.trade_date: 99991231 is no date of the form YYYYMMDD: date outside 1900-01-01..=2200-12-31",
        ),
        (
            refused(&|d| d.trade_date = 261121),
            "details.trade_date: 261121 is no date of the form YYYYMMDD: date outside 1900-01-01..=2200-12-31",
        ),
        (
            refused(&|d| d.price = Some(Decimal { unscaled: 1, scale: 19 })),
            "details.price.scale: scale 19 is more than 18",
        ),
        (refused(&|d| d.currency = "eur".into()), "details.currency: currency: 'e' at position 1, expected A-Z"),
        (
            refused(&|d| d.book = "B\u{410}".into()),
            "details.book: identifier: 'А' at position 2, expected one of A-Z a-z 0-9 . _ : / + -",
        ),
        (refused(&|d| d.capacity = "DEA".into()), "details.capacity: code: \"DEA\", expected four of A-Z 0-9"),
        (refused(&|d| d.priority = Some(256)), "details.priority: 256 has more than 8 bits"),
        (refused(&|d| d.charges = vec![charge(None); 2]), "details.charges[0].amount: is required and missing"),
        (refused(&|d| d.charges = vec![charge(Some(Decimal::default())); 65]), "details.charges: more than 64 lines"),
        (
            refused(&|d| d.traded_at = Some(pbjson_types::Timestamp { seconds: 1, nanos: 1 })),
            "details.traded_at.nanos: 1 is out of range or finer than a microsecond",
        ),
    ] {
        assert_eq!(found, expected);
    }
    let cancel = TradeMessage { action: model::trade::Action::Cancel, ..sample::trade() };
    assert_eq!(trade::decode(&encoded(&cancel)).unwrap_err().to_string(), "details: must be absent from a cancel");
    let oversize = trade::decode(&vec![0; MAX_TRADE + 1]).unwrap_err().to_string();
    assert_eq!(oversize, "65537 bytes are more than a trade message may have (65536)");
    // A text that is not UTF-8, a field of another type, a length beyond the end, a number of 33 bits.
    for (bytes, expected) in [
        (&[0x0a, 1, 0xff][..], "source: is not UTF-8 from byte 0 on"),
        (&[0x08, 1], "source: has the wire type of a number, expected a text, bytes or a message"),
        (&[0x0a, 9, b'a'], "source: 9 bytes are announced, 1 are left"),
        (&[0x18, 0x80, 0x80, 0x80, 0x80, 0x10], "version: 4294967296 has more than 32 bits"),
        (&[0x18, 0x80], "version: a number breaks off or has more than 64 bits"),
        (&[0x07], "field 0: "),
    ] {
        let found = trade::decode(bytes).unwrap_err().to_string();
        if expected != "field 0: " {
            assert_eq!(found, expected);
        }
    }
}

/// Groups in groups do not overflow the stack.
#[test]
fn deep_nesting_is_refused() {
    let group: Vec<u8> = std::iter::repeat_n(0xc3, MAX_TRADE / 2).flat_map(|byte| [byte, 0x02]).collect();
    assert!(trade::decode(&group).unwrap_err().reason.contains("recursion"));
}
