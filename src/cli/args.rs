//! The command line: names, help and nothing else.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::ops::Adapters;
use crate::ops::lock::LockOptions;
use crate::spec::regions::PARTITION;

/// Stand a Mattermost load-test rig up, drive it, report on it, take it down.
#[derive(Debug, Parser)]
#[command(
    name = "loadrig",
    version,
    about,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed (run `up` or `down` again to repair), 2 bad usage or invalid YAML,\n\
                  3 plan has changes (--detailed-exitcode), 4 thresholds missed, 5 locked by someone else,\n\
                  6 preflight refused, 130 interrupted."
)]
pub(super) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// AWS region; overrides the environment's YAML
    #[arg(
        long,
        global = true,
        value_name = "REGION",
        value_parser = region,
        help_heading = "Global options"
    )]
    pub region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub profile: Option<String>,
    /// Where the AWS APIs answer; `local` is the local cloud of this machine
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_parser = endpoint,
        help_heading = "Global options"
    )]
    pub endpoint_url: Option<String>,
    /// How data is printed on standard output
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT", help_heading = "Global options")]
    pub output: OutputFormat,
    /// Write every state change to FILE, one JSON object a line
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        value_parser = file,
        help_heading = "Global options"
    )]
    pub events: Option<PathBuf>,
    /// Directory with environments/ and reference-architectures/
    #[arg(
        long,
        global = true,
        env = "LOADRIG_HOME",
        value_name = "DIR",
        value_parser = directory(),
        help_heading = "Global options"
    )]
    pub dir: Option<PathBuf>,
    /// Print less on standard error
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Print more on standard error; twice for the SDK's own messages
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// No colour (NO_COLOR is honoured too)
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
    /// How fast the APIs are called; `unlimited` is for emulators, which do not throttle
    #[arg(
        long,
        global = true,
        env = "LOADRIG_API_RATE",
        value_enum,
        default_value_t,
        help_heading = "Global options"
    )]
    pub api_rate: ApiRate,
    /// Do not ask before changing anything
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub yes: bool,
}

/// How fast the APIs are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApiRate {
    /// At most at the rates that AWS publishes for each action.
    #[default]
    Aws,
    /// As fast as they answer.
    Unlimited,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Tables and sentences.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run everything on this machine: up, smoke scenario, report, down, proof; no AWS account needed
    Demo(DemoArgs),
    /// Write environments/NAME.yaml, commented and valid as written
    Init(InitArgs),
    /// Check YAML files and show every problem at once
    Validate(ValidateArgs),
    /// List the sizes on offer, or show one in full
    Architectures(ArchitecturesArgs),
    /// Show what `up` would create, change and delete, why, and what it costs
    Plan(PlanArgs),
    /// Print the least-privilege IAM policy that an environment needs, each statement with its reason
    IamPolicy(IamPolicyArgs),
    /// Try an account before the first `up`: permissions, dry runs, and resources that cost nothing,
    /// created and removed
    Doctor(DoctorArgs),
    /// Say what a login storm will do to an environment, and the cheapest change that mends it
    Predict(PredictArgs),
    /// Bring an environment to its YAML; safe to repeat, resumes after any interruption
    Up(UpArgs),
    /// Show what runs where, its health, age and cost
    Status(EnvArgs),
    /// List the environments that exist in the account and region
    List,
    /// Show where to log in and as whom; passwords only with `--show`
    Credentials(CredentialsArgs),
    /// Open a shell, or run a command, on a host
    Ssh(SshArgs),
    /// Open a local port that leads to a service of the rig
    Tunnel(TunnelArgs),
    /// Run a scenario and store its result
    Test(TestArgs),
    /// Show the report of a run
    Report(ReportArgs),
    /// Check that the rig is what the plan says, and that it works
    Verify(EnvArgs),
    /// Write what a host would get to a directory, for inspection
    Bundle(BundleArgs),
    /// Remove an environment and prove that nothing is left
    Down(DownArgs),
    /// Show or remove the bucket that holds the locks of an account and region
    Registry(RegistryArgs),
    /// Run the local cloud of this machine by itself (Linux, root)
    Local(LocalArgs),
    /// Print the JSON schema of the YAML files, for editors
    Schema(SchemaArgs),
    /// Print completions for a shell
    Completions {
        /// Shell to print completions for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
    /// Drive load; runs on agent hosts, plan on standard input
    #[command(hide = true)]
    Agent,
    /// Sign requests and forward them to the search domain; runs on search proxies
    #[command(hide = true)]
    SearchProxy(SearchProxyArgs),
}

