//! Converts a written schema to rules. Never recursive: found schemas are put on a list. A place is stored as its
//! parent and its key, and becomes text only in an error, so that a long key over many schemas costs nothing.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::excerpt::shown;
use super::leaf::{self, Leaves};
use super::{BadSchema, Dependency, Items, Keywords, Leaf, Rule, RuleId, Work};

/// The result of reading.
pub(super) struct Read<'a> {
    pub(super) rules: Vec<Rule>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) places: Places<'a>,
}

/// The place of each rule.
pub(super) struct Places<'a>(Vec<Place<'a>>);

struct Place<'a> {
    parent: Option<RuleId>,
    keyword: Cow<'a, str>,
    key: Key<'a>,
}

#[derive(Clone, Copy)]
enum Key<'a> {
    None,
    Name(&'a str),
    Index(usize),
}

impl Places<'_> {
    /// The place as a JSON pointer after `#`, shortened.
    pub(super) fn text(&self, rule: RuleId) -> String {
        let mut pieces = Vec::new();
        let mut next = Some(rule);
        while let Some(place) = next.and_then(|rule| self.0.get(rule)) {
            let keyword = shown(&place.keyword);
            pieces.push(match place.key {
                Key::None => keyword,
                Key::Name(name) => format!("{keyword}/{}", shown(name).replace('~', "~0").replace('/', "~1")),
                Key::Index(index) => format!("{keyword}/{index}"),
            });
            next = place.parent;
        }
        pieces.reverse();
        pieces.join("/")
    }
}

/// Reads a schema.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read<'a>(schema: &'a Value, work: &Work) -> Result<Read<'a>, BadSchema> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err("must be a JSON Schema, which is an object".to_owned().into());
    }
    let mut reader = Reader {
        root: schema,
        schemas_max: work.schemas,
        known: HashMap::new(),
        rules: Vec::new(),
        places: Places(Vec::new()),
        open: Vec::new(),
        leaves: Leaves::default(),
    };
    reader.rule(schema, Place { parent: None, keyword: Cow::Borrowed("#"), key: Key::None })?;
    while let Some((rule, written)) = reader.open.pop() {
        reader.rules[rule] = reader.one(rule, written)?;
    }
    let Reader { mut rules, places, leaves, .. } = reader;
    follow(&mut rules, &places, work.depth)?;
    let leaves = leaves.compiled().map_err(|(rule, reason)| no_schema(&places, rule, &reason))?;
    Ok(Read { rules, leaves, places })
}

struct Reader<'a> {
    root: &'a Value,
    schemas_max: usize,
    /// By the address of the written schema: a schema with many references to it is read once.
    known: HashMap<*const Value, RuleId>,
    rules: Vec<Rule>,
    places: Places<'a>,
    open: Vec<(RuleId, &'a Value)>,
    leaves: Leaves,
}

fn no_schema(places: &Places<'_>, rule: RuleId, reason: &str) -> String {
    format!("is no JSON Schema of draft 7: at `{}`, {reason}", places.text(rule))
}

impl<'a> Reader<'a> {
    /// Reserves the rule of a schema.
    fn rule(&mut self, written: &'a Value, place: Place<'a>) -> Result<RuleId, BadSchema> {
        if let Some(known) = self.known.get(&std::ptr::from_ref(written)) {
            return Ok(*known);
        }
        let rule = self.rules.len();
        if rule >= self.schemas_max {
            let reason = format!("has more than {} schemas in it (limits.schema_count)", self.schemas_max);
            return Err(BadSchema::too_expensive(reason));
        }
        self.known.insert(std::ptr::from_ref(written), rule);
        self.rules.push(Rule::Always(true));
        self.places.0.push(place);
        self.open.push((rule, written));
        Ok(rule)
    }

    fn wrong(&self, rule: RuleId, reason: &str) -> BadSchema {
        no_schema(&self.places, rule, reason).into()
    }

    fn one(&mut self, rule: RuleId, written: &'a Value) -> Result<Rule, BadSchema> {
        match written {
            Value::Bool(always) => Ok(Rule::Always(*always)),
            Value::Object(members) if rule != 0 && members.get("$id").is_some_and(Value::is_string) => {
                let place = self.places.text(rule);
                Err(format!("has an `$id` of its own at `{place}`; only the whole may have one").into())
            }
            Value::Object(members) => match members.get("$ref") {
                // Draft 7 ignores other keywords beside `$ref`.
                Some(Value::String(reference)) => self.reference(reference).map(Rule::Same),
                Some(_) => Err(self.wrong(rule, "`$ref` must be text")),
                None => self.keywords(rule, members).map(|keywords| Rule::Of(Box::new(keywords))),
            },
            _ => Err(self.wrong(rule, "there must be an object, true or false")),
        }
    }

    /// The schema of a reference, which is percent-decoded and then read as a JSON pointer (RFC 6901, section 6).
    fn reference(&mut self, reference: &'a str) -> Result<RuleId, BadSchema> {
        let unknown = || BadSchema::from(format!("refers to `{}`, which is not in it", shown(reference)));
        let pointer = reference.strip_prefix('#').ok_or_else(unknown)?;
        let pointer = percent_decode_str(pointer).decode_utf8().map_err(|_| unknown())?;
        let target = self.root.pointer(&pointer).ok_or_else(unknown)?;
        if !target.is_object() && !target.is_boolean() {
            return Err(unknown());
        }
        self.rule(target, Place { parent: None, keyword: Cow::Borrowed(reference), key: Key::None })
    }

