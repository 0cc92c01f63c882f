//! What is being performed and may be wanted no more: the driver holds each effect here while it performs it, and whoever learns
//! that nobody waits for it any longer calls it back. A hint: a result that comes all the same is refused by the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runyard_engine::EffectId;
use tokio_util::sync::CancellationToken;

/// The effects that are being performed in this process.
#[derive(Debug, Default)]
pub struct Recalls {
    held: Mutex<HashMap<EffectId, CancellationToken>>,
}

/// One effect in hand. Dropping it lets go.
#[derive(Debug)]
pub struct Recall {
    recalls: Arc<Recalls>,
    effect: EffectId,
    token: CancellationToken,
}

impl Recalls {
    /// Holds an effect that is about to be performed.
    pub fn hold(self: &Arc<Self>, effect: EffectId) -> Recall {
        let token = CancellationToken::new();
        self.lock().insert(effect, token.clone());
        Recall { recalls: self.clone(), effect, token }
    }

    /// Says that nobody waits for these any more. Those that are not in hand here are nobody's business.
    pub fn call_back<'a>(&self, effects: impl IntoIterator<Item = &'a EffectId>) {
        let held = self.lock();
        for token in effects.into_iter().filter_map(|effect| held.get(effect)) {
            token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EffectId, CancellationToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recall {
    /// Waits until nobody waits for the effect any more.
    pub async fn called_back(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Recall {
    fn drop(&mut self) {
        self.recalls.lock().remove(&self.effect);
    }
}
