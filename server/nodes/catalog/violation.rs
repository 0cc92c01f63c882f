//! The defects of a value, field by field. Reasons name the expectation and never the value: inputs may be secret.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

/// The maximum number of listed violations.
pub(crate) const LISTED_MAX: usize = 32;

/// The maximum length of a field name; a longer one is cut. An unknown property may have any name.
const FIELD_CHARS_MAX: usize = 120;

/// One place where a value is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901); empty for the whole value.
    pub field: String,
    /// The expectation, as the end of a sentence that starts with the field.
    pub reason: String,
}

impl Violation {
    /// A violation at a top-level field.
    pub fn at(field: &str, reason: impl Into<String>) -> Self {
        Self { field: below("", field), reason: reason.into() }
    }

    /// A violation of one member of a top-level field.
    pub fn below(field: &str, member: &str, reason: impl Into<String>) -> Self {
        Self { field: below(&below("", field), member), reason: reason.into() }
    }

    /// The form in `details.violations`.
    pub fn to_value(&self) -> Value {
        serde_json::json!({ "field": self.field, "reason": self.reason })
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let field = if self.field.is_empty() { "the object" } else { self.field.as_str() };
        write!(f, "{field} {}", self.reason)
    }
}

/// The violations of a rule for a single value, at this place. Errors of such rules have no place of their own.
pub(crate) fn of_leaf(at: &str, error: &ValidationError<'_>) -> Violation {
    match error.kind() {
        Kind::Required { property } => {
            let field = below(at, property.as_str().unwrap_or_default());
            Violation { field, reason: "is required".to_owned() }
        }
        kind => Violation { field: at.to_owned(), reason: reason(kind) },
    }
}

/// The pointer to a member.
pub(crate) fn below(at: &str, name: &str) -> String {
    let shown: String = name.chars().take(FIELD_CHARS_MAX).collect();
    format!("{at}/{}", shown.replace('~', "~0").replace('/', "~1"))
}

fn reason(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind: TypeKind::Single(one) } => format!("must be {}", one.as_str()),
        Kind::Type { kind: TypeKind::Multiple(set) } => {
            format!("must be {}", set.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" or "))
        }
        Kind::Minimum { limit } => format!("must be at least {}", plain(limit)),
        Kind::Maximum { limit } => format!("must be at most {}", plain(limit)),
        Kind::Pattern { pattern } => format!("must match {pattern}"),
        other => format!("breaks the schema's rule {:?}", other.keyword()),
    }
}

/// A number without the `.0` that schemars writes after integers.
fn plain(number: &Value) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
