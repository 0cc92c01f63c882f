//! An operation as a call of the Rust client. Names and types of fields come from the generator's list of the
//! document's surface.

use std::collections::BTreeMap;

use super::{sample, text, variable_of};
use crate::web::reference::code::pretty;
use crate::web::reference::view::{Operation, Reference};

/// The operation that every client uses to watch runs.
const WATCHED: &str = "stream_run_events";

/// The fields of each operation's request, by its id: name and type in Rust.
#[derive(Debug, Default)]
pub(in crate::web::reference) struct Signatures(BTreeMap<String, Vec<(String, String)>>);

impl Signatures {
    /// Parses a surface: lines of the form `    start_run(key: Option<String>, body: RunStartRequest) -> Ok(Run)`.
    pub(in crate::web::reference) fn of(surface: &str) -> Self {
        let calls = surface.lines().filter_map(|line| {
            let (id, rest) = line.strip_prefix("    ")?.split_once('(')?;
            let (fields, _) = rest.split_once(") -> ")?;
            let fields = fields.split(", ").filter_map(|field| field.split_once(": "));
            Some((squeezed(id), fields.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()))
        });
        Signatures(calls.collect())
    }

    fn fields(&self, operation: &str) -> &[(String, String)] {
        self.0.get(&squeezed(operation)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The call, as the body of a function that may use `?`.
pub(in crate::web::reference) fn rust(
    reference: &Reference,
    signatures: &Signatures,
    operation: &Operation,
    url: &str,
) -> String {
    let module = reference.name.replace('-', "_");
    let token = if operation.scope.is_some() { ".token(\"...\")" } else { "" };
    let client = format!("let client = Client::builder(\"{url}\"){token}.build()?;");
    if operation.id == WATCHED {
        return format!(
            "use futures::TryStreamExt;\nuse runyard_client::{module}::Client;\n\n{client}\n\
             // Resumes by itself where the connection is cut.\n\
             let mut events = client.watch(\"{run}\");\n\
             while let Some(event) = events.try_next().await? {{\n    println!(\"{{event:?}}\");\n}}",
            run = sample("run_id").unwrap_or_default()
        );
    }
    let name = format!("{}Request", pascal(&operation.id));
    let request = value(&name, signatures.fields(&operation.id), operation);
    let mut uses = vec![format!("use runyard_client::{module}::{{Client, {name}}};")];
    if operation.body.is_some() {
        uses.push("use serde_json::{from_value, json};".to_owned());
    }
    // The layout that rustfmt would choose.
    let wide = request.contains('\n');
    let step = |text: &str| if wide { format!("\n{text}") } else { text.to_owned() };
    let call = format!("{request}{}{}", step(".send(&client)"), step(".await?"));
    let rest = match (&operation.stream, operation.success().and_then(|answer| answer.media.as_ref())) {
        (Some(_), _) => {
            uses.insert(0, "use std::pin::pin;\n\nuse futures::TryStreamExt;\nuse runyard_client::ndjson;".to_owned());
            format!(
                "let stream = {call}{};\nlet mut events = pin!(ndjson::lines(stream));\n\
                 while let Some(event) = events.try_next().await? {{\n    println!(\"{{event}}\");\n}}",
                step(".into_inner_stream()")
            )
        }
        (None, Some(media)) if !media.contains("json") => {
            uses.insert(0, "use futures::TryStreamExt;".to_owned());
            format!(
                "let stream = {call}{};\nlet parts: Vec<_> = stream.try_collect().await?;\n\
                 println!(\"{{}}\", String::from_utf8_lossy(&parts.concat()));",
                step(".into_inner_stream()")
            )
        }
        (None, Some(_)) => format!("let answer = {call}{};\nprintln!(\"{{answer:#?}}\");", step(".into_inner()")),
        (None, None) => format!("{call};"),
    };
    format!("{}\n\n{client}\n{rest}", uses.join("\n"))
}

/// The request as a struct: all fields, or with defaults if all of them are optional.
fn value(request: &str, fields: &[(String, String)], operation: &Operation) -> String {
    let optional = fields.iter().all(|(_, kind)| kind.starts_with("Option<") || kind.starts_with("Vec<"));
    let mut given: Vec<String> = fields
        .iter()
        .filter_map(|(name, kind)| {
            let value = field(name, kind, operation)?;
            (!optional || !matches!(value.as_str(), "None" | "Vec::new()")).then(|| format!("    {name}: {value},\n"))
        })
        .collect();
    if given.len() < fields.len() {
        given.push("    ..Default::default()\n".to_owned());
    }
    if given.is_empty() { format!("{request} {{}}") } else { format!("{request} {{\n{}}}", given.concat()) }
}

/// A field's value in Rust.
fn field(name: &str, kind: &str, operation: &Operation) -> Option<String> {
    if name == "body" && operation.body.is_some() {
        let example = operation.body.as_ref()?.example.as_ref()?;
        return Some(format!("from_value(json!({}))?", indented(&pretty(example))));
    }
    let spelled = |wanted: &str| squeezed(wanted) == squeezed(name);
    let parameter = operation.parameters.iter().find(|parameter| spelled(&parameter.name))?;
    let example = parameter.example.as_ref();
    if parameter.place == "path" {
        let known = example.map(text).or_else(|| sample(&parameter.name).map(str::to_owned));
        // The meaning of the page's shell variable with that name.
        let id = known.unwrap_or_else(|| variable_of(&parameter.name));
        return Some(format!("\"{id}\".to_owned()"));
    }
    let of = |text: &str, kind: &str| match kind {
        "String" => format!("\"{text}\".to_owned()"),
        "i64" | "i32" | "bool" | "f64" => text.to_owned(),
        // Enums, times and bounded numbers are read from text.
        _ => format!("\"{text}\".parse()?"),
    };
    let inner = |prefix: &str| kind.strip_prefix(prefix)?.strip_suffix('>');
    match (inner("Vec<"), inner("Option<"), example) {
        (Some(item), _, Some(serde_json::Value::Array(items))) => {
            let items: Vec<String> = items.iter().map(|value| of(&text(value), item)).collect();
            Some(format!("vec![{}]", items.join(", ")))
        }
        (Some(_), _, _) => Some("Vec::new()".to_owned()),
        (None, Some(item), Some(example)) => Some(format!("Some({})", of(&text(example), item))),
        (None, Some(_), None) => Some("None".to_owned()),
        (None, None, example) => Some(of(&example.map_or_else(|| variable_of(&parameter.name), text), kind)),
    }
}

/// A name without separators, so that the document's spelling and Rust's match.
fn squeezed(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// A text whose lines after the first are indented one step further.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// `start_run` as `StartRun`.
fn pascal(id: &str) -> String {
    id.split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
        })
        .collect()
}
