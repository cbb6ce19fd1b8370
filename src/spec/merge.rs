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
        fn overlay_values_win_and_the_rest_stays(base in tree(), over in tree()) {
            let mut merged = base.clone();
            overlay(&mut merged, over.clone());
            for (path, value) in leaves(&over, "") {
                prop_assert_eq!(merged.pointer(&path), Some(&value));
            }
            for (path, value) in leaves(&base, "") {
                if over.pointer(&path).is_none() && !is_cut_off(&over, &path) {
                    prop_assert_eq!(merged.pointer(&path), Some(&value));
                }
            }
        }

        #[test]
        fn laying_a_tree_over_itself_changes_nothing(tree in tree()) {
            let mut merged = tree.clone();
            overlay(&mut merged, tree.clone());
            prop_assert_eq!(merged, tree);
        }
    }

    /// Whether the overlay has a plain value somewhere above the path.
    fn is_cut_off(over: &Value, path: &str) -> bool {
        path.match_indices('/')
            .filter_map(|(end, _)| over.pointer(&path[..end]))
            .any(|above| !above.is_object())
    }

    #[test]
    fn an_empty_section_changes_nothing() {
        let mut base = json!({"app": {"count": 2}});
        overlay(&mut base, json!({"app": {}}));
        overlay(&mut base, Value::Null);
        assert_eq!(base, json!({"app": {"count": 2}}));
    }
}
