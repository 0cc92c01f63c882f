//! The node types that come with the server: ids, aliases, descriptions, and the words by which the planner that needs no
//! model finds them. Adding one: a row here, its types in `core.rs`, `web.rs` or `composite.rs`, its deed in `driver/perform`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runyard_engine::{NodeKind, Object};
use schemars::JsonSchema;
use serde_json::Value;

use super::composite::{AnyObject, PlannerInputs, PlannerOutputs};
use super::core::{
    AskInputs, AskOutputs, EchoInputs, EchoOutputs, FailInputs, FailOutputs, HashSha256Inputs, HashSha256Outputs,
    NoInputs, RunInputs, RunOutputs, SleepInputs, SleepOutputs, TimeNowOutputs, Uuid4Outputs,
};
use super::entry::{Argument, Entry, Head, Hints, Reads};
use super::graph::{
    BranchInputs, BranchOutputs, DelayInputs, DelayOutputs, EachInputs, EachOutputs, FilterInputs, FilterOutputs,
    GraphInputs, ScriptInputs, ScriptOutputs, SplitInputs, SplitOutputs, SwitchInputs, SwitchOutputs, VariablesInputs,
};
use super::violation::Violation;
use super::web;

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = vec![
        echo(),
        sleep(),
        ask(),
        run(),
        uuid4(),
        time_now(),
        hash_sha256(),
        fail(),
        web::request(),
        web::fetch(),
        planner(),
        external(),
        walked(),
        each(),
    ];
    entries.extend(nodes_of_graphs());
    entries
}

fn echo() -> Entry {
    Entry::of::<EchoInputs, EchoOutputs>(Head {
        id: "runyard.core.echo",
        aliases: &["jarvis.core.echo"],
        kind: NodeKind::Call,
        description: "Gives back the text it was given: says, prints or repeats a message.",
        hints: Hints {
            keywords: words("message phrase"),
            verbs: words("echo say print repeat write speak"),
            produces: words("echo text message phrase"),
            arguments: vec![Argument {
                field: "echo".to_owned(),
                reads: Reads::Text { after: words("echo say"), of: Vec::new() },
            }],
            ..Hints::default()
        },
        rule: None,
    })
}

fn sleep() -> Entry {
    Entry::of::<SleepInputs, SleepOutputs>(Head {
        id: "runyard.core.sleep",
        aliases: &["jarvis.core.sleep"],
        kind: NodeKind::Sleep,
        description: "Waits for a length of time, also across a restart of the server: a durable timer.",
        hints: Hints {
            keywords: words("timer"),
            verbs: words("sleep wait pause delay rest"),
            produces: words("sleep wait pause delay"),
            arguments: vec![Argument { field: "seconds".to_owned(), reads: Reads::Seconds }],
            ..Hints::default()
        },
        rule: None,
    })
}

fn ask() -> Entry {
    Entry::of::<AskInputs, AskOutputs>(Head {
        id: "runyard.core.ask",
        aliases: &[],
        kind: NodeKind::Ask,
        description: "Puts a question to the run's clients; the run continues with the reply.",
        hints: Hints {
            keywords: Vec::new(),
            verbs: words("ask"),
            produces: words("answer reply"),
            arguments: vec![Argument {
                field: "question".to_owned(),
                reads: Reads::Text { after: words("ask"), of: Vec::new() },
            }],
            ..Hints::default()
        },
        rule: None,
    })
}

fn run() -> Entry {
    Entry::of::<RunInputs, RunOutputs>(Head {
        id: "runyard.core.run",
        aliases: &[],
        kind: NodeKind::Run,
        description: "Starts a run of its own, and waits for its end unless `wait` is false.",
        // A goal is one run; nobody says it so.
        hints: Hints::default(),
        rule: None,
    })
}

fn uuid4() -> Entry {
    Entry::of::<NoInputs, Uuid4Outputs>(Head {
        id: "runyard.core.uuid4",
        aliases: &["jarvis.core.uuid4"],
        kind: NodeKind::Call,
        description: "Generates a UUID: a new, random (version 4, v4), universally unique identifier.",
        hints: Hints {
            keywords: words("uuid uuid4 uuidv4 guid identifier id"),
            verbs: Vec::new(),
            produces: words("uuid uuid4 uuidv4 guid identifier id"),
            arguments: Vec::new(),
            ..Hints::default()
        },
        rule: None,
    })
}

fn time_now() -> Entry {
    Entry::of::<NoInputs, TimeNowOutputs>(Head {
        id: "runyard.core.time.now",
        aliases: &["jarvis.core.time.now"],
        kind: NodeKind::Call,
        description: "Tells the current date and time of day, right now, in UTC: an ISO 8601 timestamp read from the server's clock.",
        hints: Hints {
            keywords: words("time date now timestamp datetime clock today"),
            verbs: Vec::new(),
            produces: words("time timestamp date datetime"),
            arguments: Vec::new(),
            ..Hints::default()
        },
        rule: None,
    })
}

