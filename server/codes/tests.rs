//! The table reads as it is written, and the page of errors shows it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;

#[test]
fn every_code_is_read_as_it_is_written_and_stands_once_for_its_status() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        assert_eq!(Code::parse(code.as_str()).map(Code::as_str), Some(code.as_str()));
        assert!(seen.insert((code.status().as_u16(), code.as_str())), "{code:?} stands twice");
    }
    for code in FailureCode::ALL {
        assert_eq!(FailureCode::parse(code.as_str()), Some(*code));
    }
    assert_eq!((Code::parse("no_such_code"), FailureCode::parse("no_such_code")), (None, None));
}

/// The page, as the table has it.
fn page() -> String {
    let mut page = String::from(
        "# Errors\n\nGenerated from `server/codes.rs`; `RUNYARD_WRITE_DOCS=1 cargo test -p runyard --lib codes` writes it.\n\n\
         ## Errors of answers\n\n| status | code | when |\n|---|---|---|\n",
    );
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.status().as_u16());
    for code in codes {
        let _ = writeln!(page, "| {} | `{}` | {} |", code.status().as_u16(), code.as_str(), code.when());
    }
    page.push_str("\n## Errors of failed runs\n\n| code | why |\n|---|---|\n");
    for (codes, why) in REASONS {
        let codes: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let _ = writeln!(page, "| {} | {why} |", codes.join(", "));
    }
    page
}

#[test]
fn the_page_of_errors_is_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/errors.md");
    if std::env::var_os("RUNYARD_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page(), "RUNYARD_WRITE_DOCS=1 writes it");
}