    fn keywords(&mut self, rule: RuleId, members: &'a Map<String, Value>) -> Result<Keywords, BadSchema> {
        let mut keywords = Keywords::default();
        let mut own = Map::new();
        for (keyword, value) in members {
            let at = |key: Key<'a>| Place { parent: Some(rule), keyword: Cow::Borrowed(keyword), key };
            let one = |reader: &mut Self| reader.rule(value, at(Key::None)).map(Some);
            match keyword.as_str() {
                "properties" => {
                    keywords.names_properties = true;
                    for (name, value) in self.object(rule, keyword, value)? {
                        let property = self.rule(value, at(Key::Name(name)))?;
                        keywords.names.push(name.clone());
                        keywords.properties.insert(name.clone(), property);
                    }
                }
                "patternProperties" => {
                    for (pattern, value) in self.object(rule, keyword, value)? {
                        let leaf = self.leaves.pattern(rule, pattern);
                        keywords.patterns.push((leaf, self.rule(value, at(Key::Name(pattern)))?));
                    }
                }
                "dependencies" => {
                    for (name, value) in self.object(rule, keyword, value)? {
                        let dependency = match value {
                            Value::Array(names) => Dependency::Names(self.texts(rule, keyword, names)?),
                            schema => Dependency::Rule(self.rule(schema, at(Key::Name(name)))?),
                        };
                        keywords.dependencies.push((name.clone(), dependency));
                    }
                }
                "definitions" => {
                    for (name, value) in self.object(rule, keyword, value)? {
                        self.rule(value, at(Key::Name(name)))?;
                    }
                }
                "items" => match value {
                    Value::Array(items) => keywords.items = Items::Each(self.list(rule, keyword, items)?),
                    all => keywords.items = Items::All(self.rule(all, at(Key::None))?),
                },
                "allOf" | "anyOf" | "oneOf" => {
                    let Value::Array(all) = value else {
                        return Err(self.wrong(rule, &format!("`{keyword}` must be a list of schemas")));
                    };
                    let all = self.list(rule, keyword, all)?;
                    match keyword.as_str() {
                        "allOf" => keywords.all_of = all,
                        "anyOf" => keywords.any_of = all,
                        _ => keywords.one_of = all,
                    }
                }
                "additionalProperties" => keywords.additional = one(self)?,
                "propertyNames" => keywords.property_names = one(self)?,
                "additionalItems" => keywords.additional_items = one(self)?,
                "contains" => keywords.contains = one(self)?,
                "not" => keywords.not = one(self)?,
                "if" => keywords.when = one(self)?,
                "then" => keywords.then = one(self)?,
                "else" => keywords.otherwise = one(self)?,
                own_keyword if leaf::KEYWORDS.contains(&own_keyword) => {
                    own.insert(keyword.clone(), value.clone());
                }
                _ => {}
            }
        }
        if let Some(Value::Array(required)) = own.get("required") {
            keywords.required = required.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        keywords.wants_object = own.get("type").is_some_and(|kind| kind == "object");
        keywords.leaf = (!own.is_empty()).then(|| self.leaves.of(rule, own));
        Ok(keywords)
    }

    fn object(&self, rule: RuleId, keyword: &str, value: &'a Value) -> Result<&'a Map<String, Value>, BadSchema> {
        value.as_object().ok_or_else(|| self.wrong(rule, &format!("`{keyword}` must be an object")))
    }

    fn list(&mut self, rule: RuleId, keyword: &'a str, all: &'a [Value]) -> Result<Vec<RuleId>, BadSchema> {
        if all.is_empty() {
            return Err(self.wrong(rule, &format!("`{keyword}` must not be empty")));
        }
        let place = |index| Place { parent: Some(rule), keyword: Cow::Borrowed(keyword), key: Key::Index(index) };
        all.iter().enumerate().map(|(index, one)| self.rule(one, place(index))).collect()
    }

    fn texts(&self, rule: RuleId, keyword: &str, all: &[Value]) -> Result<Vec<String>, BadSchema> {
        let text = |one: &Value| one.as_str().map(str::to_owned);
        let all: Option<Vec<String>> = all.iter().map(text).collect();
        all.ok_or_else(|| self.wrong(rule, &format!("`{keyword}` must list names")))
    }
}

/// Replaces each chain of references by one to its end. All ends are found before anything is changed, so that errors
/// do not depend on the order in which rules were read.
fn follow(rules: &mut [Rule], places: &Places<'_>, depth_max: usize) -> Result<(), BadSchema> {
    let end = |rule: RuleId| {
        let mut at = rule;
        for _ in 0..depth_max {
            match rules[at] {
                Rule::Same(next) => at = next,
                Rule::Always(_) | Rule::Of(_) => return Ok(at),
            }
        }
        let place = places.text(rule);
        Err(if is_circle(rules, rule) {
            format!("refers to itself in a circle, at `{place}`").into()
        } else {
            BadSchema::too_expensive(format!(
                "has a chain of more than {depth_max} references, at `{place}` (limits.depth)"
            ))
        })
    };
    let ends: Vec<RuleId> = (0..rules.len()).map(end).collect::<Result<_, BadSchema>>()?;
    for (rule, end) in ends.into_iter().enumerate().filter(|(rule, end)| rule != end) {
        rules[rule] = Rule::Same(end);
    }
    Ok(())
}

fn is_circle(rules: &[Rule], from: RuleId) -> bool {
    let mut at = from;
    for _ in 0..=rules.len() {
        match rules[at] {
            Rule::Same(next) => at = next,
            Rule::Always(_) | Rule::Of(_) => return false,
        }
    }
    true
}
