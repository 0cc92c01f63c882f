//! Paths that begin at what a configuration may read (`nodes.crm.email`): which member they read, and how they are made silent where
//! something on the way is missing. A path is any chain of members and calls; it is rewritten with `?.`, so that a missing piece
//! makes the whole chain `undefined`, as in JavaScript.

use std::collections::BTreeSet;

use super::tokens::{Kind, Token, Tokens};

/// What an expression reads of one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reads {
    /// These members.
    Members(BTreeSet<String>),
    /// Perhaps all of them: the root is passed on, or asked by a name that is worked out.
    All,
}

/// The expression with its chains made silent. It may be none any more, where a chain stands where `?.` may not: then the original does.
pub(super) fn silenced(source: &str, roots: &[&str]) -> String {
    let tokens: Vec<Token> = Tokens::from(source, 0).collect();
    let mut marks: Vec<(usize, &str)> = Vec::new();
    for at in starts(source, &tokens, roots) {
        let mut next = at + 1;
        while let Some(token) = tokens.get(next) {
            match &source[token.span.clone()] {
                "." if tokens.get(next + 1).is_some_and(|name| name.kind == Kind::Name) => {
                    marks.push((token.span.start, "?"));
                    next += 2;
                }
                "?." => next += if tokens.get(next + 1).is_some_and(|name| name.kind == Kind::Name) { 2 } else { 1 },
                "[" => {
                    if &source[tokens[next - 1].span.clone()] != "?." {
                        marks.push((token.span.start, "?."));
                    }
                    next = behind(source, &tokens, next);
                }
                "(" => next = behind(source, &tokens, next),
                _ => break,
            }
        }
    }
    marks.sort_unstable();
    marks.dedup();
    let (mut text, mut done) = (String::with_capacity(source.len() + 2 * marks.len()), 0);
    for (at, mark) in marks {
        text.push_str(&source[done..at]);
        text.push_str(mark);
        done = at;
    }
    text.push_str(&source[done..]);
    text
}

/// What an expression reads of a root; nothing where it does not name it.
pub(super) fn reads(source: &str, root: &str) -> Reads {
    let tokens: Vec<Token> = Tokens::from(source, 0).collect();
    let mut members = BTreeSet::new();
    for at in starts(source, &tokens, &[root]) {
        let word = |place: usize| tokens.get(place).map_or("", |token| &source[token.span.clone()]);
        let dotted =
            |place: usize| tokens.get(place).filter(|token| token.kind == Kind::Name).map(|_| word(place).to_owned());
        let member = match (word(at + 1), word(at + 2)) {
            ("?.", "[") => bracketed(word(at + 3), word(at + 4)),
            ("." | "?.", _) => dotted(at + 2),
            ("[", _) => bracketed(word(at + 2), word(at + 3)),
            _ => None,
        };
        match member {
            // A name with an escape in it is another one.
            Some(member) if !member.contains('\\') => _ = members.insert(member),
            _ => return Reads::All,
        }
    }
    Reads::Members(members)
}

fn bracketed(literal: &str, end: &str) -> Option<String> {
    let quote = literal.chars().next().filter(|quote| matches!(quote, '"' | '\'') && end == "]")?;
    Some(literal.strip_prefix(quote)?.strip_suffix(quote)?.to_owned())
}

/// Where roots stand as themselves, and not as a member or a key of something else.
fn starts<'a>(source: &'a str, tokens: &'a [Token], roots: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    let word = |place: usize| tokens.get(place).map_or("", |token| &source[token.span.clone()]);
    (0..tokens.len()).filter(move |&at| {
        let named = tokens[at].kind == Kind::Name && roots.contains(&word(at));
        let member = at > 0 && matches!(word(at - 1), "." | "?.");
        let key = word(at + 1) == ":" && at > 0 && matches!(word(at - 1), "{" | ",");
        named && !member && !key
    })
}

/// The token behind the bracket that closes this one.
fn behind(source: &str, tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        // An expression in a template ends with the brace that the template's text goes on after.
        let ends_in_template = token.kind == Kind::Literal && source[token.span.clone()].starts_with('}');
        match token.kind {
            Kind::Open => depth += 1,
            _ if ends_in_template => depth = depth.saturating_sub(1),
            Kind::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return place + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOTS: [&str; 2] = ["nodes", "parentNodes"];

    #[test]
    fn chains_are_silent_and_nothing_else_is_touched() {
        for (source, silent) in [
            ("nodes.a.b", "nodes?.a?.b"),
            ("nodes.a.list[0].name", "nodes?.a?.list?.[0]?.name"),
            ("nodes['a b'].c", "nodes?.['a b']?.c"),
            ("nodes.a.list.map(x => x.y.z).length", "nodes?.a?.list?.map(x => x.y.z)?.length"),
            ("nodes.a.list.map(x => nodes.b.c + x.y)", "nodes?.a?.list?.map(x => nodes?.b?.c + x.y)"),
            ("nodes?.a?.[nodes.i]", "nodes?.a?.[nodes?.i]"),
            ("x.nodes.a + nodes.a", "x.nodes.a + nodes?.a"),
            ("({nodes: nodes.a})", "({nodes: nodes?.a})"),
            ("a ? nodes.b : nodes.c", "a ? nodes?.b : nodes?.c"),
            ("'nodes.a' + `${nodes.a.b}`", "'nodes.a' + `${nodes?.a?.b}`"),
            ("parentNodes.start.value", "parentNodes?.start?.value"),
            ("items.a.b", "items.a.b"),
        ] {
            assert_eq!(silenced(source, &ROOTS), silent, "{source}");
        }
    }

    #[test]
    fn what_is_read_is_known_or_all_of_it_is() {
        let members = |names: &[&str]| Reads::Members(names.iter().map(|&name| name.to_owned()).collect());
        for (source, expected) in [
            ("nodes.a.b + nodes.c", members(&["a", "c"])),
            ("nodes?.a ?? nodes['b c']", members(&["a", "b c"])),
            ("nodes?.['a']", members(&["a"])),
            ("1 + 1", members(&[])),
            ("x.nodes", members(&[])),
            ("nodes[key]", Reads::All),
            ("nodes['a' + 'b']", Reads::All),
            ("Object.keys(nodes)", Reads::All),
            ("({nodes})", Reads::All),
            ("nodes", Reads::All),
            ("nodes[`a`]", Reads::All),
        ] {
            assert_eq!(reads(source, "nodes"), expected, "{source}");
        }
    }
}
