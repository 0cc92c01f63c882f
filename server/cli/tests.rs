//! The command line as a whole: what parses, what is a usage error, what becomes a setting.

use super::*;

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"runyard").chain(arguments))
}

fn refusal(arguments: &[&str]) -> String {
    let error = parse(arguments).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{arguments:?}");
    error.to_string()
}

#[test]
fn the_tree_of_commands_is_sound() {
    definition().debug_assert();
}

#[test]
fn every_command_says_what_it_does_and_what_programs_get() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(command.get_about().is_some(), "{name} has no description");
        let speaks = command
            .get_subcommands()
            .chain([command])
            .any(|one| one.get_after_help().is_some_and(|help| help.to_string().contains("--json")));
        assert!(speaks, "{name} does not say what --json prints");
        let has_example = command
            .get_subcommands()
            .chain([command])
            .any(|one| one.get_after_help().is_some_and(|help| help.to_string().contains("runyard ")));
        assert!(has_example || command.is_hide_set(), "{name} has no example");
    }
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    for arguments in [["--json", "--data-dir", "d", "list"], ["list", "--data-dir", "d", "--json"]] {
        let cli = parse(&arguments).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.data_dir.as_deref(), Some("d"));
    }
}

#[test]
fn usage_errors_name_what_is_not_valid() {
    assert!(refusal(&["run"]).contains("<GOAL>"));
    assert!(refusal(&["run", "a", "b"]).contains("unexpected argument 'b'"));
    assert!(refusal(&["list", "--state", "odd"]).contains("possible values: queued, running"));
    assert!(refusal(&["list", "--limit", "0"]).contains("1..=200"));
    assert!(refusal(&["--url", "http://a", "--data-dir", "d", "list"]).contains("cannot be used with"));
    assert!(refusal(&["openapi", "--surface"]).contains("<NAME>"));
    assert!(refusal(&["runn"]).contains("run"));
    refusal(&["watch"]);
    refusal(&[]);
}

#[test]
fn a_node_type_stands_for_a_goal() {
    let Command::Run(run) = parse(&["run", "--node-type", "a.b@1", "--input", "{}"]).unwrap().command else {
        panic!("run")
    };
    assert_eq!((run.wanted.goal, run.wanted.node_type.as_deref()), (None, Some("a.b@1")));
}

#[test]
fn overlay_false_prints_the_vendors_document() {
    let Command::Openapi(arguments) = parse(&["openapi", "run-gateway", "--overlay=false"]).unwrap().command else {
        panic!("openapi")
    };
    assert!(!arguments.show.overlay);
}

#[test]
fn a_word_after_openapi_is_a_document_or_a_subcommand() {
    let Command::Openapi(arguments) = parse(&["openapi", "--json", "export", "--out", "d"]).unwrap().command else {
        panic!("openapi")
    };
    assert!(matches!(arguments.command, Some(openapi::Command::Export(_))) && arguments.show.is_empty());
    let Command::Openapi(arguments) = parse(&["openapi", "runtime", "export", "--out", "d"]).unwrap().command else {
        panic!("openapi")
    };
    assert!(arguments.command.is_some() && !arguments.show.is_empty(), "both: refused when it is carried out");
    assert!(refusal(&["openapi", "export"]).contains("--out <DIR>"));
}

#[test]
fn flags_become_settings_and_named_ones_go_before_set() {
    let cli =
        parse(&["serve", "--port-base", "1000", "--set", "port_base=2000", "--set", "workers=3", "--log", "debug"])
            .unwrap();
    let sources = Sources { flags: flags(&cli).unwrap(), ..Sources::default() };
    let loaded = load(&Sources { folder: PathBuf::from("/nowhere"), ..sources }).unwrap();
    assert_eq!((loaded.config.port_base, loaded.config.workers), (1000, 3));
    assert_eq!(loaded.origin("port_base"), "flag --port-base");
    assert_eq!(loaded.config.log.filter, "debug");
    let failure = flags(&parse(&["--set", "workers", "list"]).unwrap()).unwrap_err();
    assert_eq!((failure.exit, failure.message.as_str()), (Exit::Usage, "--set \"workers\" is not KEY=VALUE"));
}

#[test]
fn every_command_is_in_one_group_and_hidden_ones_in_none() {
    let command = Cli::command();
    let grouped: Vec<&str> = help::GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    for one in command.get_subcommands() {
        let times = grouped.iter().filter(|name| **name == one.get_name()).count();
        assert_eq!(times, usize::from(!one.is_hide_set()), "{}", one.get_name());
    }
    for name in grouped {
        let about = command.find_subcommand(name).and_then(clap::Command::get_about).map(ToString::to_string);
        let about = about.unwrap_or_else(|| panic!("{name} is not a command"));
        assert!(about.chars().count() <= 90, "{name}: {about}");
    }
}

#[test]
fn the_help_shows_groups_options_and_where_settings_come_from() {
    let help = definition().render_help().to_string();
    for part in ["Runs:\n  run ", "Approvals:\n  approvals ", "Options:\n", "--data-dir <FOLDER>", "help exit-codes"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert!(!help.contains("\n  exit-codes"), "{help}");
}

#[test]
fn every_command_that_is_shown_has_a_page_and_the_first_has_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let files = man::write(Cli::command(), folder.path()).unwrap();
    for name in ["runyard.1", "runyard-run.1", "runyard-keys-create.1", "runyard-openapi-diff.1"] {
        assert!(files.iter().any(|file| file == name), "{name}: {files:?}");
    }
    assert!(!files.iter().any(|file| file.contains("exit-codes")), "{files:?}");
    let first = std::fs::read_to_string(folder.path().join("runyard.1")).unwrap();
    assert!(first.contains("EXIT STATUS") && first.contains("usage error"), "{first}");
    let keys = std::fs::read_to_string(folder.path().join("runyard-keys-create.1")).unwrap();
    assert!(keys.contains("runyard keys create"), "{keys}");
}
