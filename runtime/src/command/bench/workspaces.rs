//! Many workspaces in one process, held as the server holds them: memory, and a cold one's first event.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use compiler::world::{Bundle, BundleFile};
use dashmap::DashMap;
use serde::Serialize;

use super::report::grouped;
use crate::deliver::sign::scheme::Signing;
use crate::id::{ConnectionId, WorkspaceId};
use crate::ingest::decide::decide;
use crate::ingest::envelope::{EPOCH, Envelope};
use crate::lists::WorkspaceLists;
use crate::rules::code::{CodeSettings, CodeThread};
use crate::secret::Secret;
use crate::secret::vault::Vault;
use crate::workspace::connection::{Credentials, fresh_secret};
use crate::workspace::record::{ConnectionRecord, FailingTests, WorkspaceRecord};
use crate::workspace::{Connection, ConnectionTable, Revision, Warm, Workspace};

/// What is asked for.
pub(super) struct Wanted {
    pub(super) workspaces: u32,
    pub(super) rules_each: u32,
    pub(super) woken: u32,
    pub(super) compiled_bytes_max: u64,
}

/// What came of it. Memory is that of the process as the system counts it (RSS).
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    workspaces: u32,
    rules_each: u32,
    text_bytes_each: usize,
    made_in_ms: u64,
    memory_before_bytes: Option<u64>,
    memory_cold_bytes: Option<u64>,
    memory_per_cold_workspace_bytes: Option<u64>,
    first_event: FirstEvent,
    /// With what was compiled for first events.
    memory_after_bytes: Option<u64>,
    compiled_bytes_max: u64,
    compiled_held: usize,
    compiled_bytes_about: u64,
    memory_per_compiled_workspace_bytes: Option<u64>,
}

/// From an event's bytes to what is owed, the workspace cold before.
#[derive(Debug, Serialize)]
struct FirstEvent {
    workspaces: usize,
    deliveries: usize,
    median_us: f64,
    p99_us: f64,
    longest_us: f64,
    /// The second event of the same workspaces.
    warm_median_us: f64,
}

/// Measures.
///
/// # Errors
/// Words.
pub(super) fn measure(wanted: &Wanted) -> Result<Measured, String> {
    let code = CodeThread::start(CodeSettings::default()).map_err(|error| error.to_string())?;
    let warm = Warm::new(code, wanted.compiled_bytes_max);
    let before = memory();
    let start = Instant::now();
    let (all, text_bytes) = make(wanted, &warm)?;
    let made_in = start.elapsed();
    let cold = memory();
    let first_event = first_events(&all, wanted)?;
    let (after, stats) = (memory(), warm.stats());
    let each =
        |more: Option<u64>, less: Option<u64>, count: u64| Some(more?.saturating_sub(less?) / count.max(1));
    Ok(Measured {
        workspaces: wanted.workspaces,
        rules_each: wanted.rules_each,
        text_bytes_each: text_bytes / all.len().max(1),
        made_in_ms: made_in.as_millis() as u64,
        memory_before_bytes: before,
        memory_cold_bytes: cold,
        memory_per_cold_workspace_bytes: each(cold, before, u64::from(wanted.workspaces)),
        first_event,
        memory_after_bytes: after,
        compiled_bytes_max: wanted.compiled_bytes_max,
        compiled_held: stats.revisions,
        compiled_bytes_about: stats.bytes,
        memory_per_compiled_workspace_bytes: each(after, cold, stats.revisions as u64),
    })
}

type Workspaces = DashMap<WorkspaceId, Arc<Workspace>>;

fn make(wanted: &Wanted, warm: &Arc<Warm>) -> Result<(Workspaces, usize), String> {
    let words = |error: &dyn fmt::Display| error.to_string();
    let master = Secret::new(STANDARD.encode([7; 32]).as_bytes());
    let vault = Vault::open(Path::new(""), Some(&master)).map_err(|error| words(&error))?;
    let (all, mut text_bytes) = (Workspaces::new(), 0);
    for number in 0..wanted.workspaces {
        let id = workspace_id(number);
        let wrapped = vault.fresh_key(&id).map_err(|error| words(&error))?;
        let key = vault.unwrap(&id, &wrapped).map_err(|error| words(&error))?;
        let record = WorkspaceRecord {
            id: id.clone(),
            name: id.as_str().into(),
            environment: "production".into(),
            key: "".into(),
            failing_tests: FailingTests::default(),
            created_at: EPOCH,
            deleted_at: None,
            cleared: false,
            live: Some(1),
        };
        let mut table = ConnectionTable::default();
        let secret = fresh_secret().map_err(|error| words(&error))?;
        let credentials = Credentials { secrets: vec![Arc::new(secret)], client_key: None };
        table.insert(Arc::new(Connection::new(connection(&id), credentials)));
        let workspace = Workspace::new(&record, key, table, WorkspaceLists::none(&record.id));
        let text = rules(number, wanted.rules_each);
        text_bytes += text.len();
        let files = vec![BundleFile { path: "rules.route".into(), text: text.into() }];
        let bundle = Arc::new(Bundle { files });
        let revision = Revision::cold(1, bundle, workspace.world(), EPOCH, Arc::clone(warm));
        workspace.set_live(Some(Arc::new(revision)));
        all.insert(id, Arc::new(workspace));
    }
    Ok((all, text_bytes))
}

fn workspace_id(number: u32) -> WorkspaceId {
    WorkspaceId::from_text(&format!("ws_{number:06}"))
}

