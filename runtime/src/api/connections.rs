//! `/v1/workspaces/{ws}/connections`: where deliveries go.

mod settings;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::InWorkspace;
use super::body::json_bytes;
use super::fields::Fields;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::{Json, json_of, page, uninterrupted};
use crate::deliver::address::{AddressError, AddressPolicy, check_url};
use crate::id::ConnectionId;
use crate::limits::{BODY_BYTES_MAX, ID_CHARS_MAX, URL_CHARS_MAX};
use crate::secret::Secret;
use crate::server::Server;
use crate::workspace::change::{ConnectionChange, NewConnection};
use crate::workspace::connection::{DELIVERED_INTEGRATIONS, is_rule_name, url_mistake};
use crate::workspace::{Connection, Workspace};

/// `GET …/connections`.
pub(super) async fn list(at: InWorkspace, query: Query) -> Result<Json, Problem> {
    query.finish()?;
    let items = at.workspace.connections().iter().map(|connection| shown(connection)).collect();
    Ok(page(items, None))
}

/// `POST …/connections`: the answer shows the signing secret, once.
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    query.finish()?;
    let body = json_bytes(&headers, body, BODY_BYTES_MAX).await?;
    let mut fields = Fields::of_body(&body)?;
    let name = fields.needed_text("name", ID_CHARS_MAX);
    if !name.is_empty() && !is_rule_name(&name) {
        let detail = "must be a word that rules can write: letters, digits and `_`, not first a digit";
        fields.wrong::<()>("name", detail.to_owned());
    }
    let integration = fields.needed_text("integration", ID_CHARS_MAX);
    if !integration.is_empty() && !DELIVERED_INTEGRATIONS.contains(&integration.as_str()) {
        let help = format!("this build delivers to: {}", DELIVERED_INTEGRATIONS.join(", "));
        fields.wrong_with_help::<()>(
            "integration",
            format!("`{integration}` cannot be delivered to"),
            Some(help),
        );
    }
    let url = fields.needed_text("url", URL_CHARS_MAX);
    if !url.is_empty() {
        check(&mut fields, &url, server.addresses);
    }
    let signing = settings::signing(&mut fields).unwrap_or_default();
    let secret = settings::secret(&mut fields, &signing);
    let success = settings::success(&mut fields).flatten();
    let tls = settings::tls(&mut fields).unwrap_or_default();
    fields.finish()?;
    let (name, integration, url) = (name.into(), integration.into(), url.into());
    let new = NewConnection { name, integration, url, secret, signing, success, tls };
    let registry = Arc::clone(&server.registry);
    let workspace = Arc::clone(&at.workspace);
    let (connection, secret) =
        uninterrupted(async move { registry.add_connection(&workspace, new, Timestamp::now()).await })
            .await?;
    Ok(Json::created(with_secret(shown(&connection), &secret)))
}

/// `GET …/connections/{con}`: with how it stands, while something is pending for it.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let connection = found(&at)?;
    let standing = server.node.connection(&at.workspace.id, &connection.id).await;
    let mut shown = shown(&connection);
    if let (Some(fields), Some(standing)) = (shown.as_object_mut(), standing) {
        fields.insert("standing".to_owned(), json_of(&standing)?);
    }
    Ok(Json::ok(shown))
}

