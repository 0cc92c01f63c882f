//! Labels that callers give their runs: what lists find them by.

use runyard_engine::Labels;

/// Labels of the server's own begin like this.
pub const OWN: &str = "runyard.";
/// The most labels, and values of one.
pub const LABELS_MAX: usize = 32;
/// The longest name and value of a label, bytes.
pub const BYTES_MAX: usize = 256;

/// Whether this can be a label of a caller's. A colon ends the name where a list is asked for a label.
pub fn fits(name: &str, value: &str) -> bool {
    let sized = |text: &str| (1..=BYTES_MAX).contains(&text.len());
    sized(name) && sized(value) && !name.starts_with(OWN) && !name.contains(':')
}

/// The labels among these pairs, as many as there may be, by name.
pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Labels {
    let pairs = pairs.into_iter().filter(|(name, value)| fits(name, value));
    let mut labels: Labels = pairs.map(|(name, value)| (name.clone(), [value.clone()].into())).collect();
    while labels.len() > LABELS_MAX {
        labels.pop_last();
    }
    labels
}
