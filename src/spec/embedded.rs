//! The reference architectures and environments that are part of the program, so that the
//! installed binary works by itself.

/// A file that is part of the program.
pub(crate) struct Embedded {
    /// Name without directory and extension.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! embed {
    ($directory:literal: $($name:literal),+ $(,)?) => {
        &[$(Embedded {
            name: $name,
            text: include_str!(concat!("../../", $directory, "/", $name, ".yaml")),
        }),+]
    };
}

/// `reference-architectures/`, smallest first.
pub(crate) const ARCHITECTURES: &[Embedded] = embed!(
    "reference-architectures": "200", "1k", "2k", "10k", "15k", "30k", "50k", "80k", "90k", "100k", "200k"
);

/// `environments/`.
pub(crate) const ENVIRONMENTS: &[Embedded] = embed!(
    "environments": "demo", "nightly-esr", "gold-standard"
);
