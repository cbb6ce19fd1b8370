//! Stands before an emulator and holds requests to the services' models, with no other rule.

use std::net::TcpListener;

use strict_cloud::{Emulator, StrictCloud, StrictOptions};

/// The front, listening on a thread of its own until the process ends.
pub struct ModelFront {
    pub endpoint: String,
    cloud: StrictCloud,
}

impl ModelFront {
    pub fn start(emulator: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let emulator = Emulator::new(emulator).expect("a client");
        let cloud = StrictCloud::new(StrictOptions::models(emulator));
        let serving = cloud.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                serving.serve(listener).await
            })
        });
        Self { endpoint, cloud }
    }

    /// Fails if a request broke a model.
    #[track_caller]
    pub fn assert_unbroken(&self) {
        let violations = self.cloud.take_violations();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}
