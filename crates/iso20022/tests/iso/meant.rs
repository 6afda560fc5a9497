//! What the fields of a document mean, stated a second time and flat: the tables that Prowide's reading is compared with.
//!
//! `ISO_ORACLE=DIR` writes documents and tables there, the golden ones and many by chance; deploy/dev/iso-oracle.sh does.

use crate::any;
use crate::samples::{Sample, samples};
use crate::table::{CREATED, Table, or_none};
use model::advice::*;
use model::identifier::CurrencyCode;
use model::instruction::Movement;
use model::outbound::*;
use model::trade::{CumEx, Method, QuantityType};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::fs;
use std::path::Path;

/// Documents by chance.
const MANY: usize = 600;

fn outbound(message: &OutboundInstruction) -> Table {
    let (name, root) = match &message.body {
        OutboundBody::Instruct(_) => ("sese.023.001.12", "SctiesSttlmTxInstr"),
        OutboundBody::Cancel(_) => ("sese.020.001.08", "SctiesTxCxlReq"),
        OutboundBody::Modify(_) => ("sese.030.001.10", "SctiesSttlmCondsModReq"),
    };
    let from = message.sender.as_ref().expect("a sender").as_str();
    let mut table = Table::new(name, root, from, message.domain.as_str(), message.reference.as_str());
    match &message.body {
        OutboundBody::Instruct(said) => instruct(&mut table, message, said),
        OutboundBody::Cancel(said) => {
            table.put("AcctOwnrTxId/SctiesSttlmTxId/TxId", &message.instruction);
            let (movement, payment) = (said.movement.expect("one"), said.payment.expect("one"));
            table.movement("AcctOwnrTxId/SctiesSttlmTxId/", movement, payment);
            table.maybe("AcctSvcrTxId", &said.agent_reference);
            table.put("SfkpgAcct/Id", &said.depot);
        }
        OutboundBody::Modify(said) => {
            table.put("SfkpgAcct/Id", &said.depot);
            table.put("ReqDtls/Ref/AcctOwnrTxId", &message.instruction);
            table.maybe("ReqDtls/Ref/AcctSvcrTxId", &said.agent_reference);
            said.priority.iter().for_each(|priority| table.put("ReqDtls/Prty/Nmrc", format!("000{priority}")));
            said.hold.iter().for_each(|hold| table.put("ReqDtls/HldInd/Ind", hold));
        }
    }
    table
}

fn instruct(table: &mut Table, message: &OutboundInstruction, said: &Instruct) {
    table.put("TxId", &message.reference);
    table.movement("SttlmTpAndAddtlParams/", said.movement, said.payment);
    said.common_reference.iter().for_each(|common| table.put("SttlmTpAndAddtlParams/CmonId", common));
    if message.reference != message.instruction {
        table.put("Lnkgs/PrcgPos/Cd", "INFO");
        table.put("Lnkgs/Ref/SctiesSttlmTxId", &message.instruction);
    }
    table.put("TradDtls/TradId", said.trade);
    table.day("TradDtls/TradDt/Dt/Dt", said.trade_date);
    table.day("TradDtls/SttlmDt/Dt/Dt", said.settlement_date);
    if let Some(cum_ex) = said.cum_ex {
        table.put("TradDtls/TradTxCond/Cd", if cum_ex == CumEx::Cum { "CCPN" } else { "XCPN" });
    }
    said.isin.iter().for_each(|isin| table.put("FinInstrmId/ISIN", isin));
    table.put("FinInstrmId/OthrId/Id", &said.instrument);
    table.put("FinInstrmId/OthrId/Tp/Prtry", table.sender.clone());
    let counted = if said.quantity_type == QuantityType::Unit { "Unit" } else { "FaceAmt" };
    table.put(&format!("QtyAndAcctDtls/SttlmQty/Qty/{counted}"), said.quantity);
    table.party("QtyAndAcctDtls/AcctOwnr", &said.party, false);
    table.put("QtyAndAcctDtls/SfkpgAcct/Id", &said.depot);
    table.cash_account("QtyAndAcctDtls/CshAcct", said.nostro.as_ref().map_or("", |nostro| nostro.as_str()));
    if said.hold {
        table.put("SttlmParams/HldInd/Ind", true);
    }
    if said.priority < 4 {
        table.put("SttlmParams/Prty/Nmrc", format!("000{}", said.priority));
    }
    match said.transaction_type.as_str() {
        listed @ ("TRAD" | "REPU" | "PORT") => table.put("SttlmParams/SctiesTxTp/Cd", listed),
        own => table.own_code("SttlmParams/SctiesTxTp/Prtry/", own),
    }
    if said.opt_out {
        table.put("SttlmParams/SttlmTxCond/Cd", "NOMC");
    }
    let (deliverer, receiver) = match said.movement {
        Movement::Deliver => (&said.party, &said.counterparty),
        Movement::Receive => (&said.counterparty, &said.party),
    };
    table.party("DlvrgSttlmPties/Pty1", deliverer, true);
    table.party("RcvgSttlmPties/Pty1", receiver, true);
    said.delivering_client.iter().for_each(|client| table.named("DlvrgSttlmPties/Pty2", client.as_str()));
    said.receiving_client.iter().for_each(|client| table.named("RcvgSttlmPties/Pty2", client.as_str()));
    table.paid("SttlmAmt/", said.movement, said.currency.zip(said.amount));
}

