//! What a page must have, whatever its document: checked over the real documents.

use super::*;

#[test]
fn pages_are_made_of_every_document() {
    for part in PARTS.iter() {
        let page = files().iter().find(|one| one.name == file(part.document.name)).unwrap();
        for operation in part.document.operations {
            assert!(page.content.contains(&format!("<section class=\"operation\" id=\"{}\"", operation.id)));
        }
        assert_eq!(part.reference.operations().count(), part.document.operations.len());
    }
}
