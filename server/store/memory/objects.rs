//! Small objects in a map. Changes are applied to a copy of the affected objects, so a refused change leaves nothing
//! behind.

use std::collections::BTreeMap;

use crate::Tenant;
use crate::object::{Change, Object, ObjectCursor, ObjectError};

/// Tenant, kind and id.
type Place = (Tenant, String, String);

/// All objects, by key.
#[derive(Debug, Default)]
pub(super) struct Objects(BTreeMap<Place, Object>);

impl Objects {
    pub(super) fn change(&mut self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Object>, ObjectError> {
        let touched: Vec<(Place, Option<Object>)> = changes
            .iter()
            .map(|change| place(tenant, change.place()))
            .map(|place| (place.clone(), self.0.get(&place).cloned()))
            .collect();
        let done: Result<Vec<Option<Object>>, ObjectError> =
            changes.into_iter().map(|change| self.one(tenant, change)).collect();
        if done.is_err() {
            for (place, before) in touched {
                match before {
                    Some(before) => drop(self.0.insert(place, before)),
                    None => drop(self.0.remove(&place)),
                }
            }
        }
        Ok(done?.into_iter().flatten().collect())
    }

    fn one(&mut self, tenant: &str, change: Change) -> Result<Option<Object>, ObjectError> {
        let place = place(tenant, change.place());
        let before = self.0.get(&place);
        change.refuse_stale(before.map_or(0, |before| before.version))?;
        let put = match change {
            Change::Put(put) => put,
            Change::Delete { .. } => {
                self.0.remove(&place);
                return Ok(None);
            }
        };
        if let Some(name) = &put.name
            && let Some(other) = self.named(tenant, &put.kind, name).filter(|other| other.id != put.id)
        {
            return Err(ObjectError::NameTaken { kind: put.kind, name: name.clone(), id: other.id.clone() });
        }
        let after = put.over(before);
        self.0.insert(place, after.clone());
        Ok(Some(after))
    }

    /// Removes the objects of one parent.
    pub(super) fn forget(&mut self, tenant: &str, parent: &str) {
        self.0.retain(|(whose, ..), object| whose != tenant || object.parent.as_deref() != Some(parent));
    }

    pub(super) fn get(&self, tenant: &str, kind: &str, id: &str) -> Option<&Object> {
        self.0.get(&place(tenant, (kind, id)))
    }

    pub(super) fn named(&self, tenant: &str, kind: &str, name: &str) -> Option<&Object> {
        of(&self.0, tenant, kind).find(|object| object.name.as_deref() == Some(name))
    }

    pub(super) fn list(
        &self,
        tenant: &str,
        kind: &str,
        parent: Option<&str>,
        after: Option<&ObjectCursor>,
        limit: usize,
    ) -> Vec<Object> {
        fn order(object: &Object) -> (i64, &str) {
            (object.created_at_ms, &object.id)
        }
        let mut found: Vec<&Object> = of(&self.0, tenant, kind)
            .filter(|object| parent.is_none() || object.parent.as_deref() == parent)
            .filter(|object| after.is_none_or(|after| order(object) < (after.created_at_ms, &after.id)))
            .collect();
        found.sort_by_key(|object| std::cmp::Reverse(order(object)));
        found.into_iter().take(limit).cloned().collect()
    }
}

fn of<'a>(objects: &'a BTreeMap<Place, Object>, tenant: &str, kind: &str) -> impl Iterator<Item = &'a Object> {
    let first = place(tenant, (kind, ""));
    let (whose, what) = (first.0.clone(), first.1.clone());
    objects.range(first..).take_while(move |(place, _)| (&place.0, &place.1) == (&whose, &what)).map(|(_, one)| one)
}

fn place(tenant: &str, (kind, id): (&str, &str)) -> Place {
    (tenant.to_owned(), kind.to_owned(), id.to_owned())
}
