//! An AWS account in memory: what exists in it, and what time does to it.
//!
//! Knows nothing of processes, kills or the engine. Time is a number that the caller sets
//! before each call, so an account can be cloned and carried from one run to the next.
//! The rules of the services are in `ec2.rs`, `iam.rs` and `data.rs`; this file holds what
//! they share: names, tags, states, lists that lag behind, and who still uses whom.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Virtual milliseconds.
pub type Ms = u64;

/// Texts by key.
pub type Texts = BTreeMap<String, String>;

/// The tag that names the environment.
pub const ENVIRONMENT: &str = "loadrig:environment";
/// The tag that names the address.
pub const ADDRESS: &str = "loadrig:address";

/// What a service answers when it refuses.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its code.
    pub code: &'static str,
    /// Its message.
    pub message: String,
}

/// A refusal.
pub fn fault<T>(code: &'static str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault {
        code,
        message: message.into(),
    })
}

/// One thing in the account.
#[derive(Clone, Debug)]
pub struct Thing {
    /// `vpc`, `eni`, `db` …
    pub sort: &'static str,
    /// Id or unique name.
    pub id: String,
    /// Its tags.
    pub tags: Texts,
    /// What the service tells of it.
    pub attrs: Texts,
    /// Ids of what it uses, so that they cannot be removed.
    pub needs: BTreeSet<String>,
    /// When it was made.
    pub made: Ms,
    /// When it becomes usable.
    pub ready: Ms,
    /// When it will be, or was, gone.
    pub gone: Option<Ms>,
}

impl Thing {
    /// Still there, even if on its way out.
    pub fn alive(&self, now: Ms) -> bool {
        self.gone.is_none_or(|gone| now < gone)
    }

    /// Whether its removal has begun.
    pub fn leaving(&self) -> bool {
        self.gone.is_some()
    }

    /// An attribute, or nothing.
    pub fn attr(&self, key: &str) -> &str {
        self.attrs.get(key).map_or("", String::as_str)
    }

    /// Whether lists show it: they lag behind creations and removals.
    fn listed(&self, now: Ms) -> bool {
        let (shows, stays) = lag(self.sort);
        now >= self.made + shows && self.gone.is_none_or(|gone| now < gone + stays)
    }
}

/// How long lists lag behind a creation and behind the end, milliseconds.
///
/// EC2 and IAM are eventually consistent by their own documentation ("Ensuring idempotency",
/// "eventual consistency"); 1 to 5 s were seen. A terminated instance is listed for an hour.
fn lag(sort: &str) -> (Ms, Ms) {
    match sort {
        "instance" | "nat" => (2_000, 3_600_000),
        "vpc" | "subnet" | "igw" | "route-table" | "security-group" | "key-pair" | "eni"
        | "volume" | "eip" => (2_000, 1_000),
        "role" | "profile" => (1_000, 1_000),
        _ => (0, 0),
    }
}

/// How long a creation and a removal take, and how long network interfaces outlive what they
/// belonged to, milliseconds. The order of the times is AWS's; those of databases, domains
/// and caches are a fortieth, since all that lies between are more polls.
pub fn times(sort: &str) -> (Ms, Ms, Ms) {
    match sort {
        "instance" => (5_000, 6_000, 0),
        "nat" => (9_000, 6_000, 0),
        "db" => (11_000, 7_000, 5_000),
        "domain" => (25_000, 8_000, 8_000),
        "cache" => (12_000, 6_000, 5_000),
        _ => (0, 0, 0),
    }
}

/// The account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The time, set before each call.
    pub now: Ms,
    /// Everything that is or was.
    pub things: Vec<Thing>,
    /// Ingress rules.
    pub rules: Vec<RuleRow>,
    /// Client tokens of launches: the parameters and the instance.
    pub tokens: BTreeMap<String, (String, String)>,
    /// Zones of the region.
    pub zones: Vec<String>,
    /// Instance types that have no capacity, by zone (empty: everywhere).
    pub scarce: Vec<(String, String)>,
    made: u32,
}

/// One ingress rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRow {
    /// The group that it belongs to.
    pub group: String,
    /// `tcp/22`.
    pub port: String,
    /// A group's id or a range.
    pub from: String,
}

impl Account {
    /// An empty account in a region of three zones.
    pub fn new() -> Self {
        Self {
            now: 1_000_000,
            zones: ["a", "b", "c"]
                .map(|zone| format!("xx-test-1{zone}"))
                .into(),
            ..Self::default()
        }
    }

    /// An id that tells nothing of the order in which things were made.
    pub fn new_id(&mut self, prefix: &str) -> String {
        self.made += 1;
        let scrambled = self.made.wrapping_mul(2_654_435_761).rotate_left(13);
        format!("{prefix}-{scrambled:08x}")
    }

