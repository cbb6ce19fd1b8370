//! Refusals that AWS is known to answer with: codes and texts that others met and reported, or
//! that AWS documents in places other than the models of its services.
//!
//! Rules that refuse in the very words of a row take the row.
//!
//! A table: what was called, code, text, status, what it means, how long others wait for it to
//! pass, and who met it. The account in memory answers with any row that a test asks for
//! ([`crate::AwsAccount::refuse`]); clients hold what they think of errors to it.

mod common;
mod ec2;
pub(crate) mod elasticache;
mod elb;
mod iam;
pub(crate) mod opensearch;
pub(crate) mod rds;
mod route53;
mod s3;
mod ssm;

/// What a refusal means for whoever called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The same call works later: something is not known everywhere, or AWS is busy.
    Later,
    /// The same call works once what goes on is over: a change, a removal, a user.
    InProgress,
    /// It was created a moment ago and is refused as if it did not exist.
    NotYet,
    /// It is not there.
    Gone,
    /// Something of this name is there.
    Taken,
    /// The caller may not do this.
    Denied,
    /// A quota of the account is used up.
    Quota,
    /// AWS has no room for it here.
    Capacity,
    /// The request is wrong, or asks for what cannot be.
    Invalid,
}

impl Meaning {
    /// For readers.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::InProgress => "in progress",
            Self::NotYet => "not there yet",
            Self::Gone => "gone",
            Self::Taken => "taken",
            Self::Denied => "denied",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::Invalid => "invalid",
        }
    }

    /// Whether the same call may work without anybody doing anything.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Later | Self::InProgress | Self::NotYet)
    }
}

/// One refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRefusal {
    /// The service, by its IAM prefix; `*` for all.
    pub service: &'static str,
    /// Operations that were refused so; empty for any.
    pub operations: &'static [&'static str],
    /// AWS's code.
    pub code: &'static str,
    /// AWS's text.
    pub message: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What it means.
    pub meaning: Meaning,
    /// Seconds that other programs repeat the call for, where one is known.
    pub waits: Option<u32>,
    /// Who met it, or where AWS says so.
    pub source: &'static str,
}

impl KnownRefusal {
    const fn of(
        meaning: Meaning,
        operations: &'static [&'static str],
        code: &'static str,
        message: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            service: "",
            operations,
            code,
            message,
            status: 400,
            meaning,
            waits: None,
            source,
        }
    }

    const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    const fn waits(mut self, seconds: u32) -> Self {
        self.waits = Some(seconds);
        self
    }
}

const SERVICES: [(&str, &[KnownRefusal]); 10] = [
    ("*", common::ROWS),
    ("ec2", ec2::ROWS),
    ("elasticache", elasticache::ROWS),
    ("elasticloadbalancing", elb::ROWS),
    ("es", opensearch::ROWS),
    ("iam", iam::ROWS),
    ("rds", rds::ROWS),
    ("route53", route53::ROWS),
    ("s3", s3::ROWS),
    ("ssm", ssm::ROWS),
];

/// Every known refusal.
pub fn known_refusals() -> impl Iterator<Item = KnownRefusal> {
    SERVICES
        .into_iter()
        .flat_map(|(service, rows)| rows.iter().map(move |row| KnownRefusal { service, ..*row }))
}
