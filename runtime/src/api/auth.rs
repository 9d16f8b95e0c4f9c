//! Who is asking: the admin, or the holder of a key of one workspace.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::{Kind, Problem};
use crate::id::WorkspaceId;
use crate::key::Holder;
use crate::server::Server;
use crate::workspace::Workspace;

/// Whoever sent a request with a key that is known.
#[derive(Clone, Debug)]
pub struct Caller(pub Holder);

impl Caller {
    /// Passes only the admin.
    ///
    /// # Errors
    /// `not-allowed` for a key of a workspace.
    pub fn admin(&self) -> Result<(), Problem> {
        match self.0 {
            Holder::Admin => Ok(()),
            Holder::Workspace(_) => Err(Problem::new(Kind::NotAllowed, "only the admin key may do that")),
        }
    }

    /// Finds a workspace that this caller may see.
    ///
    /// # Errors
    /// `not-found` when there is none, and also when it belongs to somebody else.
    pub fn workspace(&self, server: &Server, id: &str) -> Result<Arc<Workspace>, Problem> {
        let theirs = match &self.0 {
            Holder::Admin => true,
            Holder::Workspace(own) => own.as_str() == id,
        };
        let found = if theirs { server.registry.workspace(&WorkspaceId::from_text(id)) } else { None };
        found.ok_or_else(|| Problem::not_found("workspace", id))
    }
}

impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Problem> {
        let holder = server.keys.holder(token(&parts.headers)?);
        holder.map(Self).ok_or_else(unknown_key)
    }
}

/// The key that a request brings.
///
/// # Errors
/// `key-missing` when there is none.
pub(super) fn token(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Err(Problem::new(Kind::KeyMissing, "send `Authorization: Bearer KEY`"));
    };
    let token = header.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| Problem::new(Kind::KeyMissing, "the header must read `Authorization: Bearer KEY`"))
}

/// What is answered to a key that nobody has.
pub(super) fn unknown_key() -> Problem {
    Problem::new(Kind::KeyUnknown, "the key is wrong, revoked, or of another server")
}

/// The workspace that a path names as `{ws}`, seen by a caller who may.
pub struct InWorkspace {
    /// Who asks.
    pub caller: Caller,
    /// The workspace.
    pub workspace: Arc<Workspace>,
    /// Further names of the path, such as `{con}`.
    params: Vec<(String, String)>,
}

impl InWorkspace {
    /// A further name of the path; empty when the route has none of it.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl FromRequestParts<Arc<Server>> for InWorkspace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, server).await?;
        let params = RawPathParams::from_request_parts(parts, server).await;
        let params = params.map_err(|_| Problem::new(Kind::NotFound, "the path is not UTF-8"))?;
        let params: Vec<(String, String)> =
            params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let id = params.iter().find(|(name, _)| name == "ws").map_or("", |(_, value)| value);
        let workspace = caller.workspace(server, id)?;
        Ok(Self { caller, workspace, params })
    }
}
