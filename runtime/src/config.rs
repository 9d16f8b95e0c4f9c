//! Settings of a server: a flag wins over its `FANWISE_…` variable, which wins over the default.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use compiler::slots::Level;

use crate::rules::code::CHECKED_EVENTS;
use crate::secret::Secret;

/// Bytes of compiled rules in memory, when nothing else is configured.
pub const COMPILED_BYTES_MAX: u64 = 1 << 30;

/// How much of a payload is checked before rules are asked about it; `docs/checks.md` says what each
/// level finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum PayloadChecks {
    /// All of it is walked, and what rules read is checked
    #[default]
    Strict,
    /// All of it is checked
    Full,
    /// Until everything that rules read was found
    Fast,
}

impl From<PayloadChecks> for Level {
    fn from(checks: PayloadChecks) -> Self {
        match checks {
            PayloadChecks::Strict => Self::Strict,
            PayloadChecks::Full => Self::Full,
            PayloadChecks::Fast => Self::Fast,
        }
    }
}

/// What `fanwise serve` takes. Each setting is a flag and a variable.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerSettings {
    /// Where everything durable is kept
    #[arg(long, env = "FANWISE_DATA_DIR", default_value = "fanwise-data", value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Where the API listens; port 0 takes a free one
    #[arg(long, env = "FANWISE_LISTEN", default_value = "127.0.0.1:4080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// The admin key; without it one is made at the first start and kept in DIR/admin.key
    #[arg(long, env = "FANWISE_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    pub admin_key: Option<Secret>,

    /// 32 bytes in base64 that seal every secret; without it they are made and kept in DIR/master.key
    #[arg(long, env = "FANWISE_MASTER_KEY", hide_env_values = true, value_name = "BASE64")]
    pub master_key: Option<Secret>,

    /// Clients connected at once; further ones wait to be accepted
    #[arg(long, env = "FANWISE_CONNECTIONS_MAX", default_value_t = 10_000, value_name = "COUNT",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_max: u32,

    /// The same from one address, IPv6: from one /64; further ones are closed at once
    #[arg(long, env = "FANWISE_CONNECTIONS_PER_ADDRESS_MAX", default_value_t = 2_000, value_name = "COUNT",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_address_max: u32,

    /// Events that one workspace may send each second; more get 429, and streams are slowed down to it
    #[arg(long, env = "FANWISE_EVENTS_PER_SECOND_MAX", value_name = "COUNT",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub events_per_second_max: Option<u32>,

    /// A proxy that every delivery goes through, by CONNECT: http://[USER:PASSWORD@]HOST:PORT
    #[arg(long, env = "FANWISE_EGRESS_PROXY", hide_env_values = true, value_name = "URL")]
    pub egress_proxy: Option<Secret>,

    /// Deliver to addresses of private networks too
    #[arg(long, env = "FANWISE_ALLOW_PRIVATE_ADDRESSES", value_parser = BoolishValueParser::new())]
    pub allow_private_addresses: bool,

    /// Deliver to this machine too; for trying things out
    #[arg(long, env = "FANWISE_ALLOW_LOOPBACK", value_parser = BoolishValueParser::new())]
    pub allow_loopback: bool,

    /// Deliver by http to public addresses too, where everybody on the way can read along
    #[arg(long, env = "FANWISE_ALLOW_PLAIN_HTTP", value_parser = BoolishValueParser::new())]
    pub allow_plain_http: bool,

    /// Decide with the interpreter only, without compiled code
    #[arg(long, env = "FANWISE_NO_JIT", value_parser = BoolishValueParser::new())]
    pub no_jit: bool,

    /// Bytes of compiled rules and lists in memory, about; workspaces that rest have theirs again at their next event
    #[arg(long, env = "FANWISE_COMPILED_BYTES_MAX", default_value_t = COMPILED_BYTES_MAX, value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub compiled_bytes_max: u64,

    /// Decide one event in so many by the plain interpreter, too, and trust that; 0 for none
    #[arg(long, env = "FANWISE_CHECKED_EVENTS", default_value_t = CHECKED_EVENTS, value_name = "COUNT")]
    pub checked_events: u64,

    /// How much of a payload is checked before rules are asked about it; what is sent is always checked in full
    #[arg(long, env = "FANWISE_PAYLOAD_CHECKS", value_enum, default_value_t, value_name = "LEVEL")]
    pub payload_checks: PayloadChecks,

    /// Bytes of history and pending deliveries on disk; when full, new events get 503
    #[arg(long, env = "FANWISE_JOURNAL_BYTES_MAX", default_value_t = 4 << 30, value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub journal_bytes_max: u64,

    /// Bytes of each of the journal's files
    #[arg(long, env = "FANWISE_JOURNAL_SEGMENT_BYTES", default_value_t = 64 << 20, value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(64 << 10..=1 << 30))]
    pub journal_segment_bytes: u64,

    /// Bytes of journal after which a checkpoint is written; a start reads at most about so many
    #[arg(long, env = "FANWISE_CHECKPOINT_BYTES", default_value_t = 128 << 20, value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(64 << 10..))]
    pub checkpoint_bytes: u64,

    /// History that is younger is not given up for space: new events get 503 instead
    #[arg(long, env = "FANWISE_HISTORY_SECONDS_MIN", default_value_t = 60, value_name = "SECONDS")]
    pub history_seconds_min: u64,

    /// History that is older goes even where there is space
    #[arg(long, env = "FANWISE_HISTORY_SECONDS_MAX", default_value_t = 90 * 24 * 3600, value_name = "SECONDS")]
    pub history_seconds_max: u64,
    /// Seconds between not being ready and refusing events, when told to stop: load balancers need them
    #[arg(long, env = "FANWISE_DRAIN_DELAY_SECONDS", default_value_t = 3, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(..=3_600))]
    pub drain_delay_seconds: u64,

    /// Seconds that attempts under way then get to end; later ones are shown as unknown and made again
    #[arg(long, env = "FANWISE_DRAIN_TIMEOUT_SECONDS", default_value_t = 25, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(..=3_600))]
    pub drain_timeout_seconds: u64,

    /// A key that reads /metrics and nothing else, for Prometheus; the admin key does, too
    #[arg(long, env = "FANWISE_METRICS_KEY", hide_env_values = true, value_name = "KEY")]
    pub metrics_key: Option<Secret>,

    /// Where spans are sent by OTLP over HTTP (protobuf), to /v1/traces below it; without it, nowhere
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Log lines as JSON
    #[arg(long, env = "FANWISE_LOG_JSON", value_parser = BoolishValueParser::new())]
    pub log_json: bool,

    /// What is logged, such as `info` or `fanwise=debug`
    #[arg(long, env = "FANWISE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

