//! Goals and their plans, as golden files in `tests/golden/planner/`.

use runyard_engine::Constraints;
use runyard_engine::plan::{PlanResult, Source};
use serde_json::json;

use super::{plan_of, planner, request, transcript};

/// One golden file: every goal with its plan or failure.
fn check(name: &str, goals: &[&str]) {
    let transcripts: Vec<String> =
        goals.iter().map(|goal| format!("{goal:?}\n{}", transcript(&plan_of(goal)))).collect();
    keep(name, &transcripts.join("\n"));
}

pub(super) fn keep(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/planner"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_goal_of_the_walkthrough() {
    let plan = plan_of("Generate a UUID, then return it.").unwrap();
    keep("walkthrough", &serde_json::to_string_pretty(&plan).unwrap());
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].node_type.id, "runyard.core.uuid4");
    let source = Source { step: "S1".to_owned(), pointer: "/uuid4".to_owned() };
    assert_eq!(plan.result, Some(PlanResult::One(source)));
}

#[test]
fn one_step() {
    check(
        "one_step",
        &[
            "Generate a UUID",
            "generate a uuid.",
            "GENERATE A UUID!",
            "Please could you create a new random UUID for my order?",
            "I need a GUID",
            "uuid",
            "A unique identifier, please",
            "What time is it?",
            "What's the current time?",
            "Tell me today's date",
            "now",
            "Say 'hello'",
            "say hello world",
            "Say: hello!",
            "echo C++ :)",
            "Echo the text hello world",
            "Print \"two  spaces\"",
            "Repeat 'it, then return it'",
            "say it is raining",
            "Hash 'abc'",
            "hash hello world",
            "Compute the SHA-256 of \"abc\"",
            "sha256 of abc",
            "What is the sha256 checksum of the string abc?",
            "Give me the digest of “naïve café ☕”",
            "Create a new UUID v4",
            "Create a version 4 UUID",
            "Use jarvis.core.uuid4 to make an id",
            "Run runyard.core.hash.sha256 on 'abc'",
            "Use runyard.composite.planner.general to make a plan",
            "Say the time",
            "say the current time",
            "Print a new uuid",
        ],
    );
}

#[test]
fn durations() {
    check(
        "durations",
        &[
            "Sleep for 1.5 seconds",
            "wait 2 minutes",
            "Wait 500 ms.",
            "pause for half a second",
            "wait a second",
            "wait an hour and a half",
            "wait one and a half minutes",
            "Wait for twelve seconds",
            "sleep 5",
            "sleep 0",
            "sleep for 1 minute and 30 seconds",
            "sleep 2m30s",
            "delay for 1,000 ms",
            "wait a couple of seconds",
            "wait",
            "wait for a while",
            "wait -3 seconds",
            "sleep for 400 days",
            "wait 2 seconds or 3 seconds",
            "wait for 'ten' seconds",
        ],
    );
}

#[test]
fn earlier_outputs() {
    check(
        "earlier_outputs",
        &[
            "Generate a UUID, then hash it",
            "Generate a UUID. Hash the UUID. Return the hash.",
            "Generate a UUID and compute the sha256 of it, then return the digest",
            "Say 'hello', then hash that",
            "Generate a uuid then hash",
            "Get the time, generate a UUID, hash the time, and return the hash",
            "Generate a UUID, wait 1 second, then return it",
            "Generate a uuid, echo it, then hash the result",
            "Say 'Your id is ' followed by the uuid",
            "Generate a UUID, then say 'Your id is ' followed by the uuid, then return it",
            "Generate a UUID and say it followed by ' is yours'",
            "Wait 2 seconds, then say the result",
            "Generate two UUIDs, hash the first, hash the second",
            "Generate 3 uuids and return the last one",
            "Generate two UUIDs and hash them",
            "Hash 'a', then compute the hash of it, then return the first hash",
            "1. Generate a UUID\n2. Hash it\n3. Return step 1's result",
            "1. Generate a UUID\n2. Hash the result of step 1\n3. Return the output of step 2",
            "Generate a UUID, get the time, and return S1",
            "Hash it",
            "Hash the uuid",
            "Generate a UUID, then hash the uuid and the time",
            "Get the current time. Hash the file report.pdf.",
            "Generate a uuid, hash the previous result, return the previous result",
        ],
    );
}

