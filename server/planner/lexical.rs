//! The planner without a model: it uses the words of the goal alone, is deterministic, and refuses by name what it
//! does not understand.

use std::sync::Arc;

use async_trait::async_trait;
use runyard_api::host::{InexactNumber, inexact_number};
use runyard_engine::event::Failure;
use runyard_engine::plan::Candidate;
use runyard_engine::{Constraints, FailureCode, Object, Plan, SideEffect};
use serde_json::Value;

use super::bind::{self, BoundInputs, ClauseText, MissingInput};
use super::clause::Clause;
use super::clauses::{self, Split};
use super::draft::{AnswerKind, ChosenStep, Draft};
use super::failure::{self, Near, Nearest};
use super::fit::{self, ClauseWords, Fit};
use super::ids::{self, NamedType};
use super::limits::{self, Bounds};
use super::rank::{Ranked, Ranker};
use super::references::{self, Means};
use super::repeat::Repeat;
use super::result::{self, Answer, Force};
use super::vocabulary::Vocabulary;
use super::words;
use super::{PlanRequest, Planner};
use crate::catalog::{Catalog, Entry, Violation};
use crate::compute::Compute;
use crate::limits::Limits;
use crate::nodes::planner::PlannerInputs;

/// Candidates in a set, if the constraints do not say.
const CANDIDATES_DEFAULT: usize = 5;

/// Candidates that a failure names.
const NEAREST_MAX: usize = 3;

/// The longest goal that a summary quotes, in characters.
const SUMMARY_CHARS_MAX: usize = 120;

/// Plans by words alone. Cheap to clone.
#[derive(Clone)]
pub struct LexicalPlanner {
    catalog: Arc<Catalog>,
    ranker: Arc<Ranker>,
    vocabulary: Arc<Vocabulary>,
    bounds: Bounds,
    compute: Compute,
}

#[async_trait]
impl Planner for LexicalPlanner {
    async fn plan(&self, request: PlanRequest) -> Result<Plan, Failure> {
        let (planner, tenant) = (self.clone(), request.tenant.clone());
        let planned = self.compute.run_step(&tenant, move || planner.plan_now(&request)).await;
        planned.unwrap_or_else(|refused| Err(refused.failure("the goal could not be planned")))
    }
}

impl LexicalPlanner {
    /// A planner over the atomic node types of this catalogue, with the default limits.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self::with_limits(catalog, &Limits::default())
    }

    /// A planner over the atomic node types of this catalogue, within these limits.
    pub fn with_limits(catalog: Arc<Catalog>, limits: &Limits) -> Self {
        Self {
            ranker: Arc::new(Ranker::new(&catalog)),
            vocabulary: Arc::new(Vocabulary::of(&catalog)),
            bounds: Bounds::from(limits),
            catalog,
            compute: Compute::inline(),
        }
    }

    /// Plans on these threads.
    #[must_use]
    pub fn on(self, compute: Compute) -> Self {
        Self { compute, ..self }
    }

    /// The node types of its plans.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Plans on the current thread.
    ///
    /// # Errors
    /// `goal_missing`, `goal_too_long`, `invalid_inputs`, `constraint_violation`, `clause_unmapped`, `arguments_missing` or
    /// `arguments_invalid`.
    pub fn plan_now(&self, request: &PlanRequest) -> Result<Plan, Failure> {
        let inputs = self.read(request)?;
        let goal = goal_of(&inputs)?;
        self.bounds.check_goal(goal)?;
        limits::check_depth(&inputs, &request.constraints)?;
        let Split { clauses, headings } = clauses::split(goal, &self.vocabulary);
        if clauses.is_empty() {
            return Err(failure::unmapped(goal.trim(), "it asks for nothing", &Nearest::default()));
        }
        // Far beyond any limit, so that a flood of clauses is refused before each is processed.
        if clauses.len() as u64 > self.bounds.steps.saturating_mul(4) {
            limits::check_steps(clauses.len() as u64, &self.bounds, &inputs, &request.constraints)?;
        }
        let mut work = Work {
            planner: self,
            inputs: &inputs,
            constraints: &request.constraints,
            draft: Draft::new(context(&inputs, request)?, self.earlier(request)),
        };
        for clause in &clauses {
            work.clause(clause)?;
        }
        headings.iter().try_for_each(|heading| work.heading(heading))?;
        let steps = work.draft.steps.len();
        limits::check_steps(steps as u64, &self.bounds, &inputs, &request.constraints)?;
        Ok(work.draft.finish(summary(goal, steps)))
    }

    /// The answers of earlier runs, with the node types that made them.
    fn earlier(&self, request: &PlanRequest) -> Vec<references::EarlierAnswer<'_>> {
        let entry = |id: &String| self.catalog.entries().iter().map(Arc::as_ref).find(|entry| entry.id == *id);
        let said = |answer: &crate::runs::answer::Answer| references::EarlierAnswer {
            value: answer.value.clone(),
            entry: answer.node_type.as_ref().and_then(entry),
        };
        request.earlier.iter().map(said).collect()
    }

    /// Checks the length of a goal.
    pub(super) fn check_goal(&self, goal: &str) -> Result<(), Failure> {
        self.bounds.check_goal(goal)
    }

    /// The validated inputs of a planner.
    pub(super) fn read(&self, request: &PlanRequest) -> Result<PlannerInputs, Failure> {
        let invalid = |found: Vec<Violation>| {
            crate::nodes::perform::invalid(FailureCode::InvalidInputs, "inputs", &request.node_type, &found)
        };
        self.catalog.validate_inputs(&request.node_type, &request.inputs).map_err(invalid)?;
        serde_json::from_value(Value::Object(request.inputs.clone()))
            .map_err(|error| invalid(vec![Violation { field: String::new(), reason: error.to_string() }]))
    }
}

