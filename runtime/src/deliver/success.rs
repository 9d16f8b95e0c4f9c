//! Which answers of a receiver count as delivered: a list of statuses, a condition, or both.
//!
//! Some APIs answer 200 and say in the body that nothing was done; others answer 409 for what they have
//! already. The condition is one of the rule language, over `response.status` and `response.body`.

use std::sync::Arc;

use compiler::eval::NoLists;
use compiler::event::Event;
use compiler::world::{Bundle, BundleFile, World};
use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rules::Rules;

/// Characters of a condition, at most.
pub const CONDITION_CHARS_MAX: usize = 1_000;

/// Statuses of a list, at most.
pub const STATUSES_MAX: usize = 20;

/// The type of the event that an answer is to its condition.
const ANSWER: &str = "answer";

/// Which answers count as delivered, as it is stored and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessRecord {
    /// Statuses: `204`, or `2xx` for a hundred of them. None given: `2xx`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<Box<str>>,
    /// A condition of the rule language that must hold, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Box<str>>,
}

/// The same, ready to judge.
pub struct Success {
    statuses: Vec<(u16, u16)>,
    condition: Option<Rules>,
}

impl std::fmt::Debug for Success {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Success").field("statuses", &self.statuses).finish_non_exhaustive()
    }
}

/// What a connection's own predicate says about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It counts as delivered.
    Success,
    /// Its status is none of those that count.
    OtherStatus,
    /// Its status counts, and the condition does not hold, or nobody can tell.
    ConditionFails,
}

impl SuccessRecord {
    /// Makes it ready.
    ///
    /// # Errors
    /// What is wrong, with the field that has it.
    pub fn ready(&self) -> Result<Arc<Success>, (&'static str, String)> {
        if self.statuses.len() > STATUSES_MAX {
            return Err(("statuses", format!("at most {STATUSES_MAX} statuses")));
        }
        let statuses = self.statuses.iter().map(|text| {
            range(text).ok_or_else(|| {
                ("statuses", format!("`{text}` is not a status such as `204` or a class such as `2xx`"))
            })
        });
        let statuses = statuses.collect::<Result<Vec<_>, _>>()?;
        let condition = self.condition.as_deref().map(compiled).transpose();
        let condition = condition.map_err(|words| ("condition", words))?;
        let statuses = if statuses.is_empty() { vec![(200, 299)] } else { statuses };
        Ok(Arc::new(Success { statuses, condition }))
    }
}

/// A status, or a class of them.
fn range(text: &str) -> Option<(u16, u16)> {
    if let Some(class) = text.strip_suffix("xx") {
        let first = class.parse::<u16>().ok().filter(|class| (2..=5).contains(class))? * 100;
        return Some((first, first + 99));
    }
    let status = text.parse::<u16>().ok().filter(|status| (200..=599).contains(status))?;
    Some((status, status))
}

/// The condition as the only rule of a bundle of its own, which knows no connection and no list.
fn compiled(condition: &str) -> Result<Rules, String> {
    if condition.chars().count() > CONDITION_CHARS_MAX {
        return Err(format!("at most {CONDITION_CHARS_MAX} characters"));
    }
    let text = format!(
        "edition 2026\nconnection out: webhook\nrule success {{ on {ANSWER} as response when (\n{condition}\n) deliver out.send_webhook {{ body: 1 }} }}\n"
    );
    let file = BundleFile { path: "condition.route".into(), text: text.into() };
    let rules = Rules::compile(&Bundle { files: vec![file] }, &World::offline(None));
    let rules = rules.map_err(|refused| refused.first().unwrap_or("cannot be read").to_owned())?;
    // What closes the bracket early could add rules; that would be a mistake, not a trick.
    if rules.names() == ["success"] { Ok(rules) } else { Err("must be one condition".to_owned()) }
}

