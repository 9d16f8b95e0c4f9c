//! `fanwise lists`: the lists that a workspace keeps and its rules ask.

use std::io::Read;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use super::Output;
use super::client::Client;
use super::why::percent;
use crate::config::ClientSettings;
use crate::limits::PAGE_MAX;
use crate::out::{Exit, Out, Written, complain, failed, harmless, say};

/// Entries that are added or removed with one request. Repeating it changes nothing.
const ENTRIES_AT_ONCE: usize = 50_000;

/// The commands of `fanwise lists`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Commands {
    /// Show which lists the workspace keeps
    Ls(All),
    /// Print the entries of a list
    Show(Show),
    /// Make a list of a file's entries, or put them in place of those it has
    Set(Set),
    /// Add entries to a list; those that are there make no difference
    Add(Several),
    /// Remove entries from a list; those that are not there make no difference
    Remove(Several),
    /// Delete a list that no live rule asks
    Delete(One),
}

/// Arguments of `fanwise lists ls`.
#[derive(Debug, clap::Args)]
pub(super) struct All {
    #[command(flatten)]
    to: To,
}

/// A list by its name.
#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// Its name in rules
    #[arg(value_name = "LIST")]
    list: String,

    #[command(flatten)]
    to: To,
}

/// Arguments of `fanwise lists show`.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    #[command(flatten)]
    one: One,

    /// So many at most; all without it
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

/// Arguments of `fanwise lists set`.
#[derive(Debug, clap::Args)]
pub(super) struct Set {
    #[command(flatten)]
    one: One,

    /// One entry per line, its first column; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Entries of a list, as words or from a file.
#[derive(Debug, clap::Args)]
pub(super) struct Several {
    #[command(flatten)]
    one: One,

    /// The entries
    #[arg(value_name = "ENTRY", required_unless_present = "file")]
    entries: Vec<String>,

    /// One entry per line, its first column; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "entries")]
    file: Option<PathBuf>,
}

/// Where the lists are, and how they are written.
#[derive(Debug, clap::Args)]
struct To {
    /// Text for people, or one JSON value per line
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    client: ClientSettings,
}

/// Runs it.
pub(super) async fn run(command: Commands) -> Exit {
    let done = match command {
        Commands::Ls(All { to }) => to.ls().await,
        Commands::Show(show) => show.one.show(show.limit).await,
        Commands::Set(set) => set.one.set(&set.file).await,
        Commands::Add(several) => several.change("add").await,
        Commands::Remove(several) => several.change("remove").await,
        Commands::Delete(one) => one.delete().await,
    };
    match done {
        Ok(()) => Exit::Ok,
        Err(exit) => exit,
    }
}

impl To {
    fn path(&self) -> String {
        format!("/v1/workspaces/{}/lists", percent(&self.client.workspace))
    }

    async fn ls(&self) -> Result<(), Exit> {
        let page = self.ask(Method::GET, &self.path(), None).await?;
        let mut out = Out::default();
        for list in items(&page) {
            self.line(&mut out, list)?;
        }
        out.flush().map(drop).map_err(|error| unwritten(&error))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Exit> {
        let body = body.map(|body| body.to_string());
        let answer = Client::new(&self.client)?.send(method, path, &[], body).await?.good()?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer).map_err(|error| {
            complain(&format!("the answer cannot be read: {error}"));
            Exit::Failed
        })
    }

    /// One list, for people or machines.
    fn line(&self, out: &mut Out, list: &Value) -> Result<(), Exit> {
        let line = match self.output {
            Output::Json => list.to_string(),
            Output::Text => words(list),
        };
        out.line(&line).map(drop).map_err(|error| unwritten(&error))
    }
}

impl One {
    fn path(&self) -> String {
        format!("{}/{}", self.to.path(), percent(&self.list))
    }

    async fn show(&self, limit: Option<usize>) -> Result<(), Exit> {
        let (mut out, mut left) = (Out::default(), limit.unwrap_or(usize::MAX));
        let mut cursor: Option<String> = None;
        while left > 0 {
            let mut path = format!("{}/entries?limit={}", self.path(), left.min(PAGE_MAX));
            if let Some(cursor) = &cursor {
                path.push_str(&format!("&cursor={}", percent(cursor)));
            }
            let page = self.to.ask(Method::GET, &path, None).await?;
            for entry in items(&page) {
                let line = match self.to.output {
                    Output::Json => entry.to_string(),
                    Output::Text => harmless(entry.as_str().unwrap_or_default()),
                };
                if out.line(&line).map_err(|error| unwritten(&error))? == Written::ReaderGone {
                    return Ok(());
                }
            }
            left = left.saturating_sub(items(&page).len());
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        out.flush().map(drop).map_err(|error| unwritten(&error))
    }

    async fn set(&self, file: &Path) -> Result<(), Exit> {
        let body = json!({ "entries": read(file)? });
        let list = self.to.ask(Method::PUT, &self.path(), Some(body)).await?;
        self.told(&list)
    }

    async fn delete(&self) -> Result<(), Exit> {
        self.to.ask(Method::DELETE, &self.path(), None).await?;
        say(&format!("the list {} is deleted", harmless(&self.list)));
        Ok(())
    }

    /// What became of a list.
    fn told(&self, list: &Value) -> Result<(), Exit> {
        let mut out = Out::default();
        self.to.line(&mut out, list)?;
        out.flush().map(drop).map_err(|error| unwritten(&error))
    }
}

impl Several {
    /// Many entries go with several requests. What one that fails leaves undone, the same command does when it is
    /// given again.
    async fn change(self, what: &str) -> Result<(), Exit> {
        let entries = match &self.file {
            Some(file) => read(file)?,
            None => self.entries,
        };
        let (mut last, mut count) = (Value::Null, 0);
        for piece in entries.chunks(ENTRIES_AT_ONCE) {
            let body = json!({ what: piece });
            last = self.one.to.ask(Method::PATCH, &self.one.path(), Some(body)).await?;
            let name = if what == "add" { "added" } else { "removed" };
            count += last.get(name).and_then(Value::as_u64).unwrap_or_default();
            if let Some(last) = last.as_object_mut() {
                last.insert(name.to_owned(), count.into());
            }
        }
        if last.is_null() { Ok(()) } else { self.one.told(&last) }
    }
}

/// The entries of a file, in order.
fn read(file: &Path) -> Result<Vec<String>, Exit> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| failed(&format!("`{}` cannot be read: {error}", file.display())))?;
    let mut entries: Vec<String> = compiler::list_entries(&text).into_iter().map(String::from).collect();
    entries.sort_unstable();
    Ok(entries)
}

fn items(page: &Value) -> &[Value] {
    page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A list for people.
fn words(list: &Value) -> String {
    let text = |name: &str| list.get(name).and_then(Value::as_str).unwrap_or_default();
    let count = |name: &str| list.get(name).and_then(Value::as_u64).unwrap_or_default();
    let mut words = format!("{}  {} entries  {}", text("name"), count("size"), text("updated_at"));
    if list.get("added").is_some() {
        words.push_str(&format!("  {} added, {} removed", count("added"), count("removed")));
    }
    harmless(&words)
}

fn unwritten(error: &dyn std::fmt::Display) -> Exit {
    failed(&format!("stdout cannot be written: {error}"))
}
