//! Whose the other end of a connection on this machine is. TCP has no peer credentials (SO_PEERCRED is for Unix sockets);
//! but on Linux the kernel's tables of sockets (proc(5), `/proc/net/tcp`) have a row for each end, with the user it belongs
//! to. The row stays as long as that end is open, and nobody else can have the same two addresses meanwhile. A client that
//! closed its end already is nobody's, and not served.

use std::net::SocketAddr;

/// Whether this process's user has the other end.
#[cfg(target_os = "linux")]
pub(super) fn is_ours(peer: SocketAddr, here: SocketAddr) -> bool {
    let (SocketAddr::V4(peer), SocketAddr::V4(here)) = (peer, here) else { return false };
    let user = rustix::process::getuid().as_raw();
    let tables = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
    tables.iter().any(|table| std::fs::read_to_string(table).is_ok_and(|rows| owner(&rows, peer, here) == Some(user)))
}

/// Elsewhere nobody tells: the secret alone decides.
#[cfg(not(target_os = "linux"))]
pub(super) const fn is_ours(_peer: SocketAddr, _here: SocketAddr) -> bool {
    true
}

/// The user who has the socket from `local` to `remote`, in a table of either family.
#[cfg(target_os = "linux")]
fn owner(table: &str, local: std::net::SocketAddrV4, remote: std::net::SocketAddrV4) -> Option<u32> {
    let (local, remote) = (written(local), written(remote));
    table.lines().skip(1).find_map(|row| {
        let mut fields = row.split_ascii_whitespace().skip(1);
        // The newer family writes an address of the older one behind a prefix.
        let is_it = fields.next()?.ends_with(&local) && fields.next()?.ends_with(&remote);
        // State, queues, timer, retransmissions.
        is_it.then(|| fields.nth(4)?.parse().ok()).flatten()
    })
}

/// An address as the tables have it: the four bytes as a number of this machine, then the port.
#[cfg(target_os = "linux")]
fn written(address: std::net::SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

#[cfg(all(test, target_os = "linux", target_endian = "little"))]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0A0B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0
   1: 0100007F:9C40 0100007F:0A0B 01 00000000:00000000 00:00000000 00000000  1000        0 18 1 0
   2: 0100007F:0A0B 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 19 1 0
   3: 0000000000000000FFFF00000100007F:9C41 0000000000000000FFFF00000100007F:0A0B 01 00000000:00000000 00:00000000 00000000 33 0 20
";

    #[test]
    fn the_other_end_is_found_and_not_our_own() {
        let at = |port| format!("127.0.0.1:{port}").parse().expect("an address");
        assert_eq!(owner(TABLE, at(40_000), at(2571)), Some(1000));
        assert_eq!(owner(TABLE, at(40_001), at(2571)), Some(33));
        assert_eq!(owner(TABLE, at(40_002), at(2571)), None);
        assert_eq!(owner(TABLE, "127.0.0.2:40000".parse().expect("an address"), at(2571)), None);
    }
}
