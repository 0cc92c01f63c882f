//! `kill -9` again and again under load: no acknowledged start is lost, no finished step is repeated, no watcher misses
//! an event or sees one twice, and every run ends.
//!
//! | file | subject |
//! |------|------|
//! | `load.rs` | callers of five APIs that retry until they have an answer, and watchers that resume |
//! | `effects.rs` | the service that steps call: it records the calls of each life of the server, and holds some |
//! | `work.rs` | the work of the runs: plans, lists, runs that start runs, scripts, large values |
//! | `disk.rs` | the data on the disk when the server was killed, read from a copy |
//!
//! `RUNYARD_KILLS` is the number of kills, 20 by default: `RUNYARD_KILLS=200 cargo test -p runyard --test it kills --
//! --nocapture`.

mod disk;
mod effects;
mod load;
mod work;

use std::path::Path;
use std::time::Duration;

use runyard::clock::Stopwatch;

use self::disk::Disk;
use self::effects::Effects;
use self::load::Load;
use crate::process::{Served, bounded, free_port_base, runyard};

/// The default number of kills.
const KILLS: usize = 20;
/// Starts in each life of the server. Two thirds of their runs have a step that is in flight at the kill.
const STARTS: usize = 6;
/// A step that resumes later than this is printed separately.
const SLOW: Duration = Duration::from_secs(1);
/// A bound for a busy machine. The measured times are printed.
const RESUMED_WITHIN: Duration = Duration::from_secs(30);

fn kills() -> usize {
    let asked = std::env::var("RUNYARD_KILLS").ok().filter(|text| !text.is_empty());
    asked.map_or(KILLS, |text| text.parse().unwrap_or_else(|_| panic!("RUNYARD_KILLS is `{text}`, not a number")))
}

/// How long the server took to be ready, and to resume a step that was in flight when it was killed.
#[derive(Default)]
struct Times {
    ready: Vec<Duration>,
    resumed: Vec<Duration>,
}

fn configure(folder: &Path, peer: &str) {
    let text = format!(
        r#"
        [[integrations]]
        id = "ledger"
        name = "Ledger"
        description = "A ledger of entries."
        url = "{peer}"
        allow_private_addresses = true
        timeout_ms = 60000

        [[integrations.node_types]]
        slug = "record_entry"
        description = "Records an entry."
        method = "POST"
        path = "/entries"
        input_schema = {{ type = "object", required = ["title"], properties = {{ title = {{ type = "string" }} }} }}
        output_schema = {{ type = "object", required = ["number"] }}
        "#
    );
    std::fs::write(folder.join("runyard.toml"), text).unwrap();
}

/// Starts the server, and waits until it has resumed the steps that were in flight.
async fn restart(folder: &Path, base: &str, effects: &Effects, times: &mut Times) -> Served {
    let in_the_air = effects.begin_life();
    let began = Stopwatch::start();
    let served = Served::start_with(folder, &["--port-base", base]).await;
    times.ready.push(began.elapsed());
    if in_the_air {
        bounded("a step that was in the air", effects.resumed()).await;
        times.resumed.push(began.elapsed());
    }
    served
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_repeated_when_the_server_is_killed_again_and_again() {
    let kills = kills();
    let folder = tempfile::tempdir().unwrap();
    let effects = Effects::start().await;
    configure(folder.path(), effects.url());
    let base = free_port_base().to_string();
    let (mut times, mut disk) = (Times::default(), Disk::default());

    let mut served = Served::start_with(folder.path(), &["--port-base", &base]).await;
    let load = Load::start(&served.clients, kills * STARTS);
    for kill in 1..=kills {
        load.allow(STARTS);
        // Between the first and the last answer of this life, and never before a call is in flight.
        let answered = (kill - 1) * STARTS + 1 + kill % STARTS;
        bounded("answers to starts", load.answered(answered)).await;
        bounded("a step in the air", effects.holds_something()).await;
        served.kill();
        let found = disk.look(folder.path()).await;
        load.must_be_there(&disk);
        println!(
            "kill {kill} of {kills}: {} starts answered, {found} runs on the disk, {} steps finished",
            load.count(),
            disk.steps()
        );
        if kill == kills {
            // From now on no caller would release the held calls.
            effects.hold_no_more();
        }
        served = restart(folder.path(), &base, &effects, &mut times).await;
        if let Some(took) = times.resumed.last().filter(|took| **took > SLOW) {
            println!("it took {took:?} to go on with a step that was in the air");
        }
    }
    let runs = load.end(&served.clients).await;
    served.kill();
    disk.look(folder.path()).await;
    assert_eq!(disk.open(), 0, "every run ends");
    let below: usize = runs.iter().map(|run| work::below(run.number)).sum();
    assert_eq!(
        disk.below(),
        below,
        "one run below each run that starts one, however often the server was killed meanwhile"
    );
    assert_eq!(disk.runs(), runs.len() + below, "one run for each start, however often it was asked for");
    for run in &runs {
        disk.has(run);
    }
    let (calls, again) = effects.judge(disk.finished_calls());

    runyard(folder.path(), &["check"]).await.exits(0);

    let Times { mut ready, mut resumed } = times;
    println!(
        "{kills} kills: {} starts answered, {below} runs below them, 0 lost; {} steps finished, 0 repeated ({calls} calls outside, {again} of them made again \
         because a kill met them in the air); {} events seen by watchers, 0 missing, 0 twice; from restart to ready {:?} median; \
         to the first resumed step {:?} median, {:?} at most",
        runs.len(),
        disk.steps(),
        runs.iter().map(|run| run.seen.len()).sum::<usize>(),
        median(&mut ready),
        median(&mut resumed),
        resumed.last().copied().unwrap_or_default(),
    );
    assert_eq!(resumed.len(), kills, "each kill met something in the air");
    assert!(median(&mut resumed) < RESUMED_WITHIN);
}