impl Success {
    /// Judges an answer. A body that was cut off counts as the text that was read.
    #[must_use]
    pub fn judge(&self, status: StatusCode, body: &[u8], whole: bool) -> Judged {
        let status = status.as_u16();
        if !self.statuses.iter().any(|(first, last)| (*first..=*last).contains(&status)) {
            return Judged::OtherStatus;
        }
        let Some(condition) = &self.condition else { return Judged::Success };
        let json = std::str::from_utf8(body).ok().filter(|_| whole && compiler::json::validate(body).is_ok());
        let body = match json {
            Some(json) => json.to_owned(),
            None => serde_json::Value::from(String::from_utf8_lossy(body)).to_string(),
        };
        let payload = format!(r#"{{"status":{status},"body":{body}}}"#);
        let at = Timestamp::UNIX_EPOCH;
        let event = Event {
            id: ANSWER,
            kind: ANSWER,
            resource: None,
            resource_id: None,
            time: at,
            received_at: at,
            payload: payload.as_bytes(),
        };
        // Only yes counts: what cannot be read or compared is no success.
        let holds =
            condition.decide_interpreted(&event, &NoLists).is_ok_and(|decided| !decided.rules.is_empty());
        if holds { Judged::Success } else { Judged::ConditionFails }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(statuses: &[&str], condition: Option<&str>) -> SuccessRecord {
        let statuses = statuses.iter().map(|text| Box::from(*text)).collect();
        SuccessRecord { statuses, condition: condition.map(Into::into) }
    }

    #[test]
    fn an_answer_is_judged_by_status_and_condition() {
        use Judged::*;
        let ok = Some("response.body.ok is true");
        /// Statuses and condition, an answer's status and body, and the judgement.
        type Row = (&'static [&'static str], Option<&'static str>, u16, &'static str, Judged);
        let rows: &[Row] = &[
            (&[], None, 204, "", Success),
            (&[], None, 302, "", OtherStatus),
            (&["2xx", "409"], None, 409, "", Success),
            (&["204"], None, 200, "", OtherStatus),
            (&[], ok, 200, r#"{"ok":true}"#, Success),
            (&[], ok, 200, r#"{"ok":false}"#, ConditionFails),
            (&[], ok, 200, r#"{"ok":"true"}"#, ConditionFails),
            (&[], ok, 200, "", ConditionFails),
            (&[], ok, 200, "{\"ok\":true", ConditionFails),
            (&[], ok, 500, r#"{"ok":true}"#, OtherStatus),
            (&[], Some("response.body is \"ok\""), 200, "ok", Success),
            (&[], Some("response.body.errors is empty or response.status is 202"), 202, "[]", Success),
            (&[], Some("response.status < 300 # fine"), 201, "", Success),
        ];
        for (statuses, condition, status, body, expected) in rows {
            let judge = success(statuses, *condition).ready().unwrap();
            let status = StatusCode::from_u16(*status).unwrap();
            assert_eq!(
                judge.judge(status, body.as_bytes(), true),
                *expected,
                "{condition:?} {status} {body}"
            );
        }
        let judge = success(&[], ok).ready().unwrap();
        assert_eq!(judge.judge(StatusCode::OK, br#"{"ok":true}"#, false), ConditionFails, "cut off");
    }

    #[test]
    fn mistakes_have_their_field() {
        let long = "x".repeat(CONDITION_CHARS_MAX + 1);
        let rows: &[(&[&str], Option<&str>, &str)] = &[
            (&["200", "6xx"], None, "statuses"),
            (&["100"], None, "statuses"),
            (&["ok"], None, "statuses"),
            (&["200"; STATUSES_MAX + 1], None, "statuses"),
            (&[], Some(""), "condition"),
            (&[], Some("response.body.ok is"), "condition"),
            (&[], Some("nothing.like.it is 1"), "condition"),
            (&[], Some("true) deliver out.send_webhook } rule more { on x when (true"), "condition"),
            (&[], Some(&long), "condition"),
        ];
        for (statuses, condition, field) in rows {
            assert_eq!(success(statuses, *condition).ready().unwrap_err().0, *field, "{condition:?}");
        }
    }
}
