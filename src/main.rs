//! The `loadrig` program.

fn main() -> std::process::ExitCode {
    loadrig::cli::main()
}
