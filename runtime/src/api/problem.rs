//! Problem documents (RFC 9457): one stable type for each way a request can fail.

use std::fmt;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::limits::FIELD_ERRORS_MAX;

/// The content type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! kinds {
    ($($name:ident $text:literal $status:literal $title:literal;)*) => {
        /// A type of problem. Its name never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $(#[doc = $title] $name,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The last part of its `type`.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }

            /// The HTTP status it comes with.
            #[must_use]
            pub fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }

            /// What it says, the same each time.
            #[must_use]
            pub fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }
        }
    };
}

kinds! {
    InvalidJson "invalid-json" 400 "the body is not JSON";
    InvalidRequest "invalid-request" 422 "the request has mistakes";
    InvalidQuery "invalid-query" 400 "the query has mistakes";
    KeyMissing "key-missing" 401 "a key is needed";
    KeyUnknown "key-unknown" 401 "this key is not known";
    NotAllowed "not-allowed" 403 "this key may not do that";
    NotFound "not-found" 404 "there is no such thing here";
    MethodNotAllowed "method-not-allowed" 405 "this path does not take that method";
    Timeout "timeout" 408 "the request took too long to arrive";
    Conflict "conflict" 409 "that is in the way of something that exists";
    InUse "in-use" 409 "something else still needs it";
    IdempotencyMismatch "idempotency-mismatch" 422 "this key was used for another request";
    PayloadTooLarge "payload-too-large" 413 "that is more than can be taken";
    UnsupportedMediaType "unsupported-media-type" 415 "this content type is not read here";
    RulesRefused "rules-refused" 422 "the rules have errors, so nothing was published";
    ConditionRefused "condition-refused" 422 "the condition has errors, so nothing was looked for";
    EventsRefused "events-refused" 422 "none of the events was accepted";
    LimitReached "limit-reached" 429 "a limit is reached";
    Busy "busy" 503 "the server is busy";
    NotDurable "not-durable" 503 "the journal cannot be written, so nothing is accepted";
    Internal "internal" 500 "something failed that should have worked";
}

/// One mistake in a request, with the place it stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, or the name of a query parameter or header.
    pub at: String,
    /// What is wrong.
    pub detail: String,
    /// One thing to do.
    pub help: Option<String>,
}

/// A refused or failed request.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    /// Boxed, because a problem travels in every `Result` of the API and is rarely there.
    case: Box<Case>,
}

/// What is special about one problem.
#[derive(Clone, Debug)]
struct Case {
    detail: String,
    errors: Vec<FieldError>,
    more: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem and what is special about this case, in lower case and without a final period.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let case = Case { detail, errors: Vec::new(), more: Map::new(), headers: Vec::new() };
        Self { kind, case: Box::new(case) }
    }

    /// Nothing is there, or not for this key: the two are not told apart on purpose.
    #[must_use]
    pub fn not_found(what: &str, id: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        Self::new(Kind::NotFound, format!("no {what} `{id}`"))
    }

    /// A failure of ours. The cause goes to the log under the number that the client sees.
    #[must_use]
    pub fn internal(doing: &str, cause: &dyn fmt::Display) -> Self {
        let number = uuid::Uuid::now_v7().simple().to_string();
        // Quoted: a cause may repeat what somebody sent, line breaks and all.
        tracing::error!(incident = %number, cause = ?cause.to_string(), "{doing}");
        Self::new(Kind::Internal, format!("{doing} failed")).with("incident", number.into())
    }

    /// Adds the mistakes of a request; so many are listed at most.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.case.errors.extend(errors);
        let left_out = self.case.errors.len().saturating_sub(FIELD_ERRORS_MAX);
        if left_out > 0 {
            self.case.errors.truncate(FIELD_ERRORS_MAX);
            self.case.more.insert("errors_left_out".to_owned(), left_out.into());
        }
        self
    }

    /// Says the places of its mistakes in other words.
    #[must_use]
    pub fn renamed(mut self, name: impl Fn(&str) -> String) -> Self {
        for error in &mut self.case.errors {
            error.at = name(&error.at);
        }
        if let [one] = self.case.errors.as_slice() {
            self.case.detail = format!("`{}`: {}", one.at, one.detail);
        }
        self
    }

    /// Adds a member of the document.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.case.more.insert(name.to_owned(), value);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.case.headers.push((name, value));
        }
        self
    }

    /// Says when to come again.
    #[must_use]
    pub fn retry_after(self, wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs().max(1).to_string();
        self.header(RETRY_AFTER, &seconds)
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is special about this case.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.case.detail
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut document = Map::new();
        document.insert("type".to_owned(), format!("/problems/{}", self.kind.name()).into());
        document.insert("title".to_owned(), self.kind.title().into());
        document.insert("status".to_owned(), self.kind.status().into());
        document.insert("detail".to_owned(), self.case.detail.clone().into());
        if !self.case.errors.is_empty() {
            let errors = self.case.errors.iter().map(|error| match &error.help {
                Some(help) => json!({ "pointer": error.at, "detail": error.detail, "help": help }),
                None => json!({ "pointer": error.at, "detail": error.detail }),
            });
            document.insert("errors".to_owned(), errors.collect());
        }
        document.extend(self.case.more.clone());
        Value::Object(document)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fanwise\""));
        }
        for (name, value) in self.case.headers {
            headers.insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_page() {
        let page = include_str!("../../docs/problems.md");
        for kind in Kind::ALL {
            let heading = format!("## {}\n", kind.name());
            assert!(page.contains(&heading), "docs/problems.md lacks `{}`", kind.name());
        }
    }

    #[test]
    fn a_document_holds_type_place_and_help() {
        let error = FieldError {
            at: "/name".into(),
            detail: "a text is needed".into(),
            help: Some("write one".into()),
        };
        let document = Problem::new(Kind::InvalidRequest, "1 mistake").with_errors([error]).to_json();
        let expected = json!({
            "type": "/problems/invalid-request",
            "title": "the request has mistakes",
            "status": 422,
            "detail": "1 mistake",
            "errors": [{ "pointer": "/name", "detail": "a text is needed", "help": "write one" }],
        });
        assert_eq!(document, expected);
    }
}
