//! Stored logs in `tests/golden/runtime/NAME.jsonl`, and what this API shows for them in `NAME.snap`.
//!
//! A stored log never changes, so its events must never change either.

use runyard_engine::event::FORMAT_VERSION;
use runyard_engine::{Recorded, RunId, replay, upcast};
use serde_json::Value;

use super::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/runtime");

/// A stored log: on each line the run, the position, the time, and the event with the format it was stored in.
fn stored(name: &str) -> (RunId, Vec<Recorded>) {
    let text = std::fs::read_to_string(format!("{GOLDEN}/{name}.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let run = RunId::parse(lines[0]["run"].as_str().unwrap()).unwrap();
    let read = |mut line: Value| {
        let number = |field: &str| line[field].as_i64().unwrap();
        let (position, at_ms, format) = (number("position"), number("at_ms"), number("format"));
        let event = upcast(u32::try_from(format).unwrap(), line["event"].take()).unwrap();
        Recorded { position: u64::try_from(position).unwrap(), at_ms, event }
    };
    (run, lines.into_iter().map(read).collect())
}

#[test]
fn what_is_shown_of_a_stored_log_stays() {
    // Format 5 changed only ids, and added nothing that this API shows.
    assert_eq!(FORMAT_VERSION, 6, "keep these logs, and add some in the new format");
    let names = [
        "planned",
        "timed_out",
        "canceled",
        "atomic",
        "external",
        "retried",
        "partial",
        "labelled",
        "approved",
        "starter",
        "agent",
    ];
    for name in names {
        let (run, log) = stored(name);
        let mut projection = <Projection as feed::Projection>::of(&replay(run, &log).unwrap());
        let shown: Vec<String> = log
            .iter()
            .flat_map(|one| feed::Projection::project(&mut projection, one).unwrap())
            .map(|one| line(&one))
            .collect();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(GOLDEN);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, shown.join("\n")));
    }
}

fn line(frame: &Frame<RunEvent>) -> String {
    assert_eq!(frame.data.seq, frame.id);
    serde_json::to_string(&frame.data).unwrap()
}
