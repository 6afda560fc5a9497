// The four letters of ISO 20022 in words, as `quittance` says them on a terminal (crates/cli/src/codes.rs).

const MEANINGS: Record<string, string> = {
  DSEC: "the securities differ",
  DQUA: "the quantities differ",
  DDAT: "the settlement dates differ",
  DTRD: "the trade dates differ",
  DMON: "the amounts differ by more than the tolerance",
  NCRR: "the currencies differ",
  FRAP: "one side is against payment, the other free",
  DELN: "both deliver, or both receive",
  DCMX: "one side is cum, the other ex",
  DMCT: "the market claim opt-outs differ",
  IIND: "the references differ",
  ICUS: "the clients behind the deliverers differ",
  IEXE: "the clients behind the receivers differ",
  CMIS: "the counterparty has sent nothing that fits",
  LACK: "the securities are not there: waits for a delivery into the account",
  CLAC: "the counterparty lacks the securities",
  MONY: "cash and credit line do not cover it: waits for a credit to the account",
  CMON: "the counterparty lacks the cash",
  PREA: "on hold by its own side",
  PRCY: "on hold by the counterparty",
  BOTH: "on hold by both sides",
  FUTU: "its settlement date has not come",
  CYCL: "waits for the next settlement day or cycle",
  CANI: "cancelled by its own side",
  CANZ: "replaced by the instruction of an amended trade",
  CANS: "cancelled by the system",
  DSET: "a change or cancel came to nothing: the pair had settled",
};

/** What a code means; empty for a code of somebody else's. */
export function meaning(code: string): string {
  return MEANINGS[code] ?? "";
}

/** MISSING_SSI → missing ssi */
export function words(code: string): string {
  return code.toLowerCase().replaceAll("_", " ");
}
