//! Where an event stream goes on, for every API that numbers its events.

use crate::feed::{Reach, Wanted};

/// How far a stream reaches, by the query `follow`.
pub fn reach(follow: Option<bool>) -> Reach {
    if follow == Some(false) { Reach::Recorded } else { Reach::Live }
}

/// The last `seq` that the caller has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resume {
    after_seq: Option<u64>,
    last_event_id: Option<u64>,
}

impl Resume {
    /// From the query `after_seq` and the header `Last-Event-ID`, both already checked to be 0 or more.
    pub fn new(after_seq: Option<i64>, last_event_id: Option<i64>) -> Self {
        let whole = |seq: i64| u64::try_from(seq).ok();
        Resume { after_seq: after_seq.and_then(whole), last_event_id: last_event_id.and_then(whole) }
    }

    /// The events that are wanted: those after it, to the end of the run unless `follow` is false.
    pub fn wanted(self, follow: Option<bool>) -> Wanted {
        Wanted { after_seq: self.seq(), reach: reach(follow) }
    }

    /// The last `seq` that was seen; 0 for none. The query goes before the header.
    pub fn seq(self) -> u64 {
        self.after_seq.or(self.last_event_id).unwrap_or(0)
    }
}
