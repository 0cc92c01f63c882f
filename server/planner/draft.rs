//! A plan while it is being made: steps in order, what each waits for, and what the run answers with.

use runyard_engine::Policy;
use runyard_engine::plan::{CandidateSet, Source, Step};
use runyard_engine::{NodeKind, Object, Plan};

use super::bind::Bound;
use super::cuts::Link;
use super::references::{Known, Made, Said};
use super::result::Force;
use crate::catalog::Entry;

/// A plan in the making.
///
/// "Then" waits for everything since the last "then"; "and" joins the clause before; a sentence of its own waits only for the
/// outputs it names. A wait has no other meaning than order, so it is kept in order whatever joins it, except to another
/// wait by "and".
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) steps: Vec<Step>,
    pub(super) known: Known<'a>,
    result: Option<(Force, Source)>,
    /// What the steps of the present clause wait for.
    base: Vec<String>,
    /// What the next "then" waits for.
    frontier: Vec<String>,
    /// What a sentence of its own waits for: the last wait that was not joined by "then".
    barrier: Vec<String>,
    /// Whether the last clause was a wait; `None` before the first.
    waited: Option<bool>,
}

/// A step that was decided on.
pub(super) struct Decided<'a> {
    pub(super) entry: &'a Entry,
    pub(super) goal: String,
    pub(super) candidates: Vec<runyard_engine::plan::Candidate>,
    pub(super) rationale: String,
    pub(super) bound: Bound,
    pub(super) number: Option<u32>,
}

impl<'a> Draft<'a> {
    /// A plan without steps, for a goal with these values beside it, and these before it.
    pub(super) fn new(context: Object, earlier: Vec<Said<'a>>) -> Self {
        Self { known: Known { made: Vec::new(), context, earlier }, ..Self::default() }
    }

    /// Arranges for the steps of a clause: called once, before its first step.
    pub(super) fn arrange(&mut self, link: Link, kind: NodeKind) {
        let waits = kind == NodeKind::Sleep;
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

    /// Adds a step. Its id is `S` and its place.
    pub(super) fn push(&mut self, decided: Decided<'a>) {
        let Decided { entry, goal, candidates, rationale, bound, number } = decided;
        let id = format!("S{}", self.steps.len() + 1);
        let depends_on = self.needed(&bound);
        self.frontier.push(id.clone());
        self.known.made.push(Made { id: id.clone(), entry, number });
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

    /// The steps that a new step waits for, in order: those it takes values from, and those of its base that no other of
    /// its steps waits for already.
    fn needed(&self, bound: &Bound) -> Vec<String> {
        let takes_from = |id: &String| bound.bindings.iter().any(|binding| binding.source.step == *id);
        let wanted = |step: &&Step| takes_from(&step.id) || self.base.contains(&step.id);
        let needed: Vec<&Step> = self.steps.iter().filter(wanted).collect();
        let implied = |id: &String| needed.iter().any(|other| other.depends_on.contains(id));
        needed.iter().map(|step| &step.id).filter(|id| takes_from(id) || !implied(id)).cloned().collect()
    }

    /// Says what the run answers with. `Err`: the goal has firmly said something else before, namely this.
    pub(super) fn answer_with(&mut self, force: Force, source: Source) -> Result<(), Source> {
        match (&self.result, force) {
            (Some((Force::Strong, before)), Force::Strong) if *before != source => Err(before.clone()),
            (Some((Force::Strong, _)), _) => Ok(()),
            _ => {
                self.result = Some((force, source));
                Ok(())
            }
        }
    }

    /// The finished plan.
    pub(super) fn finish(self, summary: String) -> Plan {
        Plan { summary, steps: self.steps, result: self.result.map(|(_, source)| source) }
    }
}
