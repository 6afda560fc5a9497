//! Names and figures in words.

use crate::state::State;
use alloc::format;
use alloc::string::{String, ToString};
use model::command::What;
use model::currency::exponent;
use model::decimal::Decimal;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, Kind, PartyIx};
use model::timestamp::Timestamp;

impl State {
    pub(super) fn party_name(&self, party: PartyIx) -> Identifier {
        self.named(Kind::Party, party.0)
    }

    pub(super) fn account_name(&self, account: AccountIx) -> Identifier {
        self.named(Kind::Account, account.0)
    }

    pub(super) fn named(&self, kind: Kind, index: u32) -> Identifier {
        self.names.name(kind, index).expect("what is used has its name").clone()
    }

    pub(super) fn what(&self, asset: Asset) -> What {
        match (asset.as_currency(), asset.as_instrument()) {
            (Some(currency), _) => What::Currency(currency),
            (None, Some(instrument)) => What::Instrument(self.named(Kind::Instrument, instrument.0)),
            (None, None) => unreachable!("an asset is a currency or an instrument"),
        }
    }

    /// So many of an asset's smallest units.
    pub(super) fn figure(&self, asset: Asset, units: i128) -> Decimal {
        let (mut units, mut scale) = (units, 0);
        match (asset.as_currency(), asset.as_instrument()) {
            (Some(currency), _) => scale = u32::from(exponent(currency).unwrap_or(0)),
            (None, Some(instrument)) => {
                scale = u32::from(self.reference.scale(instrument));
                while scale > 0 && units % 10 == 0 {
                    (units, scale) = (units / 10, scale - 1);
                }
            }
            (None, None) => {}
        }
        Decimal::from_units(units, scale).unwrap_or_default()
    }

    /// `1,200,000.00 EUR`, `300 SAP`.
    pub(super) fn amount(&self, asset: Asset, units: i128) -> String {
        let name = match self.what(asset) {
            What::Currency(currency) => currency.to_string(),
            What::Instrument(name) => name.to_string(),
        };
        format!("{} {name}", grouped(self.figure(asset, units)))
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(figure: Decimal) -> String {
    let text = figure.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// ` before 2026-11-23 15:00 UTC`.
pub(super) fn until(before: Option<Timestamp>) -> String {
    let Some(before) = before else { return String::new() };
    let minutes = before.micros_of_day() / 60_000_000;
    format!(" before {} {:02}:{:02} UTC", before.date_utc(), minutes / 60, minutes % 60)
}