#[test]
fn order() {
    check(
        "order",
        &[
            "Say 'a'. Say 'b'. Say 'c'.",
            "Say 'a' and say 'b', then say 'c'",
            "Say 'a', then say 'b' and say 'c'",
            "First say 'a', next say 'b', and finally say 'c'.",
            "First, say 'a'. Second, say 'b'. After that, say 'c'. Lastly return it.",
            "Say 'a'; say 'b'; then say 'c'",
            "say 'a' -> say 'b' → say 'c'",
            "Say 'a'. Wait 1 second. Say 'b'. Say 'c'.",
            "Wait 1 second and wait 2 seconds, then say 'done'",
            "Say 'a' and wait 1 second and say 'b'",
            "After waiting 2 seconds, say 'hello'",
            "Say hello after 2 seconds",
            "Wait 2 seconds before generating a UUID",
            "Generate a UUID after waiting 1 second, then return it",
            "Before saying 'b', say 'a'",
            "1. Say 'a'\n2. Say 'b'\n3. Say 'c'",
            "1) say 'a' 2) say 'b' 3) say 'c'",
            "Step 1: generate a UUID. Step 2: hash it. Step 3: return the hash.",
            "Do the following:\n- say 'a'\n- say 'b'\n\nThanks!",
            "Please do the following: generate a UUID, then return it.",
            "Steps:\n  1. Generate a UUID.\n  2. Wait 0.5 seconds, e.g. for a rest.\n  3. Return it.",
            "Generate a UUID,\nthen wait for two\nseconds, then return\nit.",
            "say hello twice",
            "Wait 1 second 3 times, then say 'done'",
            "Generate a UUID and a timestamp",
            "After that, say 'a'; before that, say 'b'",
            "Say 'c' after saying 'b' after saying 'a'",
            "say hello and wait 2 seconds, finally say bye",
            "Generate a UUID, then sleep 1 second, then sleep 1 second, then return the uuid",
        ],
    );
}

#[test]
fn results() {
    check(
        "results",
        &[
            "Return a UUID",
            "return the sha256 of 'x'",
            "Return 'hello'",
            "Return \"say \\\"hi\\\"\"",
            "Generate a UUID. Return only the uuid, please.",
            "Generate a UUID and return it to me as the result",
            "Give me a UUID and return the time",
            "Generate a UUID. Tell me the time. Return the uuid.",
            "Answer with the current time",
            "Generate a uuid, then return",
            "Return it",
            "return both",
            "Generate a UUID and get the time, then return both",
            "Return a UUID and return the time",
            "Return a UUID and a timestamp",
            "Generate a UUID, then return it in uppercase",
            "Generate a UUID, then return the hash of it",
            "Return 42",
            "Get the time and return the current time",
            "Generate a UUID, then return it, then wait 1 second",
            "Generate 3 UUIDs",
            "Give me a random id and the current timestamp",
            "Generate three UUIDs and return them as a list",
            "Generate a UUID and return it as a list",
            "Generate 3 UUIDs and show me the last one",
            "Give me 3 UUIDs and return the first",
            "Generate a UUID. Generate a timestamp. Return the uuid.",
            "Generate a UUID, get the time, then return the time and the uuid",
            "Generate a UUID, then hash it, then say 'done'",
            "Generate a UUID, then wait 1 second",
            "Return three UUIDs",
        ],
    );
}

#[test]
fn refusals() {
    let long = format!("Say {}", "very ".repeat(60));
    check(
        "refusals",
        &[
            "",
            "   \n\t ",
            "!!! ??? ...",
            "👋",
            "Hello, thanks!",
            "asdf qwer zxcv",
            "Book a flight to Paris",
            "Generate a UUID and book a flight to Paris",
            "Generate a poem about the sea",
            "Generate a random number",
            "Generate a version 7 UUID",
            "generate a uuidv7",
            "compute the md5 hash of 'x'",
            "hash 'x' with sha-512",
            "Get the time in Tokyo",
            "If the hash starts with 0, then return it",
            "Do not generate a UUID",
            "Don't say 'hello'",
            "Generate a UUID every hour",
            "Generate 0 UUIDs",
            "Generate 1000 UUIDs",
            "Generate a UUID and uppercase it",
            "Generate a random unique UUID identifier and uppercase it",
            "Generate a UUID or a hash",
            "Tell me a joke",
            "Write a haiku",
            "wait for a while",
            "say 'a' and 'b'",
            "'hello'",
            "say",
            "\"unclosed",
            "Сгенерируй UUID и верни его",
            "生成一个UUID，然后返回它。",
            "Summarise http://example.com/a.b?c=d, then return it.",
            "SELECT * FROM users; DROP TABLE users;",
            "<script>alert(1)</script>",
            "then then then, and and",
            "1. 2. 3.",
            &long,
        ],
    );
}

#[test]
fn quotes() {
    check(
        "quotes",
        &[
            "Say 'first do this, then that. And return it'",
            "Say \"1. one 2. two\" and then return it",
            "Say “it’s 5.30, then stop”",
            "Say 'don't stop', then hash it",
            "Hash `x; y` and return it",
            "Say «bonjour», then return it",
            "Say 'a\nb'",
            "Say ''",
            "Say 'Hello.' Generate a UUID.",
            "Say hello at http://example.com/then/return.it",
        ],
    );
}

#[test]
fn context() {
    let given = json!({ "customer_name": "Ada", "order": 17, "pause": 2.5, "tags": ["a"] }).to_string();
    let goals = [
        "Hash the customer name and return it",
        "Return the customer name",
        "Say 'hello', then return the order",
        "say the tags",
        "wait for the pause seconds",
        "hash the address",
    ];
    let planned = goals.map(|goal| {
        let request = request(json!({ "goal": goal, "context": given }), Constraints::default());
        format!("{goal:?}\n{}", transcript(&planner().plan_now(&request)))
    });
    keep("context", &planned.join("\n"));
}
