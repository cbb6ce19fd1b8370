//! The trait through which the engine acts on a cloud.
//!
//! Implemented by `aws`, and by an in-memory cloud in tests. Calls return once the
//! provider accepted them; waiting is the engine's business.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::blueprint::kinds::STORAGE_FULL;
use crate::blueprint::{Address, Desired, Kind, UnreadableAttribute};
use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::attempts::Attempts;
use crate::plan::{Inventory, Observed, Snapshot};

/// The account that is acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// 12 digits.
    pub id: String,
    /// Who is acting.
    pub arn: String,
    /// Region code, for example `us-east-1`.
    pub region: String,
}

/// What a create or update call gets.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Environment name.
    pub environment: &'a str,
    /// Node.
    pub address: &'a Address,
    /// What it should be.
    pub desired: &'a Desired,
    /// What exists of the resources that it refers to.
    pub inventory: &'a Inventory,
    /// Extra tags.
    pub tags: &'a BTreeMap<String, String>,
    /// Ids of earlier holders of this address, so that a client token is never used twice.
    pub predecessors: &'a [String],
    /// Secret inputs.
    pub secrets: SecretInputs,
}

/// Secret inputs that some resources take.
#[derive(Clone, Debug, Default)]
pub struct SecretInputs {
    /// The instance's user data, not yet base64.
    pub user_data: Option<SecretString>,
    /// The database master password.
    pub password: Option<SecretString>,
    /// The public key to import, OpenSSH format (not secret, but derived from the seed).
    pub public_key: Option<String>,
    /// The seed's value to store when there is none yet.
    pub seed: Option<SecretString>,
}

/// What to do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// It is not there (any more).
    NotFound,
    /// Try again: throttled, a 5xx, a cut connection.
    Transient,
    /// Try again: others still depend on it, or it is not yet visible everywhere.
    Converging,
    /// Try again for two minutes: the refusal is either a fault that stays, or another service
    /// does not know yet what was just created.
    Settling,
    /// AWS has no capacity in this zone or of this type: another may have.
    Capacity,
    /// A quota of the account is used up.
    Quota,
    /// Something that is not the environment's is in the way of a removal.
    Blocked,
    /// Credentials are missing, expired or not allowed to do this.
    Denied,
    /// The request is wrong, or asks for what cannot be: repeating it will not help.
    Terminal,
    /// A refusal that the table of AWS's errors does not have, by its code or, where the code says
    /// too little, by its text. It is not repeated.
    Unknown,
}

/// The code of a wait that ended before the resource was ready or gone.
pub(super) const NOT_READY: &str = "NotReady";

/// What was created, and is listed no more before it was ready.
pub(super) const DISAPPEARED: &str = "Disappeared";

/// The code of a change that the provider accepted and that did not happen.
pub(super) const CHANGE_UNDONE: &str = "ChangeUndone";

impl FailureClass {
    /// Whether repeating the call helps.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            FailureClass::Transient | FailureClass::Converging | FailureClass::Settling
        )
    }

    /// For how long at most a failure of this class is repeated, within the time limit of the
    /// resource; `None` where there is no other limit.
    #[must_use]
    pub fn repeated_for(self) -> Option<Duration> {
        match self {
            // Terraform's AWS provider gives other services the same time to learn of a new subnet,
            // security group or role.
            FailureClass::Settling => Some(Duration::from_mins(2)),
            // The time limit is for what AWS does; an outage that lasts longer is reported.
            FailureClass::Transient => Some(Duration::from_mins(15)),
            _ => None,
        }
    }
}

/// The code of a call that was not made, since no source gave credentials.
const NO_CREDENTIALS: &str = "NoCredentials";

