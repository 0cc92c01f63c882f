//! Schemas within a budget: they give the same answers as the `jsonschema` crate, and no input takes for ever or too
//! much memory.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn read(schema: &Value) -> Result<Schema, String> {
    Schema::read(schema, &Work::default()).map_err(|bad| bad.reason)
}

fn said(schema: Value, value: &Value) -> Vec<String> {
    let violations = read(&schema).unwrap().violations(value, &Work::default()).unwrap();
    violations.iter().map(Violation::to_string).collect()
}

/// Forty schemas, each of which uses the next twice; `reference` writes the reference to it.
fn doubling(reference: impl Fn(usize) -> String) -> Value {
    let mut definitions = Map::new();
    for at in 0..40 {
        let next = json!({ "$ref": reference(at + 1) });
        definitions.insert(format!("a{at}"), json!({ "allOf": [next, next] }));
    }
    definitions.insert("a40".to_owned(), json!({ "type": "string" }));
    json!({ "definitions": definitions, "$ref": reference(0) })
}

#[test]
fn a_percent_encoded_reference_is_the_one_that_is_counted_and_the_one_that_is_applied() {
    for reference in [|at| format!("#/definitions/a{at}"), |at| format!("#/definitions/%61{at}")] {
        let refused = read(&doubling(reference)).unwrap_err();
        assert!(refused.contains("looks at one value"), "{refused}");
    }
    let named = json!({ "$ref": "#/definitions/a%20b~1c%25", "definitions": { "a b/c%": { "type": "integer" } } });
    assert_eq!(said(named, &json!("x")), ["the object must be integer"]);
    for unknown in ["#/definitions/%zz", "#/definitions/%ff", "#/definitions/a b", "other.json#/a", "", "#name"] {
        let refused = read(&json!({ "$ref": unknown, "definitions": { "a": {} } })).unwrap_err();
        assert!(refused.contains("which is not in it"), "{unknown}: {refused}");
    }
}

#[test]
fn a_chain_of_five_thousand_references_is_refused_by_name() {
    let chain = |kind: fn(String) -> Value| {
        let link = |at: usize| (format!("d{at}"), kind(format!("#/definitions/d{}", at + 1)));
        let mut definitions: Map<String, Value> = (0..5_000).map(link).collect();
        definitions.insert("d5000".to_owned(), json!({}));
        json!({ "definitions": definitions, "$ref": "#/definitions/d0" })
    };
    let work = Work { schemas: 50_000, ..Work::default() };
    let refused = Schema::read(&chain(|next| json!({ "$ref": next })), &work).unwrap_err().to_string();
    assert!(refused.contains("limits.depth"), "{refused}");
    let refused = Schema::read(&chain(|next| json!({ "allOf": [{ "$ref": next }] })), &work).unwrap_err().to_string();
    assert!(refused.contains("limits.depth"), "{refused}");
    // A chain that goes to another value at each link is as deep as the value.
    let schema = Schema::read(&chain(|next| json!({ "items": { "$ref": next } })), &work).unwrap();
    assert_eq!(schema.fits(&json!([[[[1]]]]), &Work::default()), Ok(true));
}

#[test]
fn work_that_doubles_with_the_depth_of_the_value_is_given_up() {
    let twice = json!({ "properties": { "a": { "$ref": "#" } } });
    let schema = read(&json!({ "allOf": [twice, twice] })).unwrap();
    let value = (0..60).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_eq!(schema.fits(&value, &Work::default()), Err(TooExpensive));
    assert_eq!(schema.violations(&value, &Work::default()), Err(TooExpensive));
    let shallow = (0..4).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_eq!(schema.fits(&shallow, &Work::default()), Ok(true));
}

