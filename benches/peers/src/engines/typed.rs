//! Reading the fields alone: the part of the time that engines without JSON of their own share.

use inputs::shapes::Source;

use super::{Built, Candidate, Engine, Side, Task, Watch};
use crate::fields::Fields;

pub struct Typed;

struct Reader(Source);

impl Candidate for Typed {
    fn name(&self) -> &'static str {
        "(typed serde struct alone)"
    }

    fn side(&self) -> Side {
        Side::Floor
    }

    fn build(&mut self, task: &Task<'_>) -> Result<Built, String> {
        Ok(Built::new(Reader(task.source), &Watch::start(task.limits)))
    }
}

impl Engine for Reader {
    fn matches(&mut self, event: &[u8], _found: &mut Vec<u32>) -> Result<(), String> {
        std::hint::black_box(Fields::read(self.0, event)?);
        Ok(())
    }
}
