//! Texts for people that commands send, such as reasons and comments.

use std::str::FromStr;

use super::failure::Failure;

/// A text for people, within the bounds of the API.
pub(super) fn text<Words: FromStr>(flag: &str, given: Option<&str>) -> Result<Option<Words>, Failure>
where
    Words::Err: std::fmt::Display,
{
    let read = |text: &str| text.parse().map_err(|error| Failure::usage(format!("{flag} is not valid: {error}")));
    given.map(read).transpose()
}
