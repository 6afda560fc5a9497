//! What was known when, over gRPC: every question about business is answered as it was answered when the log stood there.

use api::{EFFECTIVE_AT, KNOWN_AT};
use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};
use wire::pb::service as pb;
use wire::pb::view;

use crate::house::{House, TODAY, buy, by, sell};

/// Messages as bytes, for calls that are told apart by their path.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; bytes.remaining()];
        bytes.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}

/// Calls that are no questions about business: commands, streams, what would settle now, how the service is, the log itself.
const OTHERS: &[&str] = &[
    "ExplainSettlement",
    "SubmitTrade",
    "SubmitTrades",
    "SteerInstruction",
    "WatchInstructions",
    "WatchPositions",
    "WatchLimits",
    "WatchMargin",
    "WatchPnl",
    "WatchCashLadders",
    "WatchReport",
    "WatchCoverage",
    "WatchExposure",
    "SubmitCommand",
    "OpenDay",
    "PassCutOff",
    "CloseDay",
    "ApproveProposal",
    "RefuseProposal",
    "CloseQuarantined",
    "ResumeShard",
    "Promote",
    "RepairTrade",
    "GetStatus",
    "ReadRecords",
    "GetRecord",
    "GetHead",
    "OpenPast",
];

/// The path of every call.
fn paths() -> Vec<String> {
    let files = prost_types::FileDescriptorSet::decode(wire::DESCRIPTORS).expect("sound");
    let mut paths = Vec::new();
    for file in files.file.iter().filter(|file| file.package() == "quittance.service.v1") {
        for service in &file.service {
            let methods = service.method.iter().map(|method| method.name());
            paths.extend(methods.map(|method| format!("/quittance.service.v1.{}/{method}", service.name())));
        }
    }
    paths
}

fn is_question(path: &str) -> bool {
    !OTHERS.iter().any(|other| path.ends_with(&format!("/{other}")))
}

/// What a question needs to be one.
fn request(path: &str) -> Vec<u8> {
    let euro = || Some(view::MarketRiskQuestion { currency: "EUR".to_owned(), ..Default::default() });
    match path.rsplit('/').next().expect("a method") {
        "GetTrade" => {
            pb::GetTradeRequest { source: "FO-A".to_owned(), id: "T-1".to_owned(), min_sequence: 0 }.encode_to_vec()
        }
        "GetInstruction" => pb::GetInstructionRequest { number: 1, min_sequence: 0 }.encode_to_vec(),
        // The third side is alone.
        "ExplainUnmatched" => pb::ExplainUnmatchedRequest { number: 3, min_sequence: 0 }.encode_to_vec(),
        "GetCashLadder" => {
            pb::GetCashLadderRequest { account: "ALPHA-CASH".to_owned(), currency: "EUR".to_owned(), min_sequence: 0 }
                .encode_to_vec()
        }
        "GetPosition" => {
            pb::GetPositionRequest { book: "ALPHA-EQ".to_owned(), instrument: "SAP".to_owned(), ..Default::default() }
                .encode_to_vec()
        }
        "EstimateMarketRisk" => pb::EstimateMarketRiskRequest { question: euro(), min_sequence: 0 }.encode_to_vec(),
        "BacktestMarketRisk" => pb::BacktestMarketRiskRequest { question: euro(), min_sequence: 0 }.encode_to_vec(),
        "GetConcentration" => pb::GetConcentrationRequest { question: euro(), min_sequence: 0 }.encode_to_vec(),
        _ => Vec::new(),
    }
}

/// An answer, or why there is none.
type Answer = Result<Vec<u8>, (Code, String)>;