    /// Puts a thing there.
    pub fn put(&mut self, sort: &'static str, id: String, tags: Texts) -> &mut Thing {
        let (creating, _, _) = times(sort);
        self.things.push(Thing {
            sort,
            id,
            tags,
            attrs: Texts::new(),
            needs: BTreeSet::new(),
            made: self.now,
            ready: self.now + creating,
            gone: None,
        });
        let last = self.things.len() - 1;
        &mut self.things[last]
    }

    /// The living thing of an id, whatever lists say.
    pub fn living(&self, sort: &str, id: &str) -> Option<&Thing> {
        self.things
            .iter()
            .find(|t| t.sort == sort && t.id == id && t.alive(self.now))
    }

    /// The same, to change it.
    pub fn living_mut(&mut self, sort: &str, id: &str) -> Option<&mut Thing> {
        let now = self.now;
        self.things
            .iter_mut()
            .find(|t| t.sort == sort && t.id == id && t.alive(now))
    }

    /// The thing that a call names by id. For half a second after a creation the part of EC2
    /// that is asked may not know it yet.
    pub fn known(&self, sort: &str, id: &str, code: &'static str) -> Result<&Thing, Fault> {
        let lagging = if lag(sort).0 > 0 { 500 } else { 0 };
        match self.living(sort, id) {
            Some(thing) if self.now >= thing.made + lagging => Ok(thing),
            _ => fault(code, format!("`{id}` does not exist")),
        }
    }

    /// The same, to change it.
    pub fn known_mut(
        &mut self,
        sort: &str,
        id: &str,
        code: &'static str,
    ) -> Result<&mut Thing, Fault> {
        self.known(sort, id, code)?;
        match self.living_mut(sort, id) {
            Some(thing) => Ok(thing),
            None => fault(code, format!("`{id}` does not exist")),
        }
    }

    /// What lists show of a sort.
    pub fn listed(&self, sort: &str) -> impl Iterator<Item = &Thing> {
        self.things
            .iter()
            .filter(move |t| t.sort == sort && t.listed(self.now))
    }

    /// A description by tags: all of an environment, at an address, or one id.
    pub fn describe(
        &self,
        sort: &str,
        environment: &str,
        address: Option<&str>,
        id: Option<&str>,
    ) -> Vec<Thing> {
        self.listed(sort)
            .filter(|t| t.tags.get(ENVIRONMENT).map(String::as_str) == Some(environment))
            .filter(|t| address.is_none_or(|a| t.tags.get(ADDRESS).map(String::as_str) == Some(a)))
            .filter(|t| id.is_none_or(|id| t.id == id))
            .cloned()
            .collect()
    }

    /// Who uses a thing.
    pub fn users(&self, id: &str) -> Vec<&Thing> {
        self.things
            .iter()
            .filter(|t| t.alive(self.now) && t.needs.contains(id))
            .collect()
    }

    /// Begins to remove: at once for most, over a while for some.
    pub fn end(&mut self, sort: &'static str, id: &str) {
        let now = self.now;
        let (_, deleting, linger) = times(sort);
        if let Some(thing) = self.living_mut(sort, id)
            && thing.gone.is_none()
        {
            thing.gone = Some(now + deleting);
        }
        // Interfaces outlive what they belong to, volumes go with it.
        for thing in &mut self.things {
            if thing.alive(now) && thing.gone.is_none() && thing.attr("of") == id {
                thing.gone = Some(now + deleting + linger);
            }
        }
    }

    /// What the account looks like from now on: two of one print have one future. Times are
    /// in it as far as they are still to come.
    pub fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let still = |at: Ms| at.saturating_sub(self.now);
        for thing in &self.things {
            let listed = thing.listed(self.now);
            if !listed && !thing.alive(self.now) {
                continue;
            }
            let (shows, _) = lag(thing.sort);
            (thing.sort, &thing.id, &thing.tags, &thing.needs, listed).hash(&mut hasher);
            (still(thing.made + shows), still(thing.ready)).hash(&mut hasher);
            thing.gone.map(still).hash(&mut hasher);
            // The seed differs from run to run and decides nothing.
            for (key, value) in thing.attrs.iter().filter(|(key, _)| *key != "value") {
                (key, value).hash(&mut hasher);
            }
        }
        for rule in &self.rules {
            (&rule.group, &rule.port, &rule.from).hash(&mut hasher);
        }
        self.tokens.hash(&mut hasher);
        hasher.finish()
    }

    /// Everything that lives, without the roles that AWS keeps for its services.
    pub fn alive(&self) -> impl Iterator<Item = &Thing> {
        self.things
            .iter()
            .filter(|t| t.sort != "service-role" && t.alive(self.now))
    }
}
