//! What every error owes its reader: hints and an exit code.
//!
//! Lowest layer: knows nothing of the rest. Errors say what went wrong in their
//! `Display`; what to do about it is data here, printed once by the command line.

/// Exit codes of the program, as documented in `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything that was asked for was done.
    Done = 0,
    /// Failed; `up` or `down` repairs whatever is half-way.
    Failed = 1,
    /// Bad usage or invalid YAML.
    Usage = 2,
    /// `plan --detailed-exitcode` found changes.
    Changes = 3,
    /// A scenario ran and missed its thresholds.
    ThresholdsMissed = 4,
    /// Someone else holds the environment's lock.
    Locked = 5,
    /// Preflight refused: credentials, permission, quota or capacity.
    Preflight = 6,
    /// Interrupted by a signal.
    Interrupted = 130,
}

/// An error that can tell its reader what to do next.
pub trait Diagnose: std::error::Error {
    /// What to do about it, one line each; empty when there is nothing to add.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether no repetition fixes it: somebody has to grant or change something first.
    fn is_final(&self) -> bool {
        false
    }

    /// Whether a host did not answer at all: whoever runs its machine may know why.
    fn is_unreachable_host(&self) -> bool {
        false
    }

    /// The exit code that this error ends the program with.
    fn exit_code(&self) -> ExitCode {
        ExitCode::Failed
    }
}

/// An error with its causes, each once: `cannot write `x`: Permission denied`.
#[must_use]
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let reason = source.to_string();
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = source.source();
    }
    text
}

/// An error of the system without the temporary file that the library for such files adds, since
/// nobody asked for that one.
#[must_use]
pub(crate) fn system_error(error: &std::io::Error) -> std::io::Error {
    let text = error.to_string();
    let reason = text.split(" at path ").next().unwrap_or_default();
    std::io::Error::new(error.kind(), reason)
}

/// Why a connection failed, as the system says it: the last cause of a chain, without the layers
/// of the HTTP client around it.
#[must_use]
pub(crate) fn last_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    match text.split(" (os error").next().unwrap_or_default() {
        "tunnel error: unsuccessful" => "the proxy refused to connect".to_owned(),
        "tunnel error: proxy authorization required" => {
            "the proxy requires a user and password".to_owned()
        }
        text => text.to_owned(),
    }
}

/// What several things have in common, said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    /// Whom it is said of; never empty.
    pub names: Vec<String>,
    /// What is said of the first of them, and but for names of all.
    pub text: String,
}

impl Folded {
    /// The name of the first.
    #[must_use]
    pub(crate) fn first(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// That it is said of others too, if it is.
    #[must_use]
    pub(crate) fn others(&self) -> Option<String> {
        let others = self.names.get(1..).filter(|others| !others.is_empty())?;
        Some(format!(
            "the same for {} more: {}",
            others.len(),
            others.join(", ")
        ))
    }
}

/// Says what is said of several names once. One policy denies many calls, each in the same words but for the call and
/// what it was made on: such texts count as the same.
#[must_use]
pub(crate) fn fold(said: impl IntoIterator<Item = (String, String)>) -> Vec<Folded> {
    let mut folded: Vec<(String, Folded)> = Vec::new();
    for (name, text) in said {
        let kind = kind_of(&text);
        match folded.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, same)) if same.names.contains(&name) => {}
            Some((_, same)) => same.names.push(name),
            None => folded.push((
                kind,
                Folded {
                    names: vec![name],
                    text,
                },
            )),
        }
    }
    folded.into_iter().map(|(_, folded)| folded).collect()
}

/// Text without the names in it where it tells a denial; any other text as it is.
fn kind_of(text: &str) -> String {
    let is_denial = [
        "AccessDenied",
        "Unauthorized",
        "not authorized",
        "credentials lack",
    ]
    .iter()
    .any(|word| text.contains(word));
    if !is_denial {
        return text.to_owned();
    }
    // Calls, ARNs, ids and what stands in backticks.
    let is_name =
        |word: &&str| word.contains([':', '/', '`']) || word.contains(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !is_name(word))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_of_many_calls_is_said_once() {
        let denied = |call: &str, arn: &str| {
            format!(
                "{call} on `{arn}`: AccessDenied: User: arn:aws:iam::1:user/me is not authorized to perform: {call} on \
                 resource: {arn} because no identity-based policy allows it"
            )
        };
        let said = [
            (
                "subnet/a",
                denied("ec2:CreateSubnet", "arn:aws:ec2::1:subnet/*"),
            ),
            (
                "subnet/b",
                denied("ec2:CreateSubnet", "arn:aws:ec2::1:subnet/*"),
            ),
            ("vpc", "no answer within 30 s".to_owned()),
            (
                "zone",
                denied("route53:CreateHostedZone", "arn:aws:route53:::hostedzone/*"),
            ),
            ("bucket", "no answer within 31 s".to_owned()),
        ];
        let folded = fold(said.map(|(name, text)| (name.to_owned(), text)));
        let names: Vec<&str> = folded.iter().map(Folded::first).collect();
        assert_eq!(names, ["subnet/a", "vpc", "bucket"]);
        assert_eq!(
            folded[0].others().as_deref(),
            Some("the same for 2 more: subnet/b, zone")
        );
        assert!(folded[0].text.contains("ec2:CreateSubnet"));
        assert_eq!(folded[1].others(), None);
    }
}
