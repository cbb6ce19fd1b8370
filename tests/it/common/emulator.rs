//! The program that a test's emulator is: moto, or another one that the environment names.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use loadrig::blueprint::Kind;

/// Names the program of another emulator: `second_emulator` sets it for the tests that it runs.
pub const OTHER: &str = "LOADRIG_EMULATOR";

/// The account of an emulator.
const ACCOUNT: &str = "123456789012";

/// Debian's image as AWS lists it; moto knows none of its own.
const IMAGES: &str = r#"[
  {"ami_id": "ami-0aaaaaaaaaaaaaaa1", "name": "debian-12-amd64-20250101-1978",
   "owner_id": "136693071363", "state": "available", "public": true,
   "image_location": "amazon/debian-12-amd64-20250101-1978", "image_type": "machine",
   "description": "Debian 12", "architecture": "x86_64", "virtualization_type": "hvm",
   "hypervisor": "xen", "root_device_type": "ebs", "root_device_name": "/dev/xvda",
   "sriov": "simple", "platform": null}
]"#;

/// What is changed in moto. It lacks what every check for leftovers asks for: backups of clusters that
/// are gone, of which it has none. And it looks for its own modules on disk, lists a class's methods
/// and writes a log line at every request, which together takes half of its time.
const CHANGED: &str = r#"
import functools
import logging

import moto.core.responses
from moto.core.responses import ActionResult, BaseResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

BaseResponse.describe_db_cluster_automated_backups = lambda self: ActionResult(
    {"DBClusterAutomatedBackups": []})
DomainDispatcherApplication.get_backend_for_host = functools.cache(
    DomainDispatcherApplication.get_backend_for_host)
moto.core.responses.method_names_from_class = functools.cache(
    moto.core.responses.method_names_from_class)
logging.getLogger("werkzeug").setLevel(logging.ERROR)
"#;

/// What is changed in ministack, the second emulator: each change has the page of AWS's documentation
/// that decides it.
const CHANGED_IN_OTHER: &str = include_str!("../../fixtures/second-emulator/sitecustomize.py");

/// Names a file that tests write the kinds of resources into which they created: `second_emulator` reads it.
pub const KINDS: &str = "LOADRIG_KINDS_CREATED";

/// Notes that a resource of this kind was created and got ready, where that is asked for.
pub fn note_created(kind: Kind) {
    let Some(file) = std::env::var_os(KINDS) else {
        return;
    };
    let file = OpenOptions::new().append(true).create(true).open(file);
    let line = format!("{kind:?}\n");
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("the file of kinds");
}

/// A program that serves on loopback.
pub struct EmulatorProgram {
    program: PathBuf,
    is_moto: bool,
    files: tempfile::TempDir,
}

impl EmulatorProgram {
    pub fn new() -> Self {
        let other = std::env::var_os(OTHER).map(PathBuf::from);
        let moto = || loadrig::localcloud::emulator().expect("a home directory");
        let files = tempfile::tempdir().expect("temporary directory");
        std::fs::write(files.path().join("images.json"), IMAGES).expect("image list");
        let is_moto = other.is_none();
        let changed = if is_moto { CHANGED } else { CHANGED_IN_OTHER };
        std::fs::write(files.path().join("sitecustomize.py"), changed).expect("a module");
        let one = Self {
            is_moto,
            program: other.unwrap_or_else(moto),
            files,
        };
        assert!(
            one.program.exists(),
            "`{}` is missing: `make test` installs it",
            one.program.display()
        );
        one
    }

    /// The command that serves on a port of loopback.
    pub fn on(&self, port: u16) -> Command {
        let mut command = dies_with_us(&self.program);
        let images = self.files.path().join("images.json");
        let variables: Vec<(&str, OsString)> = match self.is_moto {
            true => vec![
                ("MOTO_AMIS_PATH", images.into()),
                ("MOTO_ENABLE_AMI_VALIDATION", "true".into()),
                ("MOTO_ENABLE_KEYPAIR_VALIDATION", "true".into()),
                ("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true".into()),
            ],
            false => vec![
                ("BIND_HOST", "127.0.0.1".into()),
                ("GATEWAY_PORT", port.to_string().into()),
                ("MINISTACK_ACCOUNT_ID", ACCOUNT.into()),
                // It leaves a file there when it is killed.
                ("TMPDIR", self.files.path().into()),
            ],
        };
        if self.is_moto {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        }
        command
            .env("PYTHONPATH", self.files.path())
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// A test that is aborted drops nothing, so where the kernel can end the server with it, it does.
fn dies_with_us(program: &Path) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}
