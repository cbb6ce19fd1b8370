//! The least-privilege policy of an environment, from the table of grants.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::blueprint::Kind;
use crate::blueprint::kinds::{Grant, GrantCondition, GrantUse};
use crate::identity::names::Names;
use crate::spec::regions::PARTITION;
use crate::spec::{CANARY_PREFIX, Spec};

use super::grants::{CANARY, account_grants};

/// The most that one managed policy may hold, in characters without white space
/// (IAM User Guide, "IAM and AWS STS quotas").
pub const POLICY_CHARACTERS: usize = 6144;

/// The tag that every resource has.
const TAG: &str = "loadrig:environment";

/// The statements in the order in which people read them; others follow.
const ORDER: [&str; 8] = [
    "Read",
    "CreateTagged",
    "TagOnCreation",
    "LaunchFromImages",
    "ManageOwn",
    "HostRole",
    "HostProfile",
    "PassHostRole",
];

/// Where a policy holds: one environment in one account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Region, for example `us-east-1`.
    pub region: String,
    /// 12 digits.
    pub account: String,
    /// Name of the environment.
    pub environment: String,
    /// The VPC that it stands in, where that is not its own: the id of its own is not known before
    /// it exists.
    vpc: Option<String>,
    /// Id of its private DNS zone, where it is known. Route 53 has no other way to tell zones
    /// apart: no condition key is about a zone's name or tags.
    zone: Option<String>,
}

impl Scope {
    /// One environment in one account and region.
    #[must_use]
    pub fn new(account: &str, region: &str, environment: &str) -> Self {
        Self {
            region: region.to_owned(),
            account: account.to_owned(),
            environment: environment.to_owned(),
            vpc: None,
            zone: None,
        }
    }

    /// The environment of a YAML file, with what the YAML knows of the account.
    #[must_use]
    pub fn of(spec: &Spec, account: &str, region: &str) -> Self {
        let existing = spec.network.existing.as_ref();
        Self {
            vpc: existing.map(|network| network.vpc.clone()),
            ..Self::new(account, region, &spec.name)
        }
    }

    /// With the id of the environment's private DNS zone.
    #[must_use]
    pub fn with_zone(mut self, id: Option<&str>) -> Self {
        self.zone = id.map(str::to_owned);
        self
    }

    /// Every canary in one account and region: each has a name of its own.
    #[must_use]
    pub fn of_canaries(account: &str, region: &str) -> Self {
        Self::new(account, region, &format!("{CANARY_PREFIX}*"))
    }

    fn is_pattern(&self) -> bool {
        self.environment.contains('*')
    }

    /// The operator that compares a value with the environment's name.
    fn equals(&self) -> &'static str {
        if self.is_pattern() { LIKE } else { EQUALS }
    }

    /// An ARN of the table with its places filled in.
    #[must_use]
    pub fn fill(&self, template: &str) -> String {
        let bucket = if self.is_pattern() {
            // The end of a bucket's name is a hash of the environment's.
            format!("lr-{}-files-{}-*", self.environment, self.account)
        } else {
            Names::of(&self.environment).bucket(&self.account, &self.region)
        };
        let names = Names::of(&self.environment);
        template
            .replace("{final_snapshot}", &names.final_snapshot_pattern())
            .replace("{zone}", self.zone.as_deref().unwrap_or("*"))
            .replace("{partition}", PARTITION)
            .replace("{region}", &self.region)
            .replace("{account}", &self.account)
            .replace("{environment}", &self.environment)
            .replace("{bucket}", &bucket)
    }
}

/// Conditions: operator, then key, to admitted values.
pub type Conditions = BTreeMap<&'static str, BTreeMap<String, BTreeSet<String>>>;

const EQUALS: &str = "StringEquals";
const LIKE: &str = "StringLike";
const ALL_EQUAL: &str = "ForAllValues:StringEquals";
const ALL_LIKE: &str = "ForAllValues:StringLike";
const ANY_LIKE: &str = "ForAnyValue:StringLike";

