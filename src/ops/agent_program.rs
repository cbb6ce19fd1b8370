//! The load program for the agent hosts: this program, or another build of it that the user
//! names. Checked before anything is locked or created: hosts run Debian 12 on x86-64, while the
//! operator's machine may run macOS or a newer Linux.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use memchr::memmem;
use object::elf::{EM_X86_64, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, read};

use crate::ops::error::PayloadError;

/// The C library of Debian 12, which hosts run: <https://packages.debian.org/bookworm/libc6>.
const HOSTS_GLIBC: (u32, u32) = (2, 36);

/// What every build of loadrig has in it, for this check alone: a program for hosts cannot be
/// asked for its version on a machine that may not be able to run it. The version follows.
const MARK: &str = concat!(
    "\u{1}loadrig program \u{1}",
    env!("CARGO_PKG_VERSION"),
    "\u{1}"
);

/// So much of it comes before the version.
const VERSION_AT: usize = MARK.len() - env!("CARGO_PKG_VERSION").len() - 1;

/// Longer than any version.
const LONGEST_VERSION: usize = 64;

/// The file to copy to agents.
///
/// # Errors
/// When it cannot be read, or cannot run on the hosts.
pub(super) fn agent_program(named: Option<&Path>) -> Result<PathBuf, PayloadError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe().map_err(PayloadError::OwnFile)?,
    };
    let unreadable = |source| PayloadError::UnreadableAgent {
        path: path.clone(),
        source,
    };
    // A device may have no end.
    if !path.metadata().map_err(unreadable)?.is_file() {
        let reason = "it is no regular file".to_owned();
        return Err(PayloadError::UnfitAgent { path, reason });
    }
    let content = std::fs::read(&path).map_err(unreadable)?;
    match obstacle(&content) {
        None => Ok(path),
        Some(reason) => Err(PayloadError::UnfitAgent { path, reason }),
    }
}

/// Why a program cannot run on the hosts.
fn obstacle(program: &[u8]) -> Option<String> {
    let Ok(header) = FileHeader64::<Endianness>::parse(program) else {
        return Some("it is no 64-bit Linux program".to_owned());
    };
    match glibc_needed(header, program) {
        Err(error) => Some(format!("it cannot be read as a Linux program: {error}")),
        Ok(None) => Some("it is a program for another processor than x86-64".to_owned()),
        Ok(Some(needed)) if needed > HOSTS_GLIBC => Some(format!(
            "it needs glibc {}.{}, and hosts have {}.{}",
            needed.0, needed.1, HOSTS_GLIBC.0, HOSTS_GLIBC.1
        )),
        Ok(Some(_)) => other_program(program),
    }
}

/// Why a program is not this one, built for the hosts: agents of another version may speak
/// another protocol.
fn other_program(program: &[u8]) -> Option<String> {
    // The mark has to stay in one piece in the program, so the compiler must not look into it.
    let mark = black_box(MARK).as_bytes();
    if memmem::find(program, mark).is_some() {
        return None;
    }
    let (prefix, _) = mark.split_at(VERSION_AT);
    let found = memmem::find(program, prefix).and_then(|at| {
        let rest = program.get(at + VERSION_AT..)?;
        let rest = rest.get(..LONGEST_VERSION).unwrap_or(rest);
        let end = rest.iter().position(|byte| *byte == 1)?;
        std::str::from_utf8(rest.get(..end)?).ok()
    });
    Some(match found {
        Some(version) => format!(
            "it is version {version} of loadrig, and this is {}",
            env!("CARGO_PKG_VERSION")
        ),
        None => "it is not loadrig".to_owned(),
    })
}

/// The newest version of glibc that a program for x86-64 needs, 0.0 if it is linked statically;
/// `None` for another processor.
fn glibc_needed(
    header: &FileHeader64<Endianness>,
    program: &[u8],
) -> read::Result<Option<(u32, u32)>> {
    let endian = header.endian()?;
    if header.e_machine(endian) != EM_X86_64 {
        return Ok(None);
    }
    let mut newest = (0, 0);
    let sections = header.sections(endian, program)?;
    for section in sections.iter() {
        let Some((mut needs, names)) = section.gnu_verneed(endian, program)? else {
            continue;
        };
        let names = sections.strings(endian, program, names)?;
        while let Some((_, mut versions)) = needs.next()? {
            while let Some(version) = versions.next()? {
                let name = version.name(endian, names)?;
                newest = newest.max(glibc_version(name).unwrap_or((0, 0)));
            }
        }
    }
    Ok(Some(newest))
}

/// The version in a name such as `GLIBC_2.34`; those of other libraries have none.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_other_systems_are_refused() {
        for (program, reason) in [
            (&b"\xcf\xfa\xed\xfe a Mach-O program"[..], "no 64-bit Linux"),
            (b"MZ", "no 64-bit Linux"),
            (b"", "no 64-bit Linux"),
        ] {
            let obstacle = obstacle(program).expect("refused");
            assert!(obstacle.contains(reason), "{obstacle}");
        }
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn another_processor_is_refused() {
        let own = std::env::current_exe().unwrap();
        let mut program = std::fs::read(own).unwrap();
        // e_machine: AArch64.
        program[18..20].copy_from_slice(&183_u16.to_le_bytes());
        let obstacle = obstacle(&program).expect("refused");
        assert!(obstacle.contains("another processor"), "{obstacle}");
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn a_newer_c_library_than_the_hosts_have_is_refused() {
        let own = std::env::current_exe().unwrap();
        let mut program = std::fs::read(own).unwrap();
        let needed = |program: &[u8]| {
            let header = FileHeader64::<Endianness>::parse(program).unwrap();
            glibc_needed(header, program).unwrap().unwrap()
        };
        let (major, minor) = needed(&program);
        assert!((major, minor) > (2, 0), "{major}.{minor}");
        let old = format!("GLIBC_{major}.{minor}\0").into_bytes();
        let new = format!("GLIBC_{major}.99\0").into_bytes();
        let at: Vec<usize> = program
            .windows(old.len())
            .enumerate()
            .filter_map(|(at, window)| (window == old).then_some(at))
            .collect();
        for at in at {
            program[at..at + new.len()].copy_from_slice(&new);
        }
        assert_eq!(needed(&program), (major, 99));
        let obstacle = obstacle(&program).expect("refused");
        assert!(obstacle.contains("2.99"), "{obstacle}");
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn other_programs_and_other_versions_are_refused() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(obstacle(&own), None);
        let finder = memmem::Finder::new(MARK);
        let mut older = own.clone();
        for at in finder.find_iter(&own) {
            older[at + VERSION_AT] = b'9';
        }
        let obstacle_of = |program: &[u8]| obstacle(program).expect("refused");
        let said = obstacle_of(&older);
        assert!(said.contains("it is version 9."), "{said}");
        let other = obstacle_of(&std::fs::read("/bin/true").unwrap());
        assert_eq!(other, "it is not loadrig");
    }

    #[test]
    fn versions_of_other_libraries_do_not_count() {
        assert_eq!(glibc_version(b"GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc_version(b"GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc_version(b"GLIBCXX_3.4"), None);
        assert_eq!(glibc_version(b"GLIBC_PRIVATE"), None);
    }
}
