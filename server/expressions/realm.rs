//! One realm: created for one evaluation with limits, and dropped after it. It has no access to the outside.
//!
//! The engine checks the time limit between instructions and in regular expressions, but not within a native function
//! that calls no script function: `new Array(4294967295).join()` runs for minutes. For a guaranteed end use a worker
//! (`pool.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rquickjs::{Array, CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object, Runtime, Value};
use serde::{Deserialize, Serialize};

use super::processor::{Subject, Used};

const PRELUDE: &str = include_str!("prelude.js");
/// The memory limit of parsing, bytes.
const PARSE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The time limit of parsing in one realm, milliseconds.
const PARSE_MS_MAX: u64 = 10_000;
/// The stack limit of scripts, bytes. It is smaller than the smallest stack of an evaluating thread.
const STACK_BYTES_MAX: usize = 256 * 1024;

/// The limits of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The processor time of all expressions of one configuration together, milliseconds. They may also take eight times
    /// as long by the clock.
    pub time_ms: u64,
    /// Their memory limit, bytes.
    pub memory_bytes: usize,
    /// The limit on the total length of their values, characters.
    pub value_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time_ms: 1000, memory_bytes: 64 * 1024 * 1024, value_chars: 4 * 1024 * 1024 }
    }
}

/// A job for a realm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    /// The expressions, already checked, in the order of evaluation.
    pub(super) codes: Vec<CodeSource>,
    /// The roots that they may read: a name, and its members as JSON.
    pub(super) roots: Vec<(String, Vec<(String, String)>)>,
    /// The time that they see, Unix milliseconds.
    pub(super) now_ms: i64,
    /// The seed of their random numbers.
    pub(super) seed: u32,
    /// The mark before an integer that a JavaScript number cannot represent; empty if there are no such integers.
    pub(super) big: String,
    pub(super) limits: Limits,
}

/// One expression to evaluate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CodeSource {
    /// The body of a function.
    pub(super) body: String,
    /// Whether its value is inserted into text.
    pub(super) in_text: bool,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Broken {
    /// The index of the expression; the first one if it is not known.
    pub(super) code: usize,
    pub(super) reason: Reason,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// It exceeded the time limit.
    TimedOut,
    /// It exceeded the memory limit.
    OutOfMemory,
    /// Its recursion or its nesting was too deep.
    TooDeep,
    /// The script's error message.
    Failed(String),
}

/// Evaluates a job. Each value is JSON, or text within a text; `None` for a missing value.
pub(super) fn evaluate(job: &Job) -> Result<Vec<Option<String>>, Broken> {
    let over = Arc::new(AtomicBool::new(false));
    let runtime =
        runtime(job.limits.memory_bytes, job.limits.time_ms, &over).map_err(|reason| Broken { code: 0, reason })?;
    let context = Context::full(&runtime).map_err(|_| Broken { code: 0, reason: Reason::OutOfMemory })?;
    context.with(|ctx| {
        let broken = |code: usize, error: CaughtError<'_>| Broken { code, reason: reason(&error, &over) };
        let (run, roots) = prepare(&ctx, job).catch(&ctx).map_err(|error| broken(0, error))?;
        let mut values = Vec::with_capacity(job.codes.len());
        for (place, code) in job.codes.iter().enumerate() {
            match one(&ctx, job, code, (&run, &roots)).catch(&ctx).map_err(|error| broken(place, error))? {
                Ok(value) => values.push(value),
                Err(reason) => return Err(Broken { code: place, reason }),
            }
        }
        Ok(values)
    })
}

/// Parses expressions without evaluating them. Parsed sources stay in memory, so the realm is renewed from time to
/// time.
#[derive(Default)]
pub(super) struct Parser {
    realm: Option<(Context, Arc<AtomicBool>)>,
    read: usize,
}

/// The most sources parsed in one realm.
const READ_MAX: usize = 500;