/// `loadrig search-proxy`.
#[derive(Debug, Args)]
pub(crate) struct SearchProxyArgs {
    /// What to forward where
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `loadrig demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave the rig up and print how to reach it
    #[arg(long)]
    pub keep: bool,
    /// Write the HTML report here too
    #[arg(long, value_name = "FILE", value_parser = html)]
    pub html: Option<PathBuf>,
    /// Run this official release of Mattermost, a tarball, in place of the stand-in
    #[arg(long, value_name = "FILE")]
    pub release: Option<PathBuf>,
    /// Give the release this license; without one, the rig has what works without
    #[arg(long, value_name = "FILE", requires = "release")]
    pub license: Option<PathBuf>,
}

/// An environment.
#[derive(Debug, Args)]
pub(super) struct EnvArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
}

/// `loadrig credentials`.
#[derive(Debug, Args)]
pub(super) struct CredentialsArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Print the passwords too
    #[arg(long)]
    pub show: bool,
    /// Write the certificate of the environment's authority, PEM, which browsers have to trust
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub authority: Option<PathBuf>,
}

/// `loadrig down`.
#[derive(Debug, Args)]
pub(super) struct DownArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Lift the protection against deletion; without this a protected environment stays
    #[arg(long)]
    pub lift_protection: bool,
    /// Keep nothing: no final snapshots, and the files go too
    #[arg(long)]
    pub discard_data: bool,
    /// The environment's lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// `loadrig doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The environment that is to be brought up there: a name under environments/, a path to a
    /// file, or the name of a size
    #[arg(default_value = "1k")]
    pub env: String,
    /// Try the account itself, with a canary; required, since resources are created and removed
    #[arg(long)]
    pub live: bool,
    /// Launch one small host too, if it costs at most USD until it ends itself, after 20 minutes
    #[arg(long, value_name = "USD", value_parser = positive, allow_hyphen_values = true)]
    pub spend: Option<f64>,
}

/// What can be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PredictedScenario {
    /// Everybody logs in with a password, as after an outage that ended all sessions.
    LoginStorm,
}

/// `loadrig predict`.
#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    /// Name under environments/, or a path to a file, or the name of a size
    pub env: String,
    /// What happens
    #[arg(value_enum, default_value = "login-storm")]
    pub scenario: PredictedScenario,
    /// How many users log in; as many as the size is for without it
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=250_000))]
    pub users: Option<u32>,
    /// Within which time they come
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = duration)]
    pub within: std::time::Duration,
    /// How long a client waits for an answer
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub patience: std::time::Duration,
    /// After which time a client that got no answer tries again
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = duration)]
    pub retry_after: std::time::Duration,
}

/// `loadrig up`.
#[derive(Debug, Args)]
pub(super) struct UpArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// How long a host may take to answer SSH and to apply a stage of its bundle
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = duration)]
    pub host_timeout: std::time::Duration,
    /// Bring the cloud resources to the plan and leave the hosts alone: no SSH, no checks
    #[arg(long)]
    pub resources_only: bool,
    /// Carry out the plan in FILE (`plan --out FILE`) and nothing else; refused when anything
    /// changed since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Refuse (exit code 6) what costs more than USD per hour
    #[arg(long, value_name = "USD", value_parser = positive, allow_hyphen_values = true)]
    pub max_cost: Option<f64>,
    /// Skip the checks of quotas, offers, names and permissions
    #[arg(long)]
    pub skip_preflight: bool,
    /// Go on although ITEM, as `plan` lists it, could not be checked; `all` for any; may be given
    /// more than once
    #[arg(long, value_name = "ITEM")]
    pub accept_unchecked: Vec<String>,
    /// The program for agents.
    #[command(flatten)]
    pub agent: AgentProgramArgs,
    /// The environment's lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The program that agent hosts run.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct AgentProgramArgs {
    /// Copy this build of loadrig to agent hosts instead of the running program: for Linux on
    /// x86-64, with Debian 12's glibc or an older one
    #[arg(
        long = "agent-program",
        env = "LOADRIG_AGENT_PROGRAM",
        value_name = "FILE"
    )]
    pub program: Option<PathBuf>,
}

/// The lock of an environment that is about to be changed.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct LockArgs {
    /// Wait this long for an environment that somebody else has locked
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_timeout: Option<std::time::Duration>,
    /// Take the lock from whoever holds it, after explaining and asking; with --yes, name OWNER
    #[arg(long, value_name = "OWNER", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub break_lock: Option<String>,
}

impl LockArgs {
    /// The options as operations take them.
    #[must_use]
    pub(super) fn options(&self, adapters: &dyn Adapters) -> LockOptions {
        LockOptions {
            timeout: self.lock_timeout,
            break_lock: self.break_lock.clone(),
            calls_end_with_process: adapters.is_on_this_machine(),
        }
    }
}

