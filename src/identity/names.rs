//! Names of the resources that need one, derived from the environment's name alone.
//!
//! Any machine derives the same names, so what exists is found again without a state file.
//! Every name begins with `lr-<environment>-`. A name is recognised by its whole form, never
//! by that prefix: `lr-a-` also begins the names of an environment called `a-b`.

use sha2::{Digest, Sha256};

use crate::blueprint::{Address, DatabaseRole, Group};

/// Parameters of every environment live below this path.
pub const PARAMETER_ROOT: &str = "/loadrig";

/// Hexadecimal digits that tell last snapshots of one environment apart.
const FINAL_HASH: usize = 10;

/// The names of one environment's resources.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    environment: &'a str,
}

impl<'a> Names<'a> {
    /// The names of an environment.
    #[must_use]
    pub fn of(environment: &'a str) -> Self {
        Self { environment }
    }

    /// The `Name` tag of the resource at an address: for people, never looked up.
    #[must_use]
    pub fn tag(self, address: &Address) -> String {
        self.named(&address.as_str().replace('/', "-"))
    }

    /// Name of a security group, unique in its VPC.
    #[must_use]
    pub fn security_group(self, group: Group) -> String {
        self.named(&format!("sg-{}", group.as_str()))
    }

    /// The address of the security group of a name, if it is the environment's.
    #[must_use]
    pub fn group_address(self, name: &str) -> Option<String> {
        let group = name.strip_prefix(&self.named("sg-"))?;
        Some(format!("security-group/{group}"))
    }

    /// EC2 key pair.
    #[must_use]
    pub fn key_pair(self) -> String {
        self.named("operator")
    }

    /// IAM role of the hosts.
    ///
    /// IAM has no regions: the name tells apart environments of one name in two of them.
    #[must_use]
    pub fn role(self, region: &str) -> String {
        self.named(&format!("host-{region}"))
    }

    /// IAM instance profile of the hosts.
    #[must_use]
    pub fn instance_profile(self, region: &str) -> String {
        self.named(&format!("host-{region}"))
    }

    /// IAM role of the search proxies, and the profile that holds it.
    #[must_use]
    pub fn search_role(self, region: &str) -> String {
        self.named(&format!("search-{region}"))
    }

    /// Bucket of uploaded files.
    ///
    /// Bucket names are global: the account and a hash keep strangers' environments apart.
    #[must_use]
    pub fn bucket(self, account: &str, region: &str) -> String {
        let hash = digest(&[self.environment, account, region]);
        self.named(&format!("files-{account}-{}", &hash[..4]))
    }

    /// Whose bucket of uploaded files a bucket is, by its name.
    #[must_use]
    pub fn environment_of_bucket(bucket: &'a str, account: &str, region: &str) -> Option<&'a str> {
        let (rest, _) = bucket.rsplit_once(&format!("-files-{account}-"))?;
        let environment = rest.strip_prefix("lr-")?;
        (Names { environment }.bucket(account, region) == bucket).then_some(environment)
    }

    /// RDS instance.
    #[must_use]
    pub fn database(self, role: DatabaseRole) -> String {
        match role {
            DatabaseRole::Writer => self.named("db-writer"),
            DatabaseRole::Reader(index) => self.named(&format!("db-reader-{index}")),
        }
    }

    /// Whether an RDS instance id is one of this environment's.
    #[must_use]
    pub fn is_database(self, id: &str) -> bool {
        id.strip_prefix(&self.named("db-")).is_some_and(|rest| {
            rest == "writer"
                || rest.strip_prefix("reader-").is_some_and(|index| {
                    !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit())
                })
        })
    }

    /// Aurora cluster.
    #[must_use]
    pub fn database_cluster(self) -> String {
        self.named("db")
    }

    /// Parameter group of the Aurora cluster.
    #[must_use]
    pub fn cluster_parameters(self) -> String {
        self.named("db-cluster-parameters")
    }

    /// RDS subnet group.
    #[must_use]
    pub fn database_subnets(self) -> String {
        self.named("db-subnets")
    }

    /// RDS parameter group of the writer or of the readers.
    #[must_use]
    pub fn database_parameters(self, reader: bool) -> String {
        self.named(if reader {
            "db-reader-parameters"
        } else {
            "db-writer-parameters"
        })
    }

