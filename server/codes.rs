//! Error codes that this program itself looks at, as a type: a misspelt one does not compile.
//!
//! A code is written once, here, and compared as [`Code`]. What each means is in `web/reference/codes.rs`; a test holds this list to it. Codes that
//! are only passed on, such as those of a coordinator elsewhere, stay text.

use std::borrow::Cow;

macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        /// An error code, of an answer or of a run that failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Code {
            /// Every one.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// Reads a code. One that this program does not look at is `None`.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    ApprovalNotFound = "approval_not_found",
    Canceled = "canceled",
    ChangedMeanwhile = "changed_meanwhile",
    InvalidInputs = "invalid_inputs",
    RunNotFound = "run_not_found",
    Stopping = "stopping",
    UnknownNodeType = "unknown_node_type",
    WorkflowNotFound = "workflow_not_found",
}

impl From<Code> for Cow<'static, str> {
    fn from(code: Code) -> Self {
        Cow::Borrowed(code.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::reference::codes::{CODES, REASONS};

    #[test]
    fn every_code_is_explained_and_reads_as_it_is_written() {
        let explained = |code: &str| {
            CODES.iter().any(|row| row.code == code) || REASONS.iter().any(|(codes, _)| codes.contains(&code))
        };
        for code in Code::ALL {
            assert!(explained(code.as_str()), "{code:?} has no row in web/reference/codes.rs");
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
        assert_eq!(Code::parse("no_such_code"), None);
    }
}
