//! Rule text to a checked program, and everything that is wrong with it.
//!
//! One construct per file: names first, then schemas, then rules with their statements, values and
//! conditions. Nothing here fails. A mistake is reported and leaves a broken value behind, which fits
//! everywhere, so that one mistake gives one message.
//!
//! An environment changes what a bundle means (`environment` is folded, `only in` drops rules), so
//! a bundle is checked once per environment that is asked for, and the messages are collected once.

mod arithmetic;
mod choose;
mod compare;
mod condition;
mod constant;
mod deliver;
mod environment;
mod event;
mod expr;
mod fit;
mod fold;
mod free;
mod literal;
mod member;
pub(crate) mod names;
mod needles;
mod never;
mod order;
mod outside;
mod paths;
mod pipe;
mod policy;
mod predicate;
mod quantifier;
mod reach;
mod read;
mod record;
mod rule;
mod schedule;
mod schema;
mod scope;
mod search;
mod settings;
mod statement;
mod template;
mod tests;
#[cfg(test)]
mod unit;
mod unused;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use grammar::diagnostic::{Code, Severity};
use grammar::{Diagnostic, Diagnostics, Source, SourceId, Span, ast};

use crate::hir;
use crate::messages::bounds;
use crate::types::Type;
use crate::world::{Bundle, World};
pub(crate) use fit::Operand;
use names::Names;
pub use outside::list_entries;
use scope::{Binding, Facts, Typed};
#[cfg(test)]
pub(crate) use settings::SETTINGS;

/// What checking a bundle gives.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The program; it is only used when the diagnostics have no errors.
    pub program: hir::Program,
    /// The rule files by path, then the schema and fixture files; spans point into them.
    pub sources: Vec<Source>,
    /// Everything that is wrong or doubtful, by place.
    pub diagnostics: Diagnostics,
    /// The environments that were checked; the program is for the first.
    pub environments: Vec<Arc<str>>,
}

/// Checks a bundle. Never fails: what is wrong is in the diagnostics.
#[must_use]
pub fn check(bundle: &Bundle, world: &World) -> Checked {
    let mut diagnostics = Diagnostics::default();
    let mut sources = sources_of(bundle);
    sources.extend(event::registered_sources(world, sources.len()));
    let rule_files = sources.iter().filter(|source| is_rule_file(&source.name));
    let files: Vec<ast::File> = rule_files
        .map(|source| {
            let parsed = grammar::parse(source);
            diagnostics.extend(parsed.diagnostics);
            parsed.file
        })
        .collect();
    let unreadable: Vec<Span> = diagnostics.iter().map(Diagnostic::span).collect();
    bundle_bounds(&sources, world, &mut diagnostics);
    let (names, found) = names::collect(&files, world);
    diagnostics.extend(found);
    let mut program = None;
    let mut used = HashSet::new();
    let mut never = Vec::new();
    let environments = environment::to_check(&names, world);
    for environment in &environments {
        let mut checker = Checker::new(world, &sources, &names, Arc::clone(environment));
        checker.bundle(&files);
        let found = std::mem::take(&mut checker.diagnostics);
        diagnostics.extend(found.into_iter().filter(|one| !is_consequence(one, &unreadable)));
        used.extend(std::mem::take(&mut checker.used));
        never.push(std::mem::take(&mut checker.never));
        program.get_or_insert(checker.program);
    }
    diagnostics.extend(environment::unknown_in_world(&names, world));
    // With mistakes in the files, a name may only seem unused.
    if !diagnostics.has_errors() {
        diagnostics.extend(unused::names(&names, &used));
        let never = never::reports(&never, &diagnostics);
        diagnostics.extend(never);
    }
    diagnostics.sort();
    let program = program.unwrap_or_default();
    Checked { program, sources, diagnostics, environments }
}

/// Whether a message speaks of text that could not be read anyway.
fn is_consequence(diagnostic: &Diagnostic, unreadable: &[Span]) -> bool {
    let span = diagnostic.span();
    let inside = |one: &Span| one.source == span.source && span.start <= one.start && one.end <= span.end;
    unreadable.iter().any(inside)
}

