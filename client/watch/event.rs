//! Events of streams that can be resumed.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An event of a stream that can be resumed.
pub trait Event: DeserializeOwned + Send + 'static {
    /// Its position among the events of the run.
    fn seq(&self) -> u64;

    /// Whether it is the run's last event.
    fn is_last(&self) -> bool;
}

/// An untyped event: any object with a `seq`.
#[derive(Debug, Clone, PartialEq)]
pub struct AnyEvent {
    /// Its position among the events of the run.
    pub seq: u64,
    /// The whole event.
    pub body: Value,
}

impl AnyEvent {
    /// The event type, for example `atomic_executed`; empty if it is missing.
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// The node run of the event.
    pub fn node_run_id(&self) -> Option<&str> {
        self.text("node_run_id")
    }

    /// The time of the event, RFC 3339.
    pub fn time(&self) -> Option<&str> {
        self.text("time")
    }

    /// The data of the event, which depends on its type.
    pub fn data(&self) -> Option<&Map<String, Value>> {
        self.body.get("data").and_then(Value::as_object)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }
}

impl Event for AnyEvent {
    fn seq(&self) -> u64 {
        self.seq
    }

    /// The name of the last event in ARP's run services. In documents with another name, the end of the stream decides.
    fn is_last(&self) -> bool {
        is_last_of_arp(self.kind())
    }
}

/// Whether this is the type of the last event of a run in ARP.
#[cfg(any(feature = "run-gateway", feature = "run-coordinator", feature = "runtime"))]
fn is_last_of_arp(kind: &str) -> bool {
    use runyard_api::arp::schemas::RunEventType;
    kind.parse().ok() == Some(RunEventType::RunCompleted)
}

/// Without the documents of ARP, no type is.
#[cfg(not(any(feature = "run-gateway", feature = "run-coordinator", feature = "runtime")))]
const fn is_last_of_arp(_kind: &str) -> bool {
    false
}

impl<'de> Deserialize<'de> for AnyEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Value::deserialize(deserializer)?;
        let seq = body.get("seq").and_then(Value::as_u64).ok_or_else(|| D::Error::custom("there is no `seq`"))?;
        Ok(Self { seq, body })
    }
}
