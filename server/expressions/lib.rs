//! JavaScript in configurations: `{{ nodes.crm.email }}`, `templateExpression`, `jsExpression`, and whole scripts.
//!
//! | file          | what |
//! |---------------|------|
//! | this one      | [`Expressions`]: the API of this crate; the cache of compiled templates |
//! | `template.rs` | a configuration: finds and checks its expressions, inserts their values |
//! | `braces.rs`   | text with expressions in it |
//! | `chains.rs`   | paths with missing members as `undefined`; what an expression reads |
//! | `numbers.rs`  | conversion between JSON and JavaScript: large integers, lone surrogates |
//! | `tokens.rs`   | a JavaScript tokenizer, as far as needed here |
//! | `realm.rs`    | one realm: evaluation with limits |
//! | `prelude.js`  | the globals of a realm: dates, time, randomness, values to JSON |
//! | `worker.rs`   | the worker process: this program started again |
//! | `pool.rs`     | the workers, and the handling of one that does not answer |
//!
//! **Environment of an expression.** Expressions see `nodes.SLUG.FIELD` of the given context and the language, but no
//! files, network, timers or modules. Each evaluation of a configuration has its own realm. An expression that is only
//! a path is copied unchanged, and is null if a member is missing. Within another expression a missing path is
//! `undefined`. Other missing names, and `NaN`, fail with JavaScript's own message and the line. Scripts are plain
//! JavaScript. Text that is a date and time with a zone arrives as a `Date`, and is written as the same text unless it
//! was changed. Integers beyond 2^53 arrive as `BigInt`. The caller gives the time and the seed of `Math.random`, and
//! the zone is UTC, so that an evaluation gives the same value on every machine. A promise is not a value.
//!
//! **Why QuickJS** (rquickjs 0.14, QuickJS-ng) and not Boa (0.21): see the table in `README.md` next to this file.

mod braces;
mod chains;
mod numbers;
mod pool;
mod processor;
mod realm;
mod template;
mod tokens;
pub mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
pub use pool::this_program_is_a_worker;
pub use realm::Limits;
use runyard_compute::Compute;
use runyard_compute::clock::Clock;
use runyard_compute::sizes;
use runyard_compute::worker_slot::without_slot;
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object};
use serde_json::{Value, json};
pub use template::{Compiler, Dialect, Fault, Template, compile, compile_script, is_expression};

use braces::{Piece, pieces};
use chains::{Reads, Step};
use pool::{Answered, Pool};
use realm::{Broken, Job, Reason};
use template::{Made, Unfilled};

/// The size limit of the cache of compiled templates, bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest part of a script's error message that is shown, characters.
const SAID_CHARS_MAX: usize = 300;

/// Evaluates expressions, and caches compiled templates.
pub struct Expressions {
    pool: Pool,
    compute: Compute,
    limits: Limits,
    kept: Mutex<TemplateCache>,
}

/// A cache of compiled templates by the caller's key. It evicts the least recently used first.
struct TemplateCache {
    templates: LruCache<String, Arc<Template>>,
    bytes: usize,
}

/// The fixed inputs of an evaluation, so that a repetition gives the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvalClock {
    /// The current time, Unix milliseconds.
    pub now_ms: i64,
    /// The seed of random numbers, such as a part of the effect's id.
    pub seed: u32,
}

/// A member of a root that reads as a list of results, and also has the members `results` and `errors`.
pub fn list_of_results(results: &Value, errors: &Value) -> Value {
    json!({ "\u{0}list": results, "errors": errors })
}

/// Whether a text contains an expression in braces.
pub fn has_braces(text: &str) -> bool {
    text.contains("{{") && pieces(text).iter().any(|piece| matches!(piece, Piece::Code(_)))
}

