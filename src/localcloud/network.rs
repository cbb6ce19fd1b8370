//! The wires: one namespace for the cloud without a route out, one per host, and
//! a cable between each. Layer 3 throughout, so what is not routed and permitted
//! does not flow; hosts share no segment.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use super::command::{run, run_with_input};
use super::error::{Error, Result};
use super::state::{
    CLOUD_NETNS, GATEWAY, GUEST_NETNS_PREFIX, METADATA, OPERATOR, OUTSIDE, RESOLVER, SERVICES,
    netns_path,
};

/// Hardware address of every gateway.
const GATEWAY_MAC: &str = "02:00:a9:fe:01:01";

/// Makes the cloud's namespace with the cloud's own addresses.
///
/// # Errors
/// When the kernel or `ip` refuses.
pub(crate) fn create_cloud() -> Result<()> {
    run(
        "make the cloud's network namespace",
        "ip",
        &["netns", "add", CLOUD_NETNS],
    )?;
    let mut batch = String::from("link set lo up\n");
    for address in [OPERATOR, SERVICES, OUTSIDE, RESOLVER, METADATA] {
        batch.push_str(&format!("addr add {address}/32 dev lo\n"));
    }
    run_with_input(
        "set the cloud's addresses",
        "ip",
        &["-n", CLOUD_NETNS, "-batch", "-"],
        &batch,
    )?;
    Ok(())
}

/// Kernel settings of the namespace that this thread is in: forward packets, and
/// drop those whose source lies (a host cannot borrow another one's address).
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn set_forwarding() -> Result<()> {
    for (path, value) in [
        ("/proc/sys/net/ipv4/ip_forward", "1"),
        ("/proc/sys/net/ipv4/conf/all/rp_filter", "1"),
        ("/proc/sys/net/ipv4/conf/default/rp_filter", "1"),
        ("/proc/sys/net/ipv4/conf/all/send_redirects", "0"),
        ("/proc/sys/net/ipv4/conf/default/send_redirects", "0"),
    ] {
        std::fs::write(path, value).map_err(Error::io(format!("cannot set `{path}`")))?;
    }
    Ok(())
}

/// Namespace of a host.
pub(crate) fn guest_netns(guest: &str) -> String {
    format!("{GUEST_NETNS_PREFIX}{guest}")
}

/// Makes a host's namespace and its cable.
///
/// # Errors
/// When the kernel or `ip` refuses, for example because the address is taken.
pub(crate) fn create_guest(guest: &str, address: Ipv4Addr, public: Option<Ipv4Addr>) -> Result<()> {
    let netns = guest_netns(guest);
    run(
        "make a host's network namespace",
        "ip",
        &["netns", "add", &netns],
    )?;
    run_with_input(
        "connect a host",
        "ip",
        &["-n", CLOUD_NETNS, "-batch", "-"],
        &cloud_side(&netns, address, public),
    )?;
    run_with_input(
        "set a host's address",
        "ip",
        &["-n", &netns, "-batch", "-"],
        &guest_side(address),
    )?;
    Ok(())
}

/// Removes a host's namespace; its cable goes with it. Absent is fine.
pub(crate) fn delete_netns(netns: &str) {
    if netns_path(netns).exists()
        && let Err(error) = run("remove a network namespace", "ip", &["netns", "del", netns])
    {
        tracing::warn!(netns, %error, "namespace stays");
    }
}

/// The cloud's end: the hardware address follows from the address, so that a
/// reused address never meets a stale neighbour entry.
fn cloud_side(netns: &str, address: Ipv4Addr, public: Option<Ipv4Addr>) -> String {
    let cable = cable(address);
    let mac = mac(address);
    let mut batch = format!(
        "link add {cable} address {GATEWAY_MAC} type veth peer name eth0 address {mac} netns {netns}\n\
         link set {cable} up\n\
         route add {address}/32 dev {cable} src {OPERATOR}\n\
         neigh replace {address} lladdr {mac} dev {cable} nud permanent\n"
    );
    if let Some(public) = public {
        batch.push_str(&format!(
            "route replace {public}/32 dev {cable} src {OPERATOR}\n"
        ));
    }
    batch
}

/// The host's end.
fn guest_side(address: Ipv4Addr) -> String {
    format!(
        "link set lo up\n\
         addr add {address}/32 dev eth0\n\
         link set eth0 up\n\
         neigh replace {GATEWAY} lladdr {GATEWAY_MAC} dev eth0 nud permanent\n\
         route add default via {GATEWAY} dev eth0 onlink\n"
    )
}

/// Name of the cloud's end of a host's cable (at most 15 bytes).
fn cable(address: Ipv4Addr) -> String {
    format!("lr{:08x}", u32::from(address))
}

/// Hardware address of a host.
fn mac(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// Moves the calling thread into a network namespace.
///
/// # Errors
/// When the namespace does not exist or the kernel refuses.
pub(crate) fn enter_netns(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(Error::io(format!(
        "cannot open the namespace `{}`",
        path.display()
    )))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| {
        Error::io(format!("cannot enter the namespace `{}`", path.display()))(error.into())
    })
}

/// Runs something on a thread of its own inside a host's namespace. Sockets that
/// it makes stay in that namespace wherever they are used.
///
/// # Errors
/// When the namespace cannot be entered, or what `work` returns.
pub(crate) fn inside<T: Send + 'static>(
    guest: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let path = netns_path(&guest_netns(guest));
    let thread = std::thread::spawn(move || {
        enter_netns(&path)?;
        work()
    });
    thread
        .join()
        .map_err(|_| Error::Unsupported("a thread inside a namespace ended early".into()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_address_and_cable_follow_from_the_address() {
        let address = Ipv4Addr::new(10, 1, 2, 200);
        assert_eq!(mac(address), "02:00:0a:01:02:c8");
        assert_eq!(cable(address), "lr0a0102c8");
    }

    #[test]
    fn a_public_address_is_routed_to_its_host() {
        let batch = cloud_side(
            "lr-i-1",
            Ipv4Addr::new(10, 1, 2, 3),
            Some(Ipv4Addr::new(54, 1, 2, 3)),
        );
        assert!(batch.contains("route replace 54.1.2.3/32 dev lr0a010203 src 100.64.0.1\n"));
    }
}
