//! A service that runs: started from the disk upwards, ended from the callers downwards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use api::{Backend, Opened};
use engine::{Engine, Handle, Options};
use kafka::{Consumer, Records};
use projections::{Pasts, Projections, Runner, RunnerOptions};
use store::{Log, Views};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::calls::{self, Counted};
use crate::config::Config;
use crate::herald::Herald;
use crate::kafka_source::{Leading, Start};
use crate::listener::Door;
use crate::operations::Condition;
use crate::{access, console, kafka_source, listener, publishing, settings, telemetry};

/// A running service. Dropping it without [`Running::stop`] ends it as a crash would.
pub struct Running {
    grpc: SocketAddr,
    console: Option<SocketAddr>,
    http: Option<SocketAddr>,
    views: Projections,
    engine: Engine,
    runner: Runner,
    leading: Arc<Leading>,
    records: Option<Arc<Records>>,
    opened: Opened,
    closing: watch::Sender<bool>,
    condition: Condition,
    calls: JoinHandle<Result<(), tonic::transport::Error>>,
    others: Tasks,
    drain: Duration,
}

/// Why a service does not go on.
pub(crate) enum Trouble {
    /// The disk of the records or of the views is full. What is on it can be asked for.
    Full(String),
    /// It can no longer be trusted: its process must end.
    Broken(anyhow::Error),
}

