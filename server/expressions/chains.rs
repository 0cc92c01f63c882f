//! Paths that begin at a root (`nodes.crm.email`): which members they read, and how missing members become `undefined`.
//! A path is a chain of members. An expression that is only a path is looked up without JavaScript, so that its value
//! is not converted. Within another expression a path is rewritten with `?.`. Calls do not belong to a path: calling a
//! missing member fails the expression, with JavaScript's own message.

use std::collections::BTreeSet;

use super::tokens::{Kind, Token, Tokens};

/// What an expression reads of one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reads {
    /// Only these members.
    Members(BTreeSet<String>),
    /// Possibly all members, because the root is passed on or read by a computed name.
    All,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A member, by a name or a string in brackets.
    Name(String),
    /// An item of a list.
    Index(usize),
}

/// The path, if the expression is only a path: `nodes.crm.list[0].email`. Its first step is the root.
pub(super) fn path(source: &str, roots: &[&str]) -> Option<Vec<Step>> {
    let tokens: Vec<Token> = Tokens::from(source, 0).collect();
    let word = |place: usize| tokens.get(place).map_or("", |token: &Token| &source[token.span.clone()]);
    let name = |place: usize| {
        let named = tokens.get(place).is_some_and(|token| token.kind == Kind::Name) && !word(place).contains('\\');
        named.then(|| word(place).to_owned())
    };
    let root = name(0).filter(|root| roots.contains(&root.as_str()))?;
    let (mut steps, mut at) = (vec![Step::Name(root)], 1);
    while at < tokens.len() {
        at = match (word(at), word(at + 1)) {
            ("?.", "[") => {
                steps.push(bracketed_step(word(at + 2), word(at + 3))?);
                at + 4
            }
            ("." | "?.", _) => {
                steps.push(Step::Name(name(at + 1)?));
                at + 2
            }
            ("[", _) => {
                steps.push(bracketed_step(word(at + 1), word(at + 2))?);
                at + 3
            }
            _ => return None,
        };
    }
    Some(steps)
}

fn bracketed_step(literal: &str, end: &str) -> Option<Step> {
    let index = literal.parse().ok().filter(|_| end == "]" && literal.bytes().all(|digit| digit.is_ascii_digit()));
    index.map(Step::Index).or_else(|| bracketed(literal, end).filter(|name| !name.contains('\\')).map(Step::Name))
}

/// Rewrites the paths in an expression with `?.`, so that a missing member gives `undefined`. Called members must
/// exist. The result may be invalid where `?.` is not allowed; the caller then uses the original.
pub(super) fn silenced(source: &str, roots: &[&str]) -> String {
    let tokens: Vec<Token> = Tokens::from(source, 0).collect();
    let mut marks: Vec<(usize, &str)> = Vec::new();
    for at in starts(source, &tokens, roots) {
        let from = marks.len();
        let mut next = at + 1;
        while let Some(token) = tokens.get(next) {
            match &source[token.span.clone()] {
                "." if tokens.get(next + 1).is_some_and(|name| name.kind == Kind::Name) => {
                    marks.push((token.span.start, "?"));
                    next += 2;
                }
                "?." => next += if tokens.get(next + 1).is_some_and(|name| name.kind == Kind::Name) { 2 } else { 1 },
                "[" if is_literal(source, &tokens, next + 1) => {
                    if &source[tokens[next - 1].span.clone()] != "?." {
                        marks.push((token.span.start, "?."));
                    }
                    next += 3;
                }
                // Calls and computed names do not belong to the path, so parentheses end it before them.
                "(" | "[" if marks.len() > from => {
                    let last = marks.pop().map_or(token.span.start, |(start, _)| start);
                    if marks.len() > from {
                        marks.push((tokens[at].span.start, "("));
                        marks.push((last, ")"));
                    }
                    break;
                }
                _ => break,
            }
        }
    }
    marks.sort_by_key(|(at, _)| *at);
    let (mut text, mut done) = (String::with_capacity(source.len() + 2 * marks.len()), 0);
    for (at, mark) in marks {
        text.push_str(&source[done..at]);
        text.push_str(mark);
        done = at;
    }
    text.push_str(&source[done..]);
    text
}

/// The members of a root that an expression reads; empty if it does not name the root.
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
            // A name with an escape sequence denotes another name.
            Some(member) if !member.contains('\\') => _ = members.insert(member),
            _ => return Reads::All,
        }
    }
    Reads::Members(members)
}

/// Whether there is a literal at this token, and nothing else in its brackets.
fn is_literal(source: &str, tokens: &[Token], at: usize) -> bool {
    let ends = tokens.get(at + 1).is_some_and(|end| &source[end.span.clone()] == "]");
    ends && tokens.get(at).is_some_and(|token| token.kind == Kind::Literal)
}

fn bracketed(literal: &str, end: &str) -> Option<String> {
    let quote = literal.chars().next().filter(|quote| matches!(quote, '"' | '\'') && end == "]")?;
    Some(literal.strip_prefix(quote)?.strip_suffix(quote)?.to_owned())
}

/// The tokens that are roots, and not members or keys of another object.
fn starts<'a>(source: &'a str, tokens: &'a [Token], roots: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    let word = |place: usize| tokens.get(place).map_or("", |token| &source[token.span.clone()]);
    (0..tokens.len()).filter(move |&at| {
        let named = tokens[at].kind == Kind::Name && roots.contains(&word(at));
        let member = at > 0 && matches!(word(at - 1), "." | "?.");
        let key = word(at + 1) == ":" && at > 0 && matches!(word(at - 1), "{" | ",");
        named && !member && !key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOTS: [&str; 2] = ["nodes", "parentNodes"];

    #[test]
    fn paths_are_silent_and_nothing_else_is_touched() {
        for (source, silent) in [
            ("nodes.a.b", "nodes?.a?.b"),
            ("nodes.a.list[0].name", "nodes?.a?.list?.[0]?.name"),
            ("nodes['a b'].c", "nodes?.['a b']?.c"),
            ("nodes.a.list.map(x => x.y.z).length", "(nodes?.a?.list).map(x => x.y.z).length"),
            ("nodes.a.list.map(x => nodes.b.c + x.y)", "(nodes?.a?.list).map(x => nodes?.b?.c + x.y)"),
            ("nodes.a(1)", "nodes.a(1)"),
            ("nodes[key].a", "nodes[key].a"),
            ("nodes.a[key].b", "nodes.a[key].b"),
            ("nodes.a.b[key + 1].c", "(nodes?.a).b[key + 1].c"),
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
    fn an_expression_is_a_path_or_it_is_none() {
        let name = |name: &str| Step::Name(name.to_owned());
        for (source, expected) in [
            ("nodes.a.b", Some(vec![name("nodes"), name("a"), name("b")])),
            (" nodes?.a[0]['x y'] // why", Some(vec![name("nodes"), name("a"), Step::Index(0), name("x y")])),
            ("nodes", Some(vec![name("nodes")])),
            ("nodes.a?.[1]", Some(vec![name("nodes"), name("a"), Step::Index(1)])),
            ("other.a", None),
            ("nodes.a + 1", None),
            ("nodes.a.map(x)", None),
            ("nodes[a]", None),
            ("nodes['a' + 'b']", None),
            ("nodes['\\x61']", None),
            ("nodes.a;", None),
            ("nodes.", None),
            ("nodes[1.5]", None),
        ] {
            assert_eq!(path(source, &ROOTS), expected, "{source}");
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