impl Expressions {
    /// Creates an evaluator with these limits. It uses worker processes if this program can be one (see
    /// [`this_program_is_a_worker`]), else this process.
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self::over(Pool::new(clock), limits)
    }

    /// As [`Expressions::new`], with this program as the worker: for applications that embed the server and have its
    /// binary.
    pub fn with_workers(program: std::path::PathBuf, limits: Limits, clock: Clock) -> Self {
        Self::over(Pool::of(Some(program), clock), limits)
    }

    fn over(pool: Pool, limits: Limits) -> Self {
        let kept = TemplateCache { templates: LruCache::unbounded(), bytes: 0 };
        Self { pool, compute: Compute::inline(), limits, kept: Mutex::new(kept) }
    }

    /// Sets the pool for work that takes long.
    #[must_use]
    pub fn on(self, compute: Compute) -> Self {
        Self { compute, ..self }
    }

    /// Runs work that may take long, such as compiling, off the async runtime, in its tenant's turn.
    ///
    /// # Errors
    /// The work was not done.
    pub async fn off_runtime<T: Send + 'static>(
        &self,
        tenant: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let done = self.compute.run_step(tenant, work).await;
        done.map_err(|refused| refused.failure("the expressions could not be read"))
    }

    /// The compiled template of a configuration, from the cache or new. The key must identify the configuration and
    /// everything that it depends on: a release or the hash of a graph, the node, and the dialect.
    ///
    /// # Errors
    /// Every invalid expression, with its place; never empty.
    pub fn template(&self, key: &str, config: &Value, dialect: &Dialect<'_>) -> Result<Arc<Template>, Vec<Fault>> {
        self.kept(key, || compile(config, dialect))
    }

    /// As [`template`](Self::template), for a script.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn script(&self, key: &str, script: &str, dialect: &Dialect<'_>) -> Result<Arc<Template>, Vec<Fault>> {
        self.kept(key, || compile_script(script, dialect))
    }

    fn kept(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<Template, Vec<Fault>>,
    ) -> Result<Arc<Template>, Vec<Fault>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = kept().templates.get(key) {
            return Ok(template.clone());
        }
        let template = Arc::new(make()?);
        kept().keep(key, &template);
        Ok(template)
    }

    /// Evaluates a configuration and inserts the values of its expressions. `context` has one object for each root
    /// (`nodes`, ...), of which only the members that are read are passed on.
    ///
    /// # Errors
    /// `expression_failed`, `expression_timed_out`, `expression_out_of_memory` or `expression_too_deep`, with the place
    /// of the expression in `details.path`. A retry gives the same failure.
    pub async fn evaluate(
        self: &Arc<Self>,
        template: &Template,
        context: &Value,
        eval_clock: EvalClock,
    ) -> Result<Value, Failure> {
        self.evaluated("", Arc::new(template.clone()), context.clone(), eval_clock).await
    }

    /// As [`evaluate`](Self::evaluate), in the tenant's turn. All long work runs off the async runtime.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub async fn evaluated(
        self: &Arc<Self>,
        tenant: &str,
        template: Arc<Template>,
        context: Value,
        eval_clock: EvalClock,
    ) -> Result<Value, Failure> {
        let (with, limits) = (self.clone(), self.limits);
        let preparing = self.off_runtime(tenant, move || {
            let Prepared { job, rest } = Prepared::of(template, &context, eval_clock, limits)?;
            Ok::<_, Failure>((rest, job.map(|job| with.pool.question(job))))
        });
        let (rest, question) = preparing.await??;
        let answer = match question {
            // The number of concurrent evaluations is limited, so free the driver's slot while this one waits.
            Some(question) => Some(without_slot(self.pool.evaluate(tenant, question)).await),
            None => None,
        };
        self.off_runtime(tenant, move || rest.filled(answer, limits)).await?
    }
}

/// A prepared evaluation, with everything that needs no JavaScript already done.
struct Prepared {
    /// The job for JavaScript, if there is one.
    job: Option<Job>,
    rest: Rest,
}

/// The data needed to process the answer.
struct Rest {
    template: Arc<Template>,
    values: Vec<Made>,
    /// The indexes of the expressions in the job, in its order.
    asked: Vec<usize>,
    /// The mark before large integers.
    big: String,
}

impl Prepared {
    fn of(
        template: Arc<Template>,
        context: &Value,
        eval_clock: EvalClock,
        limits: Limits,
    ) -> Result<Prepared, Failure> {
        let (mut values, mut asked) = (Vec::with_capacity(template.codes.len()), Vec::new());
        let mut left = limits.value_chars;
        for (code, known) in template.codes.iter().enumerate() {
            let Some(value) = known.path.as_deref().and_then(|path| looked_up(context, path)) else {
                asked.push(code);
                values.push(Made::Evaluated(None));
                continue;
            };
            let Some(rest) = left.checked_sub(sizes::json_chars(value)) else {
                let said = format!("the values are longer than {} characters", limits.value_chars);
                return Err(failure(&template, &Broken { code, reason: Reason::Failed(said) }, limits));
            };
            left = rest;
            values.push(Made::Copied(value.clone()));
        }
        let mut rest = Rest { template, values, asked, big: String::new() };
        if rest.asked.is_empty() {
            return Ok(Prepared { job: None, rest });
        }
        let read = rest.read(context);
        let has_big = read.iter().flat_map(|(_, members)| members).any(|(_, value)| numbers::has_big(value));
        // Random, so that no script can forge it.
        let big = if has_big { format!("\u{0}{}:", uuid::Uuid::new_v4().simple()) } else { String::new() };
        let written = |(member, value): (&String, &Value)| (member.clone(), numbers::written(value, &big));
        let roots = read.into_iter().map(|(name, members)| (name.clone(), members.into_iter().map(written).collect()));
        let job = Job {
            roots: roots.collect(),
            codes: rest.asked.iter().map(|code| rest.template.codes[*code].asked.clone()).collect(),
            now_ms: eval_clock.now_ms,
            seed: eval_clock.seed,
            big: big.clone(),
            limits,
        };
        rest.big = big;
        Ok(Prepared { job: Some(job), rest })
    }
}

