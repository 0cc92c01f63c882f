//! A table of a folder of documents: how much is supported, what is not and why, and whether the code compiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use runyard_codegen::{Effect, Error, Generated, Refusal};
use serde_json::{Value, json};

use crate::arguments::Wanted;
use crate::{generate, package};

/// The result for one document.
struct Row {
    file: String,
    /// The version that the document states in `openapi`.
    openapi: String,
    operations: usize,
    carried: usize,
    refusals: Vec<Refusal>,
    error: Option<String>,
    lines: usize,
    took: Duration,
    compiles: Option<Result<Duration, String>>,
}

/// Generates every document of the folder.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn run(wanted: &Wanted) -> Result<String, String> {
    let listed = std::fs::read_dir(&wanted.input).map_err(|error| format!("{}: {error}", wanted.input.display()))?;
    let mut files: Vec<(u64, PathBuf)> = listed
        .filter_map(|entry| Some((entry.as_ref().ok()?.metadata().ok()?.len(), entry.ok()?.path())))
        .filter(|(_, path)| {
            path.extension().is_some_and(|end| ["json", "yaml", "yml"].iter().any(|known| end == *known))
        })
        .collect();
    // Small documents come first, so that common problems show early.
    files.sort();
    let rows: Vec<Row> = files.iter().map(|(_, path)| row(wanted, path)).collect();
    if wanted.json {
        let all: Vec<Value> = rows.iter().map(as_json).collect();
        return serde_json::to_string_pretty(&all).map(|text| text + "\n").map_err(|error| error.to_string());
    }
    Ok(markdown(&rows))
}

#[expect(clippy::disallowed_methods, reason = "the program's own time, for people; nothing is decided by it")]
fn row(wanted: &Wanted, path: &Path) -> Row {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let started = Instant::now();
    let made = package::generator(wanted).document(&package::document(wanted, path));
    let took = started.elapsed();
    let mut row = Row {
        file,
        openapi: String::new(),
        operations: 0,
        carried: 0,
        refusals: Vec::new(),
        error: None,
        lines: 0,
        took,
        compiles: None,
    };
    match made {
        Ok(generated) => {
            row.openapi = stated_version(&generated);
            row.refusals.clone_from(&generated.report.refusals);
            row.carried = generated.operations;
            row.operations = generated.operations + generated.report.left_out().count();
            let code = generated.files.iter().filter(|(name, _)| name.ends_with(".rs"));
            row.lines = code.map(|(_, text)| text.lines().count()).sum();
            row.compiles = compiled(wanted, path, &generated);
        }
        Err(Error::Refused { refusals, .. }) => {
            row.operations = refusals.iter().filter(|refusal| refusal.effect == Effect::LeftOut).count();
            row.refusals = refusals;
            row.error = Some("nothing is carried".to_owned());
        }
        Err(error) => row.error = Some(error.to_string()),
    }
    row
}

#[expect(clippy::disallowed_methods, reason = "the program's own time, for people; nothing is decided by it")]
fn compiled(wanted: &Wanted, path: &Path, generated: &Generated) -> Option<Result<Duration, String>> {
    let out = wanted.out.as_ref()?;
    let name = package::name(path);
    let folder = out.join(&name);
    if let Err(error) = package::write(wanted, &name, generated, &folder) {
        return Some(Err(error));
    }
    if !wanted.compile {
        return None;
    }
    let started = Instant::now();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--quiet", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(out.join("target"))
        .output();
    Some(match output {
        Ok(output) if output.status.success() => Ok(started.elapsed()),
        Ok(output) => Err(first_error(&String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(error.to_string()),
    })
}

fn stated_version(generated: &Generated) -> String {
    let full = generated.files.iter().find(|(name, _)| name.ends_with(".full.json")).map(|(_, text)| text);
    let document: Option<Value> = full.and_then(|text| serde_json::from_str(text).ok());
    let version = document.as_ref().and_then(|document| document["openapi"].as_str());
    version.unwrap_or_default().to_owned()
}

fn first_error(text: &str) -> String {
    text.lines().find(|line| line.starts_with("error")).unwrap_or("cargo failed").to_owned()
}

fn markdown(rows: &[Row]) -> String {
    let mut text =
        "| document | OpenAPI | operations | carried | left out, and why | mended | compiles | generated in | lines |\n\
                    |---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let of = |effect: Effect| row.refusals.iter().filter(move |refusal| refusal.effect == effect);
        let why = row.error.clone().unwrap_or_else(|| reasons(of(Effect::LeftOut)));
        let compiles = match &row.compiles {
            None => "-".to_owned(),
            Some(Ok(took)) => format!("yes, {:.0} s", took.as_secs_f64()),
            Some(Err(error)) => format!("no: {}", error.replace('|', "\\|")),
        };
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {compiles} | {:.1} s | {} |\n",
            row.file,
            row.openapi,
            row.operations,
            row.carried,
            why.replace('|', "\\|").replace('\n', " "),
            mended(row),
            row.took.as_secs_f64(),
            row.lines,
        );
    }
    let (all, carried): (usize, usize) =
        rows.iter().fold((0, 0), |sum, row| (sum.0 + row.operations, sum.1 + row.carried));
    let accepted = rows.iter().filter(|row| row.error.is_none()).count();
    text + &format!("\n{accepted} of {} documents accepted, {carried} of {all} operations carried.\n", rows.len())
}

/// What is in the code in another way than in the document, counted by effect.
fn mended(row: &Row) -> String {
    let effects = [Effect::ClientOnly, Effect::Widened, Effect::Ignored, Effect::Assumed];
    let count = |effect: &Effect| row.refusals.iter().filter(|refusal| refusal.effect == *effect).count();
    let counts = effects.iter().map(|effect| (count(effect), effect.as_str())).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, effect)| format!("{count} {effect}")).collect();
    if counts.is_empty() { "-".to_owned() } else { counts.join(", ") }
}

/// Each reason once, with the number of its occurrences.
fn reasons<'a>(refusals: impl Iterator<Item = &'a Refusal>) -> String {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for refusal in refusals {
        *counted.entry(&refusal.reason).or_default() += 1;
    }
    if counted.is_empty() {
        return "-".to_owned();
    }
    counted.iter().map(|(reason, count)| format!("{count}x {reason}")).collect::<Vec<_>>().join("; ")
}

fn as_json(row: &Row) -> Value {
    json!({
        "document": row.file,
        "openapi": row.openapi,
        "operations": row.operations,
        "carried": row.carried,
        "error": row.error,
        "lines": row.lines,
        "generated_ms": row.took.as_millis(),
        "compiles": row.compiles.as_ref().map(Result::is_ok),
        "compile_error": row.compiles.as_ref().and_then(|done| done.as_ref().err()),
        "refusals": row.refusals.iter().map(generate::refusal).collect::<Vec<_>>(),
    })
}
