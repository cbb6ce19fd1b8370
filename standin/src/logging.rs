//! Logs to the console and to `mattermost.log`, at the levels of
//! `LogSettings`.

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogSettings;

/// Sets logging up. A log file that cannot be written is reported on standard
/// error and left out: no reason not to serve.
pub(crate) fn init(settings: &LogSettings) {
    let console = settings.enable_console.then(|| {
        let own = own_target(&settings.console_level);
        tracing_subscriber::fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .with_filter(own)
    });
    let file = settings
        .enable_file
        .then(|| open(&settings.file_location))
        .flatten();
    let file = file.map(|file| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .with_filter(own_target(&settings.file_level))
    });
    tracing_subscriber::registry()
        .with(console)
        .with(file)
        .init();
}

/// This program's own events at `level`, and only warnings of libraries.
fn own_target(level: &str) -> tracing_subscriber::filter::Targets {
    tracing_subscriber::filter::Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), parse(level))
        .with_default(LevelFilter::WARN)
}

/// Mattermost's name of a level.
fn parse(level: &str) -> LevelFilter {
    match level.to_uppercase().as_str() {
        "PANIC" | "FATAL" | "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "DEBUG" => LevelFilter::DEBUG,
        "TRACE" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    }
}

fn open(location: &str) -> Option<File> {
    let directory = Path::new(if location.is_empty() {
        "logs"
    } else {
        location
    });
    let path = directory.join("mattermost.log");
    let opened = std::fs::create_dir_all(directory)
        .and_then(|()| File::options().create(true).append(true).open(&path));
    match opened {
        Ok(file) => Some(file),
        Err(error) => {
            eprintln!("cannot write log file `{}`: {error}", path.display());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mattermosts_level_names_are_known() {
        assert_eq!(parse("WARN"), LevelFilter::WARN);
        assert_eq!(parse("debug"), LevelFilter::DEBUG);
        assert_eq!(parse(""), LevelFilter::INFO);
    }
}
