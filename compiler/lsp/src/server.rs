//! The conversation with an editor: one message after the other, each answered before the next is read.

mod requests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use compiler::world::World;
use crossbeam_channel::{Receiver, Sender, TryRecvError, select, unbounded};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    Notification as _, PublishDiagnostics, ShowMessage,
};
use lsp_types::request::{RegisterCapability, Request as _};
use lsp_types::{
    ClientCapabilities, CompletionOptions, DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher,
    GlobPattern, HoverProviderCapability, InitializeParams, InitializeResult, MessageType, OneOf,
    PublishDiagnosticsParams, Registration, RegistrationParams, RenameOptions, ServerCapabilities,
    ServerInfo, ShowMessageParams, TextDocumentSyncCapability, TextDocumentSyncKind, Uri,
};
use serde::de::DeserializeOwned;
use url::Url;

use crate::bundle::{Bundle, belongs, root_of};
use crate::check::Messages;
use crate::complete::Taste;
use crate::position::{Encoding, Text};
use crate::project::{Project, Shown};

/// Why the conversation ended too early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The editor did not keep to the protocol, or went away.
    #[error("the editor broke off: {0}")]
    Protocol(#[from] lsp_server::ProtocolError),
    /// Reading or writing failed.
    #[error("the connection to the editor failed")]
    Transport(#[from] std::io::Error),
    /// Our own words could not be written as JSON.
    #[error("an answer could not be written")]
    Encode(#[from] serde_json::Error),
}

/// Serves one editor until it says goodbye.
///
/// # Errors
/// When the editor breaks the protocol or the connection.
pub fn serve(connection: &Connection) -> Result<(), ServeError> {
    let (id, params) = connection.initialize_start()?;
    let params: InitializeParams = serde_json::from_value(params)?;
    let mut server = Server::new(connection, &params);
    let result = InitializeResult {
        capabilities: server.capabilities(),
        server_info: Some(ServerInfo {
            name: "fanwise".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    };
    connection.initialize_finish(id, serde_json::to_value(result)?)?;
    if watches(&params.capabilities) {
        server.watch_files()?;
    }
    server.run()
}

/// One editor.
pub(crate) struct Server<'c> {
    connection: &'c Connection,
    encoding: Encoding,
    taste: Taste,
    /// The editor's folders.
    folders: Vec<PathBuf>,
    /// Bundles by their folder; a text that was never saved is a bundle of its own.
    projects: BTreeMap<PathBuf, Project>,
    world: World,
    /// Where other threads say what they found.
    finished: (Sender<Finished>, Receiver<Finished>),
}

/// What another thread found in a bundle.
struct Finished {
    root: PathBuf,
    revision: u64,
    messages: Option<Messages>,
}

/// Whether the editor tells us about files that change on disk when we ask for it.
fn watches(capabilities: &ClientCapabilities) -> bool {
    let watched = capabilities.workspace.as_ref().and_then(|workspace| workspace.did_change_watched_files);
    watched.and_then(|watched| watched.dynamic_registration).unwrap_or(false)
}

impl<'c> Server<'c> {
    fn new(connection: &'c Connection, params: &InitializeParams) -> Self {
        let general = params.capabilities.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_deref());
        let completion = params.capabilities.text_document.as_ref().and_then(|text| text.completion.as_ref());
        let item = completion.and_then(|completion| completion.completion_item.as_ref());
        let folders = params.workspace_folders.iter().flatten().filter_map(|folder| path_of(&folder.uri));
        Self {
            connection,
            encoding: Encoding::negotiate(offered),
            taste: Taste { snippets: item.and_then(|item| item.snippet_support).unwrap_or(false) },
            folders: folders.chain(root_uri(params)).collect(),
            projects: BTreeMap::new(),
            world: World::offline(None),
            finished: unbounded(),
        }
    }

    fn capabilities(&self) -> ServerCapabilities {
        let triggers = [".", "|", "\"", ":"].map(str::to_owned).to_vec();
        ServerCapabilities {
            position_encoding: Some(self.encoding.kind()),
            text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::INCREMENTAL)),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some(triggers),
                ..CompletionOptions::default()
            }),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            definition_provider: Some(OneOf::Left(true)),
            references_provider: Some(OneOf::Left(true)),
            document_highlight_provider: Some(OneOf::Left(true)),
            document_symbol_provider: Some(OneOf::Left(true)),
            document_formatting_provider: Some(OneOf::Left(true)),
            code_action_provider: Some(lsp_types::CodeActionProviderCapability::Options(
                lsp_types::CodeActionOptions {
                    code_action_kinds: Some(vec![
                        lsp_types::CodeActionKind::QUICKFIX,
                        lsp_types::CodeActionKind::SOURCE_FIX_ALL,
                    ]),
                    ..lsp_types::CodeActionOptions::default()
                },
            )),
            rename_provider: Some(OneOf::Right(RenameOptions {
                prepare_provider: Some(true),
                work_done_progress_options: lsp_types::WorkDoneProgressOptions::default(),
            })),
            ..ServerCapabilities::default()
        }
    }

    /// Asks to be told when files of bundles change on disk.
    fn watch_files(&self) -> Result<(), ServeError> {
        let glob = GlobPattern::String("**/*.{route,json,csv}".to_owned());
        let options = DidChangeWatchedFilesRegistrationOptions {
            watchers: vec![FileSystemWatcher { glob_pattern: glob, kind: None }],
        };
        let registration = Registration {
            id: "files".to_owned(),
            method: DidChangeWatchedFiles::METHOD.to_owned(),
            register_options: Some(serde_json::to_value(options)?),
        };
        let params = RegistrationParams { registrations: vec![registration] };
        let id = "watch".to_owned().into();
        self.send(Request::new(id, RegisterCapability::METHOD.to_owned(), params));
        Ok(())
    }

    /// Takes messages until the editor is gone. What changed is checked when nothing else is waiting,
    /// so that a burst of changes is checked once.
    fn run(&mut self) -> Result<(), ServeError> {
        loop {
            let message = match self.connection.receiver.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) if self.check_one() => continue,
                Err(TryRecvError::Empty) => {
                    self.start_tasks();
                    select! {
                        recv(self.connection.receiver) -> message => match message {
                            Ok(message) => message,
                            Err(_) => return Ok(()),
                        },
                        recv(self.finished.1) -> finished => {
                            if let Ok(finished) = finished {
                                self.finish(finished);
                            }
                            continue;
                        }
                    }
                }
            };
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    self.request(request);
                }
                Message::Notification(notification) => self.notification(notification),
                // Answers to our own requests tell us nothing.
                Message::Response(_) => {}
            }
        }
    }

    /// Lets other threads check the bundles that are too large to be checked between two messages.
    fn start_tasks(&mut self) {
        for (root, project) in &mut self.projects {
            let Some(task) = project.task() else { continue };
            let (root, world, finished) = (root.clone(), self.world.clone(), self.finished.0.clone());
            thread::spawn(move || {
                let messages = task.snapshot.check(&world);
                // It fails when the editor is gone meanwhile.
                let _ = finished.send(Finished { root, revision: task.revision, messages });
            });
        }
    }

    /// Takes what another thread found.
    fn finish(&mut self, finished: Finished) {
        let Some(project) = self.projects.get_mut(&finished.root) else { return };
        let shown = project.finish(finished.revision, finished.messages);
        self.show(shown);
        self.confess(&finished.root);
    }

    fn send(&self, message: impl Into<Message>) {
        // It fails when the editor is gone; then the next read says so.
        let _ = self.connection.sender.send(message.into());
    }

    /// Checks a bundle that changed; answers whether there was one.
    fn check_one(&mut self) -> bool {
        let stale =
            self.projects.iter().find(|(_, project)| project.is_stale()).map(|(root, _)| root.clone());
        let Some(root) = stale else { return false };
        self.check(&root);
        true
    }

    /// Checks what changed in a bundle and shows what is wrong with it.
    fn check(&mut self, root: &Path) {
        let Some(project) = self.projects.get_mut(root) else { return };
        let shown = project.check(&self.world);
        self.show(shown);
        self.confess(root);
    }

    /// Says that the checker broke, if it did.
    fn confess(&mut self, root: &Path) {
        let broken = self.projects.get_mut(root).is_some_and(Project::take_broken);
        if broken {
            let message =
                "These rules break the checker, which is a mistake of Fanwise. Messages may be old.";
            let params = ShowMessageParams { typ: MessageType::ERROR, message: message.to_owned() };
            self.send(Notification::new(ShowMessage::METHOD.to_owned(), params));
        }
    }

    fn show(&self, files: Vec<Shown>) {
        for file in files {
            let params = PublishDiagnosticsParams::new(file.uri, file.diagnostics, file.version);
            self.send(Notification::new(PublishDiagnostics::METHOD.to_owned(), params));
        }
    }

    fn notification(&mut self, notification: Notification) {
        let params = notification.params;
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => self.take(params, Self::opened),
            DidChangeTextDocument::METHOD => self.take(params, Self::edited),
            DidCloseTextDocument::METHOD => self.take(params, Self::closed),
            DidChangeWatchedFiles::METHOD => self.take(params, Self::changed_on_disk),
            _ => {}
        }
    }

    /// A notification that cannot be read is left out: there is nobody to answer.
    fn take<P: DeserializeOwned>(&mut self, params: serde_json::Value, read: fn(&mut Self, P)) {
        if let Ok(params) = serde_json::from_value(params) {
            read(self, params);
        }
    }

    fn opened(&mut self, params: lsp_types::DidOpenTextDocumentParams) {
        let document = params.text_document;
        let path = path_or_name(&document.uri);
        let root = self.root(&document.uri, &path);
        let encoding = self.encoding;
        let read = || {
            Project::new(if path.is_absolute() { Bundle::read(&root, encoding) } else { Bundle::default() })
        };
        let project = self.projects.entry(root.clone()).or_insert_with(read);
        project.open(document.uri, &path, Text::new(document.text, encoding), document.version);
    }

    fn edited(&mut self, params: lsp_types::DidChangeTextDocumentParams) {
        let uri = params.text_document.uri;
        let path = path_or_name(&uri);
        let root = self.root(&uri, &path);
        let Some(project) = self.projects.get_mut(&root) else { return };
        let Some(file) = project.file(&path) else { return };
        let mut text = file.text.clone();
        for change in params.content_changes {
            text = text.edited(change.range, &change.text);
        }
        project.open(uri, &path, text, params.text_document.version);
    }

    fn closed(&mut self, params: lsp_types::DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        let path = path_or_name(&uri);
        let root = self.root(&uri, &path);
        let encoding = self.encoding;
        if let Some(project) = self.projects.get_mut(&root) {
            project.close(&path, encoding);
        }
    }

    fn changed_on_disk(&mut self, params: lsp_types::DidChangeWatchedFilesParams) {
        let encoding = self.encoding;
        for change in params.changes {
            let Some(path) = path_of(&change.uri).filter(|path| belongs(path)) else { continue };
            for (_, project) in self.projects.iter_mut().filter(|(root, _)| path.starts_with(root)) {
                project.reload(&path, encoding);
            }
        }
    }

    /// The bundle that a document belongs to. A document that is open stays where it is.
    fn root(&self, uri: &Uri, path: &Path) -> PathBuf {
        if !path.is_absolute() {
            return PathBuf::from(uri.as_str());
        }
        let open = self.projects.iter().filter(|(root, project)| path.starts_with(root) && project.is_open());
        let holds = open.filter(|(_, project)| project.file(path).is_some_and(|file| file.version.is_some()));
        holds.map(|(root, _)| root.clone()).next().unwrap_or_else(|| root_of(path, &self.folders))
    }

    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        let response = match catch_unwind(AssertUnwindSafe(|| self.answer(request))) {
            Ok(Ok(value)) => Response::new_ok(id, value),
            Ok(Err(Refused { code, text })) => Response::new_err(id, code as i32, text),
            Err(_) => {
                let text = "this question breaks the language server, which is a mistake of Fanwise";
                Response::new_err(id, ErrorCode::InternalError as i32, text.to_owned())
            }
        };
        self.send(response);
    }
}

/// Why a request has no answer.
pub(crate) struct Refused {
    code: ErrorCode,
    text: String,
}

impl Refused {
    /// The editor asked for something that cannot be.
    pub(crate) fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// The file that a URI names, if it names one.
fn path_of(uri: &Uri) -> Option<PathBuf> {
    Url::parse(uri.as_str()).ok()?.to_file_path().ok()
}

/// The file that a URI names, or a name for a text that was never saved.
fn path_or_name(uri: &Uri) -> PathBuf {
    path_of(uri).unwrap_or_else(|| PathBuf::from("unsaved.route"))
}

#[expect(deprecated, reason = "editors that know no folders name their one folder so")]
fn root_uri(params: &InitializeParams) -> Option<PathBuf> {
    params.root_uri.as_ref().and_then(path_of).filter(|_| params.workspace_folders.is_none())
}