fn advice(advice: &Advice) -> Table {
    let (name, root) = match &advice.body {
        AdviceBody::Status(_) => ("sese.024.001.13", "SctiesSttlmTxStsAdvc"),
        AdviceBody::Confirmation(_) => ("sese.025.001.12", "SctiesSttlmTxConf"),
        AdviceBody::CancellationAnswer(_) => ("sese.027.001.08", "SctiesTxCxlReqStsAdvc"),
        AdviceBody::ModificationAnswer(_) => ("sese.031.001.10", "SctiesSttlmCondModStsAdvc"),
        AdviceBody::Allegement(_) => ("sese.028.001.11", "SctiesSttlmTxAllgmtNtfctn"),
        AdviceBody::AllegementRemoval(_) => ("sese.029.001.07", "SctiesSttlmAllgmtRmvlAdvc"),
        AdviceBody::CashEntry(_) => ("camt.054.001.13", "BkToCstmrDbtCdtNtfctn"),
        AdviceBody::SecuritiesBalances(_) => ("semt.002.001.12", "SctiesBalCtdyRpt"),
        AdviceBody::CashBalances(_) => ("camt.053.001.13", "BkToCstmrStmt"),
    };
    let mut table = Table::new(name, root, advice.sender.as_str(), "MYBANK", advice.id.as_str());
    let (ours, theirs) = (&*advice.reference, &*advice.agent_reference);
    let method = |currency: Option<CurrencyCode>| if currency.is_some() { Method::Dvp } else { Method::Fop };
    match &advice.body {
        AdviceBody::Status(Status { status, reasons, narrative }) => {
            table.put("TxId/AcctOwnrTxId", or_none(ours));
            table.maybe("TxId/AcctSvcrTxId", theirs);
            let (axis, element) = match &**status {
                "MACH" => ("MtchgSts", "Mtchd"),
                "NMAT" => ("MtchgSts", "Umtchd"),
                "PEND" => ("SttlmSts", "Pdg"),
                "PENF" => ("SttlmSts", "Flng"),
                "PACK" => ("PrcgSts", "AckdAccptd"),
                "PPRC" => ("PrcgSts", "PdgPrcg"),
                "REJT" => ("PrcgSts", "Rjctd"),
                "REPR" => ("PrcgSts", "Rpr"),
                "CAND" => ("PrcgSts", "Canc"),
                "CANP" => ("PrcgSts", "PdgCxl"),
                "CPRC" => ("PrcgSts", "CxlReqd"),
                "MPRC" => ("PrcgSts", "ModReqd"),
                _ => ("PrcgSts", ""),
            };
            table.standing(axis, element, (status, reasons, narrative));
        }
        AdviceBody::CancellationAnswer(Answer { status, reasons, narrative }) => {
            table.put("CxlReqRef", or_none(ours));
            if !theirs.is_empty() {
                table.put("TxId/AcctSvcrTxId", theirs);
                table.put("TxId/AcctOwnrTxId/OthrTxId/Id", "NONREF");
            }
            let element = match &**status {
                "CANP" => "PdgCxl",
                "REJT" => "Rjctd",
                "REPR" => "Rpr",
                "PACK" => "AckdAccptd",
                "DEND" => "Dnd",
                "CAND" => "Canc",
                _ => "",
            };
            table.standing("PrcgSts", element, (status, reasons, narrative));
        }
        AdviceBody::ModificationAnswer(Answer { status, reasons, narrative }) => {
            table.put("ReqRef", or_none(ours));
            table.maybe("ReqDtls/Ref/AcctSvcrTxId", theirs);
            let element = match &**status {
                "PACK" => "AckdAccptd",
                "REJT" => "Rjctd",
                "MODC" => "Cmpltd",
                "DEND" => "Dnd",
                "MODP" => "Pdg",
                _ => "",
            };
            table.standing("PrcgSts", element, (status, reasons, narrative));
        }
        AdviceBody::Confirmation(said) => {
            table.put("TxIdDtls/AcctOwnrTxId", or_none(ours));
            table.maybe("TxIdDtls/AcctSvcrTxId", theirs);
            table.movement("TxIdDtls/", said.movement, method(said.currency));
            table.maybe("AddtlParams/PrtlSttlm", &said.partial);
            table.day("TradDtls/FctvSttlmDt/Dt/Dt", said.effective_date);
            table.instrument("", &said.instrument);
            table.put("QtyAndAcctDtls/SttldQty/Qty/Unit", said.quantity);
            table.maybe("QtyAndAcctDtls/SfkpgAcct/Id", &said.account);
            table.cash_account("QtyAndAcctDtls/CshAcct", &said.cash_account);
            table.put("SttlmParams/SctiesTxTp/Cd", "TRAD");
            table.paid("SttldAmt/", said.movement, said.currency.zip(said.amount));
        }
        AdviceBody::Allegement(said) => {
            table.put("TxId", &advice.id);
            table.movement("SttlmTpAndAddtlParams/", said.movement, method(said.currency));
            table.maybe("MktInfrstrctrTxId", theirs);
            table.maybe("TradDtls/AcctOwnrTxId", ours);
            said.trade_date.iter().for_each(|day| table.day("TradDtls/TradDt/Dt/Dt", *day));
            said.settlement_date.iter().for_each(|day| table.day("TradDtls/SttlmDt/Dt/Dt", *day));
            table.instrument("", &said.instrument);
            table.put("QtyAndAcctDtls/SttlmQty/Unit", said.quantity);
            table.maybe("QtyAndAcctDtls/SfkpgAcct/Id", &said.account);
            table.put("SttlmParams/SctiesTxTp/Cd", "TRAD");
            let other = if said.movement == Movement::Deliver { "RcvgSttlmPties" } else { "DlvrgSttlmPties" };
            if !said.counterparty.is_empty() {
                table.named(&format!("{other}/Pty1"), &said.counterparty);
            }
            table.paid("SttlmAmt/", said.movement, said.currency.zip(said.amount));
        }
        AdviceBody::AllegementRemoval(said) => {
            table.put("AcctSvcrTxId/TxId", &said.allegement);
            table.movement("AcctSvcrTxId/", said.movement.expect("one"), said.payment.expect("one"));
            table.maybe("MktInfrstrctrTxId", theirs);
        }
        AdviceBody::CashEntry(said) => cash_entry(&mut table, advice, said),
        AdviceBody::CashBalances(said) => cash_balances(&mut table, advice, said),
        AdviceBody::SecuritiesBalances(said) => holdings(&mut table, advice, said),
    }
    table
}

