//! Assets: what a posting counts, an instrument by its number or a currency by its letters.
//!
//! Every posting has one, so the letters go straight out of and into the model's packed number (three digits of base 26
//! below the high bit); a test holds this against the model's own way.

use crate::error::{DecodeError, Fault};
use crate::read::{self, Key};
use crate::schema::Wire;
use crate::write;
use model::index::Asset;

const CURRENCY: u32 = 1 << 31;

/// The letters of a currency; `None` for an instrument.
#[inline]
pub(crate) fn letters(asset: Asset) -> Option<[u8; 3]> {
    let packed = asset.0 & !CURRENCY;
    let letter = |digit: u32| b'A' + (digit % 26) as u8;
    (asset.0 & CURRENCY != 0).then(|| [letter(packed / 676), letter(packed / 26), letter(packed)])
}

/// A currency of its letters; `None` unless three capital ones.
#[inline]
fn currency(letters: &[u8]) -> Option<Asset> {
    let &[a @ b'A'..=b'Z', b @ b'A'..=b'Z', c @ b'A'..=b'Z'] = letters else { return None };
    let digit = |letter: u8| u32::from(letter - b'A');
    Some(Asset(CURRENCY | ((digit(a) * 26 + digit(b)) * 26 + digit(c))))
}

/// A `oneof` of `uint32 instrument` and `string currency`.
impl Wire for Asset {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match letters(*self) {
            Some(letters) => write::bytes(number + 1, &letters, out),
            None => write::number(number, u64::from(self.0), out),
        }
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Asset>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        if key.number() == first {
            let (index, rest) = read::number(key, bytes)?;
            if index >= 1 << 31 {
                return Err(DecodeError::new(format_args!("{index} is no number of an instrument")));
            }
            *slot = Some(Asset(index as u32));
            return Ok(rest);
        }
        let (text, rest) = read::bytes(key, bytes)?;
        *slot = currency(text);
        if slot.is_none() && !text.is_empty() {
            return Err(DecodeError::new("currency: expected three of A-Z"));
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::identifier::CurrencyCode;
    use model::index::InstrumentIx;

    #[test]
    fn the_short_way_to_an_asset_is_the_model_s() {
        for text in ["AAA", "EUR", "USD", "XXX", "ZZZ"] {
            let asset = Asset::currency(CurrencyCode::parse(text).unwrap());
            assert_eq!(currency(text.as_bytes()), Some(asset));
            assert_eq!(letters(asset).as_ref().map(|letters| &letters[..]), Some(text.as_bytes()));
        }
        for text in ["", "EU", "EURO", "eur", "E1R"] {
            assert_eq!(currency(text.as_bytes()), None);
        }
        let instrument = Asset::instrument(InstrumentIx(812));
        assert_eq!((letters(instrument), instrument), (None, Asset(812)));
    }
}