    /// The last snapshot of a database or cache of which nothing else is left.
    ///
    /// Follows from the very thing that is removed (its id and when it was made): to remove
    /// it again gives the same name, to remove its successor another one.
    #[must_use]
    pub fn final_snapshot(self, id: &str, created: &str) -> String {
        let hash = digest(&[self.environment, id, created]);
        self.named(&format!("final-{}", &hash[..FINAL_HASH]))
    }

    /// What fits the names of this environment's last snapshots and no others, as policies of IAM
    /// spell it: `?` is one character. `*` would fit those of an environment called
    /// `<environment>-final-x`, too.
    #[must_use]
    pub fn final_snapshot_pattern(self) -> String {
        self.named(&format!("final-{}", "?".repeat(FINAL_HASH)))
    }

    /// Whether a snapshot's id is that of one of this environment's last snapshots.
    #[must_use]
    pub fn is_final_snapshot(self, id: &str) -> bool {
        id.strip_prefix(&self.named("final-")).is_some_and(|rest| {
            rest.len() == FINAL_HASH && rest.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }

    /// Whose last snapshot a snapshot is, by its id.
    #[must_use]
    pub fn environment_of_final_snapshot(id: &'a str) -> Option<&'a str> {
        let (rest, _) = id.rsplit_once("-final-")?;
        let environment = rest.strip_prefix("lr-")?;
        Names { environment }
            .is_final_snapshot(id)
            .then_some(environment)
    }

    /// OpenSearch domain.
    #[must_use]
    pub fn search(self) -> String {
        self.named("search")
    }

    /// ElastiCache replication group.
    #[must_use]
    pub fn cache(self) -> String {
        self.named("cache")
    }

    /// Application load balancer.
    #[must_use]
    pub fn load_balancer(self) -> String {
        self.named("alb")
    }

    /// Target group of the application load balancer.
    #[must_use]
    pub fn target_group(self) -> String {
        self.named("app")
    }

    /// Private DNS zone, without the last dot.
    #[must_use]
    pub fn zone(self) -> String {
        format!("{}.loadrig.internal", self.environment)
    }

    /// ElastiCache subnet group.
    #[must_use]
    pub fn cache_subnets(self) -> String {
        self.named("cache-subnets")
    }

    /// SSM parameter of the seed.
    #[must_use]
    pub fn seed(self) -> String {
        format!("{}seed", self.parameters())
    }

    /// Path below which all of the environment's SSM parameters live; ends with a slash.
    #[must_use]
    pub fn parameters(self) -> String {
        format!("{PARAMETER_ROOT}/{}/", self.environment)
    }

    fn named(self, rest: &str) -> String {
        format!("lr-{}-{rest}", self.environment)
    }
}

/// The registry bucket of an account and region. It belongs to no environment.
#[must_use]
pub fn registry_bucket(account: &str, region: &str) -> String {
    format!("loadrig-registry-{account}-{region}")
}

/// SHA-256 of the parts, lower-case hex (64 characters).
///
/// Parts are separated, so that `["a", "bc"]` and `["ab", "c"]` differ.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::Role;

    const ACCOUNT: &str = "123456789012";

    fn groups() -> Vec<Group> {
        Role::ALL
            .into_iter()
            .map(Group::Hosts)
            .chain([
                Group::Database,
                Group::Search,
                Group::Cache,
                Group::LoadBalancer,
            ])
            .collect()
    }

    fn environment() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}"
            .prop_filter("at most 16 characters", |name| name.len() <= 16)
    }

    /// Every name by the namespace in which it has to be unique.
    fn all(names: Names<'_>) -> Vec<(&'static str, String)> {
        let mut list = vec![
            ("key pair", names.key_pair()),
            ("role", names.role("ap-southeast-1")),
            ("role", names.search_role("ap-southeast-1")),
            ("bucket", names.bucket(ACCOUNT, "us-east-1")),
            ("database", names.database(DatabaseRole::Writer)),
            ("cluster", names.database_cluster()),
            ("cluster parameter group", names.cluster_parameters()),
            ("subnet group", names.database_subnets()),
            ("parameter group", names.database_parameters(false)),
            ("parameter group", names.database_parameters(true)),
            ("domain", names.search()),
            ("cache", names.cache()),
            ("cache subnet group", names.cache_subnets()),
            ("parameter", names.seed()),
            ("balancer", names.load_balancer()),
            ("target group", names.target_group()),
        ];
        list.extend(
            (1..=15).map(|index| ("database", names.database(DatabaseRole::Reader(index)))),
        );
        list.extend(
            groups()
                .into_iter()
                .map(|group| ("security group", names.security_group(group))),
        );
        list
    }

