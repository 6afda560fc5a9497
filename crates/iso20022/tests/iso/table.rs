//! Lines of what a document is meant to say, and what several messages have in common.

use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Bic, CurrencyCode, Isin, Lei};
use model::instruction::Movement;
use model::outbound::PartyReference;
use model::trade::Method;
use std::fmt::Display;

/// When the samples are written, as a document says it.
pub const CREATED: &str = "2026-11-23T07:30:00.250Z";

/// A table: lines of path and value.
pub struct Table {
    pub text: String,
    root: String,
    pub sender: String,
}

impl Table {
    pub fn new(message: &str, root: &str, from: &str, to: &str, id: &str) -> Table {
        let (root, sender) = (format!("Document/{root}"), from.to_owned());
        let mut table = Table { text: format!("message {message}\n"), root, sender };
        for (side, name) in [("Fr", from), ("To", to)] {
            let way = if Bic::parse(name).is_ok() { "BICFI" } else { "Othr/Id" };
            table.line(&format!("AppHdr/{side}/FIId/FinInstnId/{way}"), name);
        }
        table.line("AppHdr/BizMsgIdr", id);
        table.line("AppHdr/MsgDefIdr", message);
        table.line("AppHdr/CreDt", CREATED);
        table
    }

    pub fn line(&mut self, path: &str, value: impl Display) {
        self.text.push_str(&format!("{path} = {value}\n"));
    }

    pub fn put(&mut self, path: &str, value: impl Display) {
        self.line(&format!("{}/{path}", self.root), value);
    }

    pub fn maybe(&mut self, path: &str, value: &str) {
        if !value.is_empty() {
            self.put(path, value);
        }
    }

    pub fn movement(&mut self, path: &str, movement: Movement, method: Method) {
        self.put(&format!("{path}SctiesMvmntTp"), if movement == Movement::Deliver { "DELI" } else { "RECE" });
        self.put(&format!("{path}Pmt"), if method == Method::Dvp { "APMT" } else { "FREE" });
    }

    pub fn amount(&mut self, path: &str, currency: CurrencyCode, amount: Decimal, credit: bool) {
        self.put(&format!("{path}Amt"), amount.to_string().trim_start_matches('-'));
        self.put(&format!("{path}Amt@Ccy"), currency);
        self.put(&format!("{path}CdtDbtInd"), if credit { "CRDT" } else { "DBIT" });
    }

    pub fn paid(&mut self, path: &str, movement: Movement, paid: Option<(CurrencyCode, Decimal)>) {
        if let Some((currency, amount)) = paid {
            self.amount(path, currency, amount, (movement == Movement::Deliver) == (amount.unscaled > 0));
        }
    }

    pub fn instrument(&mut self, path: &str, name: &str) {
        if Isin::parse(name).is_ok() {
            return self.put(&format!("{path}FinInstrmId/ISIN"), name);
        }
        self.put(&format!("{path}FinInstrmId/OthrId/Id"), name);
        self.put(&format!("{path}FinInstrmId/OthrId/Tp/Prtry"), self.sender.clone());
    }

    pub fn cash_account(&mut self, path: &str, account: &str) {
        if !account.is_empty() {
            self.put(&format!("{path}/{}", if account.starts_with("DE89") { "IBAN" } else { "Prtry" }), account);
        }
    }

    pub fn own_code(&mut self, path: &str, code: &str) {
        self.put(&format!("{path}Id"), code);
        self.put(&format!("{path}Issr"), self.sender.clone());
    }

    pub fn named(&mut self, path: &str, name: &str) {
        if Bic::parse(name).is_ok() {
            self.put(&format!("{path}/Id/AnyBIC"), name);
        } else if name.chars().count() > 35 {
            self.put(&format!("{path}/Id/NmAndAdr/Nm"), name);
        } else {
            self.own_code(&format!("{path}/Id/PrtryId/"), name);
        }
        if Lei::parse(name).is_ok() {
            self.put(&format!("{path}/LEI"), name);
        }
    }

