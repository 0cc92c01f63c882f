//! Random combinations of names that Rust, the tools or Runyard's code use: the generated code is Rust and has no name
//! twice.
//!
//! Compiling a hundred of them would take too long; `carried.rs` and `called.rs` have those that once failed to
//! compile.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use syn::visit_mut::{self, VisitMut};

use super::documents::generate_leniently;

const NAMES: [&str; 64] = [
    "self",
    "Self",
    "super",
    "crate",
    "type",
    "gen",
    "async",
    "await",
    "dyn",
    "try",
    "match",
    "move",
    "fn",
    "union",
    "macro",
    "abstract",
    "Box",
    "Option",
    "Vec",
    "String",
    "Result",
    "Ok",
    "Err",
    "Some",
    "None",
    "Default",
    "Clone",
    "Debug",
    "From",
    "Into",
    "Send",
    "Error",
    "Client",
    "Problem",
    "Glue",
    "Reply",
    "Fault",
    "types",
    "server",
    "client",
    "body",
    "request",
    "answer",
    "operation",
    "new",
    "clone",
    "exec",
    "admit",
    "problem",
    "baseurl",
    "api_version",
    "a-b",
    "a_b",
    "aB",
    "AB",
    "größe",
    "1st",
    "$top",
    "filter[x]",
    "x y",
    "_",
    "",
    "page.size",
    "page-size",
];

/// A deterministic random number generator (Numerical Recipes).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len())]
    }

    /// A name with a letter, as ids, parameters and schemas need one.
    fn real_name(&mut self) -> &'static str {
        loop {
            let name = self.name();
            if name.chars().any(char::is_alphanumeric) {
                return name;
            }
        }
    }
}

fn object(numbers: &mut Numbers) -> Value {
    let kinds = [
        json!({ "type": "string" }),
        json!({ "type": "string", "enum": ["a", "A", "self", "", "1"] }),
        json!({ "type": "object", "properties": { "x": {} } }),
        json!({ "type": "integer", "enum": [-1, 1, 10] }),
    ];
    let properties: Map<String, Value> =
        (0..5).map(|_| (numbers.name().to_owned(), kinds[numbers.below(kinds.len())].clone())).collect();
    json!({ "type": "object", "properties": properties })
}

fn document(numbers: &mut Numbers) -> Value {
    let schemas: Map<String, Value> = (0..6).map(|_| (numbers.real_name().to_owned(), object(numbers))).collect();
    let mut paths = Map::new();
    for number in 0..4 {
        let parameters: Vec<Value> = (0..4)
            .map(|_| json!({ "name": numbers.real_name(), "in": "query", "schema": { "type": "string", "enum": ["a", "b"] } }))
            .collect();
        let answer = json!({ "description": "d", "content": { "application/json": { "schema": object(numbers) } } });
        let form = json!({ "content": { "multipart/form-data": { "schema": object(numbers) } } });
        let operation = json!({
            "operationId": numbers.real_name(), "parameters": parameters, "requestBody": form,
            "responses": { "200": answer },
        });
        paths.insert(format!("/{number}"), json!({ "post": operation }));
    }
    json!({ "openapi": "3.0.3", "info": { "title": "T", "version": "1" }, "paths": paths, "components": { "schemas": schemas } })
}

/// Names that occur twice where each may occur once.
#[derive(Default)]
struct Twice(Vec<String>);

impl Twice {
    fn look(&mut self, within: &str, names: impl Iterator<Item = String>) {
        let mut seen = BTreeSet::new();
        self.0.extend(names.filter(|name| !seen.insert(name.clone())).map(|name| format!("{within}: {name}")));
    }
}

impl VisitMut for Twice {
    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        let items = module.content.iter().flat_map(|(_, items)| items);
        let types = items.filter_map(|item| match item {
            syn::Item::Struct(one) => Some(one.ident.to_string()),
            syn::Item::Enum(one) => Some(one.ident.to_string()),
            syn::Item::Trait(one) => Some(one.ident.to_string()),
            _ => None,
        });
        self.look(&module.ident.to_string(), types);
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_struct_mut(&mut self, item: &mut syn::ItemStruct) {
        let fields = item.fields.iter().filter_map(|field| field.ident.as_ref().map(ToString::to_string));
        self.look(&item.ident.to_string(), fields);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        self.look(&item.ident.to_string(), item.variants.iter().map(|variant| variant.ident.to_string()));
    }

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        let methods = item.items.iter().filter_map(|item| match item {
            syn::ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
            _ => None,
        });
        self.look("an impl", methods);
        visit_mut::visit_item_impl_mut(self, item);
    }

    fn visit_item_trait_mut(&mut self, item: &mut syn::ItemTrait) {
        let methods = item.items.iter().filter_map(|item| match item {
            syn::TraitItem::Fn(method) => Some(method.sig.ident.to_string()),
            _ => None,
        });
        self.look(&item.ident.to_string(), methods);
    }

    fn visit_signature_mut(&mut self, signature: &mut syn::Signature) {
        let arguments = signature.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Typed(input) => match &*input.pat {
                syn::Pat::Ident(name) => Some(name.ident.to_string()),
                _ => None,
            },
            syn::FnArg::Receiver(_) => None,
        });
        self.look(&signature.ident.to_string(), arguments);
    }
}

#[test]
fn no_name_stands_twice_whatever_a_document_calls_its_parts() {
    let mut numbers = Numbers(1);
    for round in 0..30 {
        let document = document(&mut numbers).to_string();
        let generated =
            generate_leniently(&document).unwrap_or_else(|error| panic!("round {round}: {error}\n{document}"));
        let mut file = syn::parse_file(&generated.files["api.rs"]).unwrap();
        let mut twice = Twice::default();
        twice.visit_file_mut(&mut file);
        assert_eq!(generated.operations, 4, "round {round}: {}", generated.report);
        assert!(twice.0.is_empty(), "round {round}: {:?}\n{document}", twice.0);
    }
}