/// A statement of a policy, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Id of the statement, unique in its policy.
    pub sid: String,
    /// IAM actions.
    pub actions: BTreeSet<&'static str>,
    /// ARNs.
    pub resources: BTreeSet<String>,
    /// Conditions: operator, then key, to admitted values.
    pub conditions: Conditions,
    /// Each action's reasons.
    pub reasons: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Statement {
    fn new(sid: &str) -> Self {
        Self {
            sid: sid.to_owned(),
            actions: BTreeSet::new(),
            resources: BTreeSet::new(),
            conditions: BTreeMap::new(),
            reasons: BTreeMap::new(),
        }
    }

    fn add(&mut self, grant: &Grant, scope: &Scope) {
        for action in grant.actions() {
            self.actions.insert(action);
            self.reasons.entry(action).or_default().insert(grant.why);
        }
        self.resources
            .extend(grant.resources().map(|arn| scope.fill(arn)));
        for (operator, key, value) in conditions(grant.condition, scope) {
            self.admit(operator, key, value);
        }
    }

    fn admit(&mut self, operator: &'static str, key: String, value: String) {
        let keys = self.conditions.entry(operator).or_default();
        keys.entry(key).or_default().insert(value);
    }

    /// Why it is there, in one line.
    #[must_use]
    pub fn why(&self) -> String {
        let reasons: BTreeSet<&str> = self.reasons.values().flatten().copied().collect();
        reasons.into_iter().collect::<Vec<_>>().join("; ")
    }

    /// As policy documents spell it.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut statement = Map::new();
        statement.insert("Sid".to_owned(), json!(self.sid));
        statement.insert("Effect".to_owned(), json!("Allow"));
        statement.insert("Action".to_owned(), json!(self.actions));
        statement.insert("Resource".to_owned(), json!(self.resources));
        if !self.conditions.is_empty() {
            statement.insert("Condition".to_owned(), json!(self.conditions));
        }
        Value::Object(statement)
    }
}

/// Operator, key and value of each condition of a grant.
fn conditions(condition: GrantCondition, scope: &Scope) -> Vec<(&'static str, String, String)> {
    let environment = || scope.environment.clone();
    let equals = scope.equals();
    let owned = || (equals, format!("aws:ResourceTag/{TAG}"), environment());
    match condition {
        GrantCondition::Always => vec![],
        GrantCondition::Tagged => vec![(equals, format!("aws:RequestTag/{TAG}"), environment())],
        GrantCondition::Owned => vec![owned()],
        GrantCondition::OwnedTag(tag) => vec![
            owned(),
            (ALL_EQUAL, "aws:TagKeys".to_owned(), tag.to_owned()),
        ],
        GrantCondition::PassedTo(service) => {
            vec![(EQUALS, "iam:PassedToService".to_owned(), service.to_owned())]
        }
        GrantCondition::OwnRecords => {
            let key = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
            let zone = Names::of(&scope.environment).zone();
            // The dot keeps out zones whose names only end like this one's.
            let below = format!("*.{zone}");
            [zone, below]
                .map(|name| (ALL_LIKE, key.to_owned(), name))
                .into()
        }
        GrantCondition::PrivateZone => {
            let vpc = scope.vpc.as_deref().unwrap_or("*");
            let vpcs = format!("VPCId={vpc},VPCRegion={}", scope.region);
            vec![(ANY_LIKE, "route53:VPCs".to_owned(), vpcs)]
        }
        GrantCondition::ServiceRole(service) => {
            vec![(EQUALS, "iam:AWSServiceName".to_owned(), service.to_owned())]
        }
    }
}

/// The statements that an environment of these kinds needs.
///
/// Looking is granted for every kind: what an earlier YAML left has to be found too.
#[must_use]
pub fn statements(kinds: &BTreeSet<Kind>, scope: &Scope) -> Vec<Statement> {
    let of_kinds = Kind::ALL.into_iter().flat_map(|kind| {
        let whole = kinds.contains(&kind);
        let grants = kind.info().grants.iter();
        grants.filter(move |grant| whole || grant.is_for(GrantUse::Read))
    });
    let granted: Vec<&Grant> = account_grants().iter().chain(of_kinds).collect();
    gather(&granted, scope)
}

/// The statements that canaries of an environment of these kinds need: all of what a canary creates,
/// of the rest the roles of services and the calls of EC2, which it makes as dry runs.
#[must_use]
pub fn canary_statements(
    kinds: &BTreeSet<Kind>,
    created: &BTreeSet<Kind>,
    scope: &Scope,
) -> Vec<Statement> {
    let is_tried = |grant: &Grant| {
        let service_role = matches!(grant.condition, GrantCondition::ServiceRole(_));
        service_role || grant.actions().all(|action| action.starts_with("ec2:"))
    };
    let of_kinds = Kind::ALL.into_iter().flat_map(|kind| {
        let (whole, tried) = (created.contains(&kind), kinds.contains(&kind));
        let grants = kind.info().grants.iter();
        grants.filter(move |grant| {
            whole || grant.is_for(GrantUse::Read) || (tried && is_tried(grant))
        })
    });
    let of_all = account_grants().iter().chain(CANARY);
    let granted: Vec<&Grant> = of_all.chain(of_kinds).collect();
    gather(&granted, scope)
}