/// `loadrig registry`.
#[derive(Debug, Args)]
pub(super) struct RegistryArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RegistryCommand,
}

/// Subcommands of `loadrig registry`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum RegistryCommand {
    /// Show its name, and who holds which lock
    Show,
    /// Remove it; refused while an environment exists
    Remove,
}

/// A time like `90s` or `15m`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|time| std::time::Duration::try_from(time).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a duration such as `90s` or `15m`".to_owned())
}

/// `loadrig init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Name of the environment: a letter, then letters, digits and hyphens; at most 16
    pub name: String,
    /// Size to start from
    #[arg(long, default_value = "1k", value_name = "SIZE")]
    pub architecture: String,
}

/// `loadrig validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Environments, reference architectures or scenarios
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
}

/// `loadrig architectures`.
#[derive(Debug, Args)]
pub(super) struct ArchitecturesArgs {
    /// A size to show in full
    pub show: Option<String>,
}

/// `loadrig plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Name under environments/, or a path to a file, or the name of a size
    pub env: String,
    /// Exit with code 3 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Do not compare with an account: no credentials needed
    #[arg(long)]
    pub offline: bool,
    /// Write the plan to FILE, for `up --plan FILE`
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub out: Option<PathBuf>,
    /// Draw the plan into FILE, one SVG
    #[arg(long, value_name = "FILE.svg", value_parser = svg)]
    pub diagram: Option<PathBuf>,
    /// Show every resource: without it those that are alike are one line
    #[arg(long)]
    pub full: bool,
    /// Show the cost of each part
    #[arg(long)]
    pub cost: bool,
    /// Price a run of so many hours; the time to live without it
    #[arg(long, value_name = "N", value_parser = positive, allow_hyphen_values = true)]
    pub hours: Option<f64>,
    /// Refuse (exit code 6) what costs more than USD per hour
    #[arg(long, value_name = "USD", value_parser = positive, allow_hyphen_values = true)]
    pub max_cost: Option<f64>,
    /// Skip the checks of quotas, offers, names and permissions
    #[arg(long)]
    pub skip_preflight: bool,
}

/// A number greater than zero.
fn positive(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "expected a number greater than zero".to_owned())
}

/// `loadrig iam-policy`.
#[derive(Debug, Args)]
pub(super) struct IamPolicyArgs {
    /// Name under environments/, or a path to a file, or the name of a size
    pub env: String,
    /// Account that the policy is for, 12 digits; that of the credentials without it
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Option<String>,
    /// `json` is one document, `policies` and with --explain `reasons`
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<OutputFormat>,
    /// Show for each single action what it is for
    #[arg(long)]
    pub explain: bool,
    /// Print what `doctor --live` needs to try an account for the environment
    #[arg(long, conflicts_with = "seed_key")]
    pub canary: bool,
    /// Print the policy of a KMS key for `access.seed_key`, which only --operator may read seeds with
    #[arg(long, requires = "operator", conflicts_with = "explain")]
    pub seed_key: bool,
    /// ARN of a role or user that brings environments up; may be given more than once
    #[arg(long, value_name = "ARN", value_parser = principal, requires = "seed_key")]
    pub operator: Vec<String>,
    /// ARN of a role or user that may change or delete the key; may be given more than once, the
    /// operators without it
    #[arg(long, value_name = "ARN", value_parser = principal, requires = "seed_key")]
    pub administrator: Vec<String>,
}

/// A file for a picture; a name without an extension, `/dev/stdout` for example, says nothing.
fn svg(text: &str) -> Result<PathBuf, String> {
    of_kind(text, &["svg"])
}

/// A file for a page.
fn html(text: &str) -> Result<PathBuf, String> {
    of_kind(text, &["html", "htm"])
}

/// A directory. It may be empty: an empty variable of the environment means none, as everywhere.
fn directory() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A file that is written: other programs mean standard output by `-`.
fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("expected a file: `/dev/stdout` is standard output, `./-` a file".to_owned()),
        "" => Err("expected a file".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}

fn of_kind(text: &str, extensions: &[&str]) -> Result<PathBuf, String> {
    let path = file(text)?;
    match path.extension() {
        Some(found)
            if !extensions
                .iter()
                .any(|known| found.eq_ignore_ascii_case(known)) =>
        {
            let kind = extensions.first().unwrap_or(&"").to_uppercase();
            let name = path.with_extension(extensions.first().unwrap_or(&""));
            Err(format!(
                "only {kind} is written: did you mean `{}`?",
                name.display()
            ))
        }
        _ => Ok(path),
    }
}