/// Tasks that end with their owner.
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Running {
    /// Starts a service on an existing log and returns when it takes commands. The views may still be on their way then.
    ///
    /// # Errors
    /// The first thing that does not start, with what to do about it.
    pub async fn start(config: &Config) -> Result<Running> {
        Running::start_with(config, |options| options).await
    }

    /// The same with the last word on how the shard is started: another clock or pace, for tests, demo and benches.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub async fn start_with(config: &Config, adjust: impl FnOnce(Options) -> Options) -> Result<Running> {
        // The recorder first: the parts make their counters when they start.
        let condition = Condition::new(telemetry::recorder()?);
        let (closing, closing_seen) = watch::channel(false);
        // Then the doors, so that a port in use is known at once and whoever knocks is told to wait.
        let calls_in = bind("grpc.listen", &config.grpc.listen).await?;
        let grpc = calls_in.local_addr()?;
        let browsers_in = match config.console.listen.as_str() {
            "" => None,
            listen => Some(bind("console.listen", listen).await?),
        };
        let console = browsers_in.as_ref().map(TcpListener::local_addr).transpose()?;
        let mut others = Tasks(Vec::new());
        let http = match config.http.listen.as_str() {
            "" => None,
            listen => {
                let listener = bind("http.listen", listen).await?;
                let address = listener.local_addr()?;
                let (router, door) = (condition.clone().router(), Door::new(listener, settings::OF_OPERATIONS));
                others.0.push(tokio::spawn(async move {
                    if let Err(error) = axum::serve(door, router).await {
                        tracing::error!(%error, "the listener of operations ended");
                    }
                }));
                Some(address)
            }
        };
        let (backend, tls) = access::backend(config, closing_seen.clone())?;
        let (routes, health) = api::routes(&backend, config.grpc.reflection).await?;
        let mut transport = settings::transport(&config.grpc).server();
        let browsers = console::serve(config, browsers_in, routes.clone(), tls.clone(), closing_seen.clone())?;
        if let Some(tls) = tls {
            transport = transport.tls_config(tls).context("access.tls_cert, access.tls_key, access.client_cas")?;
        }
        let mut transport = transport.layer(Counted).trace_fn(calls::span);
        let calls = transport.add_routes(routes).serve_with_incoming_shutdown(
            listener::connections(calls_in, settings::callers(&config.grpc)),
            closed(closing_seen),
        );
        let calls = tokio::spawn(async move { tokio::try_join!(calls, browsers).map(drop) });

        let stored = settings::store(&config.store);
        let (engine, log) = start_engine(config, stored.clone(), adjust, &backend, &condition).await?;
        let shard = engine.handle();
        let inlets = kafka_source::inlets(&config.kafka, &shard);
        let genesis = shard.ask(|state| state.genesis().cloned()).await.ok().flatten();
        let records = publishing::start(config, &engine, genesis.as_ref())?;
        if let Some(records) = &records {
            publishing::tell(config, records, &backend);
            publishing::first_record(records, &log, &shard, &backend, &condition).await?;
        }
        let (views, runner) = start_views(config, stored.clone(), log.clone()).await?;
        let held = |inlet| kafka_source::waiting_for(&views, inlet, &config.kafka, &shard, closing.subscribe());
        let inlets = inlets.into_iter().map(held).collect();
        condition.follow(log.clone(), views.clone());
        let leading = Arc::new(Leading::default());
        let sources = standing(config, leading.clone(), records.clone(), log.clone());
        let granted = shard.ask(|state| (state.sequence(), state.grants().clone())).await?;
        let pasts = Pasts::new(log.clone(), views.clone(), settings::past(config, stored.clone()))?;
        let opened = backend.open(shard.clone(), log.clone(), (views.clone(), pasts), granted, sources)?;
        let herald = Herald {
            health,
            condition: condition.clone(),
            shard: shard.clone(),
            views: views.clone(),
            obstacle: records.clone().map(|records| {
                let config = config.clone();
                Box::new(move || publishing::obstacle(&config, &records))
                    as Box<dyn Fn() -> Option<String> + Send + Sync>
            }),
        };
        let head = log.head().sequence;
        others.0.push(tokio::spawn(async move { herald.run(head).await }));
        if let Some(records) = &records {
            publishing::settled(config, records, &shard).await?;
        }
        let published = records.as_ref().map(|records| records.published());
        let start = Start { shard: shard.clone(), store: stored, inlets, published };
        match records.clone().filter(|_| config.kafka.reader) {
            None => leading.begin(config, start, &log)?,
            Some(records) => {
                let (config, log, leading) = (config.clone(), Arc::downgrade(&log), leading.clone());
                others.0.push(tokio::spawn(async move {
                    if publishing::leads(&records, &shard).await {
                        leading.begin_late(&config, start, &log);
                    }
                }));
            }
        }
        let (console_at, http_at) = (console.map(tracing::field::display), http.map(tracing::field::display));
        tracing::info!(%grpc, console = console_at, http = http_at, sequence = head, "takes commands");
        let drain = settings::seconds(config.grpc.drain_seconds);
        Ok(Running {
            grpc,
            console,
            http,
            views,
            engine,
            runner,
            leading,
            records,
            opened,
            closing,
            condition,
            calls,
            others,
            drain,
        })
    }

    /// Where gRPC listens.
    #[must_use]
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc
    }

    /// Where the console is served, if it is.
    #[must_use]
    pub fn console_address(&self) -> Option<SocketAddr> {
        self.console
    }

    /// Where operations listen, if they do.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// A way to the shard.
    #[must_use]
    pub fn shard(&self) -> Handle {
        self.engine.handle()
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> Arc<Log> {
        self.engine.log()
    }

    /// The views.
    #[must_use]
    pub fn views(&self) -> Projections {
        self.views.clone()
    }

    /// The consumer of trades, where Kafka is configured.
    #[must_use]
    pub fn source(&self) -> Option<&Consumer> {
        self.leading.source()
    }

    /// The publisher or follower of the records topic, where one is configured.
    #[must_use]
    pub fn records(&self) -> Option<&Records> {
        self.records.as_deref()
    }

    /// Waits until the service can no longer be trusted and its process must end, or its disk is full.
    pub async fn failed(&mut self) -> anyhow::Error {
        match self.trouble().await {
            Trouble::Full(why) => anyhow!(why),
            Trouble::Broken(error) => error,
        }
    }

    /// The same, told apart.
    pub(crate) async fn trouble(&mut self) -> Trouble {
        let shard = self.engine.handle();
        let trouble = tokio::select! {
            failure = shard.failed() => match failure.disk_full {
                true => Trouble::Full(failure.to_string()),
                false => Trouble::Broken(anyhow::Error::new((*failure).clone())),
            },
            why = self.runner.full() => Trouble::Full(why),
            ended = &mut self.calls => Trouble::Broken(match ended {
                Ok(Ok(())) => anyhow!("the gRPC listener ended"),
                Ok(Err(error)) => anyhow::Error::new(error).context("the gRPC listener failed"),
                Err(panic) => anyhow::Error::new(panic).context("the gRPC listener panicked"),
            }),
        };
        if let Trouble::Full(why) = &trouble {
            self.condition.full(why.clone());
        }
        trouble
    }

    /// Ends in order: callers, source, views, and last the shard, which commits what it took.
    ///
    /// # Errors
    /// What did not end in order. What was acknowledged is on disk all the same.
    pub async fn stop(self) -> Result<()> {
        let Running {
            engine,
            runner,
            leading,
            records,
            opened,
            closing,
            condition,
            mut calls,
            others,
            drain,
            views,
            ..
        } = self;
        condition.not_ready("the service ends".to_owned());
        closing.send_replace(true);
        if !calls.is_finished() && tokio::time::timeout(drain, &mut calls).await.is_err() {
            tracing::warn!(seconds = drain.as_secs(), "calls that did not end in time are cut off");
            calls.abort();
        }
        drop((opened, views));
        // Among them those that hold the source or wait for it.
        drop(others);
        let ending = leading.clone();
        tokio::task::spawn_blocking(move || ending.end()).await.context("ending")?;
        if let Some(records) = records {
            publishing::stop(records, &engine.log()).await;
        }
        let log = Arc::downgrade(&engine.log());
        let ended = tokio::task::spawn_blocking(move || {
            // The last who holds it stops it and waits until it has.
            drop(leading);
            let views =
                runner.stop().context("the views did not end in order; they are rebuilt from the log where needed");
            engine.stop().context("the shard did not end in order")?;
            views
        });
        let ended = ended.await.context("ending")?;
        // A call that was cut off may hold the log for a moment more: whoever opens the directory next must not find it in use.
        for _ in 0..100 {
            if log.strong_count() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ended
    }
}

/// A listener for a key of the configuration.
async fn bind(key: &str, listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .with_context(|| format!("{key} = {listen}: cannot listen there; is the service running already?"))
}

/// Comes true when the service ends.
pub(crate) async fn closed(mut closing: watch::Receiver<bool>) {
    // The sender gone is an end too.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Recovers the shard on a thread that may wait, and tells how far it has come.
async fn start_engine(
    config: &Config,
    stored: store::Options,
    adjust: impl FnOnce(Options) -> Options,
    backend: &Backend,
    condition: &Condition,
) -> Result<(Engine, Arc<Log>)> {
    let mut options = settings::engine(config, stored)?;
    let (backend, condition) = (backend.clone(), condition.clone());
    options.progress = Some(Arc::new(move |progress: engine::Progress| {
        let text = format!("recovering: record {} of {}", progress.sequence, progress.to);
        backend.preparing(text.clone());
        condition.not_ready(text);
    }));
    let options = publishing::follow(config, adjust(options));
    let dir = options.dir.clone();
    let started = tokio::task::spawn_blocking(move || Engine::start(options)).await.context("starting the shard")?;
    match started {
        Ok(engine) => {
            let log = engine.log();
            Ok((engine, log))
        }
        Err(engine::Error::Store(store::Error::NoLog { .. })) => bail!(
            "there is no log in {}: check store.dir, restore it from a backup, or create a new log with `quittance init`",
            dir.display()
        ),
        Err(error) => Err(error).context("the shard did not start"),
    }
}

/// How everything that brings or takes records stands.
fn standing(
    config: &Config,
    leading: Arc<Leading>,
    records: Option<Arc<Records>>,
    log: Arc<Log>,
) -> impl Fn() -> Vec<wire::pb::service::SourceStanding> + Send + Sync + use<> {
    let trades = kafka_source::standing(leading, log.clone());
    let config = config.clone();
    move || {
        let mut standing = trades();
        standing.extend(records.iter().map(|records| publishing::standing(&config, records, &log)));
        standing
    }
}

/// Opens the views and lets them follow the log.
async fn start_views(config: &Config, stored: store::Options, log: Arc<Log>) -> Result<(Projections, Runner)> {
    let dir = config.views_dir();
    let opened = tokio::task::spawn_blocking(move || {
        let rows = match Views::open(&dir, &stored) {
            // They are a cache: what cannot be read is made again.
            Err(error @ (store::Error::Format { .. } | store::Error::Corrupt { .. })) => {
                tracing::warn!(%error, "the views are rebuilt from the log");
                Views::destroy(&dir)?;
                Views::open(&dir, &stored)?
            }
            opened => opened?,
        };
        let (views, folder) = Projections::open(Arc::new(rows))?;
        let runner = Runner::start(log, folder, RunnerOptions::default())?;
        Ok::<_, projections::Error>((views, runner))
    });
    opened.await.context("starting the views")?.context("the views did not start")
}
