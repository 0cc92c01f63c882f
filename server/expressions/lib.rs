//! JavaScript in configurations: `{{ nodes.crm.email }}`, `templateExpression`, `jsExpression`, and whole scripts.
//!
//! | file          | what |
//! |---------------|------|
//! | this one      | [`Expressions`]: what the rest of the server asks; compiled templates, kept |
//! | `template.rs` | a configuration: its expressions found and checked, its values put in |
//! | `braces.rs`   | text with expressions in it |
//! | `chains.rs`   | paths that are silent where something is missing; what an expression reads |
//! | `numbers.rs`  | values between JSON and JavaScript: large integers, halves of characters |
//! | `tokens.rs`   | JavaScript to tokens, as far as that takes |
//! | `realm.rs`    | one realm: evaluating, bounded |
//! | `prelude.js`  | what stands in a realm: dates, time, chance, values to JSON |
//! | `worker.rs`   | this program as a worker |
//! | `pool.rs`     | workers, and what becomes of one that does not answer |
//!
//! **What expressions see.** `nodes.SLUG.FIELD` of what was given, and the language; no file, no network, no timer, no module. Each evaluation of a
//! configuration has a realm of its own. An expression that is nothing but a path is looked up and copied, exactly as it was sent, and is
//! null where something on the way is missing; within another expression such a path is `undefined`. Everything else that is missing, and
//! a value that is no number (`NaN`), fails with JavaScript's own words and the line. Scripts are JavaScript alone. Text
//! that is a date and time with its zone arrives as a `Date`, which is the text again wherever it is written, unless it was changed.
//! Integers beyond 2^53 arrive as `BigInt`. The time is the one that the caller gives, the zone is UTC, and `Math.random` begins with the
//! caller's seed: the same evaluation has the same value, on every machine. A promise is no value.
//!
//! **Why QuickJS** (rquickjs 0.14, QuickJS-ng) and not Boa (0.21): see the table in `README.md` beside this file.

mod braces;
mod chains;
mod numbers;
mod pool;
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
use runyard_engine::Object;
use runyard_engine::event::Failure;
use serde_json::{Value, json};
pub use template::{Compiler, Dialect, Fault, Template, compile, compile_script, is_expression};

use braces::{Piece, pieces};
use chains::{Reads, Step};
use pool::{Answered, Pool};
use realm::{Broken, Job, Reason};
use template::{Made, Unfilled};

/// How much compiled templates may take together, bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest that the script's words are repeated, characters.
const SAID_CHARS_MAX: usize = 300;

/// Evaluates, and keeps what was compiled.
pub struct Expressions {
    pool: Pool,
    compute: Compute,
    limits: Limits,
    kept: Mutex<Kept>,
}

/// Compiled templates by the caller's key, the least used going first.
struct Kept {
    templates: LruCache<String, Arc<Template>>,
    bytes: usize,
}

/// What is fixed for an evaluation, so that doing it again gives the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What time it is, Unix milliseconds.
    pub now_ms: i64,
    /// What chance begins with, such as a piece of the effect's id.
    pub seed: u32,
}

/// A member of a root that reads as a list of results, and whose `results` and `errors` are there, too.
pub fn list_of_results(results: &Value, errors: &Value) -> Value {
    json!({ "\u{0}list": results, "errors": errors })
}

/// Whether a text has an expression in braces in it.
pub fn has_braces(text: &str) -> bool {
    text.contains("{{") && pieces(text).iter().any(|piece| matches!(piece, Piece::Code(_)))
}

