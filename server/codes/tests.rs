//! The table of codes is consistent. `server/web/generated/errors.rs` makes the page of it.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_code_is_read_as_it_is_written_and_stands_once_for_its_status() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        assert_eq!(Code::parse(code.as_str()).map(Code::as_str), Some(code.as_str()));
        assert!(seen.insert((code.status().as_u16(), code.as_str())), "{code:?} stands twice");
    }
    assert_eq!(Code::parse("no_such_code"), None);
}
