//! The nesting depth of a JSON text. It is found by counting brackets, before a recursive parser reads the text.

/// Whether the arrays and objects of a JSON text nest deeper than `max`. A scalar has depth 0; `[]` and `{}` have 1.
///
/// Text that is not JSON gets a result too; the parser reports what is wrong with it.
pub fn nests_deeper(json: &[u8], max: usize) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_strings_alone() {
        for (json, depth) in [
            ("1", 0),
            ("[]", 1),
            (r#"{"a":[1,{"b":[]}],"c":{}}"#, 4),
            (r#"["[[[[","\"[[[","\\",[[]]]"#, 3),
            ("[[],[],[[]]]", 3),
            ("]]]][[", 2),
        ] {
            assert!(!nests_deeper(json.as_bytes(), depth), "{json}");
            assert!(depth == 0 || nests_deeper(json.as_bytes(), depth - 1), "{json}");
        }
    }
}
