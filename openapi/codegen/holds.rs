//! The kind of component that each place of a document can hold or refer to.

/// The content of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// One component of this kind, as `components` calls it.
    One(&'static str),
    /// Several of this kind, in a mapping or in a list.
    Many(&'static str),
    /// Nothing that can be a component.
    Nothing,
}

impl Holds {
    /// The content of a component of this kind.
    pub(crate) fn component(kind: &str) -> Self {
        let kinds =
            ["schemas", "responses", "parameters", "requestBodies", "headers", "links", "callbacks", "pathItems"];
        kinds.into_iter().find(|known| *known == kind).map_or(Self::Nothing, Self::One)
    }

    /// The content of a list item.
    pub(crate) fn entry(self) -> Self {
        match self {
            Self::Many(kind) => Self::One(kind),
            _ => Self::Nothing,
        }
    }

    /// The content of the field with this name.
    pub(crate) fn field(self, key: &str) -> Self {
        if let Self::Many(kind) = self {
            return Self::One(kind);
        }
        let schema = self == Self::One("schemas");
        match key {
            "schema" | "itemSchema" => Self::One("schemas"),
            "items" | "additionalProperties" | "not" | "if" | "then" | "else" | "contains" | "propertyNames"
                if schema =>
            {
                Self::One("schemas")
            }
            "properties" | "patternProperties" | "$defs" | "definitions" | "allOf" | "anyOf" | "oneOf"
            | "prefixItems"
                if schema =>
            {
                Self::Many("schemas")
            }
            "schemas" => Self::Many("schemas"),
            "requestBody" => Self::One("requestBodies"),
            "paths" | "webhooks" | "pathItems" => Self::Many("pathItems"),
            "responses" => Self::Many("responses"),
            "parameters" => Self::Many("parameters"),
            "requestBodies" => Self::Many("requestBodies"),
            "headers" => Self::Many("headers"),
            "links" => Self::Many("links"),
            "callbacks" => Self::Many("callbacks"),
            _ => Self::Nothing,
        }
    }
}
