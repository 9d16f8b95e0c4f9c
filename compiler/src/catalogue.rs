//! What each integration can do: actions and the input each one takes, as data.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Every integration known to this build, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// By name, such as `webhook`.
    pub integrations: BTreeMap<Box<str>, Integration>,
}

/// One kind of connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integration {
    /// The name in rule files.
    pub name: Box<str>,
    /// For people.
    pub title: Box<str>,
    /// Whether its actions post to people: sensitive values warn (W0410).
    #[serde(default)]
    pub chat: bool,
    /// By name.
    pub actions: BTreeMap<Box<str>, Action>,
}

/// One thing an integration can do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What it does, in one sentence.
    pub description: Box<str>,
    /// Its input; the order is that of messages and forms.
    pub fields: Vec<Field>,
    /// Whether fields beyond those listed are passed on (custom properties).
    #[serde(default)]
    pub open: bool,
}

/// One field of an action's input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: Box<str>,
    /// Its type, in the language's own words: `text`, `email`, `list of text`, `any`, `"a" | "b"`.
    #[serde(rename = "type")]
    pub ty: Box<str>,
    /// Whether the action cannot do without it.
    #[serde(default)]
    pub required: bool,
    /// Whether it takes the payload as it came when a rule does not give it.
    #[serde(default)]
    pub payload: bool,
    /// Whether an explicit null clears it at the destination.
    #[serde(default)]
    pub clears: bool,
    /// The most characters the destination takes.
    #[serde(default)]
    pub chars_max: Option<usize>,
    /// What it is.
    #[serde(default)]
    pub description: Box<str>,
}

impl Catalogue {
    /// The integrations that ship with this build. Each is a file under `integrations/`; a file that
    /// does not parse is left out, and a test proves that none is.
    #[must_use]
    pub fn shipped() -> Self {
        let mut integrations = BTreeMap::new();
        for text in SHIPPED {
            if let Ok(integration) = serde_json::from_str::<Integration>(text) {
                integrations.insert(integration.name.clone(), integration);
            }
        }
        Self { integrations }
    }

    /// One action.
    #[must_use]
    pub fn action(&self, integration: &str, action: &str) -> Option<&Action> {
        self.integrations.get(integration)?.actions.get(action)
    }
}

/// The shipped descriptions.
const SHIPPED: &[&str] = &[
    include_str!("../integrations/hubspot.json"),
    include_str!("../integrations/mailchimp.json"),
    include_str!("../integrations/pagerduty.json"),
    include_str!("../integrations/resend.json"),
    include_str!("../integrations/salesforce.json"),
    include_str!("../integrations/sendgrid.json"),
    include_str!("../integrations/slack.json"),
    include_str!("../integrations/webhook.json"),
];

#[cfg(test)]
mod tests {
    use super::{Catalogue, SHIPPED};

    #[test]
    fn every_shipped_description_reads() {
        assert_eq!(Catalogue::shipped().integrations.len(), SHIPPED.len());
    }
}
