//! An environment's sizes over those of its architecture.

use serde_json::Value;

/// Lays one tree over another: mappings key by key, everything else is replaced.
pub(crate) fn overlay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(existing) => overlay(existing, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (_, Value::Null) => {}
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (1..99_u32).prop_map(|number| json!(number)),
            "[a-z]{1,4}".prop_map(|word| json!(word)),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>()))
        })
    }

    /// Every leaf with its path.
    fn leaves(value: &Value, path: &str) -> Vec<(String, Value)> {
        match value.as_object() {
            Some(map) => map
                .iter()
                .flat_map(|(key, inner)| leaves(inner, &format!("{path}/{key}")))
                .collect(),
            None => vec![(path.to_owned(), value.clone())],
        }
    }

    proptest! {
        #[test]
        fn what_the_overlay_says_holds_and_the_rest_stays(base in tree(), over in tree()) {
            let mut merged = base.clone();
            overlay(&mut merged, over.clone());
            for (path, value) in leaves(&over, "") {
                prop_assert_eq!(merged.pointer(&path), Some(&value));
            }
            let over_leaves = leaves(&over, "");
            for (path, value) in leaves(&base, "") {
                let touched = over_leaves.iter().any(|(other, _)| {
                    path.starts_with(other.as_str()) || other.starts_with(&path)
                });
                // A mapping without leaves replaces a leaf, too, but shows no leaf itself.
                let replaced = over.pointer(&path).is_some()
                    || merged.pointer(&path) != Some(&value);
                prop_assert!(touched || !replaced || over.pointer(&path).is_some()
                    || parent_is_leafless(&over, &path));
            }
        }

        #[test]
        fn laying_a_tree_over_itself_changes_nothing(tree in tree()) {
            let mut merged = tree.clone();
            overlay(&mut merged, tree.clone());
            prop_assert_eq!(merged, tree);
        }
    }

    fn parent_is_leafless(over: &Value, path: &str) -> bool {
        let mut shorter = path;
        while let Some((parent, _)) = shorter.rsplit_once('/') {
            if over.pointer(parent).is_some_and(|value| !value.is_object()) {
                return true;
            }
            shorter = parent;
        }
        false
    }

    #[test]
    fn an_empty_section_changes_nothing() {
        let mut base = json!({"app": {"count": 2}});
        overlay(&mut base, json!({"app": {}}));
        overlay(&mut base, Value::Null);
        assert_eq!(base, json!({"app": {"count": 2}}));
    }
}
