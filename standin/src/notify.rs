//! Tells systemd that the server is ready or stopping (`Type=notify`).

use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends `state` (`READY=1`, `STOPPING=1`) to the socket that systemd names in
/// `NOTIFY_SOCKET`; does nothing without one.
///
/// # Errors
/// When there is a socket and it cannot be written to.
pub(crate) fn notify(state: &str) -> std::io::Result<()> {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let name = name.to_string_lossy();
    let socket = UnixDatagram::unbound()?;
    socket
        .send_to_addr(state.as_bytes(), &address(&name)?)
        .map(drop)
}

fn address(name: &str) -> std::io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_is_a_path_or_an_abstract_name() {
        let path = address("/run/systemd/notify").expect("address");
        assert_eq!(
            path.as_pathname(),
            Some(std::path::Path::new("/run/systemd/notify"))
        );
        #[cfg(target_os = "linux")]
        assert!(
            address("@/org/freedesktop/systemd1")
                .expect("address")
                .as_pathname()
                .is_none()
        );
    }
}
