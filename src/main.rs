//! The `loadrig` program (temporary main for trials of the local cloud).
use loadrig::localcloud::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let say = |line: &str| eprintln!("{line}");
    let _ = tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,aws_config=warn".into())).try_init();
    let t = std::time::Instant::now();
    let fail = |error: Error| -> ! {
        eprintln!("error: {error}");
        let mut s = std::error::Error::source(&error);
        while let Some(e) = s { eprintln!("  caused by: {e}"); s = e.source(); }
        if let Some(hint) = error.hint() { eprintln!("hint: {hint}"); }
        std::process::exit(1)
    };
    match args.get(2).map(String::as_str) {
        Some("start") => match start(&Options::default(), &say) { Ok(r) => println!("{r:?} {:?}", t.elapsed()), Err(e) => fail(e) },
        Some("stop") => match stop(&say) { Ok(r) => println!("{r:#?} {:?}", t.elapsed()), Err(e) => fail(e) },
        Some("image") => { if let Err(e) = prepare(&say) { fail(e) } }
        Some("status") => println!("{:?}", status()),
        Some("traces") => println!("{:#?}", traces()),
        Some("daemon") => if let Err(e) = run_daemon(&DaemonOptions { region: args[4].clone() }, |endpoint, region| Box::new(loadrig::aws::world::SdkInventory::new(endpoint, region))) { fail(e) },
        _ => eprintln!("usage: loadrig local start|stop|status|traces|image"),
    }
}
