//! Which files of a crate import which, read from `use` declarations and from paths that begin with `crate`, `self` or
//! `super`; and the circles among them.
//!
//! A name that a module re-exports leads to the file that defines it. A re-export imports nothing. A module that calls
//! a child that it declares by the child's name alone is not an import either, because every folder does that.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::File;

/// A module, by its path in the crate.
type Module = Vec<String>;

/// The modules of a crate.
#[derive(Debug, Default)]
pub struct Crate {
    modules: BTreeMap<Module, Imports>,
}

#[derive(Debug, Default)]
struct Imports {
    /// Paths that the module uses.
    used: Vec<Vec<String>>,
    /// What a name of the module stands for, if a `use` declaration brings it in.
    names: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads the files of the crate whose source root is this folder. `apart` are the roots of other crates.
    pub fn read(root: &str, files: &[File], apart: &[&str]) -> Self {
        let mut modules = BTreeMap::new();
        for file in files {
            let Some(path) = file.path.strip_prefix(&format!("{root}/")) else { continue };
            let inner =
                |other: &&str| other.starts_with(&format!("{root}/")) && file.path.starts_with(&format!("{other}/"));
            let program = ["bin/", "main.rs", "build.rs"].iter().any(|start| path.starts_with(start));
            if apart.iter().any(inner) || program {
                continue;
            }
            let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            modules.insert(module, Imports::read(&code(file)));
        }
        Crate { modules }
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Every circle: the files that reach each other, sorted.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let direct: BTreeMap<&Module, BTreeSet<Module>> =
            self.modules.iter().map(|(module, imports)| (module, self.imported(module, imports))).collect();
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            direct.keys().map(|module| (*module, reach(&direct, module))).collect();
        let mut circles = BTreeSet::new();
        for (module, far) in &reached {
            if far.contains(*module) {
                let with = far.iter().filter(|other| reached[other].contains(*module));
                circles.insert(with.map(|other| other.join("/")).collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }

    fn imported(&self, module: &Module, imports: &Imports) -> BTreeSet<Module> {
        let targets = imports.used.iter().filter_map(|path| self.resolve(module, path, 0));
        targets.filter(|target| target != module).collect()
    }

    /// The module that defines what a path names.
    fn resolve(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let mut rest = path;
        let mut at = match rest.first()?.as_str() {
            "crate" => Module::new(),
            "self" | "super" => from.clone(),
            child if self.modules.contains_key(&below(from, child)) => from.clone(),
            _ => return None,
        };
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => {
                    at.pop();
                }
                child if self.modules.contains_key(&below(&at, child)) => at.push(child.to_owned()),
                _ => break,
            }
            rest = others;
        }
        let module = self.modules.get(&at)?;
        let Some((name, others)) = rest.split_first() else { return Some(at) };
        let Some(origin) = module.names.get(name).filter(|_| depth < 8) else { return Some(at) };
        let whole: Vec<String> = origin.iter().chain(others).cloned().collect();
        self.resolve(&at, &whole, depth + 1)
    }
}

fn below(module: &Module, child: &str) -> Module {
    module.iter().cloned().chain([child.to_owned()]).collect()
}

fn reach(direct: &BTreeMap<&Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<Module> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(module) = open.pop() {
        for next in direct.get(&module).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

/// The code of a file without comments and without what is compiled for tests alone.
fn code(file: &File) -> String {
    let lines: Vec<&str> = file.code().map(|(_, line)| line.split(" // ").next().unwrap_or_default()).collect();
    lines.join("\n")
}

impl Imports {
    fn read(code: &str) -> Self {
        let mut imports = Imports::default();
        let (mut rest, mut other) = (code, String::new());
        while let Some(at) = rest.find("use ") {
            let begins = rest[..at].rfind('\n').map_or(0, |line| line + 1);
            let before = rest[begins..at].trim();
            let after = &rest[at + 4..];
            if before.is_empty() || before == "pub" || before.starts_with("pub(") {
                let end = after.find(';').unwrap_or(after.len());
                imports.declare(&after[..end], !before.is_empty());
                other.push_str(&rest[..begins]);
                rest = &after[end..];
            } else {
                other.push_str(&rest[..at]);
                rest = after;
            }
        }
        other.push_str(rest);
        imports.mention(&other);
        imports
    }

    fn declare(&mut self, tree: &str, is_public: bool) {
        let flat: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        for leaf in leaves(&flat) {
            let (path, name) = match leaf.split_once(" as ") {
                Some((path, name)) => (path.to_owned(), Some(name.to_owned())),
                None => (leaf, None),
            };
            let mut path: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            if path.last().is_some_and(|last| last == "*") {
                path.pop();
            } else if let Some(name) = name.or_else(|| path.last().cloned()) {
                self.names.insert(name, path.clone());
            }
            if !is_public {
                self.used.push(path);
            }
        }
    }

    /// Paths within code, such as `super::wire::time(at)`.
    fn mention(&mut self, code: &str) {
        for start in ["crate::", "super::", "self::"] {
            for (at, _) in code.match_indices(start) {
                let before = code[..at].chars().next_back();
                if before.is_some_and(|before| before.is_alphanumeric() || "_:$".contains(before)) {
                    continue;
                }
                let part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
                // A visibility imports nothing.
                if !code[..at].ends_with("pub(in ") {
                    let path: String = code[at..].chars().take_while(|letter| part(*letter)).collect();
                    self.used.push(path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
                }
            }
        }
    }
}

/// The paths of a use tree: `a::b` and `a::c::d` of `a::{b, c::d}`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, list)) = tree.split_once('{') else {
        return if tree.is_empty() { Vec::new() } else { vec![tree.to_owned()] };
    };
    let list = list.strip_suffix('}').unwrap_or(list);
    let mut depth = 0;
    let parts = list.split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    parts.flat_map(leaves).map(|leaf| format!("{before}{leaf}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> Vec<File> {
        all.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
    }

    #[test]
    fn circles_are_found_through_every_form_of_an_import() {
        let of = |b: &str| {
            let all = files(&[
                ("x/lib.rs", "mod a;\nmod b;\npub use a::Thing;\n"),
                ("x/a.rs", "use crate::b::{self, Other as Renamed};\n"),
                ("x/b.rs", b),
            ]);
            Crate::read("x", &all, &[]).circles()
        };
        let circle = vec![vec!["a".to_owned(), "b".to_owned()]];
        for text in [
            "use super::a::Thing;\n",
            "use crate::Thing;\n",
            "use super::{\n    a::{Thing, More},\n    std,\n};\n",
            "fn f() -> crate::a::Thing {\n    super::a::f()\n}\n",
            "use super::a as alias;\n",
        ] {
            assert_eq!(of(text), circle, "{text}");
        }
        for text in [
            "use std::fmt;\n",
            "pub use super::a::Thing;\n",
            "// use super::a::Thing;\nfn f() {}\n",
            "#[cfg(test)]\nmod tests {\n    use super::super::a;\n}\n",
            "pub(in crate::a) fn f() {}\n",
        ] {
            assert_eq!(of(text), Vec::<Vec<String>>::new(), "{text}");
        }
    }

    #[test]
    fn files_of_a_crate_within_another_belong_to_it_alone() {
        let all = files(&[
            ("x/a.rs", "use crate::b::B;\n"),
            ("x/b.rs", "\n"),
            ("x/y/b.rs", "use crate::a::A;\n"),
            ("x/y/a.rs", "\n"),
        ]);
        assert_eq!(
            (Crate::read("x", &all, &["x", "x/y"]).len(), Crate::read("x/y", &all, &["x", "x/y"]).len()),
            (2, 2)
        );
    }
}