/// Grants as statements, in the order in which people read them.
pub(super) fn gather(granted: &[&Grant], scope: &Scope) -> Vec<Statement> {
    let mut all: Vec<Statement> = Vec::new();
    for grant in granted {
        match all.iter_mut().find(|one| one.sid == grant.statement) {
            Some(statement) => statement.add(grant, scope),
            None => {
                let mut statement = Statement::new(grant.statement);
                statement.add(grant, scope);
                all.push(statement);
            }
        }
    }
    all.extend(tagging(&all, scope));
    all.sort_by_key(|one| {
        ORDER
            .iter()
            .position(|sid| *sid == one.sid)
            .unwrap_or(ORDER.len())
    });
    all
}

/// EC2 asks for `ec2:CreateTags` when a resource is tagged in the call that creates it; the
/// condition keeps it to those calls.
fn tagging(all: &[Statement], scope: &Scope) -> Option<Statement> {
    let made = all.iter().find(|one| one.sid == "CreateTagged")?;
    let mut statement = Statement::new("TagOnCreation");
    statement.actions.insert("ec2:CreateTags");
    statement.reasons.insert(
        "ec2:CreateTags",
        ["the identity that each resource gets in the call that creates it"].into(),
    );
    statement.resources.clone_from(&made.resources);
    for action in &made.actions {
        let call = action.trim_start_matches("ec2:").to_owned();
        statement.admit(EQUALS, "ec2:CreateAction".to_owned(), call);
    }
    let (key, environment) = (format!("aws:RequestTag/{TAG}"), scope.environment.clone());
    statement.admit(scope.equals(), key, environment);
    Some(statement)
}

/// The policy in as few documents as fit into managed policies.
#[must_use]
pub fn documents(statements: &[Statement]) -> Vec<Value> {
    let document = |list: &[Value]| json!({ "Version": "2012-10-17", "Statement": list });
    let mut done = Vec::new();
    let mut open: Vec<Value> = Vec::new();
    for statement in statements {
        open.push(statement.document());
        if open.len() > 1 && size(&document(&open)) > POLICY_CHARACTERS {
            let last = open.split_off(open.len() - 1);
            done.push(document(&open));
            open = last;
        }
    }
    if !open.is_empty() {
        done.push(document(&open));
    }
    done
}

