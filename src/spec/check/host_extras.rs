//! The operator's own files and commands: where they go, and that they are there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Checker, Origin};
use crate::spec::host_extras::{ExtraFileShape, HostExtrasShape};
use crate::spec::reserved_paths::reserved;
use crate::spec::shape::EnvironmentFile;
use crate::spec::{ExtraFile, HostExtras, Role};

impl Checker<'_> {
    /// What hosts get beyond loadrig's own; `None` when something is wrong with it.
    pub(super) fn host_extras(
        &mut self,
        file: &EnvironmentFile,
        origin: &Origin<'_>,
    ) -> Option<BTreeMap<Role, HostExtras>> {
        let hosts = file.hosts.clone().unwrap_or_default();
        let roles = [
            (Role::App, hosts.app),
            (Role::Job, hosts.job),
            (Role::Proxy, hosts.proxy),
            (Role::SearchProxy, hosts.search_proxy),
            (Role::Metrics, hosts.metrics),
            (Role::Agent, hosts.agent),
            (Role::Bastion, hosts.bastion),
        ];
        let mut all = BTreeMap::new();
        let mut wrong = false;
        for (role, shape) in roles {
            match shape.map(|shape| self.extras(role, shape, origin)) {
                None => {}
                Some(Some(extras)) => {
                    all.insert(role, extras);
                }
                Some(None) => wrong = true,
            }
        }
        (!wrong).then_some(all)
    }

    /// Files of authorities; `None` when one is not there.
    pub(super) fn authorities(
        &mut self,
        file: &EnvironmentFile,
        origin: &Origin<'_>,
    ) -> Option<Vec<PathBuf>> {
        let hosts = file.hosts.as_ref();
        let named = hosts.and_then(|hosts| hosts.authorities.clone());
        let found = named.unwrap_or_default().into_iter().enumerate();
        let found: Vec<Option<PathBuf>> = found
            .map(|(index, path)| {
                self.file(&["hosts", "authorities", &index.to_string()], &path, origin)
            })
            .collect();
        found.into_iter().collect()
    }

    fn extras(
        &mut self,
        role: Role,
        shape: HostExtrasShape,
        origin: &Origin<'_>,
    ) -> Option<HostExtras> {
        let mut files = Vec::new();
        let mut paths = BTreeSet::new();
        let mut wrong = false;
        for (index, file) in shape.files.unwrap_or_default().into_iter().enumerate() {
            let index = index.to_string();
            let key = ["hosts", role.as_str(), "files", index.as_str()];
            match self.extra_file(role, &key, file, origin) {
                Some(file) if !paths.insert(file.path.clone()) => {
                    let problem = self.place(&key).problem(
                        format!("two files go to `{}`", file.path),
                        "expected another path",
                    );
                    self.report(problem);
                    wrong = true;
                }
                Some(file) => files.push(file),
                None => wrong = true,
            }
        }
        let before = shape.before.unwrap_or_default();
        let after = shape.after.unwrap_or_default();
        for (key, commands) in [("before", &before), ("after", &after)] {
            for (index, command) in commands.iter().enumerate() {
                if command.trim().is_empty() || command.contains('\0') {
                    let index = index.to_string();
                    let place = self.place(&["hosts", role.as_str(), key, &index]);
                    self.report(place.problem("an empty command", "expected a shell command"));
                    wrong = true;
                }
            }
        }
        (!wrong).then_some(HostExtras {
            files,
            before,
            after,
        })
    }

    fn extra_file(
        &mut self,
        role: Role,
        key: &[&str; 4],
        shape: ExtraFileShape,
        origin: &Origin<'_>,
    ) -> Option<ExtraFile> {
        // What is missing has been reported.
        let (path, source) = (shape.path?, shape.source?);
        let is_step = |part: &str| !part.is_empty() && part != "." && part != "..";
        let is_path = path.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(is_step) && !rest.chars().any(char::is_control)
        });
        let fault = match is_path {
            true => reserved(role, &path),
            false => {
                Some("expected the path of a file from the root directory, such as `/etc/motd`")
            }
        };
        if let Some(fault) = fault {
            let place = self.place(&[key[0], key[1], key[2], key[3], "path"]);
            self.report(place.problem(format!("no file can go to `{path}`"), fault));
            return None;
        }
        let text = shape.mode.as_deref().unwrap_or("0644");
        let mode = u32::from_str_radix(text, 8).ok();
        let Some(mode) = mode.filter(|mode| (3..=4).contains(&text.len()) && *mode <= 0o7777)
        else {
            let place = self.place(&[key[0], key[1], key[2], key[3], "mode"]);
            let problem = place.problem(
                format!("`{text}` are no permissions"),
                "expected three or four octal digits, such as `0644`",
            );
            self.report(problem);
            return None;
        };
        let source = self.file(&[key[0], key[1], key[2], key[3], "source"], &source, origin)?;
        Some(ExtraFile { path, source, mode })
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{Library, Role, Spec};

    fn load(hosts: &str) -> Result<Spec, Vec<String>> {
        let text = format!("architecture: 1k\nhosts: {hosts}\n");
        Library::new(Some("no-such-directory".into()))
            .load_text("test", &text)
            .map_err(|errors| errors.problems.into_iter().map(|one| one.message).collect())
    }

    #[test]
    fn files_and_commands_are_kept_by_role() {
        let spec = load(
            "{app: {files: [{path: /etc/motd, source: /etc/hostname, mode: 0600}], \
             before: [true], after: ['echo done']}, search-proxy: }",
        );
        let spec = spec.unwrap_err();
        assert_eq!(spec, ["`hosts.app.before` cannot be `true`"]);
        let spec = load(
            "{app: {files: [{path: /etc/motd, source: /etc/hostname, mode: 0600}], \
             after: ['echo done']}, search-proxy: }",
        )
        .unwrap();
        let app = &spec.extras[&Role::App];
        assert_eq!((app.files[0].mode, app.after.len()), (0o600, 1));
        assert_eq!(
            spec.extras[&Role::SearchProxy],
            crate::spec::HostExtras::default()
        );
    }

    #[test]
    fn files_of_authorities_have_to_be_there() {
        let spec = load("{authorities: [/etc/hostname]}").unwrap();
        assert_eq!(
            spec.authorities,
            ["/etc/hostname"].map(std::path::PathBuf::from)
        );
        let missing = load("{authorities: [/etc/hostname, ./nothing]}").unwrap_err();
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(missing[0].starts_with("there is no file"), "{missing:?}");
    }

    #[test]
    fn places_and_permissions_are_checked() {
        let file = |path: &str, more: &str| {
            let files = format!("{{path: '{path}', source: /etc/hostname{more}}}");
            load(&format!("{{app: {{files: [{files}]}}}}"))
        };
        for path in ["etc/motd", "/etc/", "/etc/../motd", "/var/lib/loadrig/x"] {
            let problems = file(path, "").unwrap_err();
            assert_eq!(problems, [format!("no file can go to `{path}`")]);
        }
        let problems = file("/etc/motd", ", mode: rw").unwrap_err();
        assert_eq!(problems, ["`rw` are no permissions"]);
        let twice = "{path: /etc/motd, source: /etc/hostname}";
        let problems = load(&format!("{{app: {{files: [{twice}, {twice}]}}}}")).unwrap_err();
        assert_eq!(problems, ["two files go to `/etc/motd`"]);
        let missing = load("{app: {files: [{path: /etc/motd, source: ./nothing}]}}").unwrap_err();
        assert!(missing[0].starts_with("there is no file"), "{missing:?}");
    }
}