/// A call that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", shown((operation, target, *attempts), code, message, request_id.as_deref()))]
pub struct CloudError {
    /// API operation, for example `ec2:RunInstances`.
    pub operation: String,
    /// Address or id acted on.
    pub target: String,
    /// The provider's code, for example `InsufficientInstanceCapacity`.
    pub code: String,
    /// The provider's message.
    pub message: String,
    /// The provider's request id.
    pub request_id: Option<Box<str>>,
    /// How often the call failed, the last time so.
    pub attempts: Attempts,
    /// The HTTP status of the answer; none where nothing was answered, or this is no answer's.
    pub status: Option<u16>,
    /// What to do about it.
    pub class: FailureClass,
}

fn shown(
    (operation, target, attempts): (&str, &str, Attempts),
    code: &str,
    message: &str,
    request_id: Option<&str>,
) -> String {
    if code == NO_CREDENTIALS {
        // Which call found it out says nothing.
        return format!("no AWS credentials: {message} (details with `-v`)");
    }
    let request = request_id.map_or(String::new(), |id| format!(", request {id}"));
    format!("{operation} failed for `{target}`{attempts}: {message} ({code}{request})")
}

impl CloudError {
    /// A failure that no service answered with: loadrig found it itself. It is final, unless another
    /// class is put in.
    #[must_use]
    pub fn without_answer(
        operation: &str,
        target: impl Display,
        code: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            operation: operation.to_owned(),
            target: target.to_string(),
            code: code.to_owned(),
            message: message.into(),
            request_id: None,
            attempts: Attempts::default(),
            status: None,
            class: FailureClass::Terminal,
        }
    }

    /// Whether the call cannot have changed anything.
    fn only_looks(&self) -> bool {
        let verb = self.operation.split(':').nth(1).unwrap_or_default();
        ["Describe", "Get", "List", "Head", "Simulate"]
            .iter()
            .any(|word| verb.starts_with(word))
    }

    /// Whether a policy denies the call in so many words ("Troubleshoot access denied error
    /// messages", IAM User Guide).
    fn is_denied_explicitly(&self) -> bool {
        self.message.contains("with an explicit deny")
    }

    /// Whether AWS ended an instance at its launch; the code is told as the reason of its state ("Instance
    /// terminates immediately", Amazon EC2 User Guide).
    fn is_about_volume_key(&self) -> bool {
        const CODE: &str = "Client.InternalError";
        self.code == CODE || (self.code == NOT_READY && self.message.contains(CODE))
    }

    /// Whether a database that was waited for has no storage left.
    fn is_about_full_storage(&self) -> bool {
        self.code == NOT_READY && self.message.contains(STORAGE_FULL)
    }

    /// Whether it is about who asks, not about what is asked for.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        is_credential_code(&self.code)
    }
}

/// What a service told of a resource, and nobody can read: it is not acted on.
impl From<UnreadableAttribute> for CloudError {
    fn from(error: UnreadableAttribute) -> Self {
        let target = error.resource.as_ref();
        let target = target.map(ToString::to_string).unwrap_or_default();
        Self::without_answer("read", target, "UnreadableAttribute", error.to_string())
    }
}