#[test]
fn a_long_key_over_many_schemas_costs_its_length_once() {
    let key = "k".repeat(400_000);
    let schema = json!({ "output": { &key: (0..9_000).map(|_| json!({})).collect::<Vec<_>>() }, "properties": {
        &key: { "items": (0..9_000).map(|_| json!({ "type": "integer" })).collect::<Vec<_>>() } } });
    let schema = read(&schema).unwrap();
    let value = json!({ &key: (0..9_000).map(|_| json!("x")).collect::<Vec<_>>() });
    let found = schema.violations(&value, &Work::default()).unwrap();
    assert_eq!(found.len(), 32);
    assert!(found.iter().all(|violation| violation.field.len() < 200));
    let all = json!({ &key: (0..100_000).map(|_| json!({})).collect::<Vec<_>>() });
    let refused = read(&json!({ "definitions": { "a": { "oneOf": all[&key] } } })).unwrap_err();
    assert!(refused.contains("limits.schema_count"), "{refused}");
    let refused = read(&json!({ "properties": { &key: { "items": [{ "type": "text" }] } } })).unwrap_err();
    assert!(refused.contains("is no JSON Schema of draft 7") && refused.len() < 600, "{refused}");
}

#[test]
fn patterns_are_bounded_together_in_size_and_in_time() {
    let large = json!({ "pattern": "((a{1000}){1000}){1000}" });
    assert!(read(&large).unwrap_err().contains("is no JSON Schema"));
    let many: Map<String, Value> = (0..2_000).map(|at| (format!("^a{at}$"), json!({}))).collect();
    assert!(read(&json!({ "patternProperties": many })).unwrap_err().contains("patterns"));
    let slow = read(&json!({ "pattern": "(a|b)*a(a|b){900}$" })).unwrap();
    let text = Value::String("ab".repeat(500_000));
    assert_eq!(slow.fits(&text, &Work::default()), Err(TooExpensive));
    let plain = read(&json!({ "pattern": "^[a-z]+$" })).unwrap();
    assert_eq!(plain.fits(&text, &Work::default()), Ok(true));
}

#[test]
fn a_violation_has_its_place() {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["a"],
        "properties": {
            "n": { "type": "integer", "minimum": 1 }, "list": { "items": { "type": "string" } },
            "one": { "anyOf": [{ "type": "null" }, { "type": "string" }] }, "a/b": false,
        },
        "propertyNames": { "maxLength": 5 }, "dependencies": { "n": ["m"] },
    });
    let value = json!({ "n": 0, "list": ["x", 1], "one": 1, "a/b": 1, "other": true, "toolong": 1 });
    assert_eq!(
        said(schema, &value),
        [
            "the object breaks the schema's rule \"propertyNames\"",
            "the object breaks the schema's rule \"dependencies\"",
            "/a is required",
            "/a~1b is not allowed",
            "/list/1 must be string",
            "/n must be at least 1",
            "/one breaks the schema's rule \"anyOf\"",
            "/other is not known here",
            "/toolong is not known here",
        ]
    );
}