fn connection(workspace: &WorkspaceId) -> ConnectionRecord {
    ConnectionRecord {
        id: ConnectionId::fresh(),
        workspace: workspace.clone(),
        name: "hook".into(),
        integration: "webhook".into(),
        url: format!("https://{workspace}.example.com/hooks").into(),
        secrets: Vec::new(),
        signing: Signing::default(),
        success: None,
        ca: None,
        client_certificate: None,
        client_key: None,
        enabled: true,
        version: 1,
        disabled_because: None,
        created_at: EPOCH,
        updated_at: EPOCH,
    }
}

const KINDS: [&str; 5] = ["invoice.paid", "order.created", "lead.updated", "ticket.opened", "payment.failed"];

/// Rules with constants of their own; each fifth is about the same type.
fn rules(workspace: u32, count: u32) -> String {
    let mut text = String::from("edition 2026\nconnection hook: webhook\n\n");
    for at in 0..count {
        let kind = KINDS.get(at as usize % KINDS.len()).copied().unwrap_or_default();
        let own = workspace.wrapping_mul(2_654_435_761).wrapping_add(at) % 100_000;
        let condition = match at % 4 {
            0 => format!("e.amount >= {own} and e.customer.country in [\"DE\", \"FR\", \"S{own}\"]"),
            1 => format!("e.customer.email ends with \"@customer-{own}.example\""),
            2 => format!("e.status is \"open\" and e.customer.plan is not \"plan-{own}\""),
            _ => {
                format!("any line in e.lines satisfies (line.sku starts with \"{own}-\" and line.count > 2)")
            }
        };
        text += &format!(
            "rule rule_{at} {{\n  on {kind} as e\n  when {condition}\n  deliver hook.send_webhook {{ body: {{ id: e.id, amount: e.amount, rule: \"rule {at}\" }} }}\n}}\n\n"
        );
    }
    text
}

const EVENT: &[u8] = br#"{"event":"lead.updated","resource":"billing-core","payload":{"id":"evt-17","amount":19900,"status":"open","customer":{"id":"cus_1","email":"ann@customer-7.example","country":"FR","plan":"team"},"lines":[{"sku":"17-a","count":3},{"sku":"99-b","count":1}]}}"#;

fn first_events(all: &Workspaces, wanted: &Wanted) -> Result<FirstEvent, String> {
    let envelope = Envelope::read(EVENT, "").map_err(|problem| problem.to_json().to_string())?;
    let (mut first, mut second, mut deliveries) = (Vec::new(), Vec::new(), 0);
    let step = (wanted.workspaces / wanted.woken).max(1);
    for number in (0..wanted.workspaces).step_by(step as usize).take(wanted.woken as usize) {
        let Some(workspace) = all.get(&workspace_id(number)).map(|found| Arc::clone(&found)) else {
            continue;
        };
        for times in [&mut first, &mut second] {
            let start = Instant::now();
            let decided = decide(&workspace, &envelope, EPOCH);
            times.push(start.elapsed());
            deliveries += decided.map_err(|problem| problem.to_json().to_string())?.1.len();
        }
        if workspace.live().is_some_and(|live| live.rules().is_none()) {
            return Err("rules that were made up do not compile".to_owned());
        }
    }
    first.sort_unstable();
    second.sort_unstable();
    let at = |times: &[Duration], of_1000: usize| {
        let place = (times.len() * of_1000 / 1_000).min(times.len().saturating_sub(1));
        times.get(place).map_or(0.0, |time| (time.as_secs_f64() * 1e7).round() / 10.0)
    };
    Ok(FirstEvent {
        workspaces: first.len(),
        deliveries,
        median_us: at(&first, 500),
        p99_us: at(&first, 990),
        longest_us: at(&first, 1_000),
        warm_median_us: at(&second, 500),
    })
}

/// Bytes of the process that are in memory, where the system says so.
fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: Option<u64>| match bytes {
            Some(bytes) => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
            None => "not known here".to_owned(),
        };
        let bytes = |bytes: Option<u64>| bytes.map_or("not known here".to_owned(), grouped);
        writeln!(
            f,
            "{} workspaces of {} rules ({} bytes of text each), made in {} ms",
            grouped(u64::from(self.workspaces)),
            grouped(u64::from(self.rules_each)),
            grouped(self.text_bytes_each as u64),
            grouped(self.made_in_ms),
        )?;
        writeln!(
            f,
            "\nmemory         all cold {}, before {}",
            mib(self.memory_cold_bytes),
            mib(self.memory_before_bytes)
        )?;
        writeln!(
            f,
            "               {} bytes per cold workspace",
            bytes(self.memory_per_cold_workspace_bytes)
        )?;
        let first = &self.first_event;
        writeln!(
            f,
            "\nfirst event    median {} µs, p99 {} µs, longest {} µs, of {} cold workspaces",
            first.median_us,
            first.p99_us,
            first.longest_us,
            grouped(first.workspaces as u64),
        )?;
        writeln!(f, "second event   median {} µs", first.warm_median_us)?;
        writeln!(
            f,
            "\nafter them     {}; {} revisions held compiled, counted as {} of at most {}",
            mib(self.memory_after_bytes),
            grouped(self.compiled_held as u64),
            mib(Some(self.compiled_bytes_about)),
            mib(Some(self.compiled_bytes_max)),
        )?;
        writeln!(
            f,
            "               {} bytes per compiled workspace",
            bytes(self.memory_per_compiled_workspace_bytes)
        )
    }
}
