//! The sections and keys of the configuration, each with its default and what it is for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Declares the sections once: their types, their defaults, and what `config print` says of each key.
macro_rules! sections {
    ($(
        #[doc = $section_doc:literal]
        $section:ident : $name:ident {
            $( $(#[doc = $doc:literal])+ $key:ident : $type:ty = $default:expr, )*
        }
    )*) => {
        /// The whole configuration.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {
            $( #[doc = $section_doc] pub $section: $name, )*
        }

        $(
            #[doc = $section_doc]
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $( $(#[doc = $doc])+ pub $key: $type, )*
            }

            impl Default for $name {
                fn default() -> Self {
                    $name { $( $key: $default, )* }
                }
            }
        )*

        /// Of a section: its name, what it is about, and the same of its keys.
        type About = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

        /// Every section and key in the order of the file.
        pub(super) const ABOUT: &[About] = &[
            $( (stringify!($section), $section_doc, &[ $( (stringify!($key), concat!($($doc, "\n"),+)), )* ]), )*
        ];
    };
}

sections! {
    /// Whose log it is. Used once, by `init`; afterwards the log's own genesis holds.
    house: House {
        /// The house whose books these are.
        id: String = "HOUSE".to_owned(),
        /// Number of the shard.
        shard: u32 = 0,
        /// The settlement domains that this shard owns; none: all.
        domains: Vec<String> = Vec::new(),
        /// Kafka's cluster id, to be pinned; empty: none.
        cluster: String = String::new(),
    }

    /// The event store.
    store: Store {
        /// Directory of the data. The log lies in log/, the views in views/.
        dir: PathBuf = PathBuf::from("quittance-data"),
        /// The witness of the log's head; it belongs on another disk. Empty: beside the log.
        witness: PathBuf = PathBuf::new(),
        /// When log and witness disagree: strict (refuse), catch-up (import what is missing), reset (take the log as it is).
        witness_check: String = "strict".to_owned(),
        /// MiB of block cache of all databases together.
        cache_mib: u32 = 256,
        /// MiB of write buffers of all databases together.
        write_buffer_mib: u32 = 192,
        /// MiB of recent blocks kept for followers.
        ring_mib: u32 = 64,
        /// Level of zstd for blocks: 1 to 19, or negative for the fast levels.
        compression: i32 = 1,
        /// Threads of each database for flushes and compactions.
        background_jobs: u8 = 2,
    }

    /// Views of earlier records, for questions about what was known when. They lie in past/ beside views/.
    past: Past {
        /// How many are kept, the last used ones; 0: such questions are refused.
        kept: u32 = 4,
        /// MiB on disk of all of them together.
        mib: u32 = 4_096,
    }

    /// The shard.
    engine: Engine {
        /// Calls that wait for their turn; more wait outside.
        queue: u32 = 1_024,
        /// A snapshot after so many records, more when the state is large; 0: none while running.
        snapshot_every: u64 = 250_000,
        /// A snapshot when the service ends in order: the next start has nothing to read.
        snapshot_on_stop: bool = true,
        /// Passes cut-offs by the clock. Off where time is an input of its own.
        timer: bool = true,
    }

    /// The gRPC interface. How callers are known stands in [access].
    grpc: Grpc {
        /// Where it listens; port 0: any free one.
        listen: String = "127.0.0.1:7400".to_owned(),
        /// Answer questions about the interface itself (grpcurl); off in production.
        reflection: bool = true,
        /// Calls at once on one connection.
        max_streams: u32 = 200,
        /// Connections at once; more wait to be accepted.
        max_connections: u32 = 1_000,
        /// Of them from one address (IPv6: one network of 64 bits); more are closed at once. A proxy before the service needs all.
        max_connections_per_address: u32 = 500,
        /// Subscriptions and readers of the log open at once, in all; one that does not read costs up to 3 MiB.
        max_readers: u32 = 500,
        /// KiB of one message, in and out.
        max_message_kib: u32 = 4_096,
        /// KiB of the headers of one call.
        max_header_kib: u32 = 16,
        /// Longest time of a call that is not a stream; a shorter deadline of the caller holds.
        timeout_seconds: u32 = 30,
        /// How long a query waits for its min_sequence when the caller has no deadline.
        wait_seconds: u32 = 10,
        /// Submitted and not yet answered on one SubmitTrades stream.
        in_flight_per_stream: u32 = 4_096,
        /// A heartbeat on a stream after so many seconds without news.
        heartbeat_seconds: u32 = 5,
        /// A connection is asked to end after so many seconds, and cut a grace later; 0: never.
        max_age_seconds: u32 = 14_400,
        /// That grace: streams go on until it is over.
        age_grace_seconds: u32 = 300,
        /// A ping after so many seconds of silence on a connection; unanswered, it is closed.
        keepalive_seconds: u32 = 30,
        /// How long calls may go on when the service ends.
        drain_seconds: u32 = 10,
    }

    /// Who may call: how a caller is known. What each may do is reference data (grants).
    access: Access {
        /// Without TLS, and callers are who they say they are: for trying out, on a loopback address only.
        insecure_plaintext: bool = false,
        /// PEM file of the server's certificate chain; empty: no TLS.
        tls_cert: PathBuf = PathBuf::new(),
        /// PEM file of its private key.
        tls_key: PathBuf = PathBuf::new(),
        /// Authorities whose client certificates are known, each with the roles it vouches for: operator+approver=ops-ca.pem.
        /// The caller's name is its certificate's SPIFFE id (the path) or DNS name.
        client_cas: Vec<String> = Vec::new(),
        /// PEM file of the public key of who signs tokens (JWT); empty: no tokens. The caller's name is the token's sub.
        token_key: PathBuf = PathBuf::new(),
        /// The kid they must name; empty: they need not name one, since there is one key only.
        token_key_id: String = String::new(),
        /// The one algorithm they are signed by: EdDSA, ES256 or RS256.
        token_algorithm: String = "EdDSA".to_owned(),
        /// The iss they must have.
        token_issuer: String = String::new(),
        /// The aud they must have.
        token_audience: String = "quittance".to_owned(),
        /// File of whom not to let in any more, read again when it changes: `token JTI REASON` or `actor NAME REASON` a line;
        /// empty: none. With it every token needs a jti.
        revoked: PathBuf = PathBuf::new(),
    }

    /// The console in the browser: its pages, and the same services over gRPC-web. Each connection has the limits of [grpc].
    console: Console {
        /// Where it listens; port 0: any free one; empty: nowhere.
        listen: String = "127.0.0.1:7402".to_owned(),
        /// Connections at once; a browser opens up to six.
        max_connections: u32 = 200,
    }

    /// The HTTP listener of operations: /metrics, /healthz, /readyz.
    http: Http {
        /// Where it listens; port 0: any free one; empty: nowhere.
        listen: String = "127.0.0.1:7401".to_owned(),
    }

    /// Kafka as the source of trades and advices, and the place of records.
    kafka: Kafka {
        /// Brokers, host:port with commas between; empty: without Kafka.
        brokers: String = String::new(),
        /// Topic of trades; empty: none.
        trades_topic: String = "quittance.trades.v1".to_owned(),
        /// Compacted topic on which each trade's front office is told how it stands; empty: nobody is told.
        status_topic: String = "quittance.trade-status.v1".to_owned(),
        /// Compacted topic on which front offices are told what books and depots hold and how much is free; empty: nobody is told.
        positions_topic: String = "quittance.positions.v1".to_owned(),
        /// Topic on which agents are told what to do, for domains that others settle; empty: nobody is told.
        instructions_topic: String = "quittance.instructions.v1".to_owned(),
        /// Settlement domains whose agents are told by ISO 20022 XML; all others by protobuf. The header content-type says which.
        instructions_as_xml: Vec<String> = Vec::new(),
        /// Topic of agents' advices, protobuf or XML by their header content-type; empty: none. Once it is read, cut-offs wait for it as they do for the trades.
        advices_topic: String = String::new(),
        /// Partition of each topic: a shard reads one.
        partition: u32 = 0,
        /// How many partitions each topic must have.
        partitions: u32 = 1,
        /// Publish the records, and take over what others published: with it this engine leads the shard, and an older one ends.
        publish: bool = true,
        /// Only follow what another engine publishes: queries are served, commands are not, until `quittance promote`.
        reader: bool = false,
        /// Topic of records; it has as many partitions as the topic of trades.
        records_topic: String = "quittance.records.v1".to_owned(),
        /// What answers wait for unless their caller says otherwise: published (read back from the topic) or local (on disk here).
        ack: String = "published".to_owned(),
        /// Group under which the position is shown to the broker's tools.
        group: String = "quittance-shard-0".to_owned(),
        /// While the views are more than so many records behind the log, reading waits for them; 0: never. Calls never wait.
        views_behind: u64 = 100_000,
        /// More settings of librdkafka, name=value; what they say of passwords is not printed.
        settings: Vec<String> = Vec::new(),
    }

    /// The service as the agent (a CSD or custodian) of other houses: it settles what they instruct, and tells them.
    agent: Agent {
        /// How it signs its advices; empty: it is nobody's agent.
        id: String = String::new(),
        /// Topic of the houses' instructions.
        instructions_topic: String = "quittance.instructions.v1".to_owned(),
        /// Whose instructions it takes, and where they hear from it: HOUSE/PARTY+PARTY=TOPIC.
        banks: Vec<String> = Vec::new(),
        /// Tell the houses by ISO 20022 XML instead of protobuf; their instructions are read as their header content-type says.
        xml: bool = false,
        /// Instructions of more than this quantity settle in parts of at most so much; 0: whole.
        lot: u64 = 0,
    }

    /// Logs and traces.
    telemetry: Telemetry {
        /// How log lines look: text or json.
        format: String = "text".to_owned(),
        /// What is logged, as RUST_LOG has it.
        filter: String = "info".to_owned(),
        /// OTLP collector for traces, http://host:4317; empty: none.
        otlp_endpoint: String = String::new(),
        /// Part of the traces that is kept, 0.0 to 1.0, where the caller does not decide.
        sample_ratio: f64 = 0.01,
        /// Name of this service in traces.
        service: String = "quittance".to_owned(),
    }
}
