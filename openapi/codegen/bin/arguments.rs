//! Parses the command line without a library, which every build script would have to compile for only two commands.

use std::path::PathBuf;

/// The usage message.
pub(crate) const USAGE: &str = "\
Usage: runyard-codegen generate FILE --out DIR [options]   a crate from an OpenAPI document
       runyard-codegen table DIR [options]                 what is carried of each document of a folder

  --out DIR          where to write (generate: the crate; table: a crate per document)
  --overlay FILE     an OpenAPI Overlay to apply first
  --name NAME        another name than the file's
  --no-client        write no client
  --no-server        write no server trait
  --standalone       generate: a client that depends on public crates alone, without a server trait
  --strict           fail where something cannot be carried
  --runyard-api DIR  take crate runyard-api from this folder
  --compile          table: check each crate with cargo
  --json             the report, or the table, as JSON
";

/// The command to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Generate(Wanted),
    Table(Wanted),
    Help,
}

/// The options of a command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) input: PathBuf,
    pub(crate) out: Option<PathBuf>,
    pub(crate) overlay: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) no_client: bool,
    pub(crate) no_server: bool,
    pub(crate) standalone: bool,
    pub(crate) strict: bool,
    pub(crate) json: bool,
    pub(crate) compile: bool,
    pub(crate) runyard_api: Option<PathBuf>,
}

/// Parses the arguments after the program's name.
///
/// # Errors
/// Says which argument is not valid.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut arguments = arguments;
    let command = arguments.next().unwrap_or_default();
    if matches!(command.as_str(), "" | "help" | "--help" | "-h") {
        return Ok(Command::Help);
    }
    let mut wanted = Wanted::default();
    let mut inputs = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--out" => wanted.out = Some(value()?.into()),
            "--overlay" => wanted.overlay = Some(value()?.into()),
            "--name" => wanted.name = Some(value()?),
            "--runyard-api" => wanted.runyard_api = Some(value()?.into()),
            "--no-client" => wanted.no_client = true,
            "--no-server" => wanted.no_server = true,
            "--standalone" => wanted.standalone = true,
            "--strict" => wanted.strict = true,
            "--json" => wanted.json = true,
            "--compile" => wanted.compile = true,
            "--help" | "-h" => return Ok(Command::Help),
            option if option.starts_with("--") => return Err(format!("{option} is not an option")),
            _ => inputs.push(PathBuf::from(argument)),
        }
    }
    let [input] =
        <[PathBuf; 1]>::try_from(inputs).map_err(|all| format!("one file or folder is needed, not {}", all.len()))?;
    wanted.input = input;
    // A server needs the host, which is in crate runyard-api.
    wanted.no_server |= wanted.standalone;
    match command.as_str() {
        _ if wanted.standalone && wanted.no_client => {
            Err("--standalone is a client: --no-client leaves nothing".to_owned())
        }
        _ if wanted.standalone && wanted.runyard_api.is_some() => {
            Err("a --standalone client does not use --runyard-api".to_owned())
        }
        "generate" if wanted.out.is_none() => Err("generate needs --out DIR".to_owned()),
        "generate" => Ok(Command::Generate(wanted)),
        "table" if wanted.compile && wanted.out.is_none() => Err("--compile needs --out DIR".to_owned()),
        "table" => Ok(Command::Table(wanted)),
        other => Err(format!("{other} is not a command")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_stand_anywhere_after_the_command() {
        let wanted = Wanted { input: "a.yaml".into(), out: Some("out".into()), no_server: true, ..Wanted::default() };
        assert_eq!(read("generate --no-server a.yaml --out out"), Ok(Command::Generate(wanted)));
        let wanted = Wanted {
            input: "a.yaml".into(),
            out: Some("out".into()),
            no_server: true,
            standalone: true,
            ..Wanted::default()
        };
        assert_eq!(read("generate a.yaml --standalone --out out"), Ok(Command::Generate(wanted)));
        assert_eq!(read(""), Ok(Command::Help));
        assert_eq!(read("table --help"), Ok(Command::Help));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, reason) in [
            ("generate a.yaml", "generate needs --out DIR"),
            ("generate --out x", "one file or folder is needed, not 0"),
            ("table a --out", "--out needs a value"),
            ("table a --compile", "--compile needs --out DIR"),
            ("table a --loud", "--loud is not an option"),
            ("generate a --out x --standalone --no-client", "--standalone is a client: --no-client leaves nothing"),
            ("generate a --out x --standalone --runyard-api y", "a --standalone client does not use --runyard-api"),
            ("make a", "make is not a command"),
        ] {
            assert_eq!(read(line), Err(reason.to_owned()), "{line}");
        }
    }
}