impl ServerSettings {
    /// Settings of a server that keeps its data there and takes a free port: for tests and demos.
    #[must_use]
    pub fn on_loopback(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin_key: None,
            master_key: None,
            connections_max: 10_000,
            connections_per_address_max: 2_000,
            events_per_second_max: None,
            egress_proxy: None,
            allow_private_addresses: false,
            allow_loopback: true,
            allow_plain_http: false,
            no_jit: false,
            compiled_bytes_max: COMPILED_BYTES_MAX,
            checked_events: CHECKED_EVENTS,
            payload_checks: PayloadChecks::default(),
            journal_bytes_max: 4 << 30,
            journal_segment_bytes: 64 << 20,
            checkpoint_bytes: 128 << 20,
            history_seconds_min: 60,
            history_seconds_max: 90 * 24 * 3600,
            drain_delay_seconds: 0,
            drain_timeout_seconds: 25,
            metrics_key: None,
            otlp_endpoint: None,
            log_json: false,
            log: "warn".to_owned(),
        }
    }
}

/// How commands that talk to a server find it.
#[derive(Clone, Debug, clap::Args)]
pub struct ClientSettings {
    /// The server
    #[arg(long, env = "FANWISE_SERVER", default_value = "http://127.0.0.1:4080", value_name = "URL")]
    pub server: String,

    /// The workspace
    #[arg(long, env = "FANWISE_WORKSPACE", value_name = "ID")]
    pub workspace: String,

    /// A key of the workspace, or the admin key
    #[arg(long, env = "FANWISE_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Secret,
}

/// Whether the environment asks for plain text (no-color.org).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
pub fn no_colour() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}

/// Whether the environment forbids spans, whatever endpoint there is.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
pub fn spans_disabled() -> bool {
    let says = |name, word: &str| std::env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case(word));
    says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none")
}

/// Where a test has the process die; only in builds with debug assertions.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
pub(crate) fn crash_at() -> Option<String> {
    std::env::var("FANWISE_CRASH_AT").ok().filter(|place| !place.is_empty())
}

/// The system's folder for temporary files.
#[must_use]
pub fn temporary_folder() -> PathBuf {
    std::env::temp_dir()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::command::Cli;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        server: ServerSettings,
    }

    #[derive(Debug, Parser)]
    struct ClientArguments {
        #[command(flatten)]
        client: ClientSettings,
    }

    #[test]
    fn settings_that_are_printed_show_no_key() {
        let given = ["--admin-key", "--master-key", "--metrics-key", "--egress-proxy"];
        let given = given.into_iter().flat_map(|flag| [flag, "http://u:s3cr3t@h:1"]);
        let server = Arguments::parse_from(std::iter::once("serve").chain(given)).server;
        let proxy = server.egress_proxy.as_ref().unwrap();
        assert_eq!(proxy.expose_text(), Some("http://u:s3cr3t@h:1"));
        let client = ["emit", "--workspace", "ws", "--key", "s3cr3t"];
        let client = ClientArguments::parse_from(client).client;
        assert_eq!(client.key.expose_text(), Some("s3cr3t"));
        for printed in [format!("{server:?}"), format!("{client:#?}")] {
            assert!(!printed.contains("s3cr3t") && printed.contains("Secret(…)"), "{printed}");
        }
    }

    const PAGE: &str = include_str!("../docs/operations.md");

    /// Flag, variable and default of every setting, one line each.
    fn settings() -> Vec<String> {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let rows = serve.get_arguments().filter_map(|argument| {
            let name = argument.get_long().filter(|name| *name != "help")?;
            let variable = argument.get_env().unwrap().to_str().unwrap();
            let defaults = argument.get_default_values();
            let default = match (argument.get_action().takes_values(), defaults.first()) {
                (false, _) => "`false`".to_owned(),
                (true, None) => "none".to_owned(),
                (true, Some(value)) => format!("`{}`", value.to_str().unwrap()),
            };
            Some(format!("| `--{name}` | `{variable}` | {default} |"))
        });
        rows.collect()
    }

    #[test]
    fn every_setting_is_on_the_page_with_its_variable_and_its_default() {
        let mut known = settings();
        let rows = PAGE.lines().filter(|line| line.starts_with("| `--"));
        let mut written: Vec<String> = rows
            .map(|line| {
                let cells: Vec<&str> = line.split(" | ").collect();
                assert!(cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()), "{line}");
                format!("{} |", cells[..3].join(" | "))
            })
            .collect();
        known.sort();
        written.sort();
        assert!(known.len() > 20);
        assert_eq!(written, known, "the table in docs/operations.md and the program");
    }
}
