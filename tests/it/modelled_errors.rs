//! Every error that the SDK models for an operation that is called has a class of its own in the
//! table of refusals, so that none is judged by its HTTP status alone.

use std::collections::BTreeSet;
use std::path::Path;

use loadrig::aws::class_of_code;

/// The error codes in the sources of a sliced crate: its parsers match on them.
fn modelled(service: &str) -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sdk/aws-sdk-{service}/src"));
    let mut codes = BTreeSet::new();
    let mut directories = vec![sources.join("protocol_serde"), sources.join("operation")];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            codes.extend(text.lines().filter_map(code).map(str::to_owned));
        }
    }
    codes
}

/// The code in a line such as `"NoSuchEntity" => …`.
fn code(line: &str) -> Option<&str> {
    let (code, rest) = line.trim().strip_prefix('"')?.split_once('"')?;
    let is_code = code.starts_with(|c: char| c.is_ascii_uppercase());
    (is_code && rest.trim_start().starts_with("=>")).then_some(code)
}

#[test]
fn every_modelled_error_has_a_class() {
    for (service, least) in [("iam", 10), ("s3", 8), ("ssm", 20)] {
        let codes = modelled(service);
        assert!(codes.len() >= least, "{service}: {codes:?}");
        let unknown: Vec<_> = codes
            .iter()
            .filter(|code| class_of_code(code).is_none())
            .collect();
        assert!(unknown.is_empty(), "{service}: {unknown:?}");
    }
}
