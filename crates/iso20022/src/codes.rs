//! The standard's code lists that are written: what is not in a list goes beside it, as a code of the sender's own.
//!
//! As they are in the standards release 2025. Reading needs no list: whatever stands there is kept as received.

/// `SecuritiesTransactionType23Code`: of an instruction (sese.023).
pub(crate) const TRANSACTION_TYPES: &[&str] = &[
    "AUTO", "BSBK", "BYIY", "CLAI", "CNCB", "COLI", "COLO", "CONV", "CORP", "ETFT", "FCTA", "INSP", "ISSU", "MKDW",
    "MKUP", "NETT", "NSYN", "OWNE", "OWNI", "PAIR", "PLAC", "PORT", "REAL", "REDI", "REDM", "RELE", "REPU", "RODE",
    "RVPO", "SBBK", "SBRE", "SECB", "SECL", "SLRE", "SUBS", "SWIF", "SWIT", "SYND", "TBAC", "TRAD", "TRPO", "TRVO",
    "TURN",
];

/// What a transaction is when nothing is said of it.
pub(crate) const USUAL_TYPE: &str = "TRAD";

/// A status as a message says it: its element, the code it is known by, and the codes its reasons may have.
pub(crate) struct Standing {
    pub element: &'static str,
    pub code: &'static str,
    pub reasons: Reasons,
}

/// In which form a status has its reasons.
#[derive(Clone, Copy)]
pub(crate) enum Reasons {
    /// Any number, of this list or the sender's own.
    Listed(&'static [&'static str]),
    /// One at most, of the sender's own.
    Own,
}

const fn standing(element: &'static str, code: &'static str, reasons: Reasons) -> Standing {
    Standing { element, code, reasons }
}

/// sese.024, `PrcgSts`.
pub(crate) const PROCESSING: &[Standing] = &[
    standing("AckdAccptd", "PACK", Reasons::Listed(ACKNOWLEDGED)),
    standing(
        "PdgPrcg",
        "PPRC",
        Reasons::Listed(&[
            "ADEA", "CAIS", "DOCY", "NOFX", "BLOC", "MUNO", "GLOB", "YCOL", "COLL", "FLIM", "NEXT", "LACK", "LALO",
            "MONY", "MINO", "OTHR", "DENO", "LIQU", "CERT", "CSDH", "CVAL", "CDEL", "CDLR", "CDAC", "INBC", "PREA",
            "PRSY",
        ]),
    ),
    standing(
        "Rjctd",
        "REJT",
        Reasons::Listed(&[
            "SAFE", "DQUA", "ADEA", "DSEC", "LATE", "CASH", "DDEA", "DTRD", "PLCE", "RTGS", "NCRR", "PHYS", "REFE",
            "DMON", "MINO", "BATC", "MUNO", "TXST", "SETS", "IIND", "CAEV", "CASY", "DDAT", "SETR", "SDUT", "INPS",
            "OTHR", "ICUS", "ICAG", "DEPT", "IEXE", "INVB", "INVL", "INVN", "VALR", "INVE", "PLIS",
        ]),
    ),
    standing(
        "Rpr",
        "REPR",
        Reasons::Listed(&[
            "BATC", "CAEV", "CASH", "CASY", "DDAT", "DDEA", "DMON", "DQUA", "DSEC", "DTRD", "IIND", "MINO", "MUNO",
            "NCRR", "PHYS", "PLCE", "REFE", "RTGS", "SAFE", "SETR", "SETS", "TXST", "INPS", "SDUT", "OTHR", "IEXE",
            "ICAG", "DEPT", "ICUS",
        ]),
    ),
    standing(
        "Canc",
        "CAND",
        Reasons::Listed(&["SCEX", "OTHR", "CXLR", "BYIY", "CTHP", "CANZ", "CANT", "CSUB", "CANS", "CANI", "CORP"]),
    ),
    standing("PdgCxl", "CANP", Reasons::Listed(PENDING_REQUEST)),
    standing("CxlReqd", "CPRC", Reasons::Own),
    standing("ModReqd", "MPRC", Reasons::Own),
];

/// sese.024, `MtchgSts` and `IfrrdMtchgSts`.
pub(crate) const MATCHING: &[Standing] = &[
    standing("Mtchd", "MACH", Reasons::Own),
    standing(
        "Umtchd",
        "NMAT",
        Reasons::Listed(&[
            "ADEA", "ACRU", "IIND", "CPCA", "CLAT", "NCRR", "DDEA", "DMCT", "DCMX", "DSEC", "DQUA", "INVE", "LEOG",
            "LATE", "MIME", "CMIS", "NMAS", "DTRA", "OTHR", "FRAP", "PHYS", "PLIS", "INPS", "PLCE", "PODU", "DEPT",
            "ICAG", "ICUS", "IEXE", "REGD", "RTGS", "SAFE", "DMON", "DDAT", "SETS", "SETR", "TXST", "DTRD", "DELN",
            "UNBR",
        ]),
    ),
];

