//! Runs the tests of a bundle: events in, deliveries out, on a clock that only the test moves.
//!
//! No destination is called. Rules, limits and gates (`throttle`, `dedupe`, `during`, `delay`, keyed
//! `sample`) act as on a server. Three things differ, because a test asks about rules and not about
//! load: a `rate_limit` delays nothing, nothing fails and is tried again, and a plain `sample` takes
//! everything, since the events of a test have no ids of their own to be drawn by.

mod expect;
mod explain;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use grammar::{Diagnostic, Diagnostics, Source, Span};

use crate::check::{Checked, check};
use crate::hir::{Program, Settings, Statement, TestStepKind};
use crate::plan::{Plan, plan};
use crate::world::{Bundle, World};

/// What running the tests of a bundle gave.
#[derive(Clone, Debug, Default)]
pub struct TestRun {
    /// One per test, in written order. Empty when the bundle has errors.
    pub results: Vec<TestResult>,
    /// What checking the bundle said; with errors no test is run.
    pub diagnostics: Diagnostics,
    /// The files that spans point into.
    pub sources: Vec<Source>,
}

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Its title.
    pub title: Arc<str>,
    /// The file it stands in.
    pub file: Box<str>,
    /// Where its title is written.
    pub span: Span,
    /// Whether it holds.
    pub outcome: TestOutcome,
}

/// Whether a test holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    /// In every environment that it ran in.
    Passed,
    /// The first expectation that did not hold.
    Failed(Box<Diagnostic>),
    /// It was not run; why, for people.
    NotRun(&'static str),
}

/// After so many failures no further test is run: nobody reads more at once, and explaining one asks every
/// rule again.
pub const FAILURES_MAX: usize = 50;

/// So many times rules are asked about events, at most. A thousand tests of the largest bundle stay below.
pub const QUESTIONS_MAX: usize = 20_000_000;

impl TestRun {
    /// Whether the bundle has no errors, and every test was run and holds.
    #[must_use]
    pub fn passed(&self) -> bool {
        let holds = |result: &TestResult| result.outcome == TestOutcome::Passed;
        !self.diagnostics.has_errors() && self.results.iter().all(holds)
    }

    /// Why tests failed, in written order.
    pub fn failures(&self) -> impl Iterator<Item = &Diagnostic> {
        self.results.iter().filter_map(|result| match &result.outcome {
            TestOutcome::Passed | TestOutcome::NotRun(_) => None,
            TestOutcome::Failed(diagnostic) => Some(&**diagnostic),
        })
    }
}

/// Checks a bundle and runs its tests.
///
/// A test runs in the environment it names; without one in the workspace's, and when the world has
/// none, in every environment that the bundle knows.
#[must_use]
pub fn run_tests(bundle: &Bundle, world: &World) -> TestRun {
    run_tests_of(bundle, world, check(bundle, world))
}

/// The same for a bundle that was checked in that world.
#[must_use]
pub fn run_tests_of(bundle: &Bundle, world: &World, checked: Checked) -> TestRun {
    let Checked { program, sources, diagnostics, environments } = checked;
    let mut run = TestRun { results: Vec::new(), diagnostics, sources };
    if run.diagnostics.has_errors() {
        return run;
    }
    let mut plans = Plans { bundle, world, plans: BTreeMap::new() };
    let (mut failures, mut questions) = (0, 0_usize);
    for (at, test) in program.tests.iter().enumerate() {
        let named = test.environment.as_ref().map(std::slice::from_ref);
        let environments = named.unwrap_or(&environments);
        let given = test.steps.iter().filter(|step| matches!(step.kind, TestStepKind::Given { .. })).count();
        questions = questions.saturating_add(given * environments.len() * program.rules.len());
        let outcome = if failures >= FAILURES_MAX {
            TestOutcome::NotRun("too many tests before it failed")
        } else if questions > QUESTIONS_MAX {
            TestOutcome::NotRun("the tests before it were too much work")
        } else {
            plans.outcome(environments, at)
        };
        failures += usize::from(matches!(outcome, TestOutcome::Failed(_)));
        let source = run.sources.iter().find(|source| source.id == test.span.source);
        let file = source.map(|source| source.name.clone()).unwrap_or_default();
        run.results.push(TestResult { title: Arc::clone(&test.title), file, span: test.span, outcome });
    }
    run
}

/// The bundle per environment, made when a test first asks.
struct Plans<'a> {
    bundle: &'a Bundle,
    world: &'a World,
    plans: BTreeMap<Arc<str>, Result<Plan, Box<Diagnostic>>>,
}

impl Plans<'_> {
    /// The first failure; where a test holds in some environments and not in others, it says so.
    fn outcome(&mut self, environments: &[Arc<str>], at: usize) -> TestOutcome {
        let answers: Vec<_> =
            environments.iter().map(|environment| (environment, self.failure(environment, at))).collect();
        let holds_in = answers.iter().find(|(_, failure)| failure.is_none()).map(|(one, _)| *one);
        let Some((environment, failure)) =
            answers.iter().find_map(|(one, failure)| failure.clone().map(|failure| (*one, failure)))
        else {
            return TestOutcome::Passed;
        };
        TestOutcome::Failed(match holds_in {
            Some(other) => Box::new(explain::in_environment(*failure, environment, other)),
            None => failure,
        })
    }

    /// Why the test at that place fails in an environment.
    fn failure(&mut self, environment: &Arc<str>, at: usize) -> Option<Box<Diagnostic>> {
        if !self.plans.contains_key(environment) {
            self.plans.insert(Arc::clone(environment), self.make(environment));
        }
        match self.plans.get(environment)? {
            Err(diagnostic) => Some(diagnostic.clone()),
            Ok(plan) => {
                let test = plan.program.tests.get(at)?;
                run::failure(plan, self.world, test, environment).map(Box::new)
            }
        }
    }

    fn make(&self, environment: &Arc<str>) -> Result<Plan, Box<Diagnostic>> {
        let same = self.world.environment.as_ref() == Some(environment);
        let world = World {
            environment: Some(Arc::clone(environment)),
            // What is set up is known of the workspace's own environment only.
            connections: self.world.connections.clone().filter(|_| same),
            ..self.world.clone()
        };
        let checked = check(self.bundle, &world);
        match checked.diagnostics.iter().find(|one| one.severity == grammar::diagnostic::Severity::Error) {
            Some(error) => Err(Box::new(error.clone())),
            None => Ok(plan(taking_everything(checked.program))),
        }
    }
}

/// Plain samples take everything.
fn taking_everything(mut program: Program) -> Program {
    let rules = program.rules.iter_mut().map(|rule| &mut rule.body);
    let otherwise = program.groups.iter_mut().filter_map(|group| group.otherwise.as_mut());
    rules.chain(otherwise.map(|otherwise| &mut otherwise.body)).for_each(|body| unsample(body));
    program
}

fn unsample(body: &mut [Statement]) {
    for statement in body {
        match statement {
            Statement::Deliver(deliver) => {
                if deliver.settings.sample.as_ref().is_some_and(|sample| sample.by.is_none()) {
                    let settings = Settings { sample: None, ..Settings::clone(&deliver.settings) };
                    deliver.settings = Arc::new(settings);
                }
            }
            Statement::Choose { arms, otherwise } => {
                arms.iter_mut().for_each(|(_, body)| unsample(body));
                unsample(otherwise);
            }
            Statement::ForEach { body, .. } => unsample(body),
            Statement::Ignore { .. } => {}
        }
    }
}
