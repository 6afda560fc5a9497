//! The four letters of ISO 20022 in words: why something is unmatched, what it waits for, why it was cancelled.

/// What a code means, and what helps; nothing for a code of somebody else's.
pub fn meaning(code: &str) -> &'static str {
    match code {
        "DSEC" => "the securities differ",
        "DQUA" => "the quantities differ",
        "DDAT" => "the settlement dates differ",
        "DTRD" => "the trade dates differ",
        "DMON" => "the amounts differ by more than the tolerance",
        "NCRR" => "the currencies differ",
        "FRAP" => "one side is against payment, the other free",
        "DELN" => "both deliver, or both receive",
        "DCMX" => "one side is cum, the other ex",
        "DMCT" => "the market claim opt-outs differ",
        "IIND" => "the references differ",
        "ICUS" => "the clients behind the deliverers differ",
        "IEXE" => "the clients behind the receivers differ",
        "CMIS" => "the counterparty has sent nothing that fits",
        "LACK" => "the securities are not there: waits for a delivery into the account",
        "CLAC" => "the counterparty lacks the securities",
        "MONY" => "the cash and the credit line do not cover it: waits for a credit to the account",
        "CMON" => "the counterparty lacks the cash",
        "PREA" => "on hold by its own side: `quittance instructions release`",
        "PRCY" => "on hold by the counterparty",
        "BOTH" => "on hold by both sides",
        "FUTU" => "its settlement date has not come",
        "CYCL" => "waits for the next settlement day or cycle",
        "CANI" => "cancelled by its own side",
        "CANZ" => "replaced by the instruction of an amended trade",
        "CANS" => "cancelled by the system",
        "DSET" => "a change or cancel came to nothing: the pair had settled",
        _ => "",
    }
}

/// `LACK (the securities are not there …)`.
pub fn explained(code: &str) -> String {
    match meaning(code) {
        "" => code.to_owned(),
        meaning => format!("{code}  {meaning}"),
    }
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn what_an_amendment_replaced_is_not_said_to_be_cancelled_by_both() {
        assert_eq!(meaning("CANZ"), "replaced by the instruction of an amended trade");
        assert_eq!(meaning("CANI"), "cancelled by its own side");
    }
}
