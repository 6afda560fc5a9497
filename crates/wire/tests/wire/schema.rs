//! The `.proto` files against the model and the house's rules: numbers, names, no maps.

use model::breaks::BreakKind;
use model::rejection::Reason;
use model::trade::DefectKind;
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};
use wire::pb::record::{BreakKind as PbBreakKind, DefectKind as PbDefectKind, RejectionReason};

/// Our own files.
fn files() -> Vec<prost_types::FileDescriptorProto> {
    let set = FileDescriptorSet::decode(wire::DESCRIPTORS).unwrap();
    let ours: Vec<_> = set.file.into_iter().filter(|file| file.package().starts_with("quittance.")).collect();
    assert!(ours.len() >= 6);
    ours
}

#[test]
fn rejections_have_the_numbers_and_codes_of_the_model() {
    for reason in Reason::ALL {
        let known = RejectionReason::try_from(*reason as i32);
        let known =
            known.unwrap_or_else(|_| panic!("{} ({}) is not in rejection.proto", reason.code(), *reason as u16));
        assert_eq!(known.as_str_name(), format!("REJECTION_REASON_{}", reason.code()));
    }
    let known = (1..1000).filter(|&number| RejectionReason::try_from(number).is_ok()).count();
    assert_eq!(known, Reason::ALL.len(), "rejection.proto has a reason that the model has not");
}

#[test]
fn defects_have_the_numbers_and_codes_of_the_model() {
    for kind in DefectKind::ALL {
        let known = PbDefectKind::try_from(kind as i32).unwrap();
        assert_eq!(known.as_str_name(), format!("DEFECT_KIND_{}", kind.code()));
    }
    let known = (1..1000).filter(|&number| PbDefectKind::try_from(number).is_ok()).count();
    assert_eq!(known, DefectKind::ALL.len(), "event.proto has a defect that the model has not");
}

#[test]
fn breaks_have_the_numbers_and_codes_of_the_model() {
    for kind in BreakKind::ALL {
        let known = PbBreakKind::try_from(*kind as i32).unwrap();
        assert_eq!(known.as_str_name(), format!("BREAK_KIND_{}", kind.code()));
    }
    assert!(PbBreakKind::try_from(BreakKind::ALL.len() as i32 + 1).is_err());
}

/// `Side` must have `SIDE_UNSPECIFIED = 0` and only values that begin with `SIDE_`.
#[test]
fn enums_begin_with_unspecified() {
    fn check(each: &EnumDescriptorProto) {
        let mut prefix = String::new();
        for letter in each.name().chars() {
            if letter.is_uppercase() && !prefix.is_empty() {
                prefix.push('_');
            }
            prefix.extend(letter.to_uppercase());
        }
        assert_eq!((each.value[0].name(), each.value[0].number()), (&*format!("{prefix}_UNSPECIFIED"), 0));
        assert!(each.value.iter().all(|value| value.name().starts_with(&prefix)), "{}", each.name());
    }
    for file in files() {
        file.enum_type.iter().for_each(check);
        file.message_type.iter().flat_map(|message| &message.enum_type).for_each(check);
    }
}

/// What is hashed must have one form.
#[test]
fn what_is_hashed_has_no_maps_and_no_floats() {
    fn check(message: &DescriptorProto) {
        use prost_types::field_descriptor_proto::Type;
        assert!(!message.options.as_ref().is_some_and(|options| options.map_entry()), "{}", message.name());
        let float = |field: &prost_types::FieldDescriptorProto| matches!(field.r#type(), Type::Float | Type::Double);
        assert!(!message.field.iter().any(float), "{}", message.name());
        message.nested_type.iter().for_each(check);
    }
    for file in files() {
        if ["quittance.record.v1", "quittance.settlement.v1", "quittance.trade.v1", "quittance.type.v1"]
            .contains(&file.package())
        {
            file.message_type.iter().for_each(check);
        }
    }
}

#[test]
fn packages_are_directories() {
    for file in files() {
        let folder = file.package().replace('.', "/");
        assert_eq!(file.name().rsplit_once('/').map(|(folder, _)| folder), Some(&*folder));
    }
}
