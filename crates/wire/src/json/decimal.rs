//! The JSON of a decimal: a text that a person can read and write, exact in every language.

use crate::pb::typ::Decimal;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A scale that no message of ours may carry is shown with an exponent, which is not read back.
        serializer.collect_str(&model::decimal::Decimal { unscaled: self.unscaled, scale: self.scale })
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        deserializer.deserialize_any(DecimalVisitor)
    }
}

struct DecimalVisitor;

impl<'de> Visitor<'de> for DecimalVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number as a text like \"12.50\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        let decimal = model::decimal::Decimal::parse(text).map_err(|error| E::custom(format!("{text:?}: {error}")))?;
        Ok(Decimal { unscaled: decimal.unscaled, scale: decimal.scale })
    }

    /// A whole number is exact without quotes; one with a point is not, in most readers of JSON.
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
        Ok(Decimal { unscaled: number, scale: 0 })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
        let unscaled = i64::try_from(number).map_err(|_| E::custom("the number does not fit 64 bits"))?;
        Ok(Decimal { unscaled, scale: 0 })
    }

    /// The object of the protobuf JSON mapping, as other tools write it.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Decimal, A::Error> {
        let mut decimal = Decimal::default();
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "unscaled" => decimal.unscaled = map.next_value::<pbjson::private::NumberDeserialize<i64>>()?.0,
                "scale" => decimal.scale = map.next_value::<pbjson::private::NumberDeserialize<u32>>()?.0,
                other => return Err(de::Error::unknown_field(other, &["unscaled", "scale"])),
            }
        }
        Ok(decimal)
    }
}