/// One plan under construction.
struct Work<'a> {
    planner: &'a LexicalPlanner,
    inputs: &'a PlannerInputs,
    constraints: &'a Constraints,
    draft: Draft<'a>,
}

/// A clause with the words that count, which may be fewer than the goal's.
struct Subtask<'c> {
    clause: &'c Clause,
    text: String,
}

impl<'a> Work<'a> {
    fn clause(&mut self, clause: &Clause) -> Result<(), Failure> {
        self.draft.next_clause();
        let mut read = words::read(&clause.text);
        let Some((force, length)) = result::asked(&read) else {
            let subtask = Subtask { clause, text: clause.text.clone() };
            return self.steps(&subtask);
        };
        if let Some(kept) = result::without_list(&read[length..]) {
            read.truncate(length + kept);
            self.draft.answer_with_list();
        }
        let rest = &read[length..];
        let how = match force {
            Force::Strong => AnswerKind::Chosen,
            Force::Weak => AnswerKind::Made,
        };
        match result::answer(rest, &self.draft.known, &self.planner.vocabulary) {
            Answer::Values(values) => return self.answer(clause, &values),
            Answer::Text => {
                let text = rest.iter().find_map(|word| word.quoted.clone()).map_or("", |inner| &clause.text[inner]);
                self.say(clause, text)?;
            }
            Answer::Made => {
                let start = rest.first().map_or(clause.text.len(), |word| word.span.start);
                let end = match rest.last() {
                    Some(last) if read.len() < words::read(&clause.text).len() => last.span.end,
                    _ => clause.text.len(),
                };
                self.steps(&Subtask { clause, text: clause.text[start..end].to_owned() })?;
            }
        }
        for source in self.draft.made_now() {
            self.draft.answer_with(how, source);
        }
        Ok(())
    }

    /// Adds existing values to the run's result.
    fn answer(&mut self, clause: &Clause, values: &[Means]) -> Result<(), Failure> {
        for means in values {
            match means {
                Means::Output { .. } | Means::Several(_) => {
                    for source in means.sources() {
                        self.draft.answer_with(AnswerKind::Chosen, source.clone());
                    }
                }
                Means::Given(value) => {
                    let before = self.draft.made_now().len();
                    self.say(clause, &runyard_engine::plan::as_text(value))?;
                    for source in self.draft.made_now().into_iter().skip(before) {
                        self.draft.answer_with(AnswerKind::Chosen, source);
                    }
                }
                Means::Nothing => {
                    let why = "it speaks of an earlier result, and no earlier step makes one";
                    return Err(failure::answer(&plain(&clause.text), why));
                }
            }
        }
        Ok(())
    }

