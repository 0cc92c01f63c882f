//! Effects that are being performed in this process, and their cancellation. The driver registers each effect while it
//! performs it, and any part of the server that learns that its result is not needed cancels it. Only a hint: the
//! store refuses a late result anyway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runyard_engine::EffectId;
use tokio_util::sync::CancellationToken;

/// The effects that are being performed in this process.
#[derive(Debug, Default)]
pub struct InFlight {
    held: Mutex<HashMap<EffectId, CancellationToken>>,
}

/// One registered effect. Dropping it removes it.
#[derive(Debug)]
pub struct InFlightEffect {
    in_flight: Arc<InFlight>,
    effect: EffectId,
    token: CancellationToken,
}

impl InFlight {
    /// Registers an effect that is about to be performed.
    pub fn hold(self: &Arc<Self>, effect: EffectId) -> InFlightEffect {
        let token = CancellationToken::new();
        self.lock().insert(effect, token.clone());
        InFlightEffect { in_flight: self.clone(), effect, token }
    }

    /// Cancels these effects, whose results are not needed any more. Those of other processes are ignored.
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
    /// Waits until the effect is canceled.
    pub async fn canceled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for InFlightEffect {
    fn drop(&mut self) {
        self.in_flight.lock().remove(&self.effect);
    }
}
