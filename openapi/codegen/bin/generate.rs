//! Generates a crate from one document, and reports what is not supported.

use serde_json::{Value, json};

use runyard_codegen::{Refusal, Report};

use crate::arguments::Wanted;
use crate::package;

/// Writes the crate, and returns the report.
///
/// # Errors
/// Why the crate was not written.
pub(crate) fn run(wanted: &Wanted) -> Result<String, String> {
    let document = package::document(wanted, &wanted.input);
    let name = wanted.name.clone().unwrap_or_else(|| package::name(&wanted.input));
    let generated = package::generator(wanted).document(&document).map_err(|error| error.to_string())?;
    if let Some(out) = &wanted.out {
        package::write(wanted, &name, &generated, out)?;
    }
    if wanted.json {
        let report = json(&generated.report);
        return serde_json::to_string_pretty(&report).map(|text| text + "\n").map_err(|error| error.to_string());
    }
    Ok(generated.report.to_string())
}

/// A report as JSON.
pub(crate) fn json(report: &Report) -> Value {
    let notes: Vec<Value> = report.lines().map(|(place, what)| json!({ "place": place, "what": what })).collect();
    json!({ "refusals": report.refusals.iter().map(refusal).collect::<Vec<_>>(), "notes": notes })
}

/// One refusal as JSON.
pub(crate) fn refusal(refusal: &Refusal) -> Value {
    let (method, path) = refusal.operation.clone().unzip();
    json!({
        "effect": refusal.effect.as_str(),
        "method": method,
        "path": path,
        "place": refusal.place,
        "reason": refusal.reason,
    })
}