    /// Checks a list's heading, which applies to all items. If one of them has a side effect, the heading may only
    /// announce the list.
    fn heading(&self, heading: &str) -> Result<(), Failure> {
        let changes = |made: &&references::Made<'_>| made.entry.side_effect != SideEffect::Read;
        let Some(made) = self.draft.known.made.iter().find(changes) else { return Ok(()) };
        let left = fit::left_of_heading(&words::read(heading));
        if left.is_empty() {
            return Ok(());
        }
        Err(failure::unmapped(&plain(heading), &unaccounted(made.entry, &left), &Nearest::default()))
    }

    /// Adds a step that says a text of the goal.
    fn say(&mut self, clause: &Clause, text: &str) -> Result<(), Failure> {
        let quote = ['"', '`'].into_iter().find(|quote| !text.contains(*quote)).unwrap_or('"');
        self.steps(&Subtask { clause, text: format!("say {quote}{text}{quote}") })
    }

    /// Maps a subtask to a node type and adds its steps.
    fn steps(&mut self, subtask: &Subtask<'_>) -> Result<(), Failure> {
        let all = words::read(&subtask.text);
        let repeat = Repeat::of(&all, &self.planner.vocabulary);
        let kept = &all[..repeat.words_kept];
        let end = kept
            .last()
            .map_or(0, |last| if repeat.words_kept == all.len() { subtask.text.len() } else { last.span.end });
        let reading = ClauseText { text: &subtask.text[..end], words: kept };
        let chosen = self.choose(subtask, &reading, &repeat)?;
        let needed = self.draft.steps.len() as u64 + repeat.count;
        if needed > self.planner.bounds.steps {
            return limits::check_steps(needed, &self.planner.bounds, self.inputs, self.constraints);
        }
        self.draft.arrange(subtask.clause.link, chosen.entry.kind);
        for _ in 0..repeat.count {
            self.draft.push(ChosenStep {
                entry: chosen.entry,
                goal: plain(&subtask.clause.text),
                candidates: chosen.candidates.clone(),
                rationale: chosen.rationale.clone(),
                bound: chosen.bound.clone(),
                number: subtask.clause.number,
            });
        }
        Ok(())
    }