impl Diagnose for CloudError {
    fn hints(&self) -> Vec<String> {
        match self.class {
            FailureClass::Denied if self.is_about_credentials() => vec![
                "nothing is lost: renew the credentials and run the same command again".to_owned(),
                "`aws sts get-caller-identity` shows whether they work".to_owned(),
            ],
            FailureClass::Denied if self.code == "RegionNotEnabled" => vec![
                "nothing was changed: `aws account list-regions` shows which regions are on".to_owned(),
            ],
            FailureClass::Denied if self.is_denied_explicitly() => vec![
                "no permission outweighs an explicit denial: whoever administers that policy can lift it, or \
                 say what it asks for (another region or network, a second factor, a tag)".to_owned(),
            ].into_iter().chain((!self.only_looks()).then(|| "`tags` in the environment's YAML are put on every resource".to_owned())).collect(),
            // The adapter reads it of an instance that AWS ended at once.
            FailureClass::Denied if self.is_about_volume_key() => vec![
                "mostly this is a key: the account encrypts new volumes with a KMS key that the caller, or the instance, may not use (docs/aws.md, \"Accounts of an organisation\")".to_owned(),
                "`aws ec2 get-ebs-default-kms-key-id` names the key; its policy has to let the caller use it and create grants".to_owned(),
            ],
            FailureClass::Denied => vec![
                format!(
                    "the credentials lack `{}`, or a boundary or an organisation's policy takes it away",
                    self.operation
                ),
                "`loadrig iam-policy ENV` prints the policy that the environment needs".to_owned(),
            ],
            FailureClass::Capacity => vec![
                "try later, or name other types in the environment's YAML: `fallback_instance_types` of the node group".to_owned(),
            ],
            FailureClass::Quota => vec![
                "ask AWS for a higher quota (Service Quotas in the console, or `aws service-quotas request-service-quota-increase`), or choose a smaller size".to_owned(),
            ],
            FailureClass::Transient if self.only_looks() => vec![
                "nothing was changed by this call: run the same command again".to_owned(),
            ],
            FailureClass::Transient => vec![
                format!("the outcome of `{}` is not known: `{}` may exist now", self.operation, self.target),
                "run the same command again: it finds by tag what was created, and continues".to_owned(),
            ],
            FailureClass::Converging if self.operation == "s3:CreateBucket" => vec![format!(
                "the name of a bucket that was deleted can stay taken for an hour: if `{}` was, run the same command again then",
                self.target
            )],
            FailureClass::Converging => vec![format!(
                "`{}` still has users, or AWS does not list everywhere what was created: run the same command again to continue",
                self.target
            )],
            FailureClass::Terminal if self.is_about_full_storage() => vec![
                "raise `sizes.database.storage_gib` in the environment's YAML and run the same command again: RDS takes no other change of a full database".to_owned(),
                format!("`{}` exists and costs money; `down` deletes it", self.target),
            ],
            FailureClass::Terminal if self.code == NOT_READY => vec![format!(
                "`{}` may exist and cost money: the same command again waits for it, or replaces it where it failed; `down` deletes it",
                self.target
            )],
            FailureClass::Terminal if self.code == DISAPPEARED => vec![
                "the same command again creates it anew".to_owned(),
                "a host that AWS ends at once mostly lacks the KMS key of its volume (docs/aws.md, \"Accounts of an organisation\")".to_owned(),
            ],
            FailureClass::Terminal if self.code == CHANGE_UNDONE => vec![format!(
                "`{}` works as before the change: run the same command again to repeat it, or ask for something else in the environment's YAML",
                self.target
            )],
            FailureClass::NotFound | FailureClass::Settling | FailureClass::Terminal => vec![
                "this call created nothing; what was created before stays, and is found again by its tags".to_owned(),
            ],
            FailureClass::Unknown => vec![
                "this call created nothing; what was created before stays, and is found again by its tags".to_owned(),
                format!(
                    "loadrig does not know what this answer of `{}` means (code `{}`) and did not repeat the call: if the same command works later, report this line (docs/aws-errors.md, \"Unknown errors\")",
                    self.operation, self.code
                ),
            ],
            // AWS Backup Developer Guide, DisassociateRecoveryPoint: RDS has its backups back then.
            FailureClass::Blocked if self.message.contains("AwsBackupRecoveryPointArn") => vec![
                "a backup plan of AWS Backup holds the database's automated backups: if you may, take the database out of \
                 the plan, release the recovery point (`aws backup disassociate-recovery-point`), and run the same command \
                 again".to_owned(),
            ],
            FailureClass::Blocked => vec![
                "remove or detach what is in the way, if you may, then run the same command again; loadrig touches nothing that is not the environment's own".to_owned(),
            ],
        }
    }

    fn is_final(&self) -> bool {
        matches!(self.class, FailureClass::Denied | FailureClass::Quota)
    }

    fn exit_code(&self) -> ExitCode {
        match self.class {
            FailureClass::Denied | FailureClass::Capacity | FailureClass::Quota => {
                ExitCode::Preflight
            }
            _ => ExitCode::Failed,
        }
    }
}

