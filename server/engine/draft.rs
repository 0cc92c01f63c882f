//! A draft of a decision: the resulting state, and the events and effects produced so far.
//!
//! Every event goes through `apply` as it is produced. The first event copies the state, so a command that changes
//! nothing copies nothing.

use std::borrow::Cow;

use crate::outstanding::{closing_effects, ids_of_node, of_node};
use crate::{Context, Corrupt, Decision, Effect, EffectId, Event, Node, NodeRunId, Recorded, Reply, State, apply};

/// A draft of a decision.
pub(crate) struct Draft<'a> {
    state: Cow<'a, State>,
    context: Context<'a>,
    answered: Option<EffectId>,
    reported: Option<NodeRunId>,
    decision: Decision,
}

impl<'a> Draft<'a> {
    /// An empty draft.
    pub(crate) fn new(state: &'a State, context: Context<'a>) -> Self {
        Draft { state: Cow::Borrowed(state), context, answered: None, reported: None, decision: Decision::default() }
    }

    /// As [`Draft::new`], for a command that answers an effect, which then need not be dropped.
    pub(crate) fn answering(state: &'a State, context: Context<'a>, effect: EffectId) -> Self {
        Draft { answered: Some(effect), ..Draft::new(state, context) }
    }

    /// As [`Draft::new`], for a command that reports the end of a child run, so that the child run is not stopped.
    pub(crate) fn reported(state: &'a State, context: Context<'a>, node_run: NodeRunId) -> Self {
        Draft { reported: Some(node_run), ..Draft::new(state, context) }
    }

    /// As [`Draft::answering`], for a node run that does not stop the run that it started.
    pub(crate) fn leaving(state: &'a State, context: Context<'a>, effect: EffectId, node_run: NodeRunId) -> Self {
        Draft { reported: Some(node_run), ..Draft::answering(state, context, effect) }
    }

    /// The state with everything recorded so far.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The current time, Unix milliseconds.
    pub(crate) fn at_ms(&self) -> i64 {
        self.context.at_ms
    }

    /// The input besides state and command.
    pub(crate) fn context(&self) -> Context<'a> {
        self.context
    }

    /// The most levels that a value assembled by the engine may be nested.
    pub(crate) fn depth_max(&self) -> usize {
        self.context.depth_max + crate::depth::ASSEMBLED
    }

    /// The node run with this id, which must exist.
    pub(crate) fn node(&self, id: NodeRunId) -> Result<&Node, Corrupt> {
        self.state.node(id).ok_or(Corrupt::UnknownNodeRun { event: "decide", node_run: id })
    }

    /// Applies and records an event.
    pub(crate) fn record(&mut self, event: Event) -> Result<(), Corrupt> {
        let state = self.state.to_mut();
        let recorded = Recorded { position: state.version + 1, at_ms: self.context.at_ms, event };
        apply(state, &recorded)?;
        self.decision.events.push(recorded.event);
        Ok(())
    }

    /// The effects that a node run waits for now, for [`Draft::exchange`].
    pub(crate) fn wanted(&self, id: NodeRunId) -> Result<Vec<EffectId>, Corrupt> {
        Ok(ids_of_node(self.state.run, self.node(id)?).collect())
    }

    /// Drops the effects that a node run no longer waits for, and requests the new ones.
    pub(crate) fn exchange(&mut self, id: NodeRunId, before: Vec<EffectId>) -> Result<(), Corrupt> {
        let now: Vec<Effect> = of_node(self.state.run, self.node(id)?).collect();
        for effect in before.iter().filter(|effect| now.iter().all(|wanted| wanted.id != **effect)) {
            self.take(*effect);
        }
        self.decision.effects.extend(now.into_iter().filter(|effect| !before.contains(&effect.id)));
        Ok(())
    }

    /// Drops all effects of a node run, because it is about to end.
    pub(crate) fn take_back(&mut self, id: NodeRunId) -> Result<(), Corrupt> {
        for effect in self.wanted(id)? {
            self.take(effect);
        }
        Ok(())
    }

    /// Requests a stop of the run that the current attempt of a node run has started, or may be starting, because the
    /// attempt is about to end.
    pub(crate) fn stop_sub_run(&mut self, id: NodeRunId) -> Result<(), Corrupt> {
        let stop =
            closing_effects::stop(self.state.run, self.node(id)?, self.at_ms()).filter(|_| self.reported != Some(id));
        self.decision.effects.extend(stop);
        Ok(())
    }

    /// Requests the report to the parent run, because this run has just ended.
    pub(crate) fn report_end(&mut self) {
        let report = closing_effects::report(&self.state, self.at_ms());
        self.decision.effects.extend(report);
    }

    fn take(&mut self, effect: EffectId) {
        let asked_now = self.decision.effects.iter().position(|asked| asked.id == effect);
        match asked_now {
            // This decision requested it, so it is never committed.
            Some(index) => _ = self.decision.effects.remove(index),
            None if self.answered == Some(effect) => {}
            None => self.decision.dropped.push(effect),
        }
    }

    /// The decision, without a reply.
    pub(crate) fn done(self) -> Decision {
        let after = (!self.decision.events.is_empty()).then(|| Box::new(self.state.into_owned()));
        Decision { after, ..self.decision }
    }

    /// The decision, with a reply.
    pub(crate) fn reply(mut self, reply: Reply) -> Decision {
        self.decision.reply = reply;
        self.done()
    }
}