    /// The best candidate that serves the clause and gets all its inputs.
    fn choose(&self, subtask: &Subtask<'_>, reading: &ClauseText<'_>, repeat: &Repeat) -> Result<Chosen<'a>, Failure> {
        let planner = self.planner;
        let ranked = planner.ranker.rank(&planner.catalog, reading.words, |stem| planner.vocabulary.is_stop(stem));
        let named = ids::named(reading, &planner.catalog);
        // A clause that names a node type by its id means that one and no other.
        let meant = |one: &&Ranked<'a>| match &named {
            Some(named) => one.entry.id == named.id,
            None => one.score > 0.0,
        };
        let scored = || ranked.iter().filter(meant);
        let nearest: Vec<Near> = scored().filter(|one| one.score > 0.0).take(NEAREST_MAX).map(Near::from).collect();
        let mut all: Vec<&str> = ranked.iter().map(|one| one.entry.id.as_str()).collect();
        all.sort_unstable();
        let near = Nearest { nearest, all };
        let said = plain(&subtask.clause.text);
        if repeat.count == 0 {
            return Err(failure::unmapped(&said, "it asks for none", &near));
        }
        if let Some(named) = &named
            && scored().next().is_none()
        {
            let why = format!("{} cannot be a step of a plan by itself", named.id);
            return Err(failure::unmapped(&said, &why, &near));
        }
        let most =
            self.constraints.candidates.max_candidates_per_subtask.map_or(CANDIDATES_DEFAULT, |most| most as usize);
        let set: Vec<&Ranked<'a>> = scored().filter(|one| self.allows(one.entry)).take(most).collect();
        let mut refusals = Vec::new();
        for (place, one) in set.iter().enumerate() {
            match self.attempt(one.entry, reading, repeat, named.as_ref()) {
                Ok(bound) => {
                    let serves = |other: &&&Ranked<'a>| {
                        is_rival(one.entry, other.entry)
                            && self.attempt(other.entry, reading, repeat, named.as_ref()).is_ok()
                    };
                    return match set[place + 1..].iter().find(serves) {
                        Some(other) => Err(failure::unmapped(&said, &undecided(one.entry, other.entry), &near)),
                        None => Ok(Chosen::new(&set, place, bound)),
                    };
                }
                Err(refusal) => refusals.push((one.entry, refusal)),
            }
        }
        let excluded = scored()
            .filter(|one| !self.allows(one.entry))
            .find(|one| self.attempt(one.entry, reading, repeat, named.as_ref()).is_ok());
        Err(refusal(&said, &refusals, excluded.map(|one| one.entry), &near))
    }

    fn attempt(
        &self,
        entry: &Entry,
        reading: &ClauseText<'_>,
        repeat: &Repeat,
        named: Option<&NamedType<'_>>,
    ) -> Result<BoundInputs, Refusal> {
        let (catalog, vocabulary) = (&self.planner.catalog, &self.planner.vocabulary);
        let by_id = named.as_ref().map(|named| named.words.clone());
        let judge = |used: &[bool], has_link: bool| {
            fit::judge(entry, &ClauseWords { words: reading.words, used, by_id: by_id.clone(), has_link }, vocabulary)
        };
        let bound = bind::bind(entry, reading, &self.draft.known, catalog, vocabulary).map_err(|missing| {
            // Quoted text would be an input if it could be; only the words around it count.
            let quoted: Vec<bool> = reading.words.iter().map(|word| word.quoted.is_some()).collect();
            match judge(&quoted, false) {
                Fit::Unnamed => Refusal::Fit(Fit::Unnamed),
                Fit::Blocked(word) => Refusal::Fit(Fit::Blocked(word)),
                Fit::Serves | Fit::Leftover(_) => Refusal::Missing(missing),
            }
        })?;
        let mut used = bound.used.clone();
        repeat.words.iter().for_each(|&at| used[at] = true);
        match judge(&used, bound.has_link) {
            Fit::Serves if repeat.needs_product && !entry.hints.arguments.is_empty() => Err(Refusal::Fit(Fit::Unnamed)),
            Fit::Serves => Ok(bound),
            fit => Err(Refusal::Fit(fit)),
        }
    }

    /// Whether the run's constraints allow this node type. Both sides are compared resolved.
    fn allows(&self, entry: &Entry) -> bool {
        let names = |id: &String| self.planner.catalog.canonical(id) == Some(entry.id.as_str());
        let candidates = &self.constraints.candidates;
        let allowed = candidates.allowed_node_type_ids.as_ref().is_none_or(|ids| ids.iter().any(names));
        let gate = self.constraints.gates.side_effect_class.is_none_or(|most| entry.side_effect <= most);
        allowed && gate && !candidates.denied_node_type_ids.iter().any(names)
    }
}

/// Why a candidate was not chosen.
enum Refusal {
    Missing(MissingInput),
    Fit(Fit),
}

/// The failure of a clause, from the first candidate that the clause names.
fn refusal(clause: &str, refusals: &[(&Entry, Refusal)], excluded: Option<&Entry>, nearest: &Nearest<'_>) -> Failure {
    if let Some(entry) = excluded {
        let why = format!("{} would serve it, but the run's constraints do not allow it", entry.id);
        return failure::unmapped(clause, &why, nearest);
    }
    for (entry, refusal) in refusals {
        match refusal {
            Refusal::Fit(Fit::Blocked(word)) => {
                let why = format!(
                    "\"{word}\" asks for a condition, a loop or the opposite, which this planner does not follow"
                );
                return failure::unmapped(clause, &why, nearest);
            }
            Refusal::Fit(Fit::Leftover(words)) => {
                return failure::unmapped(clause, &unaccounted(entry, words), nearest);
            }
            Refusal::Missing(missing) => {
                let why = format!("{} needs `{}`, but {}", entry.id, missing.field, missing.why);
                let fail = if missing.invalid { failure::arguments_invalid } else { failure::arguments_missing };
                return fail(clause, &why, &missing.field, nearest);
            }
            Refusal::Fit(Fit::Unnamed | Fit::Serves) => {}
        }
    }
    let why = match refusals.first() {
        None if nearest.nearest.is_empty() => "no node type shares a word with it".to_owned(),
        None => "the run's constraints allow no node type that shares a word with it".to_owned(),
        Some((entry, _)) => format!("it does not ask for what the nearest node type does: {}", fit::asked_by(entry)),
    };
    failure::unmapped(clause, &why, nearest)
}

