//! Numbers that would change when they are read: JSON has numbers of any length, and this server stores 64-bit integers
//! and doubles.
//!
//! A number is exact if the value that is read is written as the same decimal number. `1.0`, `0.1`, `1e22` and
//! 9007199254740993 are exact; an integer of 23 digits and a fraction of 40 are not. They are found in the text, before
//! a parser rounds.

/// A number that cannot be stored exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InexactNumber {
    /// The JSON pointer (RFC 6901) of its place.
    pub pointer: String,
}

/// The first number of a JSON text that reading would change. Text that is not JSON gets a result too; the parser
/// reports what is wrong with it.
pub fn inexact_number(json: &[u8]) -> Option<InexactNumber> {
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = end_of_string(json, at),
            b'-' | b'0'..=b'9' => {
                let end = end_of_number(json, at);
                let token = std::str::from_utf8(&json[at..end]).unwrap_or_default();
                if !is_exact(token) {
                    return Some(InexactNumber { pointer: pointer(json, at) });
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    None
}

/// The index after the string that begins here.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    json.len()
}

/// The index after the number that begins here.
fn end_of_number(json: &[u8], start: usize) -> usize {
    let rest = &json[start..];
    let length = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    start + length.unwrap_or(rest.len())
}

/// The number of digits that any double keeps, without an exponent.
const ALWAYS_EXACT: usize = 15;

/// Whether reading a number keeps its value.
fn is_exact(token: &str) -> bool {
    let is_integer = !token.contains(['.', 'e', 'E']);
    if is_integer {
        return token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok() || token.parse::<f64>().is_err();
    }
    if token.len() <= ALWAYS_EXACT && !token.contains(['e', 'E']) {
        return true;
    }
    match serde_json::from_str::<serde_json::Number>(token) {
        // Compared as decimals, because writers differ in which of several shortest texts of a double they use.
        Ok(number) => decimal(token) == decimal(&number.to_string()),
        // The parser will refuse it.
        Err(_) => true,
    }
}

/// The digits of a decimal number without zeros at either end, and the power of ten of the last digit. `None`: not a
/// number.
fn decimal(token: &str) -> Option<(String, i64)> {
    let token = token.trim_start_matches('-');
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = digits.len() - significant.len();
    let power = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(dropped).ok()?;
    let significant = significant.trim_start_matches('0');
    // Zero has no significant digits, with any exponent.
    Some((significant.to_owned(), if significant.is_empty() { 0 } else { power }))
}

/// An array or object around a place.
enum Around {
    Array(usize),
    Object(String),
}

/// The JSON pointer of the value that begins here.
fn pointer(json: &[u8], place: usize) -> String {
    let mut around: Vec<Around> = Vec::new();
    let mut at = 0;
    while at < place {
        match json[at] {
            b'"' => {
                let end = end_of_string(json, at);
                let is_name =
                    json[end.min(json.len())..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if let Some(Around::Object(name)) = around.last_mut().filter(|_| is_name) {
                    *name = serde_json::from_slice(&json[at..end.min(json.len())]).unwrap_or_default();
                }
                at = end;
                continue;
            }
            b'[' => around.push(Around::Array(0)),
            b'{' => around.push(Around::Object(String::new())),
            b']' | b'}' => _ = around.pop(),
            b',' => {
                if let Some(Around::Array(index)) = around.last_mut() {
                    *index += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    let step = |around: &Around| match around {
        Around::Array(index) => format!("/{index}"),
        Around::Object(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
    };
    around.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn numbers_that_are_kept_are_exact_and_others_are_named_by_their_place() {
        for exact in [
            "0",
            "-0",
            "1.0",
            "0.1",
            "1e22",
            "1E+2",
            "1.50",
            "0.000",
            "0e9",
            "123456789.12345679",
            "5e-324",
            "9007199254740993",
            "-9223372036854775808",
            "18446744073709551615",
            "1.7976931348623157e308",
            "\"12345678901234567890123\"",
            "{\"12345678901234567890123\":1}",
            "1e999",
        ] {
            assert_eq!(inexact_number(exact.as_bytes()), None, "{exact}");
        }
        for (text, pointer) in [
            ("12345678901234567890123", ""),
            ("18446744073709551616", ""),
            ("-9223372036854775809", ""),
            ("[1, 0.1000000000000000055]", "/1"),
            ("{\"a\": 1, \"b/c\": [{\"d\\\"\": {}}, [2, 1e-400]]}", "/b~1c/1/1"),
            ("{\"a\":{\"b\":[\"x,y\",3.14159265358979323846]}}", "/a/b/1"),
        ] {
            assert_eq!(inexact_number(text.as_bytes()), Some(InexactNumber { pointer: pointer.to_owned() }), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_exact_is_written_as_it_was_read(digits in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?(e-?[0-9]{1,3})?") {
            let Ok(read) = serde_json::from_str::<Value>(&digits) else { return Ok(()) };
            let written = read.to_string();
            if inexact_number(digits.as_bytes()).is_none() {
                proptest::prop_assert_eq!(decimal(&digits), decimal(&written), "{} became {}", digits, written);
            } else {
                proptest::prop_assert!(!digits.contains('e') || decimal(&digits) != decimal(&written), "{}", digits);
            }
        }

        #[test]
        fn every_number_that_this_server_writes_is_exact(float: f64, integer: i64, natural: u64) {
            for number in [Value::from(float), Value::from(integer), Value::from(natural)] {
                proptest::prop_assert_eq!(inexact_number(number.to_string().as_bytes()), None);
            }
        }
    }
}
