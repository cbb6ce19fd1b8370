//! An endpoint that accepts connections and never answers.

use std::net::TcpListener;

use loadrig::aws::{Aws, Connection};
use loadrig::engine::Cloud as _;

// On a virtual clock: nothing else is left to happen, so the limits pass at once.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let cloud = Aws::connect(Connection {
        paced: true,
        region: "us-east-1".to_owned(),
        profile: None,
        endpoint_url: Some(endpoint.clone()),
        credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
    })
    .await
    .unwrap();
    let started = tokio::time::Instant::now();
    let error = cloud.account().await.unwrap_err();
    let expected = format!("`{endpoint}` does not answer");
    assert!(error.message.contains(&expected), "{error}");
    assert!(started.elapsed().as_secs() <= 30, "{:?}", started.elapsed());
}
