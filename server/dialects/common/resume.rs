//! Where an event stream resumes, for every API that numbers its events.

use crate::feed::{EventRange, Reach};

/// How far a stream goes, from the query `follow`.
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

    /// The events after this position, to the end of the run unless `follow` is false.
    pub fn wanted(self, follow: Option<bool>) -> EventRange {
        EventRange { after_seq: self.seq(), reach: reach(follow) }
    }

    /// The last `seq` that the client has seen; 0 if it has seen none. The query wins over the header.
    pub fn seq(self) -> u64 {
        self.after_seq.or(self.last_event_id).unwrap_or(0)
    }
}