/// What is in the way of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Id, description and owner, for people.
    pub what: String,
    /// Whether it goes by itself: it is the environment's own, or a service's.
    pub passing: bool,
}

/// Whether a code is about who asks, not about what is asked for.
///
/// The only table of these codes: the adapter classifies by it, too.
#[must_use]
pub fn is_credential_code(code: &str) -> bool {
    matches!(
        code,
        "NoCredentials"
            | "AuthFailure"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "InvalidToken"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "UnrecognizedClientException"
            | "IncompleteSignature"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
    )
}

/// What one check for leftovers found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoverCheck {
    /// For example `EC2 instances`.
    pub at: String,
    /// What is still there.
    pub left: Vec<String>,
    /// What is still there on purpose.
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// Why nobody could look, so that nothing is known of what may be left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// Something that outlives its environment on purpose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kept {
    /// Its id or name.
    pub id: String,
    /// What it costs, for people.
    pub cost: String,
}

/// What the engine needs of a cloud. The errors are those of its calls.
pub trait Cloud: Send + Sync + 'static {
    /// Who acts, where.
    fn account(&self) -> impl Future<Output = Result<Account, CloudError>> + Send;

    /// Everything that exists of an environment, found by tag (by name where a service
    /// has no tags to filter by). A handful of bulk calls side by side.
    fn snapshot(
        &self,
        environment: &str,
    ) -> impl Future<Output = Result<Snapshot, CloudError>> + Send;

    /// Creates the roles with which these services act in the account, where they are missing;
    /// whether any was. A cloud without such roles has nothing to create.
    fn create_service_roles(
        &self,
        _services: &[&str],
    ) -> impl Future<Output = Result<bool, CloudError>> + Send {
        std::future::ready(Ok(false))
    }

    /// Creates; idempotent: by client token or unique name, or looked up by tag first.
    fn create(
        &self,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Observed, CloudError>> + Send;

    /// Brings what exists to what is desired, in place.
    fn update(
        &self,
        request: Request<'_>,
        existing: &Observed,
    ) -> impl Future<Output = Result<Observed, CloudError>> + Send;

    /// Everything of one kind that exists of an environment, in as few calls as the
    /// snapshot takes for it. Polled while something of the kind is created or deleted.
    fn list(
        &self,
        environment: &str,
        kind: Kind,
    ) -> impl Future<Output = Result<Vec<Observed>, CloudError>> + Send;

    /// Starts the deletion; success when it is already gone.
    fn delete(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// What keeps a resource from being removed, where the provider only says that
    /// something does.
    fn blockers(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> impl Future<Output = Result<Vec<Blocker>, CloudError>> + Send;

    /// What the service recorded about a resource that failed or whose change did not happen, for
    /// people. Most services record nothing.
    fn reasons(
        &self,
        _existing: &Observed,
    ) -> impl Future<Output = Result<Vec<String>, CloudError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// What it means that a resource failed, or went, while it was waited for: whether another
    /// one in its place has a chance, at once or in another zone.
    fn class_of_failed(&self, _seen: &Observed) -> FailureClass {
        FailureClass::Terminal
    }

    /// What belongs to somebody else and is to be used, found by its id; what is not there
    /// is left out. A cloud on which nothing can belong to others has nothing to look up.
    fn adopted(
        &self,
        _wanted: &[(&Address, &Desired)],
    ) -> impl Future<Output = Result<Vec<Observed>, CloudError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// The environment's seed, decrypted.
    fn seed(
        &self,
        environment: &str,
    ) -> impl Future<Output = Result<Option<SecretString>, CloudError>> + Send;

    /// Names under which anything may exist in the account and region, or is kept on
    /// purpose. What is known to be gone may still be among them.
    fn environments(&self) -> impl Future<Output = Result<BTreeSet<String>, CloudError>> + Send;

    /// Searches every service used for anything that bears the environment's tag or name
    /// prefix, whatever its kind or state.
    fn find_leftovers(
        &self,
        environment: &str,
    ) -> impl Future<Output = Result<Vec<LeftoverCheck>, CloudError>> + Send;
}
