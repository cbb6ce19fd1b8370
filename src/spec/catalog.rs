//! The instance types that loadrig knows, and their capacity.
//!
//! One table, `prices/types.yaml`, part of the program. What they cost is in `prices`. Knows nothing
//! of environments.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::suggest;

/// The instance types of each service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// EC2 instance types.
    pub ec2: Table,
    /// RDS for PostgreSQL instance classes.
    pub rds: Table,
    /// Aurora PostgreSQL instance classes.
    pub aurora: Table,
    /// OpenSearch Service node types.
    pub opensearch: Table,
    /// ElastiCache node types.
    pub elasticache: Table,
}

/// The types of one service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Table {
    /// By name.
    pub types: BTreeMap<String, InstanceType>,
}

impl Table {
    /// A type by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&InstanceType> {
        self.types.get(name)
    }

    /// What to say about a name that is not in the table.
    pub(crate) fn suggest(&self, name: &str) -> String {
        let completed = [
            format!("{name}.search"),
            format!("db.{name}"),
            format!("cache.{name}"),
        ];
        if let Some(whole) = completed
            .iter()
            .find(|whole| self.types.contains_key(*whole))
        {
            return format!("did you mean `{whole}`?");
        }
        if let Some(near) = suggest::nearest(name, self.types.keys().map(String::as_str)) {
            return format!("did you mean `{near}`?");
        }
        let family = name
            .split_inclusive('.')
            .take(family_parts(name))
            .collect::<String>();
        let siblings: Vec<&str> = self
            .types
            .keys()
            .map(String::as_str)
            .filter(|known| !family.is_empty() && known.starts_with(&family))
            .collect();
        match siblings.as_slice() {
            [] => "not in loadrig's table of types".to_owned(),
            siblings => format!("expected {}", suggest::one_of(siblings.iter().copied())),
        }
    }
}

/// `db.r7g.large` and `cache.m7g.large` carry the family in two parts, others in one.
fn family_parts(name: &str) -> usize {
    if name.starts_with("db.") || name.starts_with("cache.") {
        2
    } else {
        1
    }
}

/// Capacity of an instance type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceType {
    /// Virtual CPUs.
    pub vcpu: u32,
    /// Memory, GiB.
    pub gib: f64,
    /// Processor architecture.
    #[serde(default)]
    pub arch: Arch,
}

/// Processor architecture; it matters for hosts alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// Intel and AMD.
    #[default]
    #[serde(rename = "x86_64")]
    X86,
    /// Graviton.
    Arm64,
}

/// The catalog that is part of the program.
#[must_use]
pub fn catalog() -> &'static Catalog {
    // A table that does not parse is caught by the test below, never by a user.
    static CATALOG: LazyLock<Catalog> =
        LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());
    &CATALOG
}

const TEXT: &str = include_str!("../../prices/types.yaml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_parses_and_holds_only_sensible_figures() {
        let catalog: Catalog = serde_yaml::from_str(TEXT).unwrap();
        for table in [
            &catalog.ec2,
            &catalog.rds,
            &catalog.aurora,
            &catalog.opensearch,
            &catalog.elasticache,
        ] {
            assert!(table.types.len() >= 5);
            for (name, kind) in &table.types {
                assert!(kind.vcpu >= 1 && kind.gib > 0.0, "{name}");
            }
        }
    }

    #[test]
    fn an_unknown_type_gets_a_suggestion() {
        let ec2 = &catalog().ec2;
        assert_eq!(ec2.suggest("c7i.larg"), "did you mean `c7i.large`?");
        assert!(ec2.suggest("c7i.metal-24xl").contains("`c7i.8xlarge`"));
        assert_eq!(ec2.suggest("quantum"), "not in loadrig's table of types");
        let rds = &catalog().rds;
        assert!(
            rds.suggest("db.r7g.metal-48xl")
                .contains("`db.r7g.4xlarge`")
        );
    }
}
