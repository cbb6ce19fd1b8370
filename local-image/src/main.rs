//! Builds what the local cloud is made of, unless it is there: what `loadrig local prepare`
//! does, before there is a loadrig. With `--emulator` it prints the API emulator's path.

use std::io::Write as _;
use std::process::ExitCode;

use local_image::Parts;

fn main() -> ExitCode {
    let progress = |line: &str| say(&format!("image: {line}"));
    let parts = match Parts::locate().and_then(|parts| parts.build(&progress).map(|()| parts)) {
        Ok(parts) => parts,
        Err(error) => {
            say(&format!("image: {error}"));
            return ExitCode::FAILURE;
        }
    };
    if std::env::args().any(|argument| argument == "--emulator") {
        let path = parts.emulator();
        if writeln!(std::io::stdout(), "{}", path.display()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn say(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