/// Rule files first, so that their ids are their positions among the rule files.
fn sources_of(bundle: &Bundle) -> Vec<Source> {
    let mut files: Vec<_> = bundle.files.iter().collect();
    files.sort_by(|one, two| one.path.cmp(&two.path));
    files.sort_by_key(|file| !is_rule_file(&file.path));
    let source = |(at, file): (usize, &&crate::world::BundleFile)| {
        let id = SourceId(u16::try_from(at).unwrap_or(u16::MAX));
        Source::new(id, file.path.clone(), file.text.clone())
    };
    files.iter().enumerate().map(source).collect()
}

fn is_rule_file(path: &str) -> bool {
    path.ends_with(".route")
}

fn bundle_bounds(sources: &[Source], world: &World, diagnostics: &mut Diagnostics) {
    let limits = &world.limits;
    let last = sources.last().map(|source| Span::new(source.id, 0, 0)).unwrap_or_default();
    if sources.len() > limits.bundle_files_max {
        diagnostics.push(bounds::too_many_files(last, sources.len(), limits.bundle_files_max));
    }
    let total: usize = sources.iter().map(|source| source.text.len()).sum();
    if total > limits.bundle_bytes_max {
        diagnostics.push(bounds::bundle_too_large(last, total, limits.bundle_bytes_max));
    }
    for source in sources.iter().filter(|source| is_rule_file(&source.name)) {
        // The parser has a bound of its own, and says so first.
        let told = diagnostics.iter().any(|one| one.code == Code::E0106 && one.span().source == source.id);
        if source.text.len() > limits.file_bytes_max && !told {
            let start = Span::new(source.id, 0, 0);
            diagnostics.push(bounds::file_too_large(start, source.text.len(), limits.file_bytes_max));
        }
    }
}

/// Checks one bundle for one environment.
struct Checker<'a> {
    world: &'a World,
    sources: &'a [Source],
    names: &'a Names<'a>,
    /// The environment that is folded in.
    environment: Arc<str>,
    diagnostics: Diagnostics,
    /// Above zero, nothing is warned of: the text was checked where it was declared.
    quiet: usize,
    program: hir::Program,
    paths: HashMap<hir::Path, hir::PathId>,
    /// Where values are read whose type is only known while running.
    unchecked: HashSet<Span>,
    schemas: BTreeMap<Box<str>, Type>,
    /// What events carry.
    events: Vec<event::Declared>,
    /// Checked consts; `None` while one is being checked.
    consts: HashMap<Box<str>, Option<Typed>>,
    /// Schemas, predicates and policies that are being looked into right now.
    open: Vec<Box<str>>,
    /// The settings of the last delivery that had no expressions in them.
    settings: Option<Arc<hir::Settings>>,
    /// The patterns that rules write.
    patterns: HashSet<Arc<[hir::EventPattern]>>,
    /// Names that something uses.
    used: HashSet<(names::Space, Box<str>)>,
    /// Conditions that are never yes in this environment.
    never: Vec<never::Never>,
    /// What names mean here, outermost first.
    scope: Vec<Binding>,
    /// What is proven present here.
    facts: Facts,
    rule: RuleState,
}

/// What is counted and remembered while one rule is checked.
#[derive(Default)]
struct RuleState {
    /// The next local; every quantifier and loop of a rule has its own.
    locals: u16,
    /// The payload's type per pattern.
    variants: Vec<event::Variant>,
    /// The payload's name.
    alias: Box<str>,
    /// Where `on` stands.
    on: Option<Span>,
    /// Unknown names that were reported.
    unknown: BTreeSet<Box<str>>,
    /// The transform at the end of the body of `each`, when it wants a list.
    each_body: Option<Span>,
    /// Where the predicate was asked whose text is being written out.
    asked_at: Option<Span>,
    /// Predicates that were written out so far.
    unfolded: usize,
    /// Quantifiers around this place.
    depth: usize,
    /// Their places, as many as are in the same text.
    around: Vec<Span>,
    /// Whether the condition decides about a delivery, so that silence would surprise.
    guarding: bool,
    /// Whether the rule can run in this environment.
    live: bool,
    /// What other parts of the same condition ask for by themselves, before or behind: no surprise then.
    asked_for: Facts,
    /// How many deliveries go to an action so far.
    positions: HashMap<(Box<str>, Box<str>), u32>,
    /// Labels in use.
    labels: HashMap<[Box<str>; 3], Span>,
}

