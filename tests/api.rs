//! The HTTP API through a real port: one module per resource, one binary.

#[path = "api/app.rs"]
mod app;
#[path = "api/clients.rs"]
mod clients;
#[path = "api/connections.rs"]
mod connections;
#[path = "api/deliveries.rs"]
mod deliveries;
#[path = "api/events.rs"]
mod events;
#[path = "api/history.rs"]
mod history;
#[path = "api/intake.rs"]
mod intake;
#[path = "api/keys.rs"]
mod keys;
#[path = "api/lists.rs"]
mod lists;
#[path = "api/operations.rs"]
mod operations;
#[path = "api/prometheus.rs"]
mod prometheus;
#[path = "api/receiver.rs"]
mod receiver;
#[path = "api/restart.rs"]
mod restart;
#[path = "api/rules.rs"]
mod rules;
#[path = "api/settings.rs"]
mod settings;
#[path = "api/standardwebhooks.rs"]
mod standardwebhooks;
#[path = "api/tracing.rs"]
mod tracing;
#[path = "api/workspaces.rs"]
mod workspaces;
