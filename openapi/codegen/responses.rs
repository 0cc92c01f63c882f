//! Reads the documented responses of an operation.

use serde_json::{Map, Value};

use crate::document::{self, escape, text};
use crate::model::{Answer, Form, says_success};
use crate::reader::{Read, Reader};

/// Every documented response, one per media type.
pub(crate) fn read<'a>(reader: &mut Reader<'a, '_>, pointer: &str, value: &'a Value) -> Read<Vec<Answer>> {
    let mut answers = Vec::new();
    let mut upgrades = false;
    for (written, response) in document::entries(value, "responses") {
        if written.starts_with("x-") {
            continue;
        }
        let (response, at) = reader.resolve(response, &format!("{pointer}/responses/{}", escape(written)))?;
        let status = status(written)?;
        if status.starts_with('1') {
            upgrades = true;
            continue;
        }
        if response.get("links").is_some() {
            reader.report.note(reader.id, "`links` have no code");
        }
        answers.extend(by_medium(reader, &status, response, &at));
    }
    agree(reader, answers, upgrades)
}

/// `200`, `4XX`, `default`.
fn status(written: &str) -> Read<String> {
    let upper = written.to_ascii_uppercase();
    match upper.as_str() {
        "DEFAULT" => Ok("default".to_owned()),
        "1XX" | "2XX" | "3XX" | "4XX" | "5XX" => Ok(upper),
        _ if written.parse::<u16>().is_ok_and(|code| (100..600).contains(&code)) => Ok(written.to_owned()),
        _ => Err(format!("`{written}` is not a status: write a number of three digits, `2XX` to `5XX` or `default`")),
    }
}

fn by_medium<'a>(reader: &mut Reader<'a, '_>, status: &str, response: &'a Value, at: &str) -> Vec<Answer> {
    let answer = |media: Option<&String>, form, schema| Answer {
        status: status.to_owned(),
        media: media.cloned(),
        form,
        schema,
        description: text(response, "description").unwrap_or_default().to_owned(),
        headers: document::entries(response, "headers").map(|(name, _)| name.clone()).collect(),
        success: says_success(status),
    };
    let mut answers: Vec<Answer> = Vec::new();
    for (media, content) in document::entries(response, "content") {
        let schema = content.get("schema");
        let form = Form::of(media, schema);
        if form == Form::Json && answers.iter().any(Answer::is_json) {
            reader.report.note(reader.id, format!("of the JSON bodies of {status}, {media} is read as the first"));
            continue;
        }
        let pointer = format!("{at}/content/{}/schema", escape(media));
        let schema = schema.map(|schema| (schema.clone(), Some(pointer)));
        if schema.is_none() && form == Form::Json {
            reader.report.note(reader.id, format!("answer {status} has no schema: it is any JSON"));
        }
        let any = || (Value::Object(Map::new()), None);
        let schema = if form == Form::Json { Some(schema.unwrap_or_else(any)) } else { schema };
        answers.push(answer(Some(media), form, schema));
    }
    if answers.is_empty() {
        answers.push(answer(None, Form::Bytes, None));
    }
    answers
}

/// Checks the responses as a whole, and determines the success.
fn agree(reader: &mut Reader<'_, '_>, mut answers: Vec<Answer>, upgrades: bool) -> Read<Vec<Answer>> {
    if answers.iter().any(Answer::is_success) {
        if upgrades {
            reader.report.note(reader.id, "status 101 has no code: connections are not upgraded");
        }
        return Ok(answers);
    }
    if upgrades {
        return Err("its success is an upgraded connection (101), which is not carried".to_owned());
    }
    let mut default = false;
    for answer in answers.iter_mut().filter(|answer| answer.status == "default") {
        answer.success = true;
        default = true;
    }
    if default {
        reader.report.note(reader.id, "no success is documented but `default`, which is taken for one");
        return Ok(answers);
    }
    reader.report.note(reader.id, "no success is documented: any 2xx is one, without a body");
    answers.insert(
        0,
        Answer {
            status: "2XX".to_owned(),
            media: None,
            form: Form::Bytes,
            schema: None,
            description: "Any success.".to_owned(),
            headers: Vec::new(),
            success: true,
        },
    );
    Ok(answers)
}
