//! `quittance demo`: a settlement week of a whole market through the real service, then its tables and its proofs.

mod answers;
mod books;
mod broker;
mod floor;
mod limits;
mod margin;
mod naive;
mod people;
pub mod plan;
mod records;
mod reference;
mod results;
mod risks;
pub mod screen;
mod service;
mod tables;
mod tie_outs;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use testkit::flow::{Message, Step, Tally};
use wire::pb::view::InstructionStatus;

use crate::connection::Connection;
use crate::fault::failed;
use crate::output::figure;
use answers::Answers;
use broker::Broker;
use floor::Floor;
use people::{People, settle_down};
use plan::{Day, Plan};
use records::Records;
use screen::{heading, line};
use service::Service;

/// What the week is made from when nobody says otherwise.
pub const SEED: u64 = 2026;

/// A settlement week, live: a market of twelve members through the real service, then tables and proofs
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1 when a tie-out does not hold.\n\n\
    Examples:\n  quittance demo\n  \
    quittance demo --keep\n  \
    quittance demo --kafka 127.0.0.1:9092 --data /tmp/demo")]
pub struct Demo {
    /// The same seed gives the same week
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Trades go through this broker, published by a front-office process; its topics should be empty
    #[arg(long, value_name = "BROKERS")]
    kafka: Option<String>,
    /// Leave the server up at the end, to look around
    #[arg(long)]
    keep: bool,
    /// Keep the data here [default: a temporary directory, deleted at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A smaller week
    #[arg(long)]
    fast: bool,
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: String,
    /// Where the console is, for a browser
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    console: String,
}

/// How trades get to the service.
enum Way {
    Calls(Floor),
    Kafka(Box<Broker>),
}

impl Way {
    async fn send(&mut self, place: usize, message: &Message, answers: &mut Answers) -> Result<()> {
        match self {
            Way::Calls(floor) => floor.send(place, message, answers).await,
            Way::Kafka(broker) => {
                broker.send(place, message.expected, answers);
                Ok(())
            }
        }
    }

    /// Waits until everything sent is answered.
    async fn drain(&mut self, answers: &mut Answers) -> Result<()> {
        match self {
            Way::Calls(floor) => floor.drain(answers).await,
            Way::Kafka(broker) => broker.drain(answers).await,
        }
    }
}

pub async fn run(command: Demo) -> Result<()> {
    let began = Instant::now();
    let plan = Plan::new(command.seed, command.fast);
    let (members, securities) = (plan.flow.members().len(), plan.flow.securities().len());
    println!(
        "A settlement week: {members} invented members trade {securities} real securities, {} messages, seed {}",
        figure::count(plan.messages()),
        command.seed
    );

    heading("Start");
    if let Some(brokers) = &command.kafka {
        let brokers = brokers.clone();
        let found = tokio::task::spawn_blocking(move || {
            kafka::topics::apply(&kafka::Brokers::new(brokers), &kafka::TopicPlan::new(1))
        });
        let topics: Vec<String> = found.await??.into_iter().map(|found| found.topic).collect();
        line(format!("topics on {}: {}", command.kafka.as_deref().unwrap_or_default(), topics.join(", ")));
    }
    let mut service = Service::start(
        &plan.flow,
        command.data.as_deref(),
        command.kafka.as_deref(),
        (&command.listen, &command.console),
    )
    .await?;
    line(format!("the service runs in this process: gRPC on {}, log in {}", service.address, service.data.display()));

    let played = play(&command, &plan, &service).await;
    let broken = match played {
        Ok(broken) => broken,
        Err(error) => {
            line(format!("the data stay in {}", service.keep_data().display()));
            return Err(error);
        }
    };
    line(format!("the whole demonstration took {:.1} s", began.elapsed().as_secs_f64()));
    if let Some(console) = service.running.console_address() {
        let until = if command.keep { "until Ctrl-C" } else { "while the service is up; --keep leaves it up" };
        line(format!("the console, in a browser: http://{console} ({until}; any name signs in)"));
    }
    if broken > 0 {
        line(format!("the data stay in {}", service.keep_data().display()));
    }
    if command.keep {
        look_around(&mut service).await?;
    }
    service.stop().await?;
    if broken > 0 {
        return Err(failed(format!("{broken} tie-outs do not hold")));
    }
    Ok(())
}

