//! The crate `vrl`: its own value from the bytes, every program resolved.
//!
//! The value is read by `sonic-rs`: `serde_json` is built here with exact numbers, which that value does
//! not know, and is slower. The language's `starts_with`, `ends_with` and `contains` are in a standard
//! library with a hundred dependencies; the three stand here instead, without the options of the originals.

use std::collections::BTreeMap;

use ::vrl::compiler::prelude::*;
use ::vrl::compiler::runtime::Runtime;
use ::vrl::compiler::state::{ExternalEnv, RuntimeState};
use ::vrl::compiler::{CompileConfig, Program, TargetValue, compile_with_external};
use ::vrl::value::Secrets;
use inputs::shapes::{Rule, Source, decimal};

use super::{Built, Candidate, Engine, Task, Watch};
use crate::naive::Middle;

pub struct Vrl;

struct Running {
    programs: Vec<Program>,
    runtime: Runtime,
    zone: TimeZone,
}

impl Candidate for Vrl {
    fn name(&self) -> &'static str {
        "vrl"
    }

    fn middle(&self) -> Middle {
        Middle::Anywhere
    }

    fn build(&mut self, task: &Task<'_>) -> Result<Built, String> {
        let watch = Watch::start(task.limits);
        let place = |identifier, place| Box::new(Search { identifier, place }) as Box<dyn Function>;
        let functions = [
            place("starts_with", Place::Start),
            place("ends_with", Place::End),
            place("contains", Place::Anywhere),
        ];
        let environment = environment(task.source);
        let mut programs = Vec::with_capacity(task.rules.len());
        for (at, rule) in task.rules.iter().enumerate() {
            watch.check(at)?;
            let text = program(task.source, rule);
            let compiled = compile_with_external(&text, &functions, &environment, CompileConfig::default());
            programs.push(compiled.map_err(|problems| format!("{text}: {problems:?}"))?.program);
        }
        let running =
            Running { programs, runtime: Runtime::new(RuntimeState::default()), zone: TimeZone::default() };
        Ok(Built::new(running, &watch))
    }
}

impl Engine for Running {
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String> {
        let value: Value = sonic_rs::from_slice(event).map_err(|error| error.to_string())?;
        let metadata = Value::Object(BTreeMap::new());
        let mut target = TargetValue { value, metadata, secrets: Secrets::default() };
        for (program, at) in self.programs.iter().zip(0..) {
            let answer = self.runtime.resolve(&mut target, program, &self.zone);
            if let Ok(Value::Boolean(true)) = answer {
                found.push(at);
            }
            self.runtime.clear();
        }
        Ok(())
    }
}

/// Types of what rules read, so that the compiler needs no checks at run time. Webhooks lack fields.
fn environment(source: Source) -> ExternalEnv {
    let object = |fields: Vec<(&str, Kind)>| {
        let known = fields.into_iter().map(|(name, kind)| (Field::from(name), kind));
        Kind::object(Collection::from(known.collect::<BTreeMap<_, _>>()).with_unknown(Kind::any()))
    };
    let target = match source {
        Source::Hooks => Kind::object(Collection::any()),
        Source::Parcels => {
            let texts = ["MAPBLKLOT", "BLKLOT", "STREET", "LOT_NUM", "ODD_EVEN", "ST_TYPE"];
            let properties = object(texts.iter().map(|name| (*name, Kind::bytes())).collect());
            let point = object(vec![("x", Kind::float())]);
            object(vec![("properties", properties), ("geometry", object(vec![("firstCoordinates", point)]))])
        }
    };
    ExternalEnv::new_with_kind(target, Kind::object(Collection::any()))
}

fn program(source: Source, rule: &Rule) -> String {
    let paths = source.paths();
    let at = |path: &[&str]| format!(".{}", path.join("."));
    let there = |path: &[&str]| match source {
        Source::Parcels => String::new(),
        Source::Hooks => format!(" && {} != null", at(path)),
    };
    match rule {
        Rule::Equality { key } => format!("{} == \"{key}\"", at(paths.key)),
        Rule::Conjunction { street, low, high, prefix } => {
            let (low, high) = (decimal(*low, paths.x_scale), decimal(*high, paths.x_scale));
            let x = at(paths.x);
            let range = match source {
                Source::Parcels => format!("{x} >= {low} && {x} < {high}"),
                // Comparing what may be absent can fail, and has to say what then.
                Source::Hooks => format!("(({x} >= {low}) ?? false) && (({x} < {high}) ?? false)"),
            };
            let prefix = format!("starts_with({}, \"{prefix}\")", at(paths.tail));
            format!("{} == \"{street}\" && {range} && {prefix}", at(paths.street))
        }
        Rule::Suffix { suffix } => format!("ends_with({}, \"{suffix}\")", at(paths.tail)),
        Rule::Glob { prefix, middle, suffix } => {
            let key = at(paths.key);
            format!(
                "starts_with({key}, \"{prefix}\") && ends_with({key}, \"{suffix}\") && contains({key}, \"{middle}\")"
            )
        }
        Rule::Disjunction { key, street, lot, side, kind } => format!(
            "({} == \"{key}\" || ({} == \"{street}\" && {} == \"{lot}\")) && {} != \"{side}\" && {} != \"{kind}\"{}{}",
            at(paths.key),
            at(paths.street),
            at(paths.lot),
            at(paths.side),
            at(paths.kind),
            there(paths.side),
            there(paths.kind),
        ),
    }
}

/// Where a text is looked for in another.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    End,
    Anywhere,
}

#[derive(Clone, Copy, Debug)]
struct Search {
    identifier: &'static str,
    place: Place,
}

const PARAMETERS: &[Parameter] = &[
    Parameter::required("value", kind::ANY, "What is searched; other than text holds nothing."),
    Parameter::required("substring", kind::BYTES, "What is looked for."),
];

impl Function for Search {
    fn identifier(&self) -> &'static str {
        self.identifier
    }

    fn usage(&self) -> &'static str {
        "Says whether a text is found in another."
    }

    fn category(&self) -> &'static str {
        "String"
    }

    fn return_kind(&self) -> u16 {
        kind::BOOLEAN
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn examples(&self) -> &'static [Example] {
        &[]
    }

    fn compile(
        &self,
        _state: &TypeState,
        _context: &mut FunctionCompileContext,
        arguments: ArgumentList,
    ) -> Compiled {
        let (value, needle) = (arguments.required("value"), arguments.required("substring"));
        Ok(SearchCall { value, needle, place: self.place }.as_expr())
    }
}

#[derive(Clone, Debug)]
struct SearchCall {
    value: Box<dyn Expression>,
    needle: Box<dyn Expression>,
    place: Place,
}

impl FunctionExpression for SearchCall {
    fn resolve(&self, context: &mut Context) -> Resolved {
        let needle = self.needle.resolve(context)?.try_bytes()?;
        let Ok(value) = self.value.resolve(context)?.try_bytes() else {
            return Ok(Value::Boolean(false));
        };
        Ok(Value::Boolean(match self.place {
            Place::Start => value.starts_with(&needle),
            Place::End => value.ends_with(&needle),
            Place::Anywhere => needle.is_empty() || value.windows(needle.len()).any(|part| part == needle),
        }))
    }

    fn type_def(&self, _state: &TypeState) -> TypeDef {
        TypeDef::boolean().infallible()
    }
}