/// sese.024, `SttlmSts`.
pub(crate) const SETTLEMENT: &[Standing] = &[
    standing(
        "Pdg",
        "PEND",
        Reasons::Listed(&[
            "AWMO", "ADEA", "CAIS", "REFU", "AWSH", "PHSE", "TAMM", "DOCY", "DOCC", "BLOC", "CHAS", "NEWI", "CLAC",
            "MUNO", "GLOB", "PREA", "PART", "NMAS", "NOFX", "CMON", "YCOL", "COLL", "DEPO", "FLIM", "INCA", "LINK",
            "FUTU", "LACK", "LALO", "MONY", "NCON", "REFS", "SDUT", "BATC", "SBLO", "CPEC", "MINO", "IAAD", "OTHR",
            "PHCK", "BENO", "BOTH", "CLHT", "DENO", "DISA", "DKNY", "FROZ", "LAAW", "LATE", "LIQU", "PRCY", "REGT",
            "SETS", "CERT", "PRSY", "CSDH", "CVAL", "CDLR", "INBC", "PREL", "PATD",
        ]),
    ),
    standing(
        "Flng",
        "PENF",
        Reasons::Listed(&[
            "AWMO", "BYIY", "CLAT", "ADEA", "CANR", "CAIS", "OBJT", "AWSH", "PHSE", "STCD", "DOCY", "MLAT", "DOCC",
            "BLOC", "CHAS", "NEWI", "CLAC", "MUNO", "GLOB", "PREA", "PART", "NOFX", "CMON", "YCOL", "COLL", "DEPO",
            "FLIM", "INCA", "LINK", "LACK", "LALO", "MONY", "NCON", "REFS", "SDUT", "BATC", "CYCL", "SBLO", "CPEC",
            "MINO", "IAAD", "OTHR", "PHCK", "BENO", "BOTH", "CLHT", "DENO", "DISA", "DKNY", "FROZ", "LAAW", "LATE",
            "LIQU", "PRCY", "REGT", "SETS", "CERT", "PRSY", "CDLR", "CSDH", "CVAL", "INBC", "PREL", "PATD",
        ]),
    ),
];

/// sese.027, `PrcgSts`.
pub(crate) const CANCELLATION: &[Standing] = &[
    standing("PdgCxl", "CANP", Reasons::Listed(&["ADEA", "CONF", "OTHR", "CDRG", "CDCY", "CDRE", "CDAC", "INBC"])),
    standing("Rjctd", "REJT", Reasons::Listed(&["SAFE", "ADEA", "LATE", "NRGN", "REFE", "NRGM", "OTHR"])),
    standing("Rpr", "REPR", Reasons::Listed(REPAIR)),
    standing("AckdAccptd", "PACK", Reasons::Listed(&["ADEA", "SMPG", "OTHR"])),
    standing("Dnd", "DEND", Reasons::Listed(DENIED)),
    standing("Canc", "CAND", Reasons::Listed(&["CANI", "OTHR"])),
];

/// sese.031, `PrcgSts`.
pub(crate) const MODIFICATION: &[Standing] = &[
    standing("AckdAccptd", "PACK", Reasons::Listed(ACKNOWLEDGED)),
    standing("Rjctd", "REJT", Reasons::Listed(REPAIR)),
    standing("Cmpltd", "MODC", Reasons::Own),
    standing("Dnd", "DEND", Reasons::Listed(DENIED)),
    standing("Pdg", "MODP", Reasons::Listed(PENDING_REQUEST)),
];

const ACKNOWLEDGED: &[&str] = &["ADEA", "SMPG", "OTHR", "CDCY", "CDRG", "CDRE", "NSTP", "RQWV", "LATE"];
const PENDING_REQUEST: &[&str] = &["ADEA", "CONF", "OTHR", "CDRG", "CDCY", "CDRE"];
const REPAIR: &[&str] = &["ADEA", "LATE", "SAFE", "NRGM", "NRGN", "OTHR", "REFE", "INVM", "INVL"];
const DENIED: &[&str] = &["ADEA", "CDCY", "CDRE", "DCAN", "DSET", "DPRG", "DREP", "LATE", "OTHR", "CDRG"];