impl Parser {
    /// Parses all sources as modules, or returns the engine's error for the first invalid one.
    pub(super) fn parses(&mut self, sources: &[String]) -> Result<(), Reason> {
        if self.read >= READ_MAX {
            *self = Self::default();
        }
        self.read += sources.len();
        let (context, over) = match &self.realm {
            Some(realm) => realm,
            None => self.realm.insert(realm()?),
        };
        context.with(|ctx| {
            for source in sources {
                let parsed = Module::declare(ctx.clone(), "expression", source.as_str()).catch(&ctx);
                parsed.map_err(|error| reason(&error, over))?;
            }
            Ok(())
        })
    }
}

fn realm() -> Result<(Context, Arc<AtomicBool>), Reason> {
    let over = Arc::new(AtomicBool::new(false));
    let runtime = runtime(PARSE_BYTES_MAX, PARSE_MS_MAX, &over)?;
    let context = Context::full(&runtime).map_err(|_| Reason::OutOfMemory)?;
    Ok((context, over))
}

fn runtime(memory_bytes: usize, time_ms: u64, over: &Arc<AtomicBool>) -> Result<Runtime, Reason> {
    let runtime = Runtime::new().map_err(|_| Reason::OutOfMemory)?;
    runtime.set_memory_limit(memory_bytes);
    runtime.set_max_stack_size(STACK_BYTES_MAX);
    let (used, over, most) = (Used::start(Subject::Thread), over.clone(), Duration::from_millis(time_ms));
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let is_over = used.exceeds(most);
        if is_over {
            over.store(true, Ordering::Relaxed);
        }
        is_over
    })));
    Ok(runtime)
}

/// The prelude's `run`, and the roots.
fn prepare<'js>(ctx: &Ctx<'js>, job: &Job) -> rquickjs::Result<(Function<'js>, Array<'js>)> {
    let prelude: Function = ctx.eval(PRELUDE)?;
    // The milliseconds of every valid date are exact in a float.
    let most = job.limits.value_chars as f64;
    let made: Object = prelude.call((job.now_ms as f64, f64::from(job.seed), most, job.big.as_str()))?;
    let root: Function = made.get("root")?;
    let roots = Array::new(ctx.clone())?;
    for (place, (_, members)) in job.roots.iter().enumerate() {
        let given = Object::new(ctx.clone())?;
        // An object without a prototype, so that a member may have any name.
        given.set_prototype(None)?;
        for (name, json) in members {
            given.set(name.as_str(), json.as_str())?;
        }
        roots.set(place, root.call::<_, Value>((given,))?)?;
    }
    Ok((made.get("run")?, roots))
}

type Valued = Result<Option<String>, Reason>;

fn one<'js>(
    ctx: &Ctx<'js>,
    job: &Job,
    code: &CodeSource,
    (run, roots): (&Function<'js>, &Array<'js>),
) -> rquickjs::Result<Valued> {
    let names: Vec<&str> = job.roots.iter().map(|(name, _)| name.as_str()).collect();
    let function: Function = ctx.eval(format!("(function({}){{{}}})", names.join(","), code.body))?;
    let returned: Array = run.call((function, roots.clone(), code.in_text))?;
    let (kind, value): (String, Option<String>) = (returned.get(0)?, returned.get(1)?);
    Ok(match kind.as_str() {
        "made" => Ok(value),
        "deep" => Err(Reason::TooDeep),
        "memory" => Err(Reason::OutOfMemory),
        // The engine throws null when it has no memory for an error. A script with `throw` could do the same.
        "null" if !code.body.contains("throw") => Err(Reason::OutOfMemory),
        _ => Err(Reason::Failed(value.unwrap_or_default())),
    })
}

/// Converts an error of the engine into a reason.
fn reason(error: &CaughtError<'_>, over: &AtomicBool) -> Reason {
    if over.load(Ordering::Relaxed) {
        return Reason::TimedOut;
    }
    let said = match error {
        CaughtError::Exception(exception) => exception.message().unwrap_or_default(),
        CaughtError::Value(_) => "it threw something that is no error".to_owned(),
        CaughtError::Error(rquickjs::Error::Allocation) => return Reason::OutOfMemory,
        CaughtError::Error(error) => error.to_string(),
    };
    match said.as_str() {
        "out of memory" => Reason::OutOfMemory,
        "Maximum call stack size exceeded" | "stack overflow" => Reason::TooDeep,
        _ => Reason::Failed(said),
    }
}