fn group(table: &mut Table, advice: &Advice) {
    table.put("GrpHdr/MsgId", &advice.id);
    table.put("GrpHdr/CreDtTm", CREATED);
}

fn account(table: &mut Table, path: &str, account: &str) {
    table.put(&format!("{path}/{}", if account.starts_with("DE89") { "IBAN" } else { "Othr/Id" }), account);
}

fn cash_entry(table: &mut Table, advice: &Advice, said: &CashEntry) {
    group(table, advice);
    table.put("Ntfctn/Id", &advice.id);
    account(table, "Ntfctn/Acct/Id", &said.account);
    table.amount("Ntfctn/Ntry/", said.currency, said.amount, said.amount.unscaled > 0);
    table.put("Ntfctn/Ntry/Sts/Cd", "BOOK");
    table.day("Ntfctn/Ntry/ValDt/Dt", said.value_date);
    match said.code.split('/').collect::<Vec<_>>()[..] {
        [domain, family, kind] if said.code.len() == 14 => {
            table.put("Ntfctn/Ntry/BkTxCd/Domn/Cd", domain);
            table.put("Ntfctn/Ntry/BkTxCd/Domn/Fmly/Cd", family);
            table.put("Ntfctn/Ntry/BkTxCd/Domn/Fmly/SubFmlyCd", kind);
        }
        _ if said.code.is_empty() => table.put("Ntfctn/Ntry/BkTxCd", "(empty)"),
        _ => table.put("Ntfctn/Ntry/BkTxCd/Prtry/Cd", &said.code),
    }
    table.maybe("Ntfctn/Ntry/NtryDtls/TxDtls/Refs/AcctOwnrTxId", &advice.reference);
    table.maybe("Ntfctn/Ntry/NtryDtls/TxDtls/Refs/AcctSvcrTxId", &advice.agent_reference);
    table.maybe("Ntfctn/Ntry/AddtlNtryInf", &said.narrative);
}

