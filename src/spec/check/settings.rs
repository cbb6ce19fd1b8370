//! Settings of an environment: name, release, network, access, time to live, tags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::Ipv4Net;

use super::Checker;
use crate::spec::shape::{AccessShape, EnvironmentFile, KeyShape};
use crate::spec::{
    ACCOUNT_SEED_KEY, Access, GateSetting, HostExtras, Layout, LoadBalancer, Mattermost, Network,
    ProxyTls, Role, SshKey, regions, values,
};

/// Zones when an environment names none.
pub(crate) const DEFAULT_ZONES: u8 = 2;
/// Region when an environment names none.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";
/// Shorter, and the environment would expire while it is still being made.
const SHORTEST_LIFE: Duration = Duration::from_mins(30);
const LONGEST_LIFE: Duration = Duration::from_hours(8784);
/// AWS allows 50 on a resource, some of them are our own.
const MOST_TAGS: usize = 40;

/// The settings of an environment, defaults filled in.
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) mattermost: Mattermost,
    pub(crate) network: Network,
    pub(crate) load_balancer: LoadBalancer,
    pub(crate) tls: Option<ProxyTls>,
    pub(crate) login_gate: GateSetting,
    pub(crate) access: Access,
    pub(crate) extras: BTreeMap<Role, HostExtras>,
    pub(crate) authorities: Vec<PathBuf>,
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// Where an environment's file is, which its name and relative paths follow from.
pub(crate) struct Origin<'a> {
    /// File name without extension.
    pub(crate) stem: &'a str,
    /// The directory of the file; built-in files have none.
    pub(crate) directory: Option<&'a Path>,
}

