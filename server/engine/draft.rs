//! A decision in the making: the state as it will be, and what was produced on the way.
//!
//! Every event goes through `apply` as it is produced. The state is copied when the first event comes, so a command that
//! changes nothing costs nothing.

use std::borrow::Cow;

use crate::outstanding::{closing_effects, ids_of_node, of_node};
use crate::{Context, Corrupt, Decision, Effect, EffectId, Event, Node, NodeRunId, Recorded, Reply, State, apply};

/// A decision in the making.
pub(crate) struct Draft<'a> {
    state: Cow<'a, State>,
    context: Context<'a>,
    answered: Option<EffectId>,
    reported: Option<NodeRunId>,
    decision: Decision,
}

impl<'a> Draft<'a> {
    /// Nothing decided yet.
    pub(crate) fn new(state: &'a State, context: Context<'a>) -> Self {
        Draft { state: Cow::Borrowed(state), context, answered: None, reported: None, decision: Decision::default() }
    }

    /// As [`Draft::new`], for a command that answers an effect: that one is over and need not be dropped.
    pub(crate) fn answering(state: &'a State, context: Context<'a>, effect: EffectId) -> Self {
        Draft { answered: Some(effect), ..Draft::new(state, context) }
    }

    /// As [`Draft::new`], for a command that says that the run has ended which a node run has started: there is nothing to stop.
    pub(crate) fn reported(state: &'a State, context: Context<'a>, node_run: NodeRunId) -> Self {
        Draft { reported: Some(node_run), ..Draft::new(state, context) }
    }

    /// As [`Draft::answering`], for a node run that leaves the run alone which it has started.
    pub(crate) fn leaving(state: &'a State, context: Context<'a>, effect: EffectId, node_run: NodeRunId) -> Self {
        Draft { reported: Some(node_run), ..Draft::answering(state, context, effect) }
    }

    /// The state with everything recorded so far.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Now, Unix milliseconds.
    pub(crate) fn at_ms(&self) -> i64 {
        self.context.at_ms
    }

    /// What may be known besides state and command.
    pub(crate) fn context(&self) -> Context<'a> {
        self.context
    }

    /// Levels that a value may nest which the engine makes of others.
    pub(crate) fn depth_max(&self) -> usize {
        self.context.depth_max + crate::depth::ASSEMBLED
    }

    /// A node run that must exist.
    pub(crate) fn node(&self, id: NodeRunId) -> Result<&Node, Corrupt> {
        self.state.node(id).ok_or(Corrupt::UnknownNodeRun { event: "decide", node_run: id })
    }

    /// Records what happened.
    pub(crate) fn record(&mut self, event: Event) -> Result<(), Corrupt> {
        let state = self.state.to_mut();
        let recorded = Recorded { position: state.version + 1, at_ms: self.context.at_ms, event };
        apply(state, &recorded)?;
        self.decision.events.push(recorded.event);
        Ok(())
    }

    /// What a node run wants now, to be compared with what it wants later.
    pub(crate) fn wanted(&self, id: NodeRunId) -> Result<Vec<EffectId>, Corrupt> {
        Ok(ids_of_node(self.state.run, self.node(id)?).collect())
    }

    /// Takes back what a node run wanted before and does not want any more, and asks for what is new.
    pub(crate) fn exchange(&mut self, id: NodeRunId, before: Vec<EffectId>) -> Result<(), Corrupt> {
        let now: Vec<Effect> = of_node(self.state.run, self.node(id)?).collect();
        for effect in before.iter().filter(|effect| now.iter().all(|wanted| wanted.id != **effect)) {
            self.take(*effect);
        }
        self.decision.effects.extend(now.into_iter().filter(|effect| !before.contains(&effect.id)));
        Ok(())
    }

    /// Takes back everything that a node run wants, because it is about to end.
    pub(crate) fn take_back(&mut self, id: NodeRunId) -> Result<(), Corrupt> {
        for effect in self.wanted(id)? {
            self.take(effect);
        }
        Ok(())
    }

    /// Sees that the run is stopped which a node run has started in its present try, or may be starting, because the try is about
    /// to be over.
    pub(crate) fn stop_sub_run(&mut self, id: NodeRunId) -> Result<(), Corrupt> {
        let stop =
            closing_effects::stop(self.state.run, self.node(id)?, self.at_ms()).filter(|_| self.reported != Some(id));
        self.decision.effects.extend(stop);
        Ok(())
    }

    /// Has whoever started this run, which has just ended, be told.
    pub(crate) fn report_end(&mut self) {
        let report = closing_effects::report(&self.state, self.at_ms());
        self.decision.effects.extend(report);
    }

    fn take(&mut self, effect: EffectId) {
        let asked_now = self.decision.effects.iter().position(|asked| asked.id == effect);
        match asked_now {
            // Asked for by this very decision: the world never hears of it.
            Some(index) => _ = self.decision.effects.remove(index),
            None if self.answered == Some(effect) => {}
            None => self.decision.dropped.push(effect),
        }
    }

    /// The decision, with nothing to say beyond the new state.
    pub(crate) fn done(self) -> Decision {
        let after = (!self.decision.events.is_empty()).then(|| Box::new(self.state.into_owned()));
        Decision { after, ..self.decision }
    }

    /// The decision, with an answer.
    pub(crate) fn reply(mut self, reply: Reply) -> Decision {
        self.decision.reply = reply;
        self.done()
    }
}
