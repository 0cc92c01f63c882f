//! JavaScript in configurations: `{{ nodes.crm.email }}`, `templateExpression`, `jsExpression`, and whole scripts.
//!
//! | file          | what |
//! |---------------|------|
//! | this one      | [`Expressions`]: what the rest of the server asks; compiled templates, kept |
//! | `template.rs` | a configuration: its expressions found and checked, its values put in |
//! | `braces.rs`   | text with expressions in it |
//! | `chains.rs`   | paths that are silent where something is missing; what an expression reads |
//! | `tokens.rs`   | JavaScript to tokens, as far as that takes |
//! | `realm.rs`    | one realm: evaluating, bounded |
//! | `prelude.js`  | what stands in a realm: dates, time, chance, values to JSON |
//! | `worker.rs`   | this program as a worker |
//! | `pool.rs`     | workers, and what becomes of one that does not answer |
//!
//! **What expressions see.** `nodes.SLUG.FIELD` of what was given, and the language; no file, no network, no timer, no module. Each evaluation of a
//! configuration has a realm of its own. A missing path is `undefined`, silently: so is reading a property of what is not there. Text
//! that is a date and time with its zone arrives as a `Date`, which is the text again wherever it is written, unless it was changed.
//! The time is the one that the caller gives, the zone is UTC, and `Math.random` begins with the caller's seed: the same evaluation has
//! the same value, on every machine. A promise is no value.
//!
//! **Why QuickJS** (rquickjs 0.14, QuickJS-ng) and not Boa (0.21): see the table in `README.md` beside this file.

mod braces;
mod chains;
mod pool;
mod realm;
mod template;
mod tokens;
pub mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
pub use pool::this_program_is_a_worker;
pub use realm::Limits;
use runyard_engine::Object;
use runyard_engine::event::Failure;
use serde_json::{Value, json};
pub use template::{Compiler, Dialect, Fault, Template, compile, compile_script, is_expression};

use crate::clock::Clock;
use crate::worker_slot::without_slot;
use braces::{Piece, pieces};
use chains::Reads;
use pool::Pool;
use realm::{Broken, Job, Reason};

/// How much compiled templates may take together, bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest that the script's words are repeated, characters.
const SAID_CHARS_MAX: usize = 300;

/// Evaluates, and keeps what was compiled.
pub struct Expressions {
    pool: Pool,
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
        Self { pool, limits, kept: Mutex::new(kept) }
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
    pub async fn evaluate(&self, template: &Template, context: &Value, moment: Moment) -> Result<Value, Failure> {
        let values = if template.is_plain() {
            Vec::new()
        } else {
            // So many are evaluated at a time: one that waits for its turn is not performed yet.
            let evaluated = without_slot(self.pool.evaluate(self.job(template, context, moment))).await;
            evaluated.map_err(|broken| self.failure(template, &broken))?
        };
        template.filled(&values).map_err(|code| self.failure(template, &Broken { code, reason: Reason::TooDeep }))
    }

    fn job(&self, template: &Template, context: &Value, moment: Moment) -> Job {
        let root = |(name, reads): &(String, Reads)| {
            let members = context.get(name).and_then(Value::as_object).into_iter().flatten();
            let read = members.filter(|(member, _)| match reads {
                Reads::All => true,
                Reads::Members(members) => members.contains(*member),
            });
            (name.clone(), read.map(|(member, value)| (member.clone(), value.to_string())).collect())
        };
        Job {
            codes: template.codes.iter().map(|code| code.asked.clone()).collect(),
            roots: template.reads.iter().map(root).collect(),
            now_ms: moment.now_ms,
            seed: moment.seed,
            limits: self.limits,
        }
    }

    fn failure(&self, template: &Template, broken: &Broken) -> Failure {
        let path = template.codes.get(broken.code).map_or("", |code| code.path.as_str());
        let at = if path.is_empty() { "the script".to_owned() } else { format!("the expression at {path}") };
        let Limits { time_ms, memory_bytes, .. } = self.limits;
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
