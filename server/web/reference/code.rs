//! Code on a page: a block with a name, with colours for JSON.

use maud::{Markup, PreEscaped, Render, html};
use serde_json::Value;

/// A block of code. `language` is `sh`, `rust`, `json` or `text`; `about` is the operation, as a data attribute for
/// programs.
pub(super) fn block(title: &str, language: &str, about: Option<&str>, text: &str) -> Markup {
    let content = if language == "json" {
        json(text)
    } else {
        html! { (text) }
    };
    html! {
        figure.code {
            figcaption { span { (title) } }
            // Focusable by keyboard, because wide code scrolls in it.
            pre tabindex="0" data-language=(language) data-operation=[about] { code { (content) } }
        }
    }
}

/// A value, indented.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// JSON text with marks for names, strings and other values.
fn json(text: &str) -> Markup {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter == '"' || letter.is_ascii_alphanumeric() || letter == '-') {
        let (before, after) = rest.split_at(start);
        out.push_str(&PreEscaped(before).render().into_string());
        let length = if after.starts_with('"') { quoted(after) } else { bare(after) };
        let (token, following) = after.split_at(length);
        let class = match token.starts_with('"') {
            true if following.starts_with(':') => "name",
            true => "text",
            false => "value",
        };
        out.push_str(&html! { span class=(class) { (token) } }.into_string());
        rest = following;
    }
    out.push_str(&html! { (rest) }.into_string());
    PreEscaped(out)
}

/// The length of a string with its quotes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of a number or a literal.
fn bare(text: &str) -> usize {
    text.find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '+' | '.')))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_marked_and_escaped() {
        let shown = json("{\"a\\\"<\": [\"x: 1\", -1.5, true]}").into_string();
        assert_eq!(
            shown,
            "{<span class=\"name\">&quot;a\\&quot;&lt;&quot;</span>: [<span class=\"text\">&quot;x: 1&quot;</span>, \
             <span class=\"value\">-1.5</span>, <span class=\"value\">true</span>]}"
        );
    }
}
