//! Several decisions on one run, each based on the result of the one before, as one commit.

use std::sync::Arc;

use runyard_engine::{Decision, Effect, EffectId, Event, Reply, State, outstanding};

use super::submitted::{Submitted, corrupted};
use crate::runs::{Error, cache};
use crate::store::Epoch;

/// The decisions so far.
pub(super) struct Joint {
    before: Arc<State>,
    /// The state of the run after all of them.
    pub(super) after: Arc<State>,
    pub(super) events: Vec<Event>,
    pub(super) effects: Vec<Effect>,
    dropped: Vec<EffectId>,
    /// How much larger the state is, as the cache counts.
    pub(super) grown: isize,
    decided: Vec<Decided>,
}

/// The result of one command.
struct Decided {
    claim: Option<(EffectId, Epoch)>,
    /// The reply, and whether anything changed.
    reply: Result<(Reply, bool), Error>,
}

impl Joint {
    pub(super) fn new(before: Arc<State>) -> Self {
        let (events, effects, dropped, decided) = Default::default();
        Joint { after: before.clone(), before, events, effects, dropped, grown: 0, decided }
    }

    /// How many commands were decided.
    pub(super) fn len(&self) -> usize {
        self.decided.len()
    }

    /// Adds a decision on [`Joint::after`], and the claim on the effect that the command answers.
    pub(super) fn add(
        &mut self,
        decided: Result<Decision, Error>,
        claim: Option<(EffectId, Epoch)>,
    ) -> Result<(), Error> {
        let reply = match decided {
            Ok(decision) if decision.events.is_empty() => Ok((decision.reply, false)),
            Ok(decision) => Ok((self.apply(decision)?, true)),
            Err(refused) => Err(refused),
        };
        self.decided.push(Decided { claim, reply });
        Ok(())
    }

    fn apply(&mut self, mut decision: Decision) -> Result<Reply, Error> {
        self.grown += cache::grown(&self.after, &decision);
        // The engine applied the events to it: the decision's state is their result.
        let version = self.after.version + decision.events.len() as u64;
        let after = decision.after.take().filter(|after| after.version == version);
        let missing = || corrupted(self.before.run, "a decision does not say what follows from it");
        self.after = Arc::new(*after.ok_or_else(missing)?);
        for dropped in decision.dropped {
            // An effect of an earlier decision of the same commit: it is never stored.
            match self.effects.iter().position(|asked| asked.id == dropped) {
                Some(place) => _ = self.effects.remove(place),
                None => self.dropped.push(dropped),
            }
        }
        self.append(decision.events, decision.effects);
        Ok(decision.reply)
    }

    fn append(&mut self, events: Vec<Event>, effects: Vec<Effect>) {
        if self.events.is_empty() {
            (self.events, self.effects) = (events, effects);
        } else {
            self.events.extend(events);
            self.effects.extend(effects);
        }
    }

    /// Whether the run names new large values.
    pub(super) fn names_values(&self) -> bool {
        self.after.written.values.len() != self.before.written.values.len()
    }

    /// Whether a result is based on the cached state alone: a rejection, or no change.
    pub(super) fn is_doubtful(&self) -> bool {
        self.decided.iter().any(|decided| !matches!(decided.reply, Ok((_, true))))
    }

    /// The claimed effects that are answered. An effect whose answer changed nothing and which the run no longer waits
    /// for is among them, so that it is not performed again. One that the run still waits for (a timer that fired too
    /// early) is not.
    pub(super) fn settles(&self) -> Vec<(EffectId, Epoch)> {
        let settled = |decided: &Decided| {
            let (effect, epoch) = decided.claim?;
            let over = match decided.reply {
                Ok((_, true)) => true,
                Ok((_, false)) => {
                    self.after.start.is_some()
                        && !self.dropped.contains(&effect)
                        && !outstanding(&self.after).iter().any(|waited| waited.id == effect)
                }
                Err(_) => false,
            };
            over.then_some((effect, epoch))
        };
        self.decided.iter().filter_map(settled).collect()
    }

    /// The effects that are not needed any more, without the settled ones.
    pub(super) fn dropped(&self, settles: &[(EffectId, Epoch)]) -> Vec<EffectId> {
        let is_settled = |dropped: &EffectId| settles.iter().any(|(settled, _)| settled == dropped);
        self.dropped.iter().filter(|dropped| !is_settled(dropped)).copied().collect()
    }

    /// The result of each command, after the commit.
    pub(super) fn submitted(self) -> Vec<Result<Submitted, Error>> {
        let Joint { after, decided, .. } = self;
        let submitted = |Decided { reply, .. }: Decided| {
            reply.map(|(reply, changed)| Submitted { state: after.clone(), reply, changed })
        };
        decided.into_iter().map(submitted).collect()
    }
}