    pub fn party(&mut self, path: &str, party: &PartyReference, alternate: bool) {
        match &party.bic {
            Some(bic) => self.put(&format!("{path}/Id/AnyBIC"), bic),
            None => self.own_code(&format!("{path}/Id/PrtryId/"), party.id.as_str()),
        }
        if let Some(lei) = &party.lei {
            self.put(&format!("{path}/LEI"), lei);
        }
        if let (Some(bic), true) = (&party.bic, alternate) {
            self.own_code(&format!("{path}/AltrnId/IdTp/Prtry/"), "PRTY");
            self.put(&format!("{path}/AltrnId/Ctry"), bic.country());
            self.put(&format!("{path}/AltrnId/AltrnId"), &party.id);
        }
    }

    pub fn day(&mut self, path: &str, day: Date) {
        self.put(path, day);
    }

    pub fn lists(&self, status: &str, reason: &str) -> bool {
        let message = &self.text["message ".len()..][..8];
        LISTED.iter().any(|(at, of, codes)| (*at, *of) == (message, status) && codes.contains(&reason))
    }

    /// Reasons of a status whose element is known, or the sender's own status.
    pub fn standing(&mut self, path: &str, element: &str, answer: (&str, &[String], &str)) {
        let (status, reasons, words) = answer;
        let own = ["Mtchd", "CxlReqd", "ModReqd", "Cmpltd"].contains(&element);
        if element.is_empty() {
            self.own_code(&format!("{path}/Prtry/PrtrySts/"), status);
        }
        for (number, reason) in reasons.iter().enumerate() {
            let number = if number == 0 { String::new() } else { format!("[{}]", number + 1) };
            match element {
                "" => self.own_code(&format!("{path}/Prtry/PrtryRsn{number}/Rsn/"), reason),
                _ if own => self.own_code(&format!("{path}/{element}/Rsn/"), reason),
                _ if self.lists(status, reason) => {
                    self.put(&format!("{path}/{element}/Rsn{number}/Cd/Cd"), reason);
                }
                _ => self.own_code(&format!("{path}/{element}/Rsn{number}/Cd/Prtry/"), reason),
            }
        }
        let beside = match element {
            "" => "Prtry/PrtryRsn".to_owned(),
            _ if own => element.to_owned(),
            _ => format!("{element}/Rsn"),
        };
        self.maybe(&format!("{path}/{beside}/AddtlRsnInf"), words);
        if reasons.is_empty() && words.is_empty() && !element.is_empty() {
            match own {
                true => self.put(&format!("{path}/{element}"), "(empty)"),
                false => self.put(&format!("{path}/{element}/NoSpcfdRsn"), "NORE"),
            }
        }
    }
}

/// Of the reasons that the samples give, those that the standard lists, by message and status.
const LISTED: &[(&str, &str, &[&str])] = &[
    ("sese.024", "PACK", &["OTHR"]),
    ("sese.024", "PPRC", &["LACK", "OTHR"]),
    ("sese.024", "REJT", &["DMON", "OTHR"]),
    ("sese.024", "REPR", &["DMON", "OTHR"]),
    ("sese.024", "CAND", &["OTHR"]),
    ("sese.024", "CANP", &["OTHR"]),
    ("sese.024", "NMAT", &["DMON", "DSEC", "OTHR"]),
    ("sese.024", "PEND", &["LACK", "OTHR"]),
    ("sese.024", "PENF", &["LACK", "OTHR"]),
    ("sese.027", "CANP", &["OTHR"]),
    ("sese.027", "REJT", &["OTHR"]),
    ("sese.027", "REPR", &["OTHR"]),
    ("sese.027", "PACK", &["OTHR"]),
    ("sese.027", "DEND", &["DSET", "OTHR"]),
    ("sese.027", "CAND", &["OTHR"]),
    ("sese.031", "PACK", &["OTHR"]),
    ("sese.031", "REJT", &["OTHR"]),
    ("sese.031", "DEND", &["DSET", "OTHR"]),
    ("sese.031", "MODP", &["OTHR"]),
];

pub fn or_none(text: &str) -> &str {
    if text.is_empty() { "NONREF" } else { text }
}
