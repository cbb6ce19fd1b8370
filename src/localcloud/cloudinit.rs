//! The part of cloud-init that loadrig uses, from user data to what a host's disk
//! must hold before its first boot. Pure: text in, text out.

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_yaml::Value;

/// What user data asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FirstBoot {
    /// The SSH host key: private half in OpenSSH form, public half.
    pub host_key: Option<(String, String)>,
    /// Further public keys for the default user.
    pub authorized_keys: Vec<String>,
    /// The host name, if not the one that AWS gives.
    pub hostname: Option<String>,
    /// A shell script to run before any service starts.
    pub early: Option<String>,
    /// A script to run once when the host is up.
    pub late: Option<String>,
    /// What was asked for and is not done.
    pub unsupported: Vec<String>,
}

/// Keys that ask for what these hosts do anyway.
const GRANTED: [&str; 7] = [
    "preserve_hostname",
    "manage_etc_hosts",
    "disable_root",
    "ssh_pwauth",
    "ssh_deletekeys",
    "ssh_genkeytypes",
    "no_ssh_fingerprints",
];

/// Reads user data: a cloud-config document or a script.
pub(crate) fn parse(user_data: &[u8]) -> FirstBoot {
    let mut first_boot = FirstBoot::default();
    let Ok(text) = std::str::from_utf8(user_data) else {
        first_boot
            .unsupported
            .push("user data that is not text (compressed?)".into());
        return first_boot;
    };
    if text.starts_with("#!") {
        first_boot.late = Some(text.to_owned());
    } else if text.starts_with("#cloud-config") {
        match serde_yaml::from_str::<Value>(text) {
            Ok(Value::Mapping(document)) => {
                for (key, value) in &document {
                    first_boot.take(key.as_str().unwrap_or_default(), value);
                }
            }
            Ok(Value::Null) => {}
            Ok(_) => first_boot
                .unsupported
                .push("a cloud-config that is not a mapping".into()),
            Err(error) => first_boot
                .unsupported
                .push(format!("a cloud-config that is not YAML: {error}")),
        }
    } else if !text.trim().is_empty() {
        first_boot
            .unsupported
            .push("user data that is neither `#cloud-config` nor a script".into());
    }
    first_boot
}

impl FirstBoot {
    fn take(&mut self, key: &str, value: &Value) {
        match key {
            "ssh_keys" => self.take_host_key(value),
            "ssh_authorized_keys" => self.authorized_keys.extend(strings(value)),
            "hostname" | "fqdn" => match value.as_str() {
                Some(name) => self.hostname = name.split('.').next().map(str::to_owned),
                None => self
                    .unsupported
                    .push(format!("`{key}` that is not a string")),
            },
            "write_files" => {
                for file in value.as_sequence().into_iter().flatten() {
                    self.take_file(file);
                }
            }
            "bootcmd" => push_lines(&mut self.early, value),
            "runcmd" => {
                self.late.get_or_insert_with(|| "#!/bin/sh\n".into());
                push_lines(&mut self.late, value);
            }
            key if GRANTED.contains(&key) => {}
            other => self.unsupported.push(format!("`{other}`")),
        }
    }

    fn take_host_key(&mut self, value: &Value) {
        let half = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        match (half("ed25519_private"), half("ed25519_public")) {
            (Some(private), Some(public)) => self.host_key = Some((private, public)),
            _ => self
                .unsupported
                .push("`ssh_keys` without `ed25519_private` and `ed25519_public`".into()),
        }
    }