impl Expressions {
    /// Evaluates within these limits: in workers where this program can be one (see [`this_program_is_a_worker`]), else in this process.
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self::over(Pool::new(clock), limits)
    }

    /// The same with workers that are this program: for those who embed the server and have its binary.
    pub fn with_workers(program: std::path::PathBuf, limits: Limits, clock: Clock) -> Self {
        Self::over(Pool::of(Some(program), clock), limits)
    }

    fn over(pool: Pool, limits: Limits) -> Self {
        let kept = Kept { templates: LruCache::unbounded(), bytes: 0 };
        Self { pool, compute: Compute::inline(), limits, kept: Mutex::new(kept) }
    }

    /// With what takes time done here.
    #[must_use]
    pub fn on(self, compute: Compute) -> Self {
        Self { compute, ..self }
    }

    /// Does what may take long, compiling above all, where nobody else waits for it, in its tenant's turn.
    ///
    /// # Errors
    /// It was not done.
    pub async fn off_runtime<T: Send + 'static>(
        &self,
        tenant: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let done = self.compute.run_step(tenant, work).await;
        done.map_err(|refused| refused.failure("the expressions could not be read"))
    }

    /// The compiled template of a configuration. The key says which configuration it is, with everything that it depends on: a release
    /// or the hash of a graph, the node, and the dialect.
    ///
    /// # Errors
    /// Every expression that is none, with its place; never empty.
    pub fn template(&self, key: &str, config: &Value, dialect: &Dialect<'_>) -> Result<Arc<Template>, Vec<Fault>> {
        self.kept(key, || compile(config, dialect))
    }

    /// The same of a script.
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

    /// The configuration with the values of its expressions. `context` has a member for each root (`nodes`, ...): an object, of which
    /// only what is read is handed on.
    ///
    /// # Errors
    /// `expression_failed`, `expression_timed_out`, `expression_out_of_memory` or `expression_too_deep`, with `details.path`: the
    /// place of the expression. It is not worth another try.
    pub async fn evaluate(
        self: &Arc<Self>,
        template: &Template,
        context: &Value,
        moment: Moment,
    ) -> Result<Value, Failure> {
        self.evaluated("", Arc::new(template.clone()), context.clone(), moment).await
    }

    /// The same when it is the tenant's turn, with nothing that may take long on the runtime.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub async fn evaluated(
        self: &Arc<Self>,
        tenant: &str,
        template: Arc<Template>,
        context: Value,
        moment: Moment,
    ) -> Result<Value, Failure> {
        let (with, limits) = (self.clone(), self.limits);
        let preparing = self.off_runtime(tenant, move || {
            let Prepared { job, rest } = Prepared::of(template, &context, moment, limits)?;
            Ok::<_, Failure>((rest, job.map(|job| with.pool.question(job))))
        });
        let (rest, question) = preparing.await??;
        let answer = match question {
            // So many are evaluated at a time: one that waits for its turn is not performed yet.
            Some(question) => Some(without_slot(self.pool.evaluate(tenant, question)).await),
            None => None,
        };
        self.off_runtime(tenant, move || rest.filled(answer, limits)).await?
    }
}

/// An evaluation, as far as it goes without JavaScript.
struct Prepared {
    /// What JavaScript has to say.
    job: Option<Job>,
    rest: Rest,
}

/// What goes with the answer.
struct Rest {
    template: Arc<Template>,
    values: Vec<Made>,
    /// Which expressions the job asks about, in its order.
    asked: Vec<usize>,
    /// What stands before large integers.
    big: String,
}

impl Prepared {
    fn of(template: Arc<Template>, context: &Value, moment: Moment, limits: Limits) -> Result<Prepared, Failure> {
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
        // No script can know it.
        let big = if has_big { format!("\u{0}{}:", uuid::Uuid::new_v4().simple()) } else { String::new() };
        let written = |(member, value): (&String, &Value)| (member.clone(), numbers::written(value, &big));
        let roots = read.into_iter().map(|(name, members)| (name.clone(), members.into_iter().map(written).collect()));
        let job = Job {
            roots: roots.collect(),
            codes: rest.asked.iter().map(|code| rest.template.codes[*code].asked.clone()).collect(),
            now_ms: moment.now_ms,
            seed: moment.seed,
            big: big.clone(),
            limits,
        };
        rest.big = big;
        Ok(Prepared { job: Some(job), rest })
    }
}

impl Rest {
    /// The members of each root that are read.
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

    /// The configuration with the values in it.
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

/// What a path leads to; null where something on the way is not there. Nothing where JavaScript knows more, such as a text's length.
fn looked_up<'a>(context: &'a Value, path: &[Step]) -> Option<&'a Value> {
    const NULL: &Value = &Value::Null;
    let mut at = context;
    for (depth, step) in path.iter().enumerate() {
        // A list that has more to say than its items stands only right below a root.
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
        Reason::TimedOut => failed("expression_timed_out", path, format!("{at} took longer than {time_ms} ms")),
        Reason::OutOfMemory => {
            failed("expression_out_of_memory", path, format!("{at} took more than {memory_bytes} bytes of memory"))
        }
        Reason::TooDeep => failed(
            "expression_too_deep",
            path,
            format!("{at} calls itself too often, or its value is nested too deeply"),
        ),
        Reason::Failed(said) => {
            let said: String = said.chars().take(SAID_CHARS_MAX).collect();
            failed("expression_failed", path, format!("{at}: {said}"))
        }
    }
}

fn failed(code: &str, path: &str, message: String) -> Failure {
    let details = Object::from_iter([("path".to_owned(), json!(path))]);
    Failure { code: code.to_owned(), message, details: Some(details), retryable: Some(false) }
}

impl Kept {
    fn keep(&mut self, key: &str, template: &Arc<Template>) {
        let cost = |key: &str, template: &Template| key.len() + template.bytes();
        // One that is larger than everything that may be kept is not.
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
