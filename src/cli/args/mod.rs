//! The command line: names, help and nothing else. The options of each command are in the file of its group.

mod account;
mod agent;
mod environment;
mod files;
mod hosts;
mod local;
mod results;
mod test;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use values::{directory, endpoint, file, region};

pub(crate) use account::{DoctorArgs, IamPolicyArgs, RegistryArgs, RegistryCommand};
pub(crate) use agent::{AgentArgs, AgentDuty, StormControlArgs, StormPlace, StormSupervisor};
pub(crate) use environment::{DownArgs, EnvArgs, PlanArgs, PredictArgs, ReportArgs, UpArgs};
pub(crate) use files::{ArchitecturesArgs, InitArgs, SchemaArgs, SchemaOf, ValidateArgs};
pub(crate) use hosts::{
    BundleArgs, CredentialsArgs, MeasureHashArgs, SshArgs, TunnelArgs, TunnelService,
};
pub(crate) use local::{DemoArgs, LocalArgs, LocalCommand, SearchProxyArgs, StrictArgs};
pub(crate) use results::{CompareArgs, HistoryArgs, RunsArgs};
pub(crate) use test::TestArgs;

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
    /// Say what a login storm will do to an environment, and the cheapest change that helps
    Predict(PredictArgs),
    /// Measure what a password hash costs this machine, or the application nodes of a rig
    MeasureHash(MeasureHashArgs),
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
    /// List the runs of an environment on this machine, or remove old ones
    Runs(RunsArgs),
    /// Compare stored runs: better, worse, or no difference beyond noise
    Compare(CompareArgs),
    /// Show an environment's runs in their order, and since when a figure has changed
    History(HistoryArgs),
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
    Agent(AgentArgs),
    /// Sign requests and forward them to the search domain; runs on search proxies
    #[command(hide = true)]
    SearchProxy(SearchProxyArgs),
}