/// A region's name by its shape; whether there is one of that name shows later.
fn region(text: &str) -> Result<String, String> {
    if let Some(why) = crate::spec::regions::unsupported_partition(text) {
        return Err(why);
    }
    if crate::spec::is_region_shaped(text) {
        return Ok(text.to_owned());
    }
    Err(match crate::spec::regions::nearest_region(text) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "expected a region such as `us-east-1`".to_owned(),
    })
}

/// `local`, or a URL with a host.
fn endpoint(text: &str) -> Result<String, String> {
    if text == "local" || is_url(text) {
        return Ok(text.to_owned());
    }
    Err("expected `local`, or a URL such as `https://vpce.example.com`".to_owned())
}

/// A URL of an emulator.
fn server(text: &str) -> Result<String, String> {
    if is_url(text) {
        return Ok(text.to_owned());
    }
    Err("expected a URL such as `http://127.0.0.1:5000`".to_owned())
}

fn is_url(text: &str) -> bool {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with([':', '/']))
}

/// An account's id.
fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("expected an account id of 12 digits".to_owned())
    }
}

/// A role or user. The account itself (`root`) is everybody whom IAM lets in.
fn principal(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", PARTITION, "iam", "", id, name]
            if account(id).is_ok()
                && ["role/", "user/"]
                    .iter()
                    .any(|kind| name.strip_prefix(kind).is_some_and(|name| !name.is_empty())) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "expected the ARN of a role or user, for example `arn:{PARTITION}:iam::123456789012:role/operators`"
        )),
    }
}

/// `loadrig ssh`.
#[derive(Debug, Args)]
pub(super) struct SshArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Host, for example `app-1`
    pub host: String,
    /// Command to run; a shell without one
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// What a tunnel leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TunnelService {
    /// The web, through the proxy
    Mattermost,
    /// Prometheus on the metrics host
    Prometheus,
    /// The search domain, through the search proxy
    Search,
    /// The database writer
    Database,
}

/// `loadrig tunnel`.
#[derive(Debug, Args)]
pub(super) struct TunnelArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// What it leads to
    pub service: TunnelService,
    /// Local port; a free one without it
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
}

/// `loadrig test`.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// `smoke`, or a path to a scenario's YAML
    pub scenario: String,
    /// The environment's lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// `loadrig report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// The run; the latest without it
    pub run: Option<String>,
    /// Write one self-contained HTML file
    #[arg(long, value_name = "FILE", value_parser = html)]
    pub html: Option<PathBuf>,
}

/// `loadrig bundle`.
#[derive(Debug, Args)]
pub(super) struct BundleArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Host, for example `app-1`
    pub host: String,
    /// Directory to write to; must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The program for agents.
    #[command(flatten)]
    pub agent: AgentProgramArgs,
}

/// `loadrig local`.
#[derive(Debug, Args)]
pub(super) struct LocalArgs {
    /// What to do
    #[command(subcommand)]
    pub command: LocalCommand,
}

/// Commands of the local cloud.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum LocalCommand {
    /// Start it, or say that it is running
    Start,
    /// Stop it, remove every host of it and prove that nothing is left
    Stop,
    /// Show whether it is running, and what runs in it
    Status,
    /// Build what it needs (base image, Python environment) without starting it
    Prepare,
    /// Run the background process itself
    #[command(hide = true)]
    Daemon,
    /// Run a strict cloud before an emulator, by itself: for tests and measurements
    #[command(
        hide = true,
        after_help = "`--profile` is `instant` (the default: rules without times) or `aws` (with AWS's times) here."
    )]
    Strict(StrictArgs),
}

/// `loadrig local strict`. The global `--profile` is `instant` or `aws` here.
#[derive(Clone, Debug, Args)]
pub(super) struct StrictArgs {
    /// The emulator's URL; without one, an account in memory answers
    #[arg(long, value_name = "URL", value_parser = server)]
    pub upstream: Option<String>,
    /// The past of the account: `used`, `fresh`, `propagation`, `enterprise` or another profile
    /// of docs/strict-cloud.md
    #[arg(long, default_value = "used", value_name = "PROFILE")]
    pub account: String,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
    /// What AWS's times are multiplied with, under `--profile aws`
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = positive, allow_hyphen_values = true)]
    pub scale: f64,
    /// Tells one run's failures from another's
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// What fails on purpose: `all`, or words such as `throttle,errors=0.1,cut=0.05`
    #[arg(long, value_name = "WORDS")]
    pub faults: Option<String>,
}

/// `loadrig schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Which files
    #[arg(value_enum, default_value_t = SchemaOf::Environment)]
    pub of: SchemaOf,
}

/// What the schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// environments/*.yaml
    Environment,
    /// reference-architectures/*.yaml
    Architecture,
    /// scenarios/*.yaml
    Scenario,
}
