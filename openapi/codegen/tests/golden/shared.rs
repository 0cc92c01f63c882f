//! Real documents of other vendors, and documents with one quirk each. They are beside this checkout, if present, and
//! not a part of it.

use std::path::{Path, PathBuf};

use runyard_codegen::{Document, Generator};

/// The folder, if it exists.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/documents").join(name);
    folder.is_dir().then_some(folder)
}

/// Operations with code and operations without; or why the document failed.
type Made = Result<(usize, usize), String>;

/// The result for each file, by its name.
fn tried(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<(String, Made)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = files.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    named
        .filter(|(name, _)| wanted(name))
        .map(|(name, path)| {
            let made = Generator::new().document(&Document::new(path).named("api"));
            let counted = made.map(|made| (made.operations, made.report.left_out().count()));
            (name, counted.map_err(|error| error.to_string()))
        })
        .collect()
}

#[test]
fn every_quirk_is_carried_but_upgrades_and_files_that_are_not_there() {
    let Some(folder) = folder("cases") else { return };
    for (name, made) in tried(&folder, |name| name.starts_with('c')) {
        match made {
            Err(error) => assert!(name.starts_with("c51") && error.contains("parts/ok.yaml"), "{name}: {error}"),
            Ok((_, left_out)) => assert_eq!(left_out, usize::from(name.starts_with("c50")), "{name}"),
        }
    }
}

#[test]
fn nearly_every_operation_of_real_documents_is_carried() {
    let Some(folder) = folder("real") else { return };
    let made = tried(&folder, |_| true);
    let accepted = made.iter().filter(|(_, made)| made.is_ok()).count();
    let refused: Vec<_> = made.iter().filter(|(_, made)| made.is_err()).collect();
    let (carried, left_out) =
        made.iter().flat_map(|(_, made)| made).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(accepted + 1 >= made.len(), "{refused:?}");
    assert!(carried * 100 >= (carried + left_out) * 97, "{carried} of {}", carried + left_out);
}

#[test]
fn what_a_case_is_about_is_in_its_code() {
    let Some(folder) = folder("cases") else { return };
    for (case, wanted) in [
        ("c09-two-in-segment", "path:\"/repos/{owner}/compare/{base}...{head}\""),
        ("c14-nullable", "pubc:::std::option::Option<::std::option::Option<::std::string::String>>"),
        ("c15-readonly", "pubid:::std::option::Option<i64>"),
        ("c17-discriminator", "serde_json::from_value(value).map(Self::Dog)"),
        ("c23-int-enum", "Self::Value1Point5=>serializer.serialize_f64(1.5f64)"),
        ("c31-integer-enum", "Self::Value512=>serializer.serialize_i64(512i64)"),
        ("c42-nullable-titled-component", "pubstructAccountSubtype"),
        ("c48-nullable-component-untitled", "pubstructP"),
    ] {
        let document = Document::new(folder.join(format!("{case}.yaml"))).named("api");
        let made = Generator::new().distinguish_null().document(&document).unwrap();
        let code = made.files["api.rs"].split_whitespace().collect::<String>();
        assert!(code.contains(wanted), "{case}: {}", made.files["api.rs"]);
    }
}
