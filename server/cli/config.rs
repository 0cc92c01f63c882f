//! `runyard config`: the settings in effect and where they come from, or a commented file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::context::Context;
use super::failure::{Exit, Failure};
use crate::config::load::FILE_NAME;
use crate::config::show::{effective, template};

/// What to do with the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum Arguments {
    /// Show every setting, its value, and where that came from
    #[command(
        after_help = "Example:\n  runyard config show --json\n\nWith --json one object: {KEY:{\"value\",\"origin\",\"variable\"}}."
    )]
    Show,
    /// Write a commented runyard.toml with every setting and its default
    Init(Init),
}

/// Where to write.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  runyard config init\n\nWith --json one object: {\"written\":PATH}.")]
pub struct Init {
    /// The file to write
    #[arg(value_name = "FILE", default_value = FILE_NAME)]
    pub path: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// Shows the configuration or writes a file.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn config(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments {
        Arguments::Show => show(context),
        Arguments::Init(init) => {
            write(&init.path, init.force)?;
            context.output.line(&format!(
                "wrote {}; every setting in it is a comment and shows its default",
                init.path.display()
            ));
            context.output.object(&json!({ "written": init.path }));
        }
    }
    Ok(Exit::Success)
}

fn show(context: &mut Context) {
    let shown = effective(&context.loaded);
    let text = |value: &Value| match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows =
        shown.iter().map(|one| vec![one.key.to_owned(), text(&one.value), one.origin.clone(), one.variable.clone()]);
    context.output.table(&["SETTING", "VALUE", "SET BY", "ENVIRONMENT"], rows.collect());
    let object = |one: &crate::config::show::Shown| json!({ "value": one.value, "origin": one.origin, "variable": one.variable });
    let all: Map<String, Value> = shown.iter().map(|one| (one.key.to_owned(), object(one))).collect();
    context.output.object(&Value::Object(all));
}

fn write(path: &Path, force: bool) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).create_new(!force).truncate(force);
    let written = options.open(path).and_then(|mut file| file.write_all(template().as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new("file_exists", format!("{} exists already", path.display()))
            .advise("use --force to replace it"),
        _ => Failure::new("not_written", format!("cannot write {}: {error}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_is_replaced_only_with_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        write(&path, false).unwrap();
        std::fs::write(&path, "mine, and longer than nothing").unwrap();
        assert_eq!(write(&path, false).unwrap_err().code, "file_exists");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine, and longer than nothing");
        write(&path, true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), template());
        let nowhere = folder.path().join("absent").join(FILE_NAME);
        assert_eq!(write(&nowhere, false).unwrap_err().code, "not_written");
    }
}