fn numbered(name: &str, number: usize) -> String {
    if number == 0 { name.to_owned() } else { format!("{name}[{}]", number + 1) }
}

fn cash_balances(table: &mut Table, advice: &Advice, said: &CashBalances) {
    group(table, advice);
    table.put("Stmt/Id", &advice.id);
    account(table, "Stmt/Acct/Id", &said.account);
    for (number, line) in said.lines.iter().enumerate() {
        let path = numbered("Stmt/Bal", number);
        table.put(&format!("{path}/Tp/CdOrPrtry/Cd"), "CLBD");
        table.amount(&format!("{path}/"), line.currency, line.amount, line.amount.unscaled > 0);
        table.day(&format!("{path}/Dt/Dt"), said.date);
    }
}

fn holdings(table: &mut Table, advice: &Advice, said: &SecuritiesBalances) {
    table.put("Pgntn/PgNb", 1);
    table.put("Pgntn/LastPgInd", said.complete);
    table.put("StmtGnlDtls/StmtId", &advice.id);
    table.day("StmtGnlDtls/StmtDtTm/Dt", said.date);
    table.put("StmtGnlDtls/Frqcy/Cd", "DAIL");
    table.put("StmtGnlDtls/UpdTp/Cd", "COMP");
    table.put("StmtGnlDtls/StmtBsis/Cd", "SETT");
    table.put("StmtGnlDtls/ActvtyInd", !said.lines.is_empty());
    table.put("StmtGnlDtls/SubAcctInd", false);
    table.put("SfkpgAcct/Id", &said.account);
    for (number, line) in said.lines.iter().enumerate() {
        let path = numbered("BalForAcct", number);
        table.instrument(&format!("{path}/"), &line.instrument);
        let below = line.quantity.unscaled < 0;
        table.put(&format!("{path}/AggtBal/ShrtLngInd"), if below { "SHOR" } else { "LONG" });
        table.put(&format!("{path}/AggtBal/Qty/Qty/Qty/Unit"), line.quantity.to_string().trim_start_matches('-'));
    }
}

/// Documents and tables for Prowide, by chance but always the same.
#[test]
fn documents_for_the_oracle() {
    let Some(folder) = std::env::var_os("ISO_ORACLE") else { return };
    let write = |part: &str, name: &str, sample: &Sample| {
        let path = Path::new(&folder).join(part);
        fs::create_dir_all(&path).expect("a folder");
        let table = match sample {
            Sample::Instruction(message) => outbound(message),
            Sample::Advice(said) => advice(said),
        };
        fs::write(path.join(format!("{name}.xml")), sample.write().expect("it has room")).expect("a file");
        fs::write(path.join(format!("{name}.table")), table.text).expect("a file");
    };
    for (name, sample) in samples() {
        write("golden", name, &sample);
    }
    let (mut runner, strategy) = (TestRunner::deterministic(), any::any_sample());
    for number in 0..MANY {
        let sample = strategy.new_tree(&mut runner).expect("a sample").current();
        write("chance", &format!("{number:04}"), &sample);
    }
}
