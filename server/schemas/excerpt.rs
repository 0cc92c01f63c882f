//! Texts of a schema in error messages, cut to a length.

/// The longest piece of a place or of a reference in an error, characters.
const SHOWN_CHARS_MAX: usize = 120;

/// The beginning of a text.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
