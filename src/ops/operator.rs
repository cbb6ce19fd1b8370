//! The operator's own address, as the hosts of an environment see it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::aws::proxy_of;
use crate::diagnose::{last_cause, with_causes};
use crate::ops::error::{CHECK_IP, OperatorError};
use crate::spec::{AddressKind, Spec};

/// How long it may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Finds it: from the internet where hosts have public addresses, else from the route.
pub(super) async fn own_address(spec: &Spec) -> Result<Ipv4Addr, OperatorError> {
    match spec.access.address {
        AddressKind::Public => public_address().await,
        AddressKind::Private => routed_address(spec).await,
    }
}

async fn public_address() -> Result<Ipv4Addr, OperatorError> {
    let ask = async {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        client.get(CHECK_IP).send().await?.text().await
    };
    let text = ask.await.map_err(|error| not_asked(&error))?;
    let text = text.trim();
    text.parse()
        .map_err(|_| OperatorError::NoAddress(text.to_owned()))
}

fn not_asked(error: &reqwest::Error) -> OperatorError {
    tracing::warn!(detail = with_causes(error), "no answer");
    OperatorError::Ask {
        proxy: proxy_of(CHECK_IP),
        cause: match error.is_timeout() {
            true => format!("no answer within {} s", TIMEOUT.as_secs()),
            false => last_cause(error),
        },
    }
}

async fn routed_address(spec: &Spec) -> Result<Ipv4Addr, OperatorError> {
    let network = || spec.network.cidr.to_string();
    let no_route = |source| OperatorError::NoRoute {
        network: network(),
        source,
    };
    // Connecting a UDP socket sends nothing; it makes the kernel choose a route.
    let socket = tokio::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .await
        .map_err(no_route)?;
    socket
        .connect((spec.network.cidr.network(), 22))
        .await
        .map_err(no_route)?;
    match socket.local_addr().map_err(no_route)?.ip() {
        IpAddr::V4(address) => Ok(address),
        address @ IpAddr::V6(_) => Err(OperatorError::Ipv6 {
            network: network(),
            address,
        }),
    }
}
