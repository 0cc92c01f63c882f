//! Finds the schemas that typify refuses. Each of them becomes any JSON, and the rest keep their types.
//!
//! typify fails for all schemas at once and names none. So they are tried together first. If that fails, each is tried
//! alone, with placeholders for the others. If each succeeds alone, the shortest failing prefix of the list ends with
//! the schema to replace.

use std::path::Path;

use schemars::schema::Schema;
use serde_json::json;
use typify::{TypeSpace, TypeSpaceSettings};

use crate::Result;
use crate::types::{guarded, parsed};

/// The most schemas that are replaced; beyond that, the cause is something else.
const OFFENDERS_MAX: usize = 64;

/// Replaces every schema that typify refuses, and returns the name and the reason of each.
pub(crate) fn replace_offenders(
    path: &Path,
    settings: &TypeSpaceSettings,
    definitions: &mut [(String, Schema)],
) -> Result<Vec<(String, String)>> {
    let mut offenders = Vec::new();
    let Err(_) = tried(path, settings, definitions.to_vec()) else { return Ok(offenders) };
    let any = parsed(path, "any", json!({}))?;
    let among_stand_ins = |real: &dyn Fn(usize) -> bool, definitions: &[(String, Schema)]| {
        let chosen = |(index, (name, schema)): (usize, &(String, Schema))| {
            (name.clone(), if real(index) { schema.clone() } else { any.clone() })
        };
        tried(path, settings, definitions.iter().enumerate().map(chosen).collect())
    };
    // Each alone, with placeholders for the schemas that it refers to. This is fast even for hundreds of schemas.
    for index in 0..definitions.len() {
        let named = references(&definitions[index].1);
        let few: Vec<(String, Schema)> = definitions
            .iter()
            .enumerate()
            .filter(|(other, (name, _))| *other == index || named.contains(name))
            .map(|(other, (name, schema))| (name.clone(), if other == index { schema.clone() } else { any.clone() }))
            .collect();
        if let Err(reason) = tried(path, settings, few) {
            offenders.push((definitions[index].0.clone(), reason));
            definitions[index].1 = any.clone();
        }
    }
    while let Err(reason) = tried(path, settings, definitions.to_vec()) {
        if offenders.len() >= OFFENDERS_MAX {
            break;
        }
        let (mut fine, mut fails) = (0, definitions.len());
        let mut message = reason;
        while fails - fine > 1 {
            let middle = fine + (fails - fine) / 2;
            match among_stand_ins(&|index| index < middle, definitions) {
                Ok(()) => fine = middle,
                Err(reason) => (fails, message) = (middle, reason),
            }
        }
        let Some((name, schema)) = definitions.get_mut(fails - 1).filter(|(_, schema)| *schema != any) else { break };
        offenders.push((name.clone(), message));
        *schema = any.clone();
    }
    Ok(offenders)
}

fn tried(
    path: &Path,
    settings: &TypeSpaceSettings,
    definitions: Vec<(String, Schema)>,
) -> std::result::Result<(), String> {
    let made = guarded(path, "", "typify", || {
        let mut space = TypeSpace::new(settings);
        space.add_ref_types(definitions).map_err(|error| error.to_string())?;
        syn::parse2::<syn::File>(space.to_stream()).map(drop).map_err(|error| error.to_string())
    });
    made.map_err(|error| match error {
        crate::Error::Tool { tool, reason, .. } => format!("{tool} gave up: {reason}"),
        other => other.to_string(),
    })
}

/// The names of all components that a schema refers to.
fn references(schema: &Schema) -> Vec<String> {
    fn gather(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                let reference = fields.get("$ref").and_then(serde_json::Value::as_str);
                found.extend(reference.and_then(|text| text.rsplit('/').next()).map(str::to_owned));
                fields.values().for_each(|field| gather(field, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    gather(&serde_json::to_value(schema).unwrap_or_default(), &mut found);
    found
}