/// Plays the week and shows how it ended; how many proofs do not hold.
async fn play(command: &Demo, plan: &Plan, service: &Service) -> Result<usize> {
    let connection = Connection::open(&service.address).await?;
    load_reference(plan, &connection, service).await?;

    heading("The week");
    let mut way = match &command.kafka {
        None => Way::Calls(Floor::new(service.address.clone())),
        Some(brokers) => {
            let broker = Broker::start(brokers, command.seed, command.fast, &connection).await?;
            let process = broker.process().map_or_else(String::new, |id| format!(" (process {id})"));
            line(format!("a front office of its own{process} publishes every trade to the broker"));
            Way::Kafka(Box::new(broker))
        }
    };
    let mut people = People::new(connection.clone(), command.kafka.is_some());
    let (mut answers, mut tally) = (Answers::default(), Tally::opening(&plan.flow));
    println!(
        "  {:<10}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}  {:>9}  {:>7}",
        "day", "messages", "settled", "pending", "failing", "unmatched", "cancelled", "seconds"
    );
    for day in &plan.days {
        let started = Instant::now();
        play_day(plan, day, service, &mut way, &mut people, &mut answers, &mut tally).await?;
        day_line(&connection, day, started).await?;
    }
    let sequence = settle_down(&connection).await?;
    tell_people(&people, &way);

    let records = Records::read(&connection, sequence).await?;
    tables::messages(plan, &answers);
    tables::print(&connection, &answers, &records, sequence).await?;
    let mut broken = tie_outs::print(&connection, plan, &answers, &tally, &records).await?;
    broken += books::close(&connection, plan).await?;
    let sequence = settle_down(&connection).await?;
    broken += results::print(&connection, plan, &records, sequence).await?;
    broken += risks::print(&connection, &records, sequence).await?;
    broken += limits::print(&connection, plan, &records.naive, sequence).await?;
    let sequence = settle_down(&connection).await?;
    broken += margin::print(&connection, plan, &records.naive, sequence).await?;
    println!();
    broken += prove(service).await?;
    match way {
        Way::Calls(floor) => floor.close().await?,
        Way::Kafka(broker) => broker.close().await?,
    }
    Ok(broken)
}

async fn load_reference(plan: &Plan, connection: &Connection, service: &Service) -> Result<()> {
    heading("Reference data, limits and opening balances");
    let commands = plan.flow.reference();
    if let (Some(clock), Some(last)) = (&service.clock, commands.last()) {
        clock.set(last.at);
    }
    let bar = screen::bar(commands.len() as u64, "loading", "commands");
    let loaded = reference::load(connection, "setup", commands, || bar.inc(1)).await;
    bar.finish_and_clear();
    let loaded = loaded?;
    let kinds: Vec<String> = loaded.kinds.iter().map(|((one, many), count)| figure::some(*count, one, many)).collect();
    for kinds in kinds.chunks(7) {
        line(kinds.join(", "));
    }
    let (proposals, approvals) = (figure::count(loaded.proposals), figure::count(loaded.approvals));
    line(format!("four eyes: {proposals} proposed by ines.data, {approvals} approved by omar.control"));
    load_history(plan, connection, service).await
}

/// Closes enough for market risk, which nobody observed: their source says so, and so does every answer that stands on them.
async fn load_history(plan: &Plan, connection: &Connection, service: &Service) -> Result<()> {
    let commands = plan.flow.history(plan.closes);
    if let (Some(clock), Some(last)) = (&service.clock, commands.last()) {
        clock.set(last.at);
    }
    let bar = screen::bar(commands.len() as u64, "history", "commands");
    let loaded = reference::load(connection, "history", commands, || bar.inc(1)).await;
    bar.finish_and_clear();
    loaded?;
    line(format!(
        "{} of a SYNTHETIC history, made by the generator from the seed and observed nowhere; issuers of all securities",
        figure::some(plan.closes as u64, "close", "closes")
    ));
    Ok(())
}