impl<'a> Checker<'a> {
    fn new(world: &'a World, sources: &'a [Source], names: &'a Names<'a>, environment: Arc<str>) -> Self {
        Self {
            world,
            sources,
            names,
            environment,
            diagnostics: Diagnostics::default(),
            quiet: 0,
            program: hir::Program::default(),
            paths: HashMap::new(),
            unchecked: HashSet::new(),
            schemas: BTreeMap::new(),
            events: Vec::new(),
            consts: HashMap::new(),
            open: Vec::new(),
            settings: None,
            patterns: HashSet::new(),
            used: HashSet::new(),
            never: Vec::new(),
            scope: Vec::new(),
            facts: Facts::default(),
            rule: RuleState::default(),
        }
    }

    /// Checks every item.
    fn bundle(&mut self, files: &[ast::File]) {
        self.program.sources = self.sources.to_vec();
        self.declare_schemas();
        self.declare_events();
        self.declare_schedules();
        self.declare_lists();
        self.declare_consts();
        self.declare_predicates();
        self.declare_policies();
        for item in files.iter().flat_map(|file| &file.items) {
            match &item.kind {
                ast::ItemKind::Rule(rule) => self.rule_item(rule, &item.docs),
                ast::ItemKind::Group(group) => self.group(group),
                _ => {}
            }
        }
        for item in files.iter().flat_map(|file| &file.items) {
            if let ast::ItemKind::Test(test) = &item.kind {
                self.test(test);
            }
        }
        paths::compact(&mut self.program);
        self.program.unchecked = self.unchecked.len();
    }

    /// Reports. Text that is looked at once more gives no second warning; an error is never lost, and the
    /// same one at the same place is taken once.
    fn report(&mut self, diagnostic: Diagnostic) {
        if self.quiet == 0 || diagnostic.severity == Severity::Error {
            self.diagnostics.push(diagnostic);
        }
    }

    /// A place as messages name it: `leads.route:6`.
    fn place_name(&self, span: Span) -> String {
        match self.source(span) {
            Some(source) => format!("{}:{}", source.name, source.place(span.start).line),
            None => String::new(),
        }
    }

    fn source(&self, span: Span) -> Option<&'a Source> {
        self.sources.get(usize::from(span.source.0))
    }

    /// The text as written.
    fn written(&self, span: Span) -> &'a str {
        self.source(span).map(|source| source.slice(span)).unwrap_or_default()
    }

    /// Notes that something uses a name.
    fn uses(&mut self, space: names::Space, name: &str) {
        self.used.insert((space, name.into()));
    }

    /// A local of its own for a quantifier or loop.
    fn fresh_local(&mut self) -> hir::LocalId {
        let local = hir::LocalId(self.rule.locals);
        self.rule.locals = self.rule.locals.saturating_add(1);
        local
    }

    /// Runs `inner` with further bindings and facts, and takes them away again.
    fn within<T>(&mut self, bindings: Vec<Binding>, facts: &Facts, inner: impl FnOnce(&mut Self) -> T) -> T {
        let scope_before = self.scope.len();
        let facts_before = self.facts.clone();
        self.scope.extend(bindings);
        self.facts.extend(facts);
        let result = inner(self);
        self.scope.truncate(scope_before);
        self.facts = facts_before;
        result
    }

    /// Runs `inner` without warnings.
    fn quietly<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.quiet += 1;
        let result = inner(self);
        self.quiet -= 1;
        result
    }

    /// The position of a payload path.
    fn path(&mut self, path: hir::Path) -> hir::PathId {
        if let Some(&id) = self.paths.get(&path) {
            return id;
        }
        let id = hir::PathId(u32::try_from(self.program.paths.len()).unwrap_or(u32::MAX));
        self.program.paths.push(path.clone());
        self.paths.insert(path, id);
        id
    }
}
