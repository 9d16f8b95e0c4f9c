//! The crate `cel`: fields given by a resolver that lends them, one base context, every program run.

use ::cel::common::types::{CelDouble, CelString};
use ::cel::common::value::{CowVal, Val};
use ::cel::context::VariableResolver;
use ::cel::{Context, Program, Value};
use inputs::shapes::{Rule, Source, decimal};

use super::{Built, Candidate, Engine, Task, Watch};
use crate::fields::Fields;
use crate::naive::Middle;

pub struct Cel;

struct Running {
    programs: Vec<Program>,
    base: Context<'static, 'static>,
    source: Source,
}

/// The fields of an event as the language's values.
struct Lent<'e> {
    texts: [(&'static str, CelString<'e>); 6],
    x: Option<CelDouble>,
}

impl VariableResolver for Lent<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if variable == "x" {
            return self.x.as_ref().map(|x| CowVal::Borrowed(x as &dyn Val));
        }
        let (_, text) = self.texts.iter().find(|(name, _)| *name == variable)?;
        // A field that an event has not is a variable that is not there.
        (!text.inner().is_empty()).then_some(CowVal::Borrowed(text as &dyn Val))
    }
}

impl Candidate for Cel {
    fn name(&self) -> &'static str {
        "cel (fields given)"
    }

    fn middle(&self) -> Middle {
        Middle::Anywhere
    }

    fn build(&mut self, task: &Task<'_>) -> Result<Built, String> {
        let watch = Watch::start(task.limits);
        let mut programs = Vec::with_capacity(task.rules.len());
        for (at, rule) in task.rules.iter().enumerate() {
            watch.check(at)?;
            let text = expression(task.source, rule);
            programs.push(Program::compile(&text).map_err(|error| error.to_string())?);
        }
        Ok(Built::new(Running { programs, base: Context::default(), source: task.source }, &watch))
    }
}

impl Engine for Running {
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String> {
        let fields = Fields::read(self.source, event)?;
        let lent = Lent {
            texts: [
                ("key", CelString::from(fields.key)),
                ("tail", CelString::from(fields.tail)),
                ("street", CelString::from(fields.street)),
                ("lot", CelString::from(fields.lot)),
                ("side", CelString::from(fields.side)),
                ("kind", CelString::from(fields.kind)),
            ],
            x: fields.x.map(CelDouble::from),
        };
        run(&self.programs, &self.base, &lent, found);
        Ok(())
    }
}

fn run<'e>(programs: &[Program], base: &'e Context<'e, 'e>, lent: &'e Lent<'e>, found: &mut Vec<u32>) {
    let mut context = base.new_inner_scope();
    context.set_variable_resolver(lent);
    for (program, at) in programs.iter().zip(0..) {
        // An error, such as a variable that is not there, is no match.
        if let Ok(Value::Bool(true)) = program.execute(&context) {
            found.push(at);
        }
    }
}

fn expression(source: Source, rule: &Rule) -> String {
    let scale = source.paths().x_scale;
    // The number is a double.
    let number = |units: i64| if scale == 1 { format!("{units}.0") } else { decimal(units, scale) };
    match rule {
        Rule::Equality { key } => format!("key == \"{key}\""),
        Rule::Conjunction { street, low, high, prefix } => format!(
            "street == \"{street}\" && x >= {} && x < {} && tail.startsWith(\"{prefix}\")",
            number(*low),
            number(*high)
        ),
        Rule::Suffix { suffix } => format!("tail.endsWith(\"{suffix}\")"),
        Rule::Glob { prefix, middle, suffix } => format!(
            "key.startsWith(\"{prefix}\") && key.endsWith(\"{suffix}\") && key.contains(\"{middle}\")"
        ),
        Rule::Disjunction { key, street, lot, side, kind } => format!(
            "(key == \"{key}\" || (street == \"{street}\" && lot == \"{lot}\")) && side != \"{side}\" && kind != \"{kind}\""
        ),
    }
}
