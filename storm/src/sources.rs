//! The addresses of this host from which connections go out. Towards one entrance each address has
//! as many connections as the system has ports for them, some 28,000: more users need more addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use crate::plan::StormEntrance;
use crate::route::SocketRoute;

/// All IPv4 addresses of the interface by which this host reaches an entrance, for
/// [`StormPlan::source_addresses`](crate::StormPlan::source_addresses). None where there is only
/// one, or where nothing is known of them: then the system chooses.
pub async fn source_addresses(entrance: &StormEntrance) -> Vec<IpAddr> {
    // What is wrong with the entrance the storm itself says.
    let Ok(route) = SocketRoute::find(entrance).await else {
        return Vec::new();
    };
    match chosen_by_system(route.first_address()).await {
        Ok(IpAddr::V4(main)) if !main.is_loopback() => siblings(main, &own_addresses()),
        _ => Vec::new(),
    }
}

/// The address from which the system would connect. Nothing is sent.
async fn chosen_by_system(to: Option<SocketAddr>) -> io::Result<IpAddr> {
    let to = to.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(to).await?;
    Ok(socket.local_addr()?.ip())
}

/// The addresses of the interface that has this one, if they are several.
fn siblings(main: Ipv4Addr, all: &[(String, Ipv4Addr)]) -> Vec<IpAddr> {
    // `eth0:1` is another name of `eth0`, for one of its addresses.
    let interface = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
    let Some((name, _)) = all.iter().find(|(_, address)| *address == main) else {
        return Vec::new();
    };
    let own = all
        .iter()
        .filter(|(other, _)| interface(other) == interface(name))
        .filter(|(_, address)| !address.is_link_local())
        .map(|(_, address)| IpAddr::V4(*address));
    let own: Vec<IpAddr> = own.collect();
    if own.len() > 1 { own } else { Vec::new() }
}

/// This host's IPv4 addresses, each with the name of its interface.
#[cfg(target_os = "linux")]
fn own_addresses() -> Vec<(String, Ipv4Addr)> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    all.filter_map(|one| {
        let address = one.address?.as_sockaddr_in()?.ip();
        Some((one.interface_name, address))
    })
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn own_addresses() -> Vec<(String, Ipv4Addr)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_one_interface_are_siblings() {
        let address = |last| Ipv4Addr::new(10, 0, 0, last);
        let all = [
            ("lo".to_owned(), Ipv4Addr::LOCALHOST),
            ("eth0".to_owned(), address(5)),
            ("eth1".to_owned(), address(6)),
            ("eth0:1".to_owned(), address(7)),
            ("eth0".to_owned(), address(8)),
            ("eth0".to_owned(), Ipv4Addr::new(169, 254, 3, 4)),
        ];
        let expected = [5, 7, 8].map(|last| IpAddr::V4(address(last)));
        assert_eq!(siblings(address(5), &all), expected);
        assert_eq!(siblings(address(7), &all), expected);
        // One address alone leaves the system no choice, and one that is not there says nothing.
        assert!(siblings(address(6), &all).is_empty());
        assert!(siblings(address(9), &all).is_empty());
    }

    #[tokio::test]
    async fn a_server_on_this_host_is_reached_as_the_system_chooses() {
        let entrance = StormEntrance {
            url: "http://127.0.0.1:9".into(),
            connect_to: None,
            port: None,
            authority: None,
            system: false,
        };
        assert!(source_addresses(&entrance).await.is_empty());
        #[cfg(target_os = "linux")]
        assert!(own_addresses().contains(&("lo".to_owned(), Ipv4Addr::LOCALHOST)));
    }
}