    fn hyphenated(name: &str) -> bool {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !name.contains("--")
            && !name.ends_with('-')
    }

    proptest! {
        #[test]
        fn names_obey_the_limits_of_their_services(environment in environment()) {
            for (namespace, name) in all(Names::of(&environment)) {
                let longest = match namespace {
                    "domain" => 28,
                    "balancer" | "target group" => 32,
                    "cache" => 40,
                    "database" | "cluster" | "bucket" => 63,
                    "role" => 64,
                    _ => 255,
                };
                prop_assert!(name.len() <= longest, "{name}");
                if namespace == "parameter" {
                    prop_assert!(name.starts_with('/'));
                } else {
                    prop_assert!(hyphenated(&name), "{name}");
                }
            }
        }

        #[test]
        fn names_of_two_environments_never_meet(one in environment(), other in environment()) {
            prop_assume!(one != other);
            let theirs = all(Names::of(&other));
            for name in all(Names::of(&one)) {
                prop_assert!(!theirs.contains(&name), "{name:?}");
            }
        }

        #[test]
        fn an_environment_never_claims_the_databases_of_a_longer_name(
            short in environment(),
            rest in "[a-z0-9]{1,4}",
        ) {
            let long = format!("{short}-{rest}");
            for role in [DatabaseRole::Writer, DatabaseRole::Reader(3)] {
                let id = Names::of(&long).database(role);
                prop_assert!(!Names::of(&short).is_database(&id));
                prop_assert!(Names::of(&long).is_database(&id));
            }
        }
    }

    #[test]
    fn an_environment_whose_name_ends_like_a_resource_is_distinguished() {
        let shorter = Names::of("a");
        let longer = Names::of("a-db");
        assert!(!shorter.is_database(&longer.database(DatabaseRole::Writer)));
        assert_ne!(
            shorter.security_group(Group::Hosts(Role::SearchProxy)),
            Names::of("a-sg-search").security_group(Group::Hosts(Role::Proxy)),
        );
    }

    #[test]
    fn a_final_snapshot_is_named_after_its_source() {
        let names = Names::of("a");
        let first = names.final_snapshot("lr-a-db-writer", "2026-11-23T07:53:04Z");
        assert_eq!(
            first,
            names.final_snapshot("lr-a-db-writer", "2026-11-23T07:53:04Z")
        );
        let next = names.final_snapshot("lr-a-db-writer", "2026-11-24T07:53:04Z");
        assert_ne!(first, next);
        assert!(names.is_final_snapshot(&first) && names.is_final_snapshot(&next));
        let other = Names::of("a-final").final_snapshot("lr-a-final-db-writer", "");
        assert!(!names.is_final_snapshot(&other), "{other}");
        assert!(!names.is_final_snapshot("lr-a-final-by-hand"));
        assert_eq!(Names::environment_of_final_snapshot(&first), Some("a"));
        assert_eq!(
            Names::environment_of_final_snapshot(&other),
            Some("a-final")
        );
        assert_eq!(
            Names::environment_of_final_snapshot("lr-a-final-by-hand"),
            None
        );
        assert!(hyphenated(&first) && first.len() <= 63);
    }

    #[test]
    fn a_bucket_is_attributed_only_by_its_whole_name() {
        let region = "us-east-1";
        let name = Names::of("a-files-1").bucket(ACCOUNT, region);
        let whose = |name| Names::environment_of_bucket(name, ACCOUNT, region);
        assert_eq!(whose(&name), Some("a-files-1"));
        let other = format!("lr-a-files-{ACCOUNT}-0000");
        assert_eq!(whose(&other), None);
        assert_eq!(whose("lr-a"), None);
    }

    #[test]
    fn bucket_names_differ_between_regions() {
        let names = Names::of("demo");
        assert_ne!(
            names.bucket(ACCOUNT, "us-east-1"),
            names.bucket(ACCOUNT, "eu-west-1")
        );
    }

    #[test]
    fn digests_keep_parts_apart() {
        assert_ne!(digest(&["a", "bc"]), digest(&["ab", "c"]));
    }
}
