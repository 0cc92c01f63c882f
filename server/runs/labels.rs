//! Labels that callers give their runs, by which lists find them.

use runyard_engine::Labels;

/// The prefix of the server's own labels.
pub const OWN: &str = "runyard.";
/// The most labels of a run.
pub const LABELS_MAX: usize = 32;
/// The longest name and value of a label, bytes.
pub const BYTES_MAX: usize = 256;

/// Whether this is a valid label for callers. The name has no colon, because a colon ends the name in a list's filter.
pub fn fits(name: &str, value: &str) -> bool {
    let sized = |text: &str| (1..=BYTES_MAX).contains(&text.len());
    sized(name) && sized(value) && !name.starts_with(OWN) && !name.contains(':')
}

/// The valid labels among these pairs, up to the limit, by name.
pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Labels {
    let pairs = pairs.into_iter().filter(|(name, value)| fits(name, value));
    let mut labels: Labels = pairs.map(|(name, value)| (name.clone(), [value.clone()].into())).collect();
    while labels.len() > LABELS_MAX {
        labels.pop_last();
    }
    labels
}
