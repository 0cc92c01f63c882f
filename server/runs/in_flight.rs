//! What is being performed and may be wanted no more: the driver holds each effect here while it performs it, and whoever learns
//! that nobody waits for it any longer calls it back. A hint: a result that comes all the same is refused by the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runyard_engine::EffectId;
use tokio_util::sync::CancellationToken;

/// The effects that are being performed in this process.
#[derive(Debug, Default)]
pub struct InFlight {
    held: Mutex<HashMap<EffectId, CancellationToken>>,
}

/// One effect in hand. Dropping it lets go.
#[derive(Debug)]
pub struct InFlightEffect {
    in_flight: Arc<InFlight>,
    effect: EffectId,
    token: CancellationToken,
}

impl InFlight {
    /// Holds an effect that is about to be performed.
    pub fn hold(self: &Arc<Self>, effect: EffectId) -> InFlightEffect {
        let token = CancellationToken::new();
        self.lock().insert(effect, token.clone());
        InFlightEffect { in_flight: self.clone(), effect, token }
    }

    /// Says that nobody waits for these any more. Those that are not in hand here are nobody's business.
    pub fn cancel<'a>(&self, effects: impl IntoIterator<Item = &'a EffectId>) {
        let held = self.lock();
        for token in effects.into_iter().filter_map(|effect| held.get(effect)) {
            token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EffectId, CancellationToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlightEffect {
    /// Waits until nobody waits for the effect any more.
    pub async fn canceled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for InFlightEffect {
    fn drop(&mut self) {
        self.in_flight.lock().remove(&self.effect);
    }
}
