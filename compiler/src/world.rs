//! Everything the compiler knows from outside: a value, given by whoever calls it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use crate::catalogue::Catalogue;

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// Its path inside the bundle, with `/`: `leads.route`, `schemas/order.json`, `lists/vips.csv`.
    pub path: Box<str>,
    /// Its text.
    pub text: Box<str>,
}

/// All rule files of a workspace, with the schemas, fixtures and lists that they name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// In the order of their paths.
    pub files: Vec<BundleFile>,
}

/// What rules are compiled against.
#[derive(Clone, Debug)]
pub struct World {
    /// The environment the workspace is in, such as `production`. `None` checks every declared one
    /// and compiles for the first.
    pub environment: Option<Arc<str>>,
    /// The workspace's id and name, fixed when compiling.
    pub workspace: WorkspaceFacts,
    /// The integrations and their actions.
    pub catalogue: Arc<Catalogue>,
    /// The workspace's connections, name to integration; `None` when checking offline.
    pub connections: Option<BTreeMap<Arc<str>, Arc<str>>>,
    /// The names of the lists that the workspace keeps; `None` when checking offline.
    pub lists: Option<BTreeSet<Arc<str>>>,
    /// JSON Schemas that the workspace keeps for the payloads of events, by event pattern.
    pub event_schemas: BTreeMap<Arc<str>, Arc<str>>,
    /// Limits of the workspace.
    pub limits: Limits,
    /// Refuse values that are only checked while running.
    pub strict: bool,
}

/// What a rule can read of its workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceFacts {
    /// `ws_…`
    pub id: Arc<str>,
    /// For people.
    pub name: Arc<str>,
}

/// Bounds on a bundle and on what one event may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes_max: usize,
    /// Bytes of a bundle.
    pub bundle_bytes_max: usize,
    /// Files of a bundle.
    pub bundle_files_max: usize,
    /// Rules of a workspace.
    pub rules_max: usize,
    /// Fields of one record.
    pub record_fields_max: usize,
    /// Consts and predicates of a workspace.
    pub names_max: usize,
    /// Bytes of one text literal.
    pub text_bytes_max: usize,
    /// Elements of one list literal.
    pub list_elements_max: usize,
    /// Stars of one glob.
    pub glob_stars_max: usize,
    /// Quantifiers inside each other.
    pub quantifier_depth_max: usize,
    /// Deliveries of one event.
    pub deliveries_per_event_max: usize,
    /// Bytes of one delivery's input.
    pub delivery_bytes_max: usize,
    /// Bytes of all inputs of one event.
    pub event_output_bytes_max: usize,
    /// Bytes of one compiled regular expression.
    pub regex_bytes_max: usize,
    /// Characters of one regular expression.
    pub regex_chars_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 256 << 10,
            bundle_bytes_max: 4 << 20,
            bundle_files_max: 200,
            rules_max: 5_000,
            record_fields_max: 250,
            names_max: 1_000,
            text_bytes_max: 16 << 10,
            list_elements_max: 1_000,
            glob_stars_max: 8,
            quantifier_depth_max: 3,
            deliveries_per_event_max: 100,
            delivery_bytes_max: 256 << 10,
            event_output_bytes_max: 1 << 20,
            regex_bytes_max: 256 << 10,
            regex_chars_max: 500,
        }
    }
}

/// Read once: it takes longer to read than most bundles take to check.
static SHIPPED: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::shipped()));

impl World {
    /// A world without a server: the shipped integrations, default limits, no connections known.
    #[must_use]
    pub fn offline(environment: Option<&str>) -> Self {
        Self {
            environment: environment.map(Arc::from),
            workspace: WorkspaceFacts { id: Arc::from("ws_offline"), name: Arc::from("offline") },
            catalogue: Arc::clone(&SHIPPED),
            connections: None,
            lists: None,
            event_schemas: BTreeMap::new(),
            limits: Limits::default(),
            strict: false,
        }
    }
}
