//! The strict cloud before moto as a backend: the same processes as in memory, on the same
//! virtual clock, against an emulator that others wrote.

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use strict_cloud::{Call, Emulator, StrictCloud, StrictOptions, Timing, Upstream, UpstreamError};
use tokio::runtime::{Builder, Runtime};

use super::layouts::SCALE;
use crate::common::Moto;
use crate::connector::Answers;

/// An emulator, and a runtime with a real clock for the sockets to it.
pub struct EmulatorLane {
    moto: Moto,
    sockets: Runtime,
}

impl EmulatorLane {
    pub fn open() -> Self {
        let sockets = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            moto: Moto::start(),
            sockets,
        }
    }

    /// A strict cloud before an emulator that has forgotten everything; within the runtime
    /// whose clock it goes by.
    pub async fn cloud(&self) -> StrictCloud {
        let emulator = Emulator::new(self.moto.endpoint()).expect("a client");
        let upstream = OnSockets {
            emulator,
            sockets: self.sockets.handle().clone(),
        };
        let cloud = StrictCloud::new(StrictOptions {
            timing: Timing::Aws,
            scale: SCALE,
            ..StrictOptions::instant(upstream)
        });
        let reset = Request::post("/moto-api/reset").body(Bytes::new());
        let answer = Answers::answer(&cloud, Call::parse(reset.expect("a request"))).await;
        assert!(answer.is_some_and(|answer| answer.status().is_success()));
        cloud
    }
}

/// Talks to the emulator on another runtime. A paused clock stands still while a blocking
/// task runs: otherwise it would run away whenever a socket is waited for.
struct OnSockets {
    emulator: Emulator,
    sockets: tokio::runtime::Handle,
}

impl Upstream for OnSockets {
    fn send<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Response<Body>, UpstreamError>> {
        let (emulator, sockets, call) = (self.emulator.clone(), self.sockets.clone(), call.clone());
        let answer = tokio::task::spawn_blocking(move || {
            sockets.block_on(async {
                let (parts, body) = emulator.send(&call).await?.into_parts();
                let body = to_bytes(body, usize::MAX).await;
                let body = body.map_err(|error| UpstreamError(error.to_string()))?;
                Ok(Response::from_parts(parts, Body::from(body)))
            })
        });
        Box::pin(async {
            answer
                .await
                .map_err(|error| UpstreamError(error.to_string()))?
        })
    }
}
