//! One realm: made for one evaluation, bounded, and gone after it. Nothing of the outside is in it.
//!
//! A bound on time is kept by the engine between instructions and in regular expressions, and not within a native function that calls
//! none of the script's: `new Array(4294967295).join()` runs for minutes. Whoever needs an end at all costs asks a worker (`pool.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rquickjs::{Array, CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object, Runtime, Value};
use runyard_compute::clock::Stopwatch;
use serde::{Deserialize, Serialize};

const PRELUDE: &str = include_str!("prelude.js");
/// What parsing may take, bytes.
const PARSE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// What parsing may take in one realm, milliseconds.
const PARSE_MS_MAX: u64 = 10_000;
/// How deep scripts may go, bytes of stack. Smaller than the smallest stack that they are evaluated on.
const STACK_BYTES_MAX: usize = 256 * 1024;

/// How far an evaluation may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long all expressions of one configuration may take together, milliseconds.
    pub time_ms: u64,
    /// How much memory they may take, bytes.
    pub memory_bytes: usize,
    /// How long their values may be together, characters.
    pub value_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time_ms: 1000, memory_bytes: 64 * 1024 * 1024, value_chars: 4 * 1024 * 1024 }
    }
}

/// What is asked of a realm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    /// Expressions, already checked, in the order in which they are evaluated.
    pub(super) codes: Vec<Asked>,
    /// What they may read: a name, and its members as JSON.
    pub(super) roots: Vec<(String, Vec<(String, String)>)>,
    /// What time it is for them, Unix milliseconds.
    pub(super) now_ms: i64,
    /// What their chance begins with.
    pub(super) seed: u32,
    /// What stands before an integer that JavaScript's numbers cannot hold; empty where there is none.
    pub(super) big: String,
    pub(super) limits: Limits,
}

/// One expression to evaluate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The body of a function.
    pub(super) body: String,
    /// Whether its value stands in a text.
    pub(super) in_text: bool,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Broken {
    /// Which expression; the first one where it is not known.
    pub(super) code: usize,
    pub(super) reason: Reason,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// It took too long.
    TimedOut,
    /// It took too much memory.
    OutOfMemory,
    /// It called itself too often, or is nested too deeply.
    TooDeep,
    /// What the script said.
    Failed(String),
}

/// Evaluates. Each value is JSON or, in a text, text; none where it is nothing.
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

/// Reads expressions without evaluating them. What was read stays in memory, so it is renewed now and then.
#[derive(Default)]
pub(super) struct Parser {
    realm: Option<(Context, Arc<AtomicBool>)>,
    read: usize,
}

/// So many sources are read in one realm.
const READ_MAX: usize = 500;

impl Parser {
    /// Whether these are all modules that can be parsed; what the engine says against the first that is none.
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
    let (watch, over, most) = (Stopwatch::start(), over.clone(), Duration::from_millis(time_ms));
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let is_over = watch.elapsed() > most;
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
    // Milliseconds of any date that there is fit a float exactly.
    let most = job.limits.value_chars as f64;
    let made: Object = prelude.call((job.now_ms as f64, f64::from(job.seed), most, job.big.as_str()))?;
    let root: Function = made.get("root")?;
    let roots = Array::new(ctx.clone())?;
    for (place, (_, members)) in job.roots.iter().enumerate() {
        let given = Object::new(ctx.clone())?;
        // An object without a prototype: a member may have any name.
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
    code: &Asked,
    (run, roots): (&Function<'js>, &Array<'js>),
) -> rquickjs::Result<Valued> {
    let names: Vec<&str> = job.roots.iter().map(|(name, _)| name.as_str()).collect();
    let function: Function = ctx.eval(format!("(function({}){{{}}})", names.join(","), code.body))?;
    let told: Array = run.call((function, roots.clone(), code.in_text))?;
    let (kind, value): (String, Option<String>) = (told.get(0)?, told.get(1)?);
    Ok(match kind.as_str() {
        "made" => Ok(value),
        "deep" => Err(Reason::TooDeep),
        "memory" => Err(Reason::OutOfMemory),
        // The engine throws it where there is no memory left for an error. A script could too, if it throws anything.
        "null" if !code.body.contains("throw") => Err(Reason::OutOfMemory),
        _ => Err(Reason::Failed(value.unwrap_or_default())),
    })
}

/// What an error of the engine means.
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
