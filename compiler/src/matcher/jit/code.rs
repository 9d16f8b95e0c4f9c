//! The owner of code memory. Routines are entered here and nowhere else.

#![expect(unsafe_code, reason = "entering compiled code, and freeing its memory")]

use std::mem::ManuallyDrop;
use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, PoisonError};

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};

use super::JitError;
use super::calls::{self, Call};
use super::emit::{self, Emitter};
use super::shape::Node;
use crate::ternary::Ternary;

/// `(call, cells, constants) -> 0, 1 or 2`
type Entry = unsafe extern "C" fn(*const Call<'_, '_>, *const [i64; 2], *const i64) -> u32;

/// The routines of one plan. Their addresses never leave this type.
pub(super) struct Code {
    entries: Vec<(Entry, usize)>,
    cells: usize,
    bytes: usize,
    /// The mutex makes it shareable; it is only ever taken out, by `drop`.
    module: ManuallyDrop<Mutex<JITModule>>,
}

impl Code {
    /// Compiles a routine per shape; with each stands how many constants it loads. All of them load
    /// from `cells` cells. Once there are `bytes_max` bytes of code, the shapes that follow get none.
    pub(super) fn new(shapes: &[(Node, usize)], cells: usize, bytes_max: usize) -> Result<Self, JitError> {
        let mut builder = JITBuilder::with_isa(host()?.clone(), default_libcall_names());
        builder.symbol("leaf", calls::leaf as *const u8);
        let mut module = JITModule::new(builder);
        match Self::define(&mut module, shapes, cells, bytes_max) {
            Ok((entries, bytes)) => {
                Ok(Self { entries, cells, bytes, module: ManuallyDrop::new(Mutex::new(module)) })
            }
            Err(error) => {
                // SAFETY: no address of the module has left this function, so nothing runs in its
                // memory and nothing can.
                unsafe { module.free_memory() };
                Err(error)
            }
        }
    }

    fn define(
        module: &mut JITModule,
        shapes: &[(Node, usize)],
        cells: usize,
        bytes_max: usize,
    ) -> Result<(Vec<(Entry, usize)>, usize), JitError> {
        let code = |error: cranelift_module::ModuleError| JitError::Code(error.to_string());
        let leaf =
            module.declare_function("leaf", Linkage::Import, &emit::leaf_signature(module)).map_err(code)?;
        let mut emitter = Emitter::new(module, leaf, cells);
        let mut ids = Vec::with_capacity(shapes.len());
        let mut bytes = 0;
        for (shape, constants) in shapes {
            if bytes >= bytes_max {
                break;
            }
            let (id, size) = emitter.routine(module, shape, *constants)?;
            bytes += size;
            ids.push((id, *constants));
        }
        module.finalize_definitions().map_err(code)?;
        let entries = ids.into_iter().map(|(id, constants)| {
            let address = module.get_finalized_function(id);
            // SAFETY: the routine was declared with the signature of `Entry` (`emit::signature`) and
            // the calling convention of the host, and its memory is executable from here on.
            let entry = unsafe { std::mem::transmute::<*const u8, Entry>(address) };
            (entry, constants)
        });
        Ok((entries.collect(), bytes))
    }

    /// How many routines there are.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of code.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Asks a routine. What it loads was checked to lie within `cells` and `constants` when it was
    /// made; that these are at least as long is checked here.
    pub(super) fn run(
        &self,
        entry: usize,
        call: &Call<'_, '_>,
        cells: &[[i64; 2]],
        constants: &[i64],
    ) -> Ternary {
        let Some(&(entry, wanted)) = self.entries.get(entry) else { return Ternary::Unknown };
        if cells.len() < self.cells || constants.len() < wanted {
            debug_assert!(false, "cells and constants are those that the routine was made for");
            return Ternary::Unknown;
        }
        // SAFETY: the memory of the routine is alive, because `self` is borrowed and only `drop` frees
        // it. It loads below `self.cells` and `wanted`, which both slices reach, and writes nothing.
        // It hands `call` to `calls::leaf` alone, before it returns.
        let answer = unsafe { entry(call, cells.as_ptr(), constants.as_ptr()) };
        if let Some(panic) = call.panic() {
            resume_unwind(panic);
        }
        match answer {
            0 => Ternary::No,
            2 => Ternary::Yes,
            _ => Ternary::Unknown,
        }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: it is taken once, here, and not used afterwards.
        let module = unsafe { ManuallyDrop::take(&mut self.module) };
        let module = module.into_inner().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the entries are private and only entered through `&self`, so no routine is running
        // and none can start. Dropping the module alone would leak its pages.
        unsafe { module.free_memory() }
    }
}

/// The processor, looked at once per process.
fn host() -> Result<&'static OwnedTargetIsa, JitError> {
    static HOST: OnceLock<Result<OwnedTargetIsa, String>> = OnceLock::new();
    HOST.get_or_init(find_host).as_ref().map_err(|error| JitError::Host(error.clone()))
}

fn find_host() -> Result<OwnedTargetIsa, String> {
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", "speed"),
        // The other one takes ten times as long for long functions, and gains nothing measurable here.
        ("regalloc_algorithm", "single_pass"),
        ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ("use_colocated_libcalls", "false"),
        ("is_pic", "false"),
    ] {
        flags.set(name, value).map_err(|error| error.to_string())?;
    }
    let host = cranelift_native::builder().map_err(str::to_owned)?;
    host.finish(settings::Flags::new(flags)).map_err(|error| error.to_string())
}
