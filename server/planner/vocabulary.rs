//! Which words are requests, which words have no meaning, and when two words are the same. English only, like the
//! planner.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;

/// Verbs with which people begin a request, whether or not a node type can serve it: a clause that no node type serves
/// must be recognized, so that it is refused by name.
const REQUESTS: &str = "add answer ask assign book build buy calculate call cancel check classify clean close combine \
    compare compile compute concatenate convert copy count create decode delete deploy describe display divide download \
    draft draw edit email encode encrypt execute explain export extract fetch filter find format forward generate get \
    give greet import insert install invoke join list load look make measure merge move multiply notify obtain open order \
    output pick ping plot post prepare print process produce provide publish pull push query read record remove rename \
    render reply report request respond restart retrieve return reverse run save scan schedule search select send set \
    show sign solve sort speak split start stop store submit subtract sum summarise summarize take tell test transfer \
    transform translate turn update upload use validate verify visit write";

/// Function words.
const STOPS: &str = "a an the this that these those it its itself them they i me my mine we us our you your is are am be \
    been was were do does did will would can could should shall may might must of for to in on at by with from as into \
    onto using use via and but so please kindly just simply also too again there here which who what how have has had s t \
    e g ie eg etc e.g i.e both all only same own another other next then finally after before out up down back over";

/// Words that many requests have, whatever they request.
const GENERAL: &str = "now today following above below given earlier previous last first second third fourth fifth some any anything \
    something single one new generate create make produce get give tell show print display say output compute calculate \
    find take fetch provide need want like return answer respond reply value result response string text word input step \
    let know content data latest fresh brand good nice caller user final whole entire full";

/// Words that change the meaning of a clause in a way that only a model can follow.
const BLOCKING: &str = "if unless until while when whenever every each or either otherwise else except instead not don't \
    never without cannot can't isn't nor";

/// The words of the planner and of the catalogue.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// Stem to base form of every verb that begins a request.
    requests: BTreeMap<String, String>,
    /// Stems of what node types make.
    products: BTreeSet<String>,
    stops: BTreeSet<String>,
    general: BTreeSet<String>,
}

impl Vocabulary {
    /// The words of the planner and of these node types.
    pub(super) fn of(catalog: &Catalog) -> Self {
        let hints = || catalog.entries().iter().map(|entry| &entry.hints);
        let verbs = hints().flat_map(|hints| hints.verbs.iter().map(String::as_str)).chain(REQUESTS.split_whitespace());
        Self {
            requests: verbs.map(|verb| (stem(verb), verb.to_owned())).collect(),
            products: hints().flat_map(|hints| &hints.produces).map(|noun| stem(noun)).collect(),
            stops: STOPS.split_whitespace().map(stem).collect(),
            general: GENERAL.split_whitespace().map(stem).collect(),
        }
    }

    /// Whether the word is the base form of a verb that begins a request.
    pub(super) fn is_request(&self, word: &str) -> bool {
        self.requests.get(&stem(word)).is_some_and(|verb| verb == word)
    }

    /// The base form of a verb in its -ing form.
    pub(super) fn base_of_gerund(&self, word: &str) -> Option<&str> {
        if !word.ends_with("ing") {
            return None;
        }
        self.requests.get(&stem(word)).map(String::as_str)
    }

    /// Whether the word names a product of a node type.
    pub(super) fn is_product(&self, word: &str) -> bool {
        self.products.contains(&stem(word))
    }

    /// Whether the stem is a function word.
    pub(super) fn is_stop(&self, stem: &str) -> bool {
        self.stops.contains(stem)
    }

    /// Whether the stem does not help to choose a node type.
    pub(super) fn is_silent(&self, stem: &str) -> bool {
        self.is_stop(stem) || self.general.contains(stem)
    }
}

/// Whether only a model can follow a clause with this word.
pub(super) fn is_blocking(word: &str) -> bool {
    BLOCKING.split_whitespace().any(|blocking| blocking == word)
}

/// One form for all forms of a word: simple, and only for comparing stems.
pub(super) fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    let word = word.strip_suffix("'s").unwrap_or(&word);
    let long = |text: &str, least: usize| text.chars().count() >= least;
    let singular = match word {
        w if w.ends_with("ies") && long(w, 5) => format!("{}y", &w[..w.len() - 3]),
        w if ["ses", "xes", "ches", "shes"].iter().any(|end| w.ends_with(end)) && long(w, 5) => {
            w[..w.len() - 2].to_owned()
        }
        w if w.ends_with('s') && !["ss", "us", "is"].iter().any(|end| w.ends_with(end)) && long(w, 4) => {
            w[..w.len() - 1].to_owned()
        }
        w => w.to_owned(),
    };
    let bare = match singular.as_str() {
        w if w.ends_with("ing") && long(w, 6) => &w[..w.len() - 3],
        w if w.ends_with("ed") && long(w, 5) => &w[..w.len() - 2],
        w => w,
    };
    if bare.ends_with('e') && long(bare, 5) { bare[..bare.len() - 1].to_owned() } else { bare.to_owned() }
}

/// The stems of a text: split at everything that is neither letter nor digit and at camel case.
pub(super) fn stems(text: &str) -> Vec<String> {
    let mut stems = Vec::new();
    let mut current = String::new();
    let mut previous_lower = false;
    for char in text.chars().chain([' ']) {
        let joins = char.is_alphanumeric() || matches!(char, '\'' | '’');
        if (!joins || (char.is_uppercase() && previous_lower)) && !current.is_empty() {
            stems.push(stem(current.trim_matches('\'')));
            current.clear();
        }
        previous_lower = char.is_lowercase();
        if joins {
            current.push(if char == '’' { '\'' } else { char });
        }
    }
    stems.retain(|stem| !stem.is_empty());
    stems
}
