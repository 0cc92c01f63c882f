//! A plan under construction: steps in order, the dependencies of each, and the run's result.

use runyard_engine::Policy;
use runyard_engine::plan::{CandidateSet, PlanResult, Source, Step};
use runyard_engine::{NodeKind, Object, Plan};

use super::bind::BoundInputs;
use super::cuts::Link;
use super::references::{Antecedents, EarlierAnswer, Made};
use crate::catalog::Entry;

/// A plan under construction.
///
/// "Then" waits for everything since the last "then"; "and" joins the clause before; a sentence of its own waits only
/// for the outputs that it names. A wait has no purpose but order, so its order is kept whatever joins it, except to
/// another wait by "and".
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) steps: Vec<Step>,
    pub(super) known: Antecedents<'a>,
    asks: Vec<Ask>,
    /// Whether the goal wants a list, even of one value.
    as_list: bool,
    /// The current clause, from 1.
    clause: usize,
    /// The dependencies of the current clause's steps.
    base: Vec<String>,
    /// The dependencies of the next "then".
    frontier: Vec<String>,
    /// The dependencies of a sentence of its own: the last wait that was not joined by "then".
    barrier: Vec<String>,
    /// Whether the last clause was a wait; `None` before the first.
    waited: Option<bool>,
}

/// A value that a clause wants in the result.
#[derive(Debug, Clone, PartialEq)]
struct Ask {
    source: Source,
    how: AnswerKind,
}

/// How a clause wants a value in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// "give me a UUID": it is made for the caller; a later clause may still choose from it.
    Made,
    /// "return it", "show the first one": it is chosen from existing values, or named as the result.
    Chosen,
}

/// A step that was decided on.
pub(super) struct ChosenStep<'a> {
    pub(super) entry: &'a Entry,
    pub(super) goal: String,
    pub(super) candidates: Vec<runyard_engine::plan::Candidate>,
    pub(super) rationale: String,
    pub(super) bound: BoundInputs,
    pub(super) number: Option<u32>,
}

impl<'a> Draft<'a> {
    /// An empty plan, for a goal with these context values and these earlier answers.
    pub(super) fn new(context: Object, earlier: Vec<EarlierAnswer<'a>>) -> Self {
        Self { known: Antecedents { made: Vec::new(), context, earlier }, ..Self::default() }
    }

    /// The next clause begins.
    pub(super) fn next_clause(&mut self) {
        self.clause += 1;
    }

    /// Sets the dependencies of a clause: called once, before its first step.
    pub(super) fn arrange(&mut self, link: Link, kind: NodeKind) {
        let waits = !kind.facts().makes_value;
        let kept = match (self.waited, link) {
            (None, _) | (_, Link::Then) => false,
            (Some(before), Link::Alone) => before || waits,
            (Some(before), Link::And) => before != waits,
        };
        match link {
            Link::Then => self.base = std::mem::take(&mut self.frontier),
            _ if kept => {
                self.base = std::mem::take(&mut self.frontier);
                self.barrier = self.base.clone();
            }
            Link::Alone => self.base = self.barrier.clone(),
            Link::And => {}
        }
        self.waited = Some(waits);
    }

    /// Adds a step. Its id is `S` and its index.
    pub(super) fn push(&mut self, decided: ChosenStep<'a>) {
        let ChosenStep { entry, goal, candidates, rationale, bound, number } = decided;
        let id = format!("S{}", self.steps.len() + 1);
        let depends_on = self.needed(&bound);
        self.frontier.push(id.clone());
        self.known.made.push(Made { id: id.clone(), entry, number, clause: self.clause });
        self.steps.push(Step {
            candidates: CandidateSet { id: format!("candidates_{id}"), candidates },
            id,
            goal,
            node_type: entry.pin(entry.reference()),
            rationale: Some(rationale),
            inputs: bound.inputs,
            bindings: bound.bindings,
            depends_on,
            policy: Policy::default(),
        });
    }

    /// The dependencies of a new step, in order: the steps that it takes values from, and those of its base that none
    /// of its other dependencies depends on already.
    fn needed(&self, bound: &BoundInputs) -> Vec<String> {
        let takes_from = |id: &String| bound.bindings.iter().any(|binding| binding.source.step == *id);
        let wanted = |step: &&Step| takes_from(&step.id) || self.base.contains(&step.id);
        let needed: Vec<&Step> = self.steps.iter().filter(wanted).collect();
        let implied = |id: &String| needed.iter().any(|other| other.depends_on.contains(id));
        needed.iter().map(|step| &step.id).filter(|id| takes_from(id) || !implied(id)).cloned().collect()
    }

    /// Adds a value to the run's result.
    pub(super) fn answer_with(&mut self, how: AnswerKind, source: Source) {
        self.asks.push(Ask { source, how });
    }

    /// The values that the current clause has made, in order.
    pub(super) fn made_now(&self) -> Vec<Source> {
        let now = self.known.made.iter().filter(|made| made.clause == self.clause);
        now.map(Made::main_output).collect()
    }

    /// Makes the result a list.
    pub(super) fn answer_with_list(&mut self) {
        self.as_list = true;
    }

    /// The finished plan.
    pub(super) fn finish(self, summary: String) -> Plan {
        let mut sources = self.asked_for();
        let last = self.steps.last().map(|step| step.id.as_str());
        let result = match sources.len() {
            0 => None,
            // The default result of a plan.
            1 if !self.as_list && self.asks.is_empty() && Some(sources[0].step.as_str()) == last => None,
            1 if !self.as_list => sources.pop().map(PlanResult::One),
            _ => Some(PlanResult::List(sources)),
        };
        Plan { summary, steps: self.steps, result }
    }

    /// Every value that the goal wants, in the order of the clauses. A goal that chooses gets the chosen values, and
    /// those that it was promised besides; another gets every value that no later step has used.
    fn asked_for(&self) -> Vec<Source> {
        let chosen: Vec<&Source> =
            self.asks.iter().filter(|ask| ask.how == AnswerKind::Chosen).map(|ask| &ask.source).collect();
        let all: Vec<Source> = if chosen.is_empty() {
            let unused = |made: &&Made<'_>| made.is_value() && !self.is_used(&made.id);
            self.known.made.iter().filter(unused).map(Made::main_output).collect()
        } else {
            // "Generate three UUIDs and show me the last": the other two are not part of the result.
            let from: Vec<usize> = chosen.iter().filter_map(|source| self.clause_of(&source.step)).collect();
            let promised = |ask: &&Ask| {
                let others = self.clause_of(&ask.source.step).is_none_or(|clause| !from.contains(&clause));
                ask.how == AnswerKind::Chosen || (others && !self.is_used(&ask.source.step))
            };
            self.asks.iter().filter(promised).map(|ask| ask.source.clone()).collect()
        };
        let mut sources: Vec<Source> = Vec::with_capacity(all.len());
        for source in all {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    /// Whether a step takes a value from this one.
    fn is_used(&self, id: &str) -> bool {
        self.steps.iter().flat_map(|step| &step.bindings).any(|binding| binding.source.step == id)
    }

    fn clause_of(&self, step: &str) -> Option<usize> {
        self.known.made.iter().find(|made| made.id == step).map(|made| made.clause)
    }
}