async fn ask(house: &House, path: &str, said: &[(&'static str, String)]) -> Answer {
    let mut client = tonic::client::Grpc::new(house.channel());
    client.ready().await.expect("connected");
    let mut asked: Request<Vec<u8>> = by("ines", request(path));
    for (key, value) in said {
        asked.metadata_mut().insert(*key, value.parse().expect("ASCII"));
    }
    let answer = client.unary(asked, PathAndQuery::try_from(path).expect("a path"), Raw).await;
    answer.map(tonic::Response::into_inner).map_err(|status| (status.code(), status.message().to_owned()))
}

/// Where the log stands once the shard has nothing more to do, and what every question is answered there.
async fn stand(house: &House) -> (u64, Vec<(String, Answer)>) {
    let head = async || house.log().get_head(by("ines", pb::GetHeadRequest {})).await.expect("a head").into_inner();
    loop {
        let sequence = head().await.sequence;
        let seen = pb::SummarizeInstructionsRequest { min_sequence: sequence };
        house.settlement().summarize_instructions(by("ines", seen)).await.expect("reached");
        let mut answers = Vec::new();
        for path in paths().into_iter().filter(|path| is_question(path)) {
            let answer = ask(house, &path, &[]).await;
            answers.push((path, answer));
        }
        if head().await.sequence == sequence {
            return (sequence, answers);
        }
    }
}

fn known(sequence: u64) -> Vec<(&'static str, String)> {
    vec![(KNOWN_AT, sequence.to_string())]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_known_at_a_record_is_answered_as_it_was_there() {
    let house = House::open().await;
    let mut said = vec![stand(&house).await];
    house.deal("T-1", 5).await;
    said.push(stand(&house).await);
    house.trade(buy("U-1", 7)).await.expect("taken");
    let mut loose = buy("L-1", 3);
    loose.details.as_mut().expect("details").instrument = "NOSUCH".to_owned();
    house.trade(loose).await.expect("in repair");
    said.push(stand(&house).await);
    crate::risks::business(&house).await;
    house.command("closes", crate::risks::PRICES).await.expect("set");
    house.command("four-eyes", crate::house::FOUR_EYES).await.expect("set");
    let opening = r#"{"open":{"account":"ALPHA-DEPOT","book":"ALPHA-EQ","instrument":"SAP","quantity":"1"}}"#;
    house.command("waits", opening).await.expect("proposed");
    said.push(stand(&house).await);
    house.trade(sell("U-1", 7)).await.expect("matches");
    house.deal("T-2", 11).await;

    // Answered at each place: with figures where there was business, and nothing is a question that always fails.
    for (path, _) in &said[3].1 {
        let answered =
            said.iter().any(|(_, answers)| answers.iter().any(|(each, answer)| each == path && answer.is_ok()));
        assert!(answered, "{path} was never answered");
    }
    for (sequence, answers) in &said {
        let mut differ = Vec::new();
        for (path, then) in answers {
            let again = ask(&house, path, &known(*sequence)).await;
            if again != *then {
                differ.push(format!("{path}: {:?} and not {:?}", again.map(|bytes| bytes.len()), then));
            }
        }
        assert!(differ.is_empty(), "known at record {sequence}:\n{}", differ.join("\n"));
    }
    // The last one is not what is known today.
    let today = stand(&house).await;
    let changed = today.1.iter().zip(&said[3].1).filter(|(now, then)| now != then).count();
    assert!(changed > 10, "{changed} answers are others today");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_question_passes_over_what_it_is_told_of_dates() {
    let house = House::open().await;
    house.deal("T-1", 5).await;
    for path in paths() {
        let (code, why) = ask(&house, &path, &known(999_999)).await.expect_err(&path);
        assert_eq!(code, Code::InvalidArgument, "{path}: {why}");
        let expected = if is_question(&path) {
            "there is no record 999999 yet"
        } else {
            "is not a question about an earlier record"
        };
        assert!(why.contains(KNOWN_AT) && why.contains(expected), "{path}: {why}");
        let (code, why) = ask(&house, &path, &[(EFFECTIVE_AT, "soon".to_owned())]).await.expect_err(&path);
        assert!(code == Code::InvalidArgument && why.contains(EFFECTIVE_AT), "{path}: {why}");
    }
    // Which have a date, and which say that they have none.
    let mut dated = Vec::new();
    for path in paths().into_iter().filter(|path| is_question(path)) {
        match ask(&house, &path, &[(EFFECTIVE_AT, "2026-11-19".to_owned())]).await {
            Ok(_) => dated.push(path.rsplit('/').next().expect("a method").to_owned()),
            Err((_, why)) => assert!(why.contains("effective date") || why.contains("prices"), "{path}: {why}"),
        }
    }
    assert_eq!(dated, ["ListPositions", "GetPosition", "ListPnl", "SummarizePnl", "ListLimits"]);
    let beyond = pb::SummarizeInstructionsRequest { min_sequence: house.sequence + 1 };
    let mut beyond = by("ines", beyond);
    beyond.metadata_mut().insert(KNOWN_AT, house.sequence.into());
    let why = house.settlement().summarize_instructions(beyond).await.expect_err("both");
    assert!(why.message().contains("min_sequence"), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_is_opened_by_record_or_business_date_and_outlives_a_correction() {
    let house = House::open().await;
    house.deal("T-1", 5).await;
    let open = async |known_at: &str| {
        let request = pb::OpenPastRequest { known_at: known_at.to_owned() };
        let mut stages = house
            .log()
            .open_past(by("ines", request))
            .await
            .map_err(|status| status.message().to_owned())?
            .into_inner();
        let mut last = None;
        while let Some(stage) = stages.message().await.map_err(|status| status.message().to_owned())? {
            last = Some(stage);
        }
        Ok::<_, String>(last.expect("stages").sequence)
    };
    assert!(open("2026-11-23").await.expect_err("open").contains("is not over: the settlement day 2026-11-23 of QCSD"));
    let close = pb::CloseDayRequest {
        domain: "QCSD".to_owned(),
        date: TODAY,
        request_id: "close".to_owned(),
        reason: "evening".to_owned(),
    };
    let closed =
        house.operator().close_day(by("ines", close)).await.expect("closes").into_inner().receipt.expect("one");
    assert_eq!(open("2026-11-23").await, Ok(closed.sequence));
    assert_eq!(open("7").await, Ok(7));
    assert!(open("yesterday").await.expect_err("no date").contains("neither the sequence of a record nor"));

    // Bought on the 19th, told on the evening of the 23rd.
    house.trade(buy("LATE", 40)).await.expect("taken");
    let held = async |said: &[(&'static str, String)]| {
        let bytes = ask(&house, "/quittance.service.v1.PositionService/GetPosition", said).await.expect("held");
        let answer = pb::GetPositionResponse::decode(&bytes[..]).expect("sound");
        (answer.sequence, answer.positions[0].traded.expect("always").unscaled)
    };
    let evening = (KNOWN_AT, "2026-11-23".to_owned());
    let trade_date = (EFFECTIVE_AT, "2026-11-19".to_owned());
    assert_eq!(held(std::slice::from_ref(&evening)).await, (closed.sequence, 1_005));
    // The opening balance came on the 23rd, so on the 19th there are only the trades.
    assert_eq!(held(&[evening, trade_date.clone()]).await, (closed.sequence, 5));
    assert_eq!(held(&[trade_date]).await.1, 45);
}
