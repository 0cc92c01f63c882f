//! What the generator writes, reports and refuses, for small documents of its own and for Runyard's.
//!
//! Snapshots are in `tests/golden/codegen/`. `called.rs` tests that the generated code compiles and works.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "golden/carried.rs"]
mod carried;
#[path = "golden/damaged.rs"]
mod damaged;
#[path = "golden/documents.rs"]
mod documents;
#[path = "golden/identifiers.rs"]
mod identifiers;
#[path = "golden/ours.rs"]
mod ours;
#[path = "golden/refusals.rs"]
mod refusals;
#[path = "golden/rewrites.rs"]
mod rewrites;
#[path = "golden/shared.rs"]
mod shared;
#[path = "golden/stock.rs"]
mod stock;

/// Compares with the golden of this name.
fn golden(name: &str, text: &str) {
    let settings = {
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/codegen"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings
    };
    settings.bind(|| insta::assert_snapshot!(name, text));
}
