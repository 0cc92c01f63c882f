//! Documents with any one part removed: the generator must return a result and not panic.

use serde_json::{Value, json};

use super::documents::generate;

/// Pointers to everything in a tree, root last.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| pointers(field, &format!("{at}/{}", escape(key)), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), found))
        }
        _ => {}
    }
    found.push(at.to_owned());
}

#[test]
fn no_damage_makes_it_panic() {
    let whole: Value = serde_json::from_str(include_str!("small.json")).unwrap();
    generate(&[("api.yaml", &whole.to_string())]).unwrap();
    let mut all = Vec::new();
    pointers(&whole, "", &mut all);
    let mut gaps = Vec::new();
    for pointer in &all {
        for damage in [Value::Null, json!([]), json!({}), json!("x"), json!(true)] {
            let mut document = whole.clone();
            *document.pointer_mut(pointer).unwrap() = damage.clone();
            if let Err(error) = generate(&[("api.yaml", &document.to_string())]) {
                assert!(error.starts_with("api.yaml: "), "{pointer} = {damage}: {error}");
                if error.contains("gave up") {
                    gaps.push(format!("{pointer} = {damage}: {error}"));
                }
            }
        }
    }
    assert!(gaps.is_empty(), "seen only by the tools below:\n{}", gaps.join("\n"));
}
