//! A run, its log and its outstanding effects. All invariants are checked after every command.

use std::collections::{BTreeMap, BTreeSet};

use runyard_engine::event::FORMAT_VERSION;
use runyard_engine::{
    ChildSpec, Command, Context, Decision, Effect, EffectId, Event, Node, NodeRunId, Recorded, Rejected, Reply,
    Request, State, apply, check, closing_effects, decide, decide_with, is_outstanding, outstanding, replay, upcast,
};

use crate::make;

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) log: Vec<Recorded>,
    pub(crate) at_ms: i64,
    /// The outbox as in a store: effects are added when requested, and removed when answered or dropped.
    pub(crate) wanted: BTreeMap<EffectId, Effect>,
    /// The closing effects, in order.
    pub(crate) parted: Vec<Effect>,
}

impl World {
    pub(crate) fn new() -> Self {
        World {
            state: State::new(make::run()),
            log: Vec::new(),
            at_ms: 1_000_000,
            wanted: BTreeMap::new(),
            parted: Vec::new(),
        }
    }

    /// Submits a command as the server does, and checks the invariants.
    pub(crate) fn submit(&mut self, command: Command) -> Result<Decision, Rejected> {
        let decision = decide_with(&self.state, command.clone(), self.context(), make::fit)?;
        self.holds_back(&command, &decision);
        for event in &decision.events {
            let recorded = Recorded { position: self.state.version + 1, at_ms: self.at_ms, event: event.clone() };
            apply(&mut self.state, &recorded).unwrap();
            self.log.push(recorded);
        }
        let after = decision.after.as_deref().unwrap_or(&self.state);
        assert_eq!(after, &self.state, "a decision hands out the state that its events make");
        self.keep_effects(&command, &decision);
        self.laws();
        self.again(command, &decision);
        Ok(decision)
    }

    fn context(&self) -> Context<'static> {
        Context { at_ms: self.at_ms, run: self.state.run, fitted: None, depth_max: 64 }
    }

    /// Checks that a paused run begins no node runs, and neither does a plan that waits for an approval.
    fn holds_back(&self, command: &Command, decision: &Decision) {
        let asks = self.state.root().is_some_and(Node::is_asked);
        let held = match command {
            Command::Resume { .. } => false,
            Command::Decide { .. } => self.state.paused.is_some(),
            _ => self.state.paused.is_some() || asks,
        };
        let begins = decision.events.iter().any(|event| matches!(event, Event::NodeStarted { .. }));
        assert!(!(held && begins), "nothing begins while it is held back");
    }

    /// Updates the outbox: an answered effect is removed, unless a timer fired too early or the answer names another
    /// node run.
    fn keep_effects(&mut self, command: &Command, decision: &Decision) {
        if let Command::Planned { effect, .. }
        | Command::Loaded { effect, .. }
        | Command::Launched { effect, .. }
        | Command::Settle { effect, .. }
        | Command::Wake { effect, .. } = command
            && let Some(Effect { node_run, .. }) = self.wanted.get(effect)
            && !is_outstanding(&self.state, *node_run, *effect)
        {
            assert!(!decision.dropped.contains(effect), "what is answered is not dropped");
            self.wanted.remove(effect);
        }
        self.exchange(decision);
    }

    fn exchange(&mut self, decision: &Decision) {
        for effect in &decision.dropped {
            assert!(self.wanted.remove(effect).is_some(), "dropped {effect}, which was not outstanding");
        }
        let closing_effects = closing_effects(&self.state);
        for effect in &decision.effects {
            if matches!(effect.request, Request::Stop { .. } | Request::Report { .. }) {
                assert!(closing_effects.contains(&effect.id), "{effect:?} is known as a parting");
                assert!(self.parted.iter().all(|parted| parted.id != effect.id), "parted twice by {effect:?}");
                self.parted.push(effect.clone());
                continue;
            }
            assert!(self.wanted.insert(effect.id, effect.clone()).is_none(), "asked twice for {effect:?}");
        }
    }

    fn laws(&self) {
        assert_eq!(check(&self.state), Vec::new());
        assert_eq!(replay(self.state.run, &self.log).unwrap(), self.state, "a replay gives the live state");
        let derived: BTreeMap<EffectId, Effect> =
            outstanding(&self.state).into_iter().map(|effect| (effect.id, effect)).collect();
        assert_eq!(derived, self.wanted, "what the state wants is what was asked for and not taken back");
        for (index, recorded) in self.log.iter().enumerate() {
            assert_eq!(recorded.position, index as u64 + 1, "positions are gap-free");
            let last = index + 1 == self.log.len();
            assert!(last || !matches!(recorded.event, Event::Finished { .. }), "nothing follows the end");
        }
        children_first(&self.log);
    }

    /// Checks that a repeated command changes nothing and gets the same reply.
    fn again(&self, command: Command, before: &Decision) {
        if let Command::CreateChildren { children, .. } = &command
            && children.iter().any(|child| child.key.is_none())
        {
            return; // Without a key, the engine cannot recognize the same child.
        }
        let again = decide(&self.state, command, self.context()).unwrap();
        assert_eq!(
            again,
            Decision { reply: before.reply.clone(), ..Decision::default() },
            "a duplicate changes nothing"
        );
    }

    /// The state after a restart of the server, read from the stored log.
    pub(crate) fn read_back(&self) -> State {
        let stored = self.log.iter().map(|recorded| serde_json::to_string(&recorded.event).unwrap());
        let events = stored.map(|text| upcast(FORMAT_VERSION, serde_json::from_str(&text).unwrap()).unwrap());
        let log: Vec<Recorded> =
            self.log.iter().zip(events).map(|(recorded, event)| Recorded { event, ..recorded.clone() }).collect();
        replay(self.state.run, &log).unwrap()
    }

    /// The node runs in the log that have ended.
    pub(crate) fn ended(&self) -> BTreeSet<NodeRunId> {
        self.state.nodes.values().filter(|node| !node.is_live()).map(|node| node.id).collect()
    }

    /// Creates children of a composite and returns their ids.
    pub(crate) fn create(&mut self, parent: NodeRunId, children: Vec<ChildSpec>) -> Result<Vec<NodeRunId>, Rejected> {
        match self.submit(Command::CreateChildren { parent, children })?.reply {
            Reply::Children(ids) => Ok(ids),
            Reply::Done => panic!("children were asked for"),
        }
    }
}

/// Checks that children end before their parent, and that no node run begins or ends twice.
fn children_first(log: &[Recorded]) {
    let mut parents = BTreeMap::new();
    let (mut begun, mut ended) = (BTreeSet::new(), BTreeSet::new());
    for recorded in log {
        match &recorded.event {
            Event::ChildCreated(child) => {
                assert!(!ended.contains(&child.parent), "a child of an ended parent");
                parents.insert(child.node_run, child.parent);
            }
            Event::NodeStarted { node_run, attempt, .. } => {
                assert!(!ended.contains(node_run) && begun.insert((*node_run, *attempt)), "begun twice or too late");
            }
            Event::NodeFinished { node_run, .. } => {
                assert!(ended.insert(*node_run), "ended twice");
                let waiting = parents.iter().filter(|(_, parent)| *parent == node_run);
                for (child, _) in waiting {
                    assert!(ended.contains(child), "a parent ended before its child");
                }
            }
            _ => {}
        }
    }
}