impl Rest {
    /// The members of each root that the template reads.
    fn read<'a>(&'a self, context: &'a Value) -> Vec<(&'a String, Vec<(&'a String, &'a Value)>)> {
        let root = |(name, reads): &'a (String, Reads)| {
            let members = context.get(name).and_then(Value::as_object).into_iter().flatten();
            let read = members.filter(|(member, _)| match reads {
                Reads::All => true,
                Reads::Members(members) => members.contains(*member),
            });
            (name, read.collect())
        };
        self.template.reads.iter().map(root).collect()
    }

    /// Inserts the values into the configuration.
    fn filled(self, answer: Option<Answered>, limits: Limits) -> Result<Value, Failure> {
        let Rest { template, mut values, asked, big } = self;
        let broken = |broken: Broken| failure(&template, &broken, limits);
        if let Some(answer) = answer {
            let at = |code: usize| asked.get(code).copied().unwrap_or_default();
            let answered = answer.values().map_err(|failed| broken(Broken { code: at(failed.code), ..failed }))?;
            for (code, value) in asked.iter().zip(answered) {
                values[*code] = Made::Evaluated(value);
            }
        }
        let filled = template.filled(&values, &big);
        filled.map_err(|Unfilled { code, reason }| broken(Broken { code, reason }))
    }
}

/// The value at a path; null if a member is missing. `None` if only JavaScript has the value, such as the length of a
/// text.
fn looked_up<'a>(context: &'a Value, path: &[Step]) -> Option<&'a Value> {
    const NULL: &Value = &Value::Null;
    let mut at = context;
    for (depth, step) in path.iter().enumerate() {
        // Only direct members of a root can be lists with further members.
        let list = at.get("\u{0}list").filter(|_| depth == 2);
        at = match (step, list, at) {
            (Step::Name(name), Some(list), _) if name == "results" => list,
            (Step::Name(name), Some(_), _) if name == "errors" => &at["errors"],
            (Step::Index(index), Some(list), _) => list.get(*index).unwrap_or(NULL),
            (Step::Name(_), Some(_), _) => return None,
            (Step::Name(name), None, Value::Object(members)) => members.get(name).unwrap_or(NULL),
            (Step::Index(index), None, Value::Object(members)) => members.get(&index.to_string()).unwrap_or(NULL),
            (Step::Index(index), None, Value::Array(items)) => items.get(*index).unwrap_or(NULL),
            (_, None, Value::Null) => NULL,
            (_, None, _) => return None,
        };
    }
    Some(if path.len() == 2 { at.get("\u{0}list").unwrap_or(at) } else { at })
}

fn failure(template: &Template, broken: &Broken, limits: Limits) -> Failure {
    let path = template.codes.get(broken.code).map_or_else(String::new, |code| code.place.text());
    let path = path.as_str();
    let at = if path.is_empty() { "the script".to_owned() } else { format!("the expression at {path}") };
    let Limits { time_ms, memory_bytes, .. } = limits;
    match &broken.reason {
        Reason::TimedOut => {
            failed(FailureCode::ExpressionTimedOut, path, format!("{at} took longer than {time_ms} ms"))
        }
        Reason::OutOfMemory => failed(
            FailureCode::ExpressionOutOfMemory,
            path,
            format!("{at} took more than {memory_bytes} bytes of memory"),
        ),
        Reason::TooDeep => failed(
            FailureCode::ExpressionTooDeep,
            path,
            format!("{at} calls itself too often, or its value is nested too deeply"),
        ),
        Reason::Failed(said) => {
            let said: String = said.chars().take(SAID_CHARS_MAX).collect();
            failed(FailureCode::ExpressionFailed, path, format!("{at}: {said}"))
        }
    }
}

fn failed(code: FailureCode, path: &str, message: String) -> Failure {
    let details = Object::from_iter([("path".to_owned(), json!(path))]);
    Failure { code: code.into(), message, details: Some(details), retryable: Some(false) }
}

impl TemplateCache {
    fn keep(&mut self, key: &str, template: &Arc<Template>) {
        let cost = |key: &str, template: &Template| key.len() + template.bytes();
        // A template that is larger than the whole cache is not cached.
        if cost(key, template) > KEPT_BYTES_MAX {
            return;
        }
        self.bytes += cost(key, template);
        if let Some((old_key, old)) = self.templates.push(key.to_owned(), template.clone()) {
            self.bytes -= cost(&old_key, &old);
        }
        while self.bytes > KEPT_BYTES_MAX {
            let Some((key, template)) = self.templates.pop_lru() else { break };
            self.bytes -= cost(&key, &template);
        }
    }
}

#[cfg(test)]
mod tests;
