//! Why a command failed: what happened, why, what to do, and the exit code.

use std::process::ExitCode;

use runyard_client::{CallError, ErrorBody, Refusal, WatchError};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::config::ConfigError;

/// The code where no server answers. No server sends it.
pub const UNREACHABLE: &str = "unreachable";

/// How a command ends, for the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; for a run: succeeded.
    Success,
    /// Not done; for a run: failed, partial or canceled.
    Failed,
    /// Usage error: flags, input, configuration.
    Usage,
    /// Interrupted a second time, without waiting for anything.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A command's error.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Which exit code.
    pub exit: Exit,
    /// For programs, snake case. A server's own code where a server refused.
    pub code: String,
    /// What happened and why.
    pub message: String,
    /// What to do next.
    pub advice: Option<String>,
    /// Facts, as the server gave them. Boxed, because every result in the command line is as large as its failure.
    pub details: Box<Map<String, Value>>,
}

impl Failure {
    /// Something did not work.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            code: code.to_owned(),
            message: message.into(),
            advice: None,
            details: Box::default(),
        }
    }

    /// A usage error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new("usage", message) }
    }

    /// With what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// As text: one line of what happened, facts, what to do.
    pub fn text(&self) -> String {
        let facts = facts(&self.details).into_iter().map(|fact| format!("\n  {fact}"));
        let advice = self.advice.iter().map(|advice| format!("\n  {advice}"));
        std::iter::once(self.message.clone()).chain(facts).chain(advice).collect()
    }

    /// As a JSON object `{"error": {...}}`.
    pub fn json(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("message".to_owned(), json!(self.message));
        if let Some(advice) = &self.advice {
            error.insert("advice".to_owned(), json!(advice));
        }
        if !self.details.is_empty() {
            error.insert("details".to_owned(), Value::Object((*self.details).clone()));
        }
        json!({ "error": error })
    }
}

/// Facts about an error, a line each; a list of objects, such as the fields that are wrong, has a line per item.
pub fn facts(details: &Map<String, Value>) -> Vec<String> {
    let lines = |(name, value): (&String, &Value)| match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().map(|item| format!("{name}: {}", plainly(item))).collect()
        }
        Value::Array(items) if items.is_empty() => Vec::new(),
        value => vec![format!("{name}: {}", plainly(value))],
    };
    details.iter().flat_map(lines).collect()
}

fn plainly(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plainly).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name} {}", plainly(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// An error with its causes, each once: some layers repeat their cause in their own text.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let reason = next.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = next.source();
    }
    text
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { exit: Exit::Usage, ..Self::new("invalid_configuration", error.to_string()) }
    }
}

impl<E: Serialize> From<CallError<E>> for Failure {
    fn from(error: CallError<E>) -> Self {
        if let Some(refusal) = error.refusal() {
            return refusal.into();
        }
        match error {
            CallError::Refused { .. } | CallError::Status { .. } | CallError::Unexpected { .. } => {
                Self::new("unexpected_answer", error.to_string())
            }
            CallError::Transport(_) => Self::new(UNREACHABLE, error.to_string()),
            CallError::NoToken(_) => Self::new("no_token", error.to_string())
                .advise("`runyard login` logs in again, `runyard logout` removes this login"),
            CallError::Unsent(_) => Self::usage(error.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let mut details = refusal.details;
        if let Some(request_id) = refusal.request_id {
            details.insert("request_id".to_owned(), Value::String(request_id));
        }
        // The request was made of what stands on the command line.
        let exit = if matches!(refusal.status, 400 | 422) { Exit::Usage } else { Exit::Failed };
        let failure = Self { exit, details: Box::new(details), ..Self::new(&refusal.code, refusal.message) };
        if refusal.status == 401 {
            failure.advise(
                "authenticate with --token, RUNYARD_TOKEN or `runyard login`; `runyard keys create` creates an API key",
            )
        } else {
            failure
        }
    }
}

impl<R: ErrorBody> From<WatchError<R>> for Failure {
    fn from(error: WatchError<R>) -> Self {
        match error {
            WatchError::Refused(error) => error.into(),
            WatchError::NotEvents(_) => Self::new("unexpected_answer", error.to_string()),
            WatchError::GaveUp { .. } => Self::new("stream_lost", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Failure {
        let Value::Object(details) = json!({
            "errors": [
                { "place": "body", "field": "/input", "reason": "is required" },
                { "place": "body", "field": "/x", "reason": "is not allowed" },
            ],
            "more": 0,
            "nearest": ["a", "b"],
        }) else {
            panic!("an object")
        };
        Failure::from(Refusal {
            status: 400,
            code: "invalid_request".to_owned(),
            message: "the request does not fit the document".to_owned(),
            details,
            retryable: false,
            request_id: Some("r-1".to_owned()),
        })
    }

    #[test]
    fn a_refusal_keeps_the_servers_code_and_facts() {
        let failure = refused().advise("correct them");
        insta::assert_snapshot!(failure.text(), @r"
        the request does not fit the document
          errors: place body, field /input, reason is required
          errors: place body, field /x, reason is not allowed
          more: 0
          nearest: a, b
          request_id: r-1
          correct them
        ");
        let json = failure.json();
        assert_eq!(json["error"]["code"], "invalid_request");
        assert_eq!(json["error"]["advice"], "correct them");
        assert_eq!(json["error"]["details"]["errors"][0]["field"], "/input");
    }

    #[test]
    fn causes_are_shown_and_none_of_them_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot create x{text}")]
        struct Unmade {
            text: &'static str,
            #[source]
            cause: std::io::Error,
        }
        let unmade = |text| Unmade { text, cause: std::io::Error::other("no space") };
        assert_eq!(with_causes(&unmade("")), "cannot create x: no space");
        assert_eq!(with_causes(&unmade(": no space")), "cannot create x: no space");
    }

    #[test]
    fn exit_codes_are_what_scripts_rely_on() {
        assert_eq!([Exit::Success, Exit::Failed, Exit::Usage, Exit::Interrupted].map(Exit::code), [0, 1, 2, 130]);
        assert_eq!(refused().exit, Exit::Usage);
        assert_eq!(Failure::usage("no").exit, Exit::Usage);
        assert_eq!(Failure::from(ConfigError::Refused(Vec::new())).exit, Exit::Usage);
        assert_eq!(Failure::from(CallError::<Value>::Unsent("no".into())).exit, Exit::Usage);
    }
}
