//! Text with expressions in double braces. The JavaScript tokenizer finds the end of an expression, so an expression
//! may contain braces and quotation marks. Unclosed braces are text.

use std::ops::Range;

use super::tokens::Tokens;

/// The search stops after this many unclosed braces, because each one scans the rest of the text.
const UNCLOSED_MAX: usize = 64;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Literal text.
    Text(&'t str),
    /// The source between the braces.
    Code(&'t str),
}

/// The pieces of a text, in order; none is empty.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut done, mut from, mut unclosed) = (Vec::new(), 0, 0, 0);
    while let Some(open) = text[from..].find("{{").map(|found| from + found).filter(|_| unclosed < UNCLOSED_MAX) {
        let Some(code) = code(text, open + 2) else {
            // Not closed; a later one may be.
            (from, unclosed) = (open + 2, unclosed + 1);
            continue;
        };
        if done < open {
            pieces.push(Piece::Text(&text[done..open]));
        }
        done = code.end + 2;
        from = done;
        pieces.push(Piece::Code(&text[code]));
    }
    if done < text.len() {
        pieces.push(Piece::Text(&text[done..]));
    }
    pieces
}

/// The range of the expression that begins at `start`.
fn code(text: &str, start: usize) -> Option<Range<usize>> {
    let mut tokens = Tokens::from(text, start);
    loop {
        let depth = tokens.depth();
        let Some(token) = tokens.next() else { break };
        if depth == 0 && text[token.span.start..].starts_with("}}") {
            return Some(start..token.span.start);
        }
    }
    // Without an end as JavaScript, for instance because of an apostrophe, the next closing braces end it, unless
    // others open before.
    text[start..].find("}}").map(|end| start..start + end).filter(|code| !text[code.clone()].contains("{{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> String {
        let described = pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(text) => format!("{text:?}"),
            Piece::Code(code) => format!("<{code}>"),
        });
        described.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn expressions_end_where_javascript_does() {
        for (text, expected) in [
            ("", ""),
            ("plain", "\"plain\""),
            ("{{a}}", "<a>"),
            ("Hi {{ a }}!", "\"Hi \" < a > \"!\""),
            ("{{a}}{{b}}", "<a> <b>"),
            ("{{ {a: {b: 1}}.a }}", "< {a: {b: 1}}.a >"),
            ("{{ {a:{b:1}}}}", "< {a:{b:1}}>"),
            ("{{ '}}' }} x", "< '}}' > \" x\""),
            ("{{ `${a}}}` }}", "< `${a}}}` >"),
            ("{{ /}}/.test(a) }}", "< /}}/.test(a) >"),
            ("{{ a /* }} */ }}", "< a /* }} */ >"),
            ("{{a}}}", "<a> \"}\""),
            ("{{ it's }}", "< it's >"),
            ("{{ a", "\"{{ a\""),
            ("a }} b", "\"a }} b\""),
            ("{ {a} }", "\"{ {a} }\""),
            ("{{ {{a}}", "\"{{ \" <a>"),
            ("{{}}", "<>"),
            ("{{ grüß }} ü", "< grüß > \" ü\""),
        ] {
            assert_eq!(described(text), expected, "{text}");
        }
    }
}