async fn play_day(
    plan: &Plan,
    day: &Day,
    service: &Service,
    way: &mut Way,
    people: &mut People,
    answers: &mut Answers,
    tally: &mut Tally,
) -> Result<()> {
    let bar = screen::bar(day.messages, day.name(), "messages");
    let result = async {
        for place in day.items.clone() {
            let item = &plan.items[place];
            if let Some(clock) = &service.clock {
                clock.set(item.at);
            }
            tally.note(item);
            match &item.step {
                Step::Message(message) => {
                    way.send(place, message, answers).await?;
                    bar.inc(1);
                }
                step => {
                    // A person acts on what is there: all that was sent before has its answer first.
                    way.drain(answers).await?;
                    people.act(step, answers).await?;
                }
            }
        }
        way.drain(answers).await
    };
    let result = result.await;
    bar.finish_and_clear();
    result
}

/// How it stands at the end of a day.
async fn day_line(connection: &Connection, day: &Day, started: Instant) -> Result<()> {
    let sequence = settle_down(connection).await?;
    let lines = tables::summary(connection, sequence).await?;
    let count = |status| figure::count(tables::count(&lines, status));
    println!(
        "  {:<10}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}  {:>9}  {:>7.1}",
        day.name(),
        figure::count(day.messages),
        count(InstructionStatus::Settled),
        count(InstructionStatus::Pending),
        count(InstructionStatus::Failing),
        count(InstructionStatus::Unmatched),
        count(InstructionStatus::Cancelled),
        started.elapsed().as_secs_f64(),
    );
    Ok(())
}

fn tell_people(people: &People, way: &Way) {
    let refused: Vec<String> = people.done.refused.iter().map(|(code, count)| format!("{count} {code}")).collect();
    let refused =
        if refused.is_empty() { "none refused".to_owned() } else { format!("refused: {}", refused.join(", ")) };
    line(format!(
        "people and timer: {} commands (days, releases, repairs, funding, approvals), {refused}",
        figure::count(people.done.commands)
    ));
    if let Way::Calls(floor) = way {
        let withheld = match floor.withheld {
            0 => String::new(),
            withheld => format!("; {} too large to be sent", figure::some(withheld, "message was", "messages were")),
        };
        line(format!("{} front offices, each on a connection of its own{withheld}", floor.offices()));
    }
}

/// Folds the whole log again, as `quittance verify` does; 1 when something is wrong with it.
async fn prove(service: &Service) -> Result<usize> {
    let log = service.running.log();
    let report = tokio::task::spawn_blocking(move || engine::verify(&log, &mut |_| {})).await??;
    match report.violation {
        None => {
            let (records, postings) = (figure::count(report.sequence), figure::count(report.postings));
            line(format!("verified: {records} records folded again, {postings} postings balance, the chain is whole"));
            Ok(0)
        }
        Some(violation) => {
            line(format!("VIOLATION at record {}: {}", violation.sequence, violation.what));
            Ok(1)
        }
    }
}

/// Leaves the server up until Ctrl-C.
async fn look_around(service: &mut Service) -> Result<()> {
    heading("The server stays up; Ctrl-C ends it");
    line("in another terminal:");
    let address = service.address.clone();
    line(format!("export QUITTANCE_SERVER={address}"));
    line("quittance instructions list --status failing --min-age 1");
    // With names of this week, so that they can be typed as they stand.
    if let Some(example) = tables::example(&Connection::open(&address).await?).await? {
        line(format!("quittance instructions why {}", example.number));
        if let Some(trade) = example.trades.first() {
            line(format!("quittance trades get {} {}", trade.source, trade.id));
        }
        line(format!("quittance cash ladder {} {}", example.nostro, example.currency));
    }
    for command in [
        "quittance cash list --currency EUR",
        "quittance pnl books --currency EUR",
        "quittance risk var --sets CLOSE/QUOTES,CLOSE/SYNTHETIC --currency EUR",
        "quittance risk backtest --sets CLOSE/QUOTES,CLOSE/SYNTHETIC --currency EUR",
        "quittance ledger tie-outs --broken",
        "quittance log list --last 20",
        "quittance instructions watch --changes-only",
        "quittance status",
    ] {
        line(command);
    }
    tokio::select! {
        failure = service.running.failed() => Err(failure),
        asked = tokio::signal::ctrl_c() => Ok(asked?),
    }
}