    /// One entry of `write_files`. It becomes shell, not a file on the disk from
    /// outside: only inside the host do its links and user names mean anything.
    fn take_file(&mut self, file: &Value) {
        let field = |name: &str| file.get(name).and_then(Value::as_str);
        let Some(path) = field("path").filter(|path| path.starts_with('/')) else {
            self.unsupported
                .push("a `write_files` entry without an absolute `path`".into());
            return;
        };
        let content = field("content").unwrap_or_default();
        let content = match field("encoding").unwrap_or("text/plain") {
            "text/plain" => STANDARD.encode(content),
            "b64" | "base64" => content.split_ascii_whitespace().collect(),
            other => {
                self.unsupported
                    .push(format!("encoding `{other}` of `{path}`"));
                return;
            }
        };
        let append = file.get("append").and_then(Value::as_bool).unwrap_or(false);
        let quoted = quote(path);
        let parent =
            quote(path.rsplit_once('/').map_or(
                "/",
                |(parent, _)| if parent.is_empty() { "/" } else { parent },
            ));
        let redirect = if append { ">>" } else { ">" };
        let early = self.early.get_or_insert_default();
        let _ = writeln!(
            early,
            "mkdir -p {parent}\nprintf %s {content} | base64 -d {redirect}{quoted}"
        );
        let _ = writeln!(
            early,
            "chmod {} {quoted}",
            quote(field("permissions").unwrap_or("0644"))
        );
        let _ = writeln!(
            early,
            "chown {} {quoted}",
            quote(field("owner").unwrap_or("root:root"))
        );
    }
}

/// The commands of `bootcmd` or `runcmd`: a line of shell, or a list of arguments.
fn push_lines(script: &mut Option<String>, value: &Value) {
    let script = script.get_or_insert_default();
    for command in value.as_sequence().into_iter().flatten() {
        let line = match command {
            Value::Sequence(_) => strings(command)
                .iter()
                .map(|word| quote(word))
                .collect::<Vec<_>>()
                .join(" "),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        script.push_str(&line);
        script.push('\n');
    }
}

/// A list of scalars as text.
fn strings(value: &Value) -> Vec<String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    value
        .as_sequence()
        .into_iter()
        .flatten()
        .filter_map(scalar)
        .collect()
}

/// A word that the shell takes as it is.
fn quote(word: &str) -> Cow<'_, str> {
    shell_escape::unix::escape(word.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_host_key_authorized_keys_and_name() {
        let first_boot = parse(
            b"#cloud-config\nhostname: app-1\nssh_authorized_keys: [ssh-ed25519 AAAA op]\n\
              ssh_keys:\n  ed25519_private: |\n    -----BEGIN\n  ed25519_public: ssh-ed25519 BBBB\n",
        );
        assert_eq!(first_boot.hostname.as_deref(), Some("app-1"));
        assert_eq!(first_boot.authorized_keys, ["ssh-ed25519 AAAA op"]);
        assert_eq!(
            first_boot.host_key,
            Some(("-----BEGIN\n".into(), "ssh-ed25519 BBBB".into()))
        );
        assert!(first_boot.unsupported.is_empty());
    }

    #[test]
    fn a_written_file_keeps_its_bytes_owner_and_permissions() {
        let first_boot = parse(
            b"#cloud-config\nwrite_files:\n- path: /etc/it's\n  content: \"a\\nb\"\n  permissions: '0600'\n  owner: admin:admin\n",
        );
        let early = first_boot.early.unwrap();
        assert!(
            early.contains(r"printf %s YQpi | base64 -d >'/etc/it'\''s'"),
            "{early}"
        );
        assert!(early.contains("chmod 0600"), "{early}");
        assert!(early.contains("chown 'admin:admin'"), "{early}");
    }

    #[test]
    fn commands_are_lines_or_argument_lists() {
        let first_boot = parse(b"#cloud-config\nruncmd:\n- echo $HOME > /tmp/x\n- [touch, a b]\n");
        assert_eq!(
            first_boot.late.as_deref(),
            Some("#!/bin/sh\necho $HOME > /tmp/x\ntouch 'a b'\n")
        );
    }

    #[test]
    fn a_script_runs_late_as_it_is() {
        assert_eq!(
            parse(b"#!/bin/bash\ntrue\n").late.as_deref(),
            Some("#!/bin/bash\ntrue\n")
        );
    }

    #[test]
    fn unsupported_user_data_is_reported() {
        let first_boot = parse(b"#cloud-config\npackages: [nginx]\nusers: []\n");
        assert_eq!(first_boot.unsupported, ["`packages`", "`users`"]);
        assert_eq!(parse(&[0x1f, 0x8b, 0xff]).unsupported.len(), 1);
    }
}