/// `PATCH …/connections/{con}`: everything but name and integration. What waits uses it at its next attempt.
pub(super) async fn change(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json, Problem> {
    query.finish()?;
    let connection = found(&at)?;
    let body = json_bytes(&headers, body, BODY_BYTES_MAX).await?;
    let mut fields = Fields::of_body(&body)?;
    let url = fields.text("url", URL_CHARS_MAX);
    if let Some(url) = &url {
        check(&mut fields, url, server.addresses);
    }
    let signing = settings::signing(&mut fields);
    let secret = settings::secret(&mut fields, signing.as_ref().unwrap_or(&connection.record.signing));
    let change = ConnectionChange {
        url: url.map(Into::into),
        enabled: fields.flag("enabled"),
        secret,
        signing,
        success: settings::success(&mut fields),
        tls: settings::tls(&mut fields),
    };
    for fixed in ["name", "integration"] {
        if fields.is_given(fixed) {
            fields.value(if fixed == "name" { "name" } else { "integration" });
            fields.wrong::<()>(fixed, "cannot be changed; make another connection".to_owned());
        }
    }
    fields.finish()?;
    let registry = Arc::clone(&server.registry);
    let changed = uninterrupted(async move {
        registry.change_connection(&at.workspace, &connection.id, change, Timestamp::now()).await
    });
    Ok(Json::ok(shown(&*changed.await?)))
}

/// `POST …/connections/{con}/rotate`: a fresh secret; the one before signs too, until the next rotation.
pub(super) async fn rotate(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<Json, Problem> {
    query.finish()?;
    let connection = found(&at)?;
    let registry = Arc::clone(&server.registry);
    let rotated =
        uninterrupted(async move { registry.rotate(&at.workspace, &connection.id, Timestamp::now()).await });
    let (connection, secret) = rotated.await?;
    Ok(Json::ok(with_secret(shown(&connection), &secret)))
}

/// `DELETE …/connections/{con}`: refused while live rules deliver to it.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    at: InWorkspace,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let connection = found(&at)?;
    let registry = Arc::clone(&server.registry);
    uninterrupted(async move { registry.remove_connection(&at.workspace, &connection.id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// By id, or by the name that rules use.
fn found(at: &InWorkspace) -> Result<Arc<Connection>, Problem> {
    let named = at.param("con");
    let table = at.workspace.connections();
    let found = table.get(&ConnectionId::from_text(named)).or_else(|| table.named(named));
    found.cloned().ok_or_else(|| Problem::not_found("connection", named))
}

/// Notes what is wrong with a URL. Where a name leads is looked up at each attempt; an address that stands
/// there itself is refused at once, and so is `http` where it can only lead outside.
fn check(fields: &mut Fields, url: &str, addresses: AddressPolicy) {
    if let Some(mistake) = url_mistake(url) {
        fields.wrong::<()>("url", mistake.to_owned());
        return;
    }
    let Err(refused) = check_url(url, addresses) else { return };
    let help = match refused {
        AddressError::Refused { .. } => "name a host that is reachable from outside",
        AddressError::PlainHttp => "begin the URL with `https://`",
        _ => return,
    };
    fields.wrong_with_help::<()>("url", refused.to_string(), Some(help.to_owned()));
}

fn shown(connection: &Connection) -> Value {
    let record = &connection.record;
    let secrets = record.secrets.iter().map(|secret| json!({ "created_at": secret.created_at.to_string() }));
    let mut shown = json!({
        "id": connection.id.as_str(),
        "name": &*connection.name,
        "integration": &*connection.integration,
        "url": &*connection.url,
        "enabled": record.enabled,
        "disabled_because": record.disabled_because.as_deref(),
        "signing": record.signing,
        "secrets": secrets.collect::<Vec<_>>(),
        "success": record.success,
        "tls": null,
        "created_at": record.created_at.to_string(),
        "updated_at": record.updated_at.to_string(),
        "version": record.version,
    });
    let newest = connection.credentials.secrets.first();
    let public_key = newest.and_then(|secret| record.signing.public_key(secret));
    if let Some(fields) = shown.as_object_mut() {
        if record.ca.is_some() || record.client_certificate.is_some() {
            let (ca, certificate) = (record.ca.as_deref(), record.client_certificate.as_deref());
            fields.insert("tls".to_owned(), json!({ "ca": ca, "client_certificate": certificate }));
        }
        if let Some(public_key) = public_key {
            fields.insert("public_key".to_owned(), public_key.into());
        }
    }
    shown
}

fn with_secret(mut shown: Value, secret: &Secret) -> Value {
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("secret".to_owned(), secret.expose_text().unwrap_or_default().into());
    }
    shown
}

/// A connection named in a query, by name or id.
///
/// # Errors
/// `not-found`.
pub(super) fn named_in_query(workspace: &Workspace, named: &str) -> Result<ConnectionId, Problem> {
    let table = workspace.connections();
    let found = table.named(named).map(|connection| connection.id.clone());
    // A deleted connection's deliveries are still found by its id.
    let id = found.or_else(|| named.starts_with("con_").then(|| ConnectionId::from_text(named)));
    id.ok_or_else(|| {
        Problem::new(
            Kind::NotFound,
            format!("no connection `{}`", named.chars().take(64).collect::<String>()),
        )
    })
}
