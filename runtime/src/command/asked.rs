//! What lists and replays are filtered by, as flags.

use serde_json::{Map, Value};

/// What is asked of events.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OfEvent {
    /// Of this type, or of a pattern such as `order.*`
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,

    /// About this kind of thing
    #[arg(long, value_name = "TEXT")]
    resource: Option<String>,

    /// About this one
    #[arg(long, value_name = "TEXT")]
    resource_id: Option<String>,

    /// Decided by this revision: its number or id
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,

    /// Not before this, such as 2026-03-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    after: Option<String>,

    /// Before this
    #[arg(long, value_name = "TIME")]
    before: Option<String>,

    /// A condition as after `when` in a rule, such as `payload.amount > 100`
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
}

/// What is asked of deliveries.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OfDelivery {
    /// In this state: waiting, in_flight, again, delivered, dead_letter …
    #[arg(long, value_name = "STATE")]
    state: Option<String>,

    /// To this connection: its name or id
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,

    /// Owed by this rule
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// Whose last attempt came to this, such as timed_out
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,

    /// Of this event
    #[arg(long, value_name = "ID")]
    event: Option<String>,
}

impl OfEvent {
    /// The names and values that were given.
    pub(super) fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("type", &self.kind),
            ("resource", &self.resource),
            ("resource_id", &self.resource_id),
            ("revision", &self.revision),
            ("after", &self.after),
            ("before", &self.before),
            ("where", &self.condition),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

impl OfDelivery {
    /// The names and values that were given.
    pub(super) fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("state", &self.state),
            ("connection", &self.connection),
            ("rule", &self.rule),
            ("outcome", &self.outcome),
            ("event", &self.event),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

/// As a query.
pub(super) fn query(given: &[(&'static str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(given);
    query.finish()
}

/// As an object.
pub(super) fn object(given: &[(&'static str, &str)]) -> Map<String, Value> {
    given.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}
