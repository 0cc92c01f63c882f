//! What progenitor generates from Runyard's documents as served, without this crate: what Rust users of other tools
//! see.
//!
//! When progenitor accepts them, this test fails: then the table in `openapi/README.md` and the client's rewriting can
//! be shorter.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openapiv3::OpenAPI;
use runyard_codegen::Generated;
use serde_json::Value;

use super::{golden, ours};

/// The document as a server serves it.
fn given_out(name: &str, generated: &Generated) -> Value {
    serde_json::from_str(&generated.files[&format!("{name}.full.json")]).unwrap()
}

/// `taken`, or the tool's error.
fn tried(document: &Value) -> String {
    let spec: OpenAPI = match serde_json::from_value(document.clone()) {
        Ok(spec) => spec,
        Err(error) => return format!("not read: {error}"),
    };
    let made = catch_unwind(AssertUnwindSafe(|| progenitor_impl::Generator::default().generate_tokens(&spec)));
    match made {
        Ok(Ok(_)) => "taken".to_owned(),
        Ok(Err(error)) => format!("refused: {error}"),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            format!("panics: {}", text.or_else(|| panic.downcast_ref().copied()).unwrap_or("without a word"))
        }
    }
}

/// The advice of the table in `openapi/README.md`: in every operation `4XX` and `5XX` instead of `default`.
fn with_ranges(document: &Value) -> Value {
    let mut document = document.clone();
    for path in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in path.as_object_mut().unwrap().values_mut() {
            let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
            if let Some(default) = responses.remove("default") {
                responses.extend(["4XX", "5XX"].map(|range| (range.to_owned(), default.clone())));
            }
        }
    }
    document
}

#[test]
fn progenitor_alone_takes_our_documents_with_ranges_for_default() {
    let mut lines = String::new();
    for (name, generated) in ours::all() {
        let document = given_out(name, &generated);
        writeln!(lines, "{name}\n    as it is: {}", tried(&document)).unwrap();
        writeln!(lines, "    with ranges: {}", tried(&with_ranges(&document))).unwrap();
    }
    golden("stock-progenitor", &lines);
}