/// Small valid schemas, with references to their own definitions, and sometimes invalid ones.
fn any_schema() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c/d"), Just("e%20f")];
    let leaf = prop_oneof![
        Just(json!({})),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![Just("string"), Just("integer"), Just("object"), Just("array"), Just("null"), Just("number")]
            .prop_map(|kind| json!({ "type": kind })),
        (-2..4).prop_map(|least| json!({ "minimum": least })),
        (0..4_u8).prop_map(|most| json!({ "maxLength": most, "maxItems": most, "maxProperties": most })),
        Just(json!({ "enum": [1, "a", null, [1]] })),
        Just(json!({ "const": 1.0 })),
        Just(json!({ "pattern": "^a" })),
        Just(json!({ "uniqueItems": true })),
        Just(json!({ "required": ["a"] })),
        (0..3_u8).prop_map(|at| json!({ "$ref": format!("#/definitions/d{at}") })),
        (0..3_u8).prop_map(|at| json!({ "$ref": format!("#/definitions/%64{at}") })),
    ];
    let schema = leaf.prop_recursive(4, 24, 3, move |inner| {
        let list = prop::collection::vec(inner.clone(), 1..3);
        let named = prop::collection::vec((name.clone(), inner.clone()), 0..3);
        let named = named.prop_map(|all| Value::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()));
        let pair = |one: &'static str, two: &'static str| {
            (inner.clone(), inner.clone()).prop_map(move |(a, b)| json!({ one: a, two: b }))
        };
        prop_oneof![
            list.clone().prop_map(|all| json!({ "allOf": all })),
            list.clone().prop_map(|all| json!({ "anyOf": all })),
            list.clone().prop_map(|all| json!({ "oneOf": all })),
            inner.clone().prop_map(|one| json!({ "not": one })),
            (named.clone(), inner.clone())
                .prop_map(|(all, one)| json!({ "properties": all, "additionalProperties": one })),
            inner.clone().prop_map(|one| json!({ "patternProperties": { "^a": one }, "additionalProperties": false })),
            named.clone().prop_map(|all| json!({ "dependencies": all })),
            (list, inner.clone()).prop_map(|(all, one)| json!({ "items": all, "additionalItems": one })),
            inner.clone().prop_map(|one| json!({ "items": one })),
            inner.clone().prop_map(|one| json!({ "contains": one })),
            inner.clone().prop_map(|one| json!({ "propertyNames": one })),
            pair("then", "else").prop_flat_map({
                let inner = inner.clone();
                move |both| {
                    inner.clone().prop_map(move |when| {
                        let mut all = both.clone();
                        all["if"] = when;
                        all
                    })
                }
            }),
        ]
    });
    (schema.clone(), prop::collection::vec(schema, 3)).prop_map(|(root, definitions)| {
        let definitions: Map<String, Value> =
            definitions.into_iter().enumerate().map(|(at, one)| (format!("d{at}"), one)).collect();
        json!({ "allOf": [root], "definitions": definitions })
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(1)),
        Just(json!(1.0)),
        Just(json!(-3)),
        Just(json!(2.5)),
        Just(json!("")),
        Just(json!("a")),
        Just(json!("abc")),
        Just(json!(true)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let name = prop_oneof![Just("a"), Just("b"), Just("c/d"), Just("abcdef")];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name, inner), 0..4)
                .prop_map(|all| Value::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

/// A schema with a piece of it replaced by an unsuitable one.
fn mutated(schema: &Value, at: usize, by: &Value) -> Value {
    fn walk(value: &mut Value, left: &mut usize, by: &Value) {
        if *left == 0 {
            *value = by.clone();
            *left = usize::MAX;
            return;
        }
        *left -= 1;
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, left, by)),
            Value::Object(members) => members.values_mut().for_each(|member| walk(member, left, by)),
            _ => {}
        }
    }
    let mut schema = schema.clone();
    walk(&mut schema, &mut { at }, by);
    schema
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn every_schema_gives_the_answers_of_the_jsonschema_crate(schema in any_schema(), values in prop::collection::vec(any_value(), 4)) {
        let Ok(read) = read(&schema) else {
            // Only cycles are refused here, and the crate may not return from those.
            return Ok(());
        };
        let other = jsonschema::options().offline().with_draft(jsonschema::Draft::Draft7).build(&schema).unwrap();
        for value in values {
            let fits = read.fits(&value, &Work::default()).unwrap();
            prop_assert_eq!(fits, other.is_valid(&value), "{} against {}", value, schema);
            let violations = read.violations(&value, &Work::default()).unwrap();
            prop_assert_eq!(fits, violations.is_empty());
        }
    }

    #[test]
    fn no_mutated_schema_panics_or_loops(schema in any_schema(), at in 0..40_usize, by in any_value(), value in any_value()) {
        let schema = mutated(&schema, at, &by);
        match read(&schema) {
            Ok(read) => {
                let found = read.violations(&value, &Work { steps: 100_000, ..Work::default() });
                prop_assert!(found.map_or(true, |found| found.len() <= 32));
            }
            Err(reason) => prop_assert!(!reason.is_empty() && reason.len() < 1_000, "{}", reason),
        }
    }
}