fn hash_sha256() -> Entry {
    Entry::of::<HashSha256Inputs, HashSha256Outputs>(Head {
        id: "runyard.core.hash.sha256",
        aliases: &["jarvis.core.hash.sha256"],
        kind: NodeKind::Call,
        description: "Computes the SHA-256 hash of a text or of bytes: a cryptographic digest, checksum or fingerprint.",
        hints: Hints {
            keywords: words("sha256 sha digest checksum fingerprint"),
            verbs: words("hash"),
            produces: words("hash sha256 sha digest checksum fingerprint"),
            arguments: vec![Argument {
                field: "text".to_owned(),
                reads: Reads::Text {
                    after: words("hash"),
                    of: words("hash sha256 sha 256 digest checksum fingerprint"),
                },
            }],
            ..Hints::default()
        },
        rule: Some(one_content),
    })
}

fn fail() -> Entry {
    Entry::of::<FailInputs, FailOutputs>(Head {
        id: "runyard.core.fail",
        aliases: &[],
        kind: NodeKind::Call,
        description: "Misfires on purpose, for trying out retries and fallbacks.",
        // One word that no goal has by chance.
        hints: Hints { verbs: words("misfire"), ..Hints::default() },
        rule: None,
    })
}

fn planner() -> Entry {
    Entry::of::<PlannerInputs, PlannerOutputs>(Head {
        id: "runyard.composite.planner.general",
        aliases: &["jarvis.composite.planner.general"],
        kind: NodeKind::Plan,
        description: "Splits a goal into steps, maps each to a node type, runs them and returns what the goal asked for.",
        hints: Hints::default(),
        rule: None,
    })
}

fn external() -> Entry {
    Entry::of::<AnyObject, AnyObject>(Head {
        id: "runyard.composite.external",
        aliases: &[],
        kind: NodeKind::External,
        description: "A composite that an external worker moves: its children, evaluation and completion come through the run \
                      coordinator's node run operations.",
        hints: Hints::default(),
        rule: None,
    })
}

fn walked() -> Entry {
    Entry::of::<GraphInputs, AnyObject>(Head {
        id: "runyard.composite.graph",
        aliases: &[],
        kind: NodeKind::Graph,
        description: "Executes a graph, node by node, and returns the outputs of the last node.",
        hints: Hints::default(),
        rule: None,
    })
}

fn each() -> Entry {
    Entry::of::<EachInputs, EachOutputs>(Head {
        id: "runyard.composite.each",
        aliases: &[],
        kind: NodeKind::Each,
        description: "Does the same with every item of a list, several at once, and returns their results in the order \
                      of the list.",
        hints: Hints::default(),
        rule: None,
    })
}

/// The node types that only make sense in a graph. A planner has no use for them, so they have no hints.
fn nodes_of_graphs() -> Vec<Entry> {
    fn node<Inputs: JsonSchema, Outputs: JsonSchema>(id: &'static str, description: &'static str) -> Entry {
        let (kind, hints) = (NodeKind::Call, Hints::default());
        Entry::of::<Inputs, Outputs>(Head { id, aliases: &[], kind, description, hints, rule: None })
    }
    vec![
        node::<NoInputs, AnyObject>("runyard.graph.start", "In a graph: returns the graph's data. One outgoing edge."),
        node::<VariablesInputs, AnyObject>(
            "runyard.graph.end",
            "In a graph: ends the execution and returns variables.",
        ),
        node::<VariablesInputs, AnyObject>(
            "runyard.graph.variables",
            "In a graph: returns variables. One outgoing edge.",
        ),
        node::<BranchInputs, BranchOutputs>(
            "runyard.graph.branch",
            "In a graph: two outgoing edges, the first if its condition is true, else the second.",
        ),
        node::<FilterInputs, FilterOutputs>(
            "runyard.graph.filter",
            "In a graph: one outgoing edge, taken if its filter is true; else the execution ends without failure.",
        ),
        node::<SwitchInputs, SwitchOutputs>(
            "runyard.graph.switch",
            "In a graph: one outgoing edge per route; the first whose value is true is taken. If none is, the execution \
             ends without failure.",
        ),
        node::<SplitInputs, SplitOutputs>(
            "runyard.graph.split",
            "In a graph: two outgoing edges; the first is taken by chance, in the given percentage of executions.",
        ),
        node::<ScriptInputs, ScriptOutputs>(
            "runyard.graph.script",
            "In a graph: runs JavaScript, which sees the outputs of earlier nodes, and returns its value. One outgoing edge.",
        ),
        node::<DelayInputs, DelayOutputs>(
            "runyard.graph.delay",
            "In a graph: waits for minutes, also across a restart of the server. One outgoing edge.",
        ),
    ]
}

/// The rules of `HashSha256Inputs` that its schema does not say.
fn one_content(inputs: &Object) -> Vec<Violation> {
    let given = |field: &str| inputs.get(field).filter(|value| !value.is_null()).and_then(Value::as_str);
    let mut found = Vec::new();
    match (given("text"), given("content_base64")) {
        (None, None) => found.push(Violation::at("text", "or /content_base64 is required")),
        (Some(_), Some(_)) => found.push(Violation::at("text", "and /content_base64 must not both be given")),
        (None, Some(content)) if STANDARD.decode(content).is_err() => {
            found.push(Violation::at("content_base64", "must be base64 (RFC 4648, with padding)"));
        }
        _ => {}
    }
    if given("encoding").is_some_and(|name| !is_utf8(name)) {
        found.push(Violation::at("encoding", "must be utf-8, the only encoding supported"));
    }
    found
}

fn is_utf8(name: &str) -> bool {
    name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8")
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