/// Whether two node types change something in different services, so that a guess is not good enough.
fn is_rival(one: &Entry, other: &Entry) -> bool {
    let changes = |entry: &Entry| entry.side_effect != SideEffect::Read;
    let services = one.integration.as_ref().zip(other.integration.as_ref());
    changes(one) && changes(other) && services.is_some_and(|(one, other)| one != other)
}

fn undecided(one: &Entry, other: &Entry) -> String {
    format!("{} and {} both serve it, and both change something: name the service", one.id, other.id)
}

/// Why a node type does not serve a clause with these unused words.
fn unaccounted(entry: &Entry, words: &[String]) -> String {
    let said = words.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    let (id, said) = (&entry.id, failure::shown(&said));
    match entry.side_effect {
        SideEffect::Read => format!("{id} does not account for what else it says ({said})"),
        SideEffect::Write | SideEffect::Irreversible => {
            format!("{id} changes something, so every word must be accounted for, and these are not ({said})")
        }
    }
}

/// A node type for a clause, with the candidate set.
struct Chosen<'a> {
    entry: &'a Entry,
    candidates: Vec<Candidate>,
    rationale: String,
    bound: BoundInputs,
}

impl<'a> Chosen<'a> {
    fn new(set: &[&Ranked<'a>], place: usize, bound: BoundInputs) -> Self {
        let candidates = set.iter().map(|one| Candidate {
            node_type: one.entry.reference(),
            score: one.score,
            rationale: Some(one.rationale.clone()),
        });
        let mut reasons = vec![set[place].rationale.clone()];
        if place > 0 {
            reasons.push(format!("{} ranks higher but does not get what it needs", set[0].entry.id));
        }
        reasons.extend(bound.notes.iter().cloned());
        Self { entry: set[place].entry, candidates: candidates.collect(), rationale: reasons.join("; "), bound }
    }
}

impl From<&Ranked<'_>> for Near {
    fn from(ranked: &Ranked<'_>) -> Self {
        Near { id: ranked.entry.id.clone(), score: ranked.score }
    }
}

fn goal_of(inputs: &PlannerInputs) -> Result<&str, Failure> {
    let given = [&inputs.goal, &inputs.prompt].into_iter().flatten().find(|text| !text.trim().is_empty());
    let goal = given.ok_or_else(failure::goal_missing)?;
    Ok(goal)
}

/// The values that the goal may name.
fn context(inputs: &PlannerInputs, request: &PlanRequest) -> Result<Object, Failure> {
    let text = inputs.context.as_deref().unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(Object::new());
    }
    let refused = |reason: String| {
        crate::nodes::perform::invalid(
            FailureCode::InvalidInputs,
            "inputs",
            &request.node_type,
            &[Violation::at("context", reason)],
        )
    };
    if let Some(InexactNumber { pointer }) = inexact_number(text.as_bytes()) {
        return Err(refused(format!("has a number at {pointer} with more digits than are kept exactly")));
    }
    serde_json::from_str(text).map_err(|_| refused("must be a JSON object, written as a string".to_owned()))
}

/// A text on one line, for people.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// "Generate a UUID, then return it: 1 step".
fn summary(goal: &str, steps: usize) -> String {
    let line = plain(goal);
    let line = line.trim_end_matches(['.', ':', ';', ',']);
    let line = match line.char_indices().nth(SUMMARY_CHARS_MAX) {
        Some((end, _)) => format!("{}...", line[..end].trim_end()),
        None => line.to_owned(),
    };
    format!("{line}: {steps} {}", if steps == 1 { "step" } else { "steps" })
}