/// Characters of a document as IAM counts them: without white space.
#[must_use]
pub fn size(document: &Value) -> usize {
    document
        .to_string()
        .chars()
        .filter(|c| !c.is_whitespace())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::new("123456789012", "eu-central-1", "perf")
    }

    fn all() -> BTreeSet<Kind> {
        Kind::ALL.into_iter().collect()
    }

    fn hosts_only() -> BTreeSet<Kind> {
        [Kind::Vpc, Kind::Subnet, Kind::Instance].into()
    }

    #[test]
    fn documents_fit_into_managed_policies_and_lose_nothing() {
        let statements = statements(&all(), &scope());
        let documents = documents(&statements);
        assert!(documents.iter().all(|one| size(one) <= POLICY_CHARACTERS));
        let sids: usize = documents
            .iter()
            .filter_map(|one| one["Statement"].as_array())
            .map(Vec::len)
            .sum();
        assert_eq!(sids, statements.len());
    }

    #[test]
    fn automated_backups_are_reached_by_nothing() {
        for statement in statements(&all(), &scope()) {
            let text = statement.document().to_string();
            assert!(!text.contains("auto-backup"), "{text}");
            assert!(!text.contains("AutomatedBackup\""), "{text}");
        }
    }

    #[test]
    fn a_zone_and_a_vpc_that_are_known_are_the_only_ones() {
        let library = crate::spec::Library::new(Some("no-such-directory".into()));
        let yaml = "architecture: 1k\ncloud: aws\nregion: eu-central-1\n\
                    access: {operators: [198.51.100.7/32]}\nnetwork:\n  layout: private\n  \
                    private_dns: true\n  existing:\n    vpc: vpc-0a1b2c3d4e5f60718\n    \
                    public_subnets: [subnet-0a1b2c3d4e5f6071a, subnet-0a1b2c3d4e5f6071b]\n    \
                    private_subnets: [subnet-0a1b2c3d4e5f6071c, subnet-0a1b2c3d4e5f6071d]\n";
        let spec = library.load_text("perf", yaml).unwrap();
        let scope = Scope::of(&spec, "123456789012", "eu-central-1").with_zone(Some("Z7"));
        let statements = statements(&all(), &scope);
        let of = |action: &str| {
            let found = statements.iter().find(|one| one.actions.contains(action));
            found.unwrap().document()
        };
        let zone = "arn:aws:route53:::hostedzone/Z7";
        for action in [
            "route53:ChangeResourceRecordSets",
            "route53:ChangeTagsForResource",
            "route53:DeleteHostedZone",
        ] {
            assert_eq!(of(action)["Resource"], json!([zone]), "{action}");
        }
        let create = of("route53:CreateHostedZone");
        let vpcs = json!(["VPCId=vpc-0a1b2c3d4e5f60718,VPCRegion=eu-central-1"]);
        assert_eq!(create["Condition"][ANY_LIKE]["route53:VPCs"], vpcs);
        // An action without resource types is allowed on `*` or not at all.
        assert_eq!(create["Resource"], json!(["*"]));
    }

    #[test]
    fn only_reads_are_granted_on_all_resources() {
        for statement in statements(&all(), &scope()) {
            // Creating a zone has no resource, only a condition.
            if statement.sid == "PrivateZones" {
                assert!(!statement.conditions.is_empty());
                continue;
            }
            let everything = statement.resources.contains("*");
            let wide = ["Read", "Preflight"].contains(&statement.sid.as_str());
            assert_eq!(everything, wide, "{}", statement.sid);
            let looks = |action: &str| {
                let verb = action.split(':').nth(1).unwrap_or_default();
                ["Describe", "List", "Get", "Simulate"]
                    .iter()
                    .any(|word| verb.starts_with(word))
            };
            assert!(!everything || statement.actions.iter().all(|action| looks(action)));
        }
    }

    #[test]
    fn absent_kinds_get_read_permissions_only() {
        let actions: BTreeSet<&str> = statements(&hosts_only(), &scope())
            .iter()
            .flat_map(|one| one.actions.clone())
            .collect();
        assert!(actions.contains("ec2:RunInstances"));
        assert!(actions.contains("es:DescribeDomain"));
        assert!(!actions.contains("es:CreateDomain"));
        assert!(!actions.contains("rds:CreateDBInstance"));
    }

    #[test]
    fn the_policy_of_canaries_reaches_canaries_alone() {
        let scope = Scope::of_canaries("123456789012", "eu-central-1");
        let created = [Kind::Vpc, Kind::Bucket, Kind::Role].into();
        let statements = canary_statements(&all(), &created, &scope);
        let of = |action: &str| statements.iter().find(|one| one.actions.contains(action));
        let launch = of("ec2:RunInstances").unwrap().document().to_string();
        assert!(
            launch.contains(r#""StringLike":{"aws:RequestTag/loadrig:environment":["canary-*"]}"#),
            "{launch}"
        );
        let bucket = statements.iter().find(|one| one.sid == "FilesBucket");
        let bucket = bucket.unwrap().document().to_string();
        assert!(
            bucket.contains(":::lr-canary-*-files-123456789012-*"),
            "{bucket}"
        );
        for never in ["rds:CreateDBInstance", "es:CreateDomain"] {
            assert!(of(never).is_none(), "{never}");
        }
        assert!(of("iam:CreateServiceLinkedRole").is_some());
        // Everything that is changed names canaries, by its name or by its tag.
        let anybodys = [
            "Locks",
            "ServiceLinkedRoles",
            "LaunchFromImages",
            "UseExistingNetwork",
        ];
        let looks = |action: &str| {
            let verb = action.split(':').nth(1).unwrap_or_default();
            ["Describe", "List", "Get", "Simulate"]
                .iter()
                .any(|word| verb.starts_with(word))
        };
        let strangers: Vec<&str> = statements
            .iter()
            .filter(|one| !one.document().to_string().contains("canary-*"))
            .filter(|one| !one.actions.iter().all(|action| looks(action)))
            .map(|one| one.sid.as_str())
            .filter(|sid| !anybodys.contains(sid))
            .collect();
        assert_eq!(strangers, Vec::<&str>::new());
    }

    #[test]
    fn every_action_has_a_reason_and_no_placeholder_remains() {
        for statement in statements(&all(), &scope()) {
            let reasons: Vec<_> = statement.reasons.keys().copied().collect();
            assert_eq!(
                reasons,
                statement.actions.iter().copied().collect::<Vec<_>>()
            );
            let text = statement.document().to_string();
            assert!(
                !text.contains("{account}") && !text.contains("{bucket}"),
                "{text}"
            );
        }
    }
}