impl Checker<'_> {
    /// Checks all settings; `None` when something is wrong with them.
    pub(crate) fn settings(
        &mut self,
        file: &EnvironmentFile,
        origin: &Origin<'_>,
    ) -> Option<Settings> {
        let name = self.name(file.name.as_deref(), origin.stem);
        let region = self.region(file.region.as_deref());
        let mattermost = file.mattermost.clone().unwrap_or_default();
        let mattermost = self.mattermost(mattermost, origin);
        let network = file.network.clone().unwrap_or_default();
        let layout = network.layout.unwrap_or_default();
        let is_existing = network.existing.is_some();
        let purpose = file.purpose.unwrap_or_default();
        let network = self.network(&network, name.as_deref(), region.as_deref(), purpose);
        let load_balancer = self.load_balancer(file, region.as_deref(), origin);
        let tls = self.tls(file, origin);
        let login_gate = file.login_gate();
        let access = self.access(file.access.clone().unwrap_or_default(), layout, origin);
        let access = access.filter(|access| !is_existing || self.is_known(access));
        let extras = self.host_extras(file, origin);
        let authorities = self.authorities(file, origin);
        let time_to_live = self.time_to_live(file.time_to_live.as_deref());
        let tags = file.tags.clone().unwrap_or_default();
        self.tags(&tags);
        Some(Settings {
            name: name?,
            region: region?,
            mattermost: mattermost?,
            network: network?,
            load_balancer: load_balancer?,
            tls: tls?,
            login_gate,
            access: access?,
            extras: extras?,
            authorities: authorities?,
            time_to_live: time_to_live?,
            tags,
        })
    }

    fn name(&mut self, given: Option<&str>, stem: &str) -> Option<String> {
        let name = given.unwrap_or(stem);
        let Some(fault) = values::name_fault(name) else {
            if values::is_canary(name) {
                let text = format!("the name `{name}` is that of a canary");
                let label = format!("names may not begin with `{}`", values::CANARY_PREFIX);
                let problem = self.place(&["name"]).problem(text, label);
                self.report(
                    problem.hint("`doctor --live` removes what has such a name without a question"),
                );
                return None;
            }
            return Some(name.to_owned());
        };
        let tidy: String = name
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let label = match values::name_fault(&tidy) {
            None => format!("did you mean `{tidy}`?"),
            Some(_) => "expected something like `demo` or `nightly-esr`".to_owned(),
        };
        let problem = self
            .place(&["name"])
            .problem(format!("the name `{name}` {fault}"), label);
        let problem = match given {
            Some(_) => problem
                .hint("names of AWS resources contain it; the shortest has room for 16 characters"),
            None => problem.hint("the name comes from the file; add `name: …` or rename the file"),
        };
        self.report(problem);
        None
    }

    fn region(&mut self, given: Option<&str>) -> Option<String> {
        let region = given.unwrap_or(DEFAULT_REGION);
        if let Some(text) = regions::unsupported_partition(region) {
            let label = "expected a commercial region such as `us-east-1`";
            self.report(self.place(&["region"]).problem(text, label));
            return None;
        }
        if regions::is_region_shaped(region) {
            return Some(region.to_owned());
        }
        let label = match regions::nearest_region(region) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "expected an AWS region such as `us-east-1`".to_owned(),
        };
        let problem = self
            .place(&["region"])
            .problem(format!("there is no region `{region}`"), label);
        let zone = region.strip_suffix(|c: char| c.is_ascii_lowercase());
        self.report(match zone {
            Some(_) if zone.is_some_and(regions::is_region_shaped) => problem.hint(
                "this is a zone; write the region, and zones in `network.availability_zones`",
            ),
            _ => problem,
        });
        None
    }

    /// A file that must exist now, before anything that costs money does.
    pub(super) fn file(
        &mut self,
        key: &[&str],
        path: &Path,
        origin: &Origin<'_>,
    ) -> Option<PathBuf> {
        let absolute = match (path.strip_prefix("~"), std::env::home_dir()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => origin.directory.unwrap_or(Path::new("")).join(path),
        };
        if absolute.is_file() {
            return Some(absolute);
        }
        let shown = absolute.display();
        let problem = match absolute.metadata() {
            Ok(found) if found.is_dir() => self
                .place(key)
                .problem(format!("`{shown}` is a directory"), "expected a file"),
            Ok(_) => self.place(key).problem(
                format!("`{shown}` is a device, a pipe or a socket"),
                "expected a regular file",
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self
                .place(key)
                .problem(
                    format!("there is no file `{shown}`"),
                    "expected an existing file",
                )
                .hint("relative paths start at the directory of this YAML file"),
            Err(error) => self.place(key).problem(
                format!("`{shown}` cannot be read: {error}"),
                "expected a file that can be read",
            ),
        };
        self.report(problem);
        None
    }

    fn access(
        &mut self,
        shape: AccessShape,
        layout: Layout,
        origin: &Origin<'_>,
    ) -> Option<Access> {
        let address = self.access_address(shape.address, layout);
        let operators = self.operators(&shape.operators.unwrap_or_default());
        let key = match shape.key {
            None | Some(KeyShape::Generated) => SshKey::Generated,
            Some(KeyShape::Agent) => SshKey::Agent,
            Some(KeyShape::File(path)) => {
                SshKey::File(self.file(&["access", "key", "file"], &path, origin)?)
            }
        };
        let seed_key = self.seed_key(shape.seed_key.as_deref());
        Some(Access {
            address: address?,
            operators: operators?,
            key,
            seed_key: seed_key?,
        })
    }

    /// A KMS key by alias, id or ARN, as SSM's `PutParameter` takes it. Of AWS's own keys only that
    /// for parameters is one that SSM encrypts with; naming it says that everybody of the account
    /// may be let in.
    fn seed_key(&mut self, given: Option<&str>) -> Option<Option<String>> {
        let Some(text) = given else { return Some(None) };
        let name = text.rsplit_once(':').map_or(text, |(arn, name)| {
            if arn.starts_with("arn:aws:kms:") {
                name
            } else {
                text
            }
        });
        let is_word = |text: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
            !text.is_empty() && text.len() <= 256 && text.chars().all(known)
        };
        let problem = match name.strip_prefix("alias/") {
            Some(_) if text == ACCOUNT_SEED_KEY => None,
            Some(alias) if alias.starts_with("aws/") => Some((
                format!("`{text}` is a key of AWS's own, for another service"),
                "expected a customer key, whose policy you write",
            )),
            Some(alias) if is_word(alias) => None,
            None if is_word(name) && name.len() >= 36 => None,
            _ => Some((
                format!("`{text}` is not a KMS key"),
                "expected something like `alias/loadrig-operators`",
            )),
        };
        match problem {
            None => Some(Some(text.to_owned())),
            Some((text, label)) => {
                let place = self.place(&["access", "seed_key"]);
                self.report(place.problem(text, label));
                None
            }
        }
    }

    fn operators(&mut self, given: &[String]) -> Option<Vec<Ipv4Net>> {
        let mut ranges = Vec::new();
        let mut wrong = false;
        for (index, text) in given.iter().enumerate() {
            let index = index.to_string();
            let place = self.place(&["access", "operators", &index]);
            let problem = match (text.as_str(), text.parse::<Ipv4Net>()) {
                ("auto", _) if given.len() == 1 => continue,
                ("auto", _) => place.problem(
                    "`auto` beside other ranges",
                    "expected either `auto` alone or ranges alone",
                ),
                (_, Ok(net)) if net.prefix_len() < 8 => place
                    .problem(
                        format!("`{text}` opens the rig to the internet"),
                        "expected the ranges of operators",
                    )
                    .hint("`[auto]` is the address that the command runs from"),
                (_, Ok(net)) if net != net.trunc() => place.problem(
                    format!("`{text}` has host bits set"),
                    format!("use `{}`", net.trunc()),
                ),
                (_, Ok(net)) => {
                    ranges.push(net);
                    continue;
                }
                (_, Err(_)) => {
                    let single = text.parse::<std::net::Ipv4Addr>();
                    let label = match single {
                        Ok(address) => format!("did you mean `{address}/32`?"),
                        Err(_) => "expected `auto` or a range like `203.0.113.0/24`".to_owned(),
                    };
                    place.problem(format!("`{text}` is not a CIDR range"), label)
                }
            };
            wrong = true;
            self.report(problem);
        }
        (!wrong).then_some(ranges)
    }

    fn time_to_live(&mut self, given: Option<&str>) -> Option<Option<Duration>> {
        let Some(text) = given else { return Some(None) };
        let place = self.place(&["time_to_live"]);
        let problem = match values::duration(text) {
            None => place
                .problem(
                    format!("`{text}` is not a duration"),
                    "expected something like `8h`, `90m` or `1d12h`",
                )
                .hint("leave `time_to_live` out for an environment that stays"),
            Some(span) if span < SHORTEST_LIFE => place.problem(
                format!("`{text}` is too short to create the environment"),
                "expected at least `30m`",
            ),
            Some(span) if span > LONGEST_LIFE => place
                .problem(
                    format!("`{text}` is longer than a year"),
                    "expected at most `366d`",
                )
                .hint("leave `time_to_live` out for an environment that stays"),
            Some(span) => return Some(Some(span)),
        };
        self.report(problem);
        None
    }

    fn tags(&mut self, tags: &BTreeMap<String, String>) {
        for (key, value) in tags {
            let place = self.key_place(&["tags", key]);
            let lower = key.to_lowercase();
            let reserved = ["aws:", "rds:", "loadrig:"]
                .into_iter()
                .find(|prefix| lower.starts_with(prefix));
            if let Some(prefix) = reserved {
                let problem = place.problem(
                    format!("the tag `{key}` is reserved"),
                    format!("expected a key that does not start with `{prefix}`"),
                );
                self.report(problem);
            } else if lower == "name" {
                let problem = place.problem(
                    format!("the tag `{key}` is reserved"),
                    "expected another key: loadrig sets `Name` itself",
                );
                self.report(problem);
            } else if !is_tag_text(key, 127) || key.is_empty() {
                let problem = place.problem(
                    format!("`{key}` cannot be the key of a tag"),
                    "expected 1 to 127 of `a-z`, `A-Z`, `0-9`, space and `_.:/=+-@`",
                );
                self.report(problem);
            } else if !is_tag_text(value, 256) {
                let problem = self.place(&["tags", key]).problem(
                    format!("the tag `{key}` cannot have this value"),
                    "expected at most 256 of `a-z`, `A-Z`, `0-9`, space and `_.:/=+-@`",
                );
                self.report(problem);
            }
        }
        if tags.len() > MOST_TAGS {
            let problem = self.place(&["tags"]).problem(
                format!("{} tags are too many", tags.len()),
                format!("expected at most {MOST_TAGS}"),
            );
            self.report(problem);
        }
    }
}

/// The characters that every service accepts in tags: letters beyond ASCII are accepted by some
/// alone ("Tag naming limits and requirements", Tagging AWS Resources).
fn is_tag_text(text: &str, most: usize) -> bool {
    text.chars().count() <= most
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c))
}
