//! Query parameters, read strictly: an unknown or repeated one is a mistake, not silence.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::fields::closest;
use super::problem::{FieldError, Kind, Problem};
use crate::limits::{PAGE_DEFAULT, PAGE_MAX};

/// The parameters of a request. Take them out, then [`finish`](Self::finish).
pub struct Query {
    pairs: Vec<(String, String)>,
    asked: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { pairs, asked: Vec::new(), errors: Vec::new() })
    }
}

impl Query {
    /// Takes a parameter.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        let at = self.pairs.iter().position(|(key, _)| key == name)?;
        Some(self.pairs.remove(at).1)
    }

    /// Takes a yes or no; absent is no, and the bare name is yes.
    pub fn flag(&mut self, name: &'static str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true" | "") => true,
            Some(_) => {
                self.wrong(name, "must be true or false".to_owned());
                false
            }
        }
    }

    /// Takes `limit`, the number of entries of a page.
    pub fn limit(&mut self) -> usize {
        let Some(text) = self.text("limit") else { return PAGE_DEFAULT };
        match text.parse::<usize>() {
            Ok(limit) if (1..=PAGE_MAX).contains(&limit) => limit,
            _ => {
                self.wrong("limit", format!("must be a number from 1 to {PAGE_MAX}"));
                PAGE_DEFAULT
            }
        }
    }

    /// Takes one of some words.
    pub fn one_of(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let given = self.text(name)?;
        let found = words.iter().copied().find(|word| *word == given);
        if found.is_none() {
            self.wrong(name, format!("must be one of: {}", words.join(", ")));
        }
        found
    }

    /// Notes a mistake.
    pub fn wrong(&mut self, name: &str, detail: String) {
        self.errors.push(FieldError { at: name.to_owned(), detail, help: None });
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `invalid-query` with every mistake found.
    pub fn finish(self) -> Result<(), Problem> {
        let Self { pairs, asked, mut errors } = self;
        for (name, _) in pairs {
            let help = match closest(&name, asked.iter().copied()) {
                Some(near) if near == name => "give it once".to_owned(),
                Some(near) => format!("did you mean `{near}`?"),
                None if asked.is_empty() => "this path takes none".to_owned(),
                None => format!("known here: {}", asked.join(", ")),
            };
            let short: String = name.chars().take(60).collect();
            let detail = format!("there is no parameter `{short}`, or it is given twice");
            errors.push(FieldError { at: short, detail, help: Some(help) });
        }
        match errors.first() {
            None => Ok(()),
            Some(first) => {
                let detail = format!("`{}`: {}", first.at, first.detail);
                Err(Problem::new(Kind::InvalidQuery, detail).with_errors(errors))
            }
        }
    }
}
