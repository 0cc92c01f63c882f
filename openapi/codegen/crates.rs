//! Redirects paths of other crates to one module that re-exports them.
//!
//! typify and the other tools write `::serde::Serialize` and the like. Without this, a crate that includes the code
//! would have to depend on every such crate, in the right version. Derives find their crate by an attribute of their
//! own (`#[serde(crate = "...")]`).

use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, Lit, Macro, Meta, Path, QSelf, Token, Type, UseTree, parse_quote};

/// The crates that generated code names beside `std` and the host.
const CRATES: [&str; 10] =
    ["bytes", "http", "jiff", "multipart", "regress", "reqwest", "schemars", "serde", "serde_json", "uuid"];

/// The module of the crates within the module `types`: so short that most derives fit into one line.
const SHORT: &str = "__";

/// Redirects every path of another crate to `module`.
pub(crate) fn lead(file: &mut syn::File, module: &Path) {
    Lead { module }.visit_file_mut(file);
}

struct Lead<'a> {
    module: &'a Path,
}

impl Lead<'_> {
    /// Prepends the module to a path of another crate, and returns the number of added segments.
    fn path(&self, path: &mut Path) -> usize {
        let into = path.segments.len() > 1 && path.segments.first().is_some_and(|first| is_crate(&first.ident));
        if !into {
            return 0;
        }
        let mut led = self.module.clone();
        led.segments.extend(std::mem::take(&mut path.segments));
        *path = led;
        self.module.segments.len()
    }

    /// `<T as ::serde::Serialize>` stores the number of segments of its trait.
    fn qualified(&self, qself: &mut Option<QSelf>, path: &mut Path) {
        let longer = self.path(path);
        if let Some(qself) = qself.as_mut().filter(|qself| qself.position > 0) {
            qself.position += longer;
        }
    }

    /// Rewrites code within an attribute's string, as in `#[schemars(with = "...")]`.
    fn text(&mut self, meta: &mut Meta) {
        let Meta::NameValue(pair) = meta else { return };
        // Every other string is a name or a text from the document.
        if !["with", "default", "skip_serializing_if"].iter().any(|key| pair.path.is_ident(key)) {
            return;
        }
        let Expr::Lit(literal) = &mut pair.value else { return };
        let Lit::Str(text) = &literal.lit else { return };
        if let Ok(mut ty) = text.parse::<Type>() {
            self.visit_type_mut(&mut ty);
            literal.lit = Lit::Str(syn::LitStr::new(&ty.to_token_stream().to_string(), text.span()));
        }
    }

    /// Adds the path of each derive's crate.
    fn derives(&self, attributes: &mut Vec<Attribute>) {
        let derived: String = attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("derive"))
            .map(|attribute| attribute.to_token_stream().to_string())
            .collect();
        let module = self.module.to_token_stream().to_string().replace(' ', "");
        for (name, marks) in [("serde", ["Serialize", "Deserialize"]), ("schemars", ["JsonSchema", "JsonSchema"])] {
            if marks.iter().any(|mark| derived.contains(mark)) {
                let (name, at) = (crate::names::ident(name), format!("{module}::{name}"));
                attributes.push(parse_quote!(#[#name(crate = #at)]));
            }
        }
    }
}

impl VisitMut for Lead<'_> {
    fn visit_path_mut(&mut self, path: &mut Path) {
        self.path(path);
        visit_mut::visit_path_mut(self, path);
    }

    fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
        self.qualified(&mut ty.qself, &mut ty.path);
        visit_mut::visit_type_path_mut(self, ty);
    }

    fn visit_expr_path_mut(&mut self, expression: &mut syn::ExprPath) {
        self.qualified(&mut expression.qself, &mut expression.path);
        visit_mut::visit_expr_path_mut(self, expression);
    }

    fn visit_item_use_mut(&mut self, item: &mut syn::ItemUse) {
        let into = matches!(&item.tree, UseTree::Path(path) if is_crate(&path.ident));
        if into {
            let (tree, segments) = (&item.tree, self.module.segments.iter().map(|segment| &segment.ident));
            item.tree = parse_quote!(#(#segments::)* #tree);
            item.leading_colon = self.module.leading_colon;
        }
    }

    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        let Meta::List(list) = &attribute.meta else { return };
        let path = list.path.clone();
        if path.is_ident("derive") {
            let Ok(mut paths) = list.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else { return };
            paths.iter_mut().for_each(|path| self.visit_path_mut(path));
            *attribute = parse_quote!(#[#path(#paths)]);
        } else if path.is_ident("serde") || path.is_ident("schemars") {
            let Ok(mut metas) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else { return };
            metas.iter_mut().for_each(|meta| self.text(meta));
            *attribute = parse_quote!(#[#path(#metas)]);
        }
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        let Some((_, items)) = module.content.as_mut().filter(|_| module.ident == "types") else {
            return visit_mut::visit_item_mod_mut(self, module);
        };
        let (short, full) = (crate::names::ident(SHORT), self.module);
        let inner: Path = parse_quote!(#short);
        for item in items.iter_mut() {
            // The short name is not in scope within the modules of `types`.
            let module = if matches!(item, syn::Item::Mod(_)) { full } else { &inner };
            Lead { module }.visit_item_mut(item);
        }
        items.insert(0, parse_quote!(use #full as #short;));
    }

    fn visit_macro_mut(&mut self, macro_: &mut Macro) {
        self.visit_path_mut(&mut macro_.path);
        // The macros in use take expressions, as a call does.
        if let Ok(mut arguments) = macro_.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            arguments.iter_mut().for_each(|argument| self.visit_expr_mut(argument));
            macro_.tokens = quote!(#arguments);
        }
    }

    fn visit_item_struct_mut(&mut self, item: &mut syn::ItemStruct) {
        visit_mut::visit_item_struct_mut(self, item);
        self.derives(&mut item.attrs);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        visit_mut::visit_item_enum_mut(self, item);
        self.derives(&mut item.attrs);
    }
}

fn is_crate(ident: &syn::Ident) -> bool {
    CRATES.iter().any(|name| ident == name)
}
