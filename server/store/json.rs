//! Reads and writes stored JSON. Both have the same limit on depth, far above that of any accepted value. So everything
//! that was written can be read again, including deeper values that older builds accepted.
//!
//! serde_json stops at 128 levels. Deeper text is cut into shallower pieces, which are read one by one and joined
//! again.

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

/// The maximum depth of stored JSON. Older builds wrote up to about 140 levels.
pub const DEPTH_MAX: usize = 256;
/// The maximum depth of a piece.
const PIECE: usize = 100;

/// Serializes a value for storage.
///
/// # Errors
/// It cannot be written as JSON, or it nests deeper than [`DEPTH_MAX`].
pub fn write<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    if nests_deeper(text.as_bytes(), DEPTH_MAX) {
        return Err(serde::ser::Error::custom(format!("nested more than {DEPTH_MAX} levels deep")));
    }
    Ok(text)
}

/// Reads a value that [`write()`] has written.
///
/// # Errors
/// It is not JSON of this type, or it nests deeper than [`DEPTH_MAX`].
pub fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    if !nests_deeper(json, PIECE) {
        return serde_json::from_slice(json);
    }
    if nests_deeper(json, DEPTH_MAX) {
        return Err(serde_json::Error::custom(format!("nested more than {DEPTH_MAX} levels deep")));
    }
    serde_json::from_value(in_pieces(json)?)
}

/// Whether JSON text nests arrays and objects deeper than `max`. Stops reading at the first that does.
fn nests_deeper(json: &[u8], max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Reads a value of any depth. Recurses once for each [`PIECE`] levels.
fn in_pieces(json: &[u8]) -> serde_json::Result<Value> {
    let (outer, inner) = cut(json);
    let mut value = serde_json::from_slice(&outer)?;
    put_back(&mut value, PIECE, &mut inner.into_iter())?;
    Ok(value)
}

/// Returns the text with null for each array or object at this depth, and the replaced parts in their order.
fn cut(json: &[u8]) -> (Vec<u8>, Vec<&[u8]>) {
    let (mut outer, mut inner) = (Vec::with_capacity(json.len()), Vec::new());
    let (mut depth, mut in_string, mut escaped, mut begin) = (0_usize, false, false, 0);
    for (place, byte) in json.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth == PIECE + 1 {
                    begin = place;
                }
            }
            b']' | b'}' => {
                if depth == PIECE + 1 {
                    inner.push(&json[begin..=place]);
                    outer.extend_from_slice(LEFT_OUT);
                    depth -= 1;
                    continue;
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if depth <= PIECE {
            outer.push(*byte);
        }
    }
    (outer, inner)
}

/// Marks a part that was cut out. No other array or object is at this depth.
const LEFT_OUT: &[u8] = b"[]";

/// Puts the parts back in the order of the text, which is also the order of members.
fn put_back<'a>(
    value: &mut Value,
    levels: usize,
    inner: &mut impl Iterator<Item = &'a [u8]>,
) -> serde_json::Result<()> {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => {
            let json = inner.next().ok_or_else(|| serde_json::Error::custom("a piece is missing"))?;
            *value = in_pieces(json)?;
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_back(item, levels - 1, inner)),
        Value::Object(members) => members.values_mut().try_for_each(|member| put_back(member, levels - 1, inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A value inside this many arrays and objects, each with neighbours on both sides.
    fn nested(depth: usize, bottom: Value) -> Value {
        (0..depth).fold(bottom, |value, level| match level % 3 {
            0 => json!([level, value, "]["]),
            1 => json!({ "a\"{": [], "b": value, "c": {} }),
            _ => json!([value]),
        })
    }

    #[test]
    fn whatever_is_written_is_read_back_and_the_rest_is_not_written() {
        for depth in [1, 64, 99, 100, 101, 127, 128, 140, 200, 201, DEPTH_MAX - 1] {
            let value = nested(depth, json!(1));
            let text = write(&value).unwrap();
            assert_eq!(read::<Value>(text.as_bytes()).unwrap(), value, "{depth}");
        }
        assert!(write(&nested(DEPTH_MAX + 1, json!([]))).is_err());
        assert!(read::<Value>("[".repeat(100_000).as_bytes()).is_err());
        assert!(read::<Value>("[".repeat(200).as_bytes()).is_err());
        assert!(read::<Value>(format!("{}]", "[".repeat(150)).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn values_of_any_depth_read_back(depth in 0_usize..250, text in ".*", wide in 0_usize..4) {
            let bottom = Value::Array(vec![json!({ "text": text }); wide]);
            let value = json!([nested(depth, bottom.clone()), nested(depth / 2, bottom)]);
            prop_assert_eq!(read::<Value>(write(&value).unwrap().as_bytes()).unwrap(), value);
        }

        #[test]
        fn damaged_text_is_refused_without_a_panic(depth in 90_usize..250, place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut text = write(&nested(depth, json!("bottom"))).unwrap().into_bytes();
            let place = place.index(text.len());
            text[place] = byte;
            if read::<Value>(&text).is_ok() {
                prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok());
            }
        }
    }
}
