//! Where the parts of an environment are reached: URLs, addresses and endpoints, as pure
//! functions of what it should be and what exists.

use std::net::{IpAddr, Ipv4Addr};

use crate::blueprint::{Address, DatabaseRole};
use crate::spec::{AddressKind, HostName, Role, Spec};

use super::inventory::Inventory;
use super::snapshot::Observed;

impl Inventory {
    /// Where people find the server: the load balancer, or the first proxy.
    #[must_use]
    pub fn url(&self, spec: &Spec) -> Option<String> {
        if spec.load_balancer.alb().is_some() {
            return self.entrance(spec);
        }
        if let Some(tls) = &spec.tls {
            return Some(format!("https://{}", tls.host_name));
        }
        let proxy = HostName {
            role: Role::Proxy,
            index: 1,
        };
        let address = self.instance_address(proxy, spec.access.address)?;
        Some(format!("http://{address}"))
    }

    /// The load balancer's URL: with the name that its certificate is for, or with AWS's own.
    #[must_use]
    pub fn entrance(&self, spec: &Spec) -> Option<String> {
        let alb = spec.load_balancer.alb()?;
        match &alb.certificate {
            Some(certificate) => Some(format!("https://{}", certificate.host_name)),
            None => Some(format!(
                "http://{}",
                self.endpoint(&Address::load_balancer())?
            )),
        }
    }

    /// Where hosts of the environment find the server: the load balancer, or each proxy, by the name
    /// of its certificate where proxies speak TLS, and its private address, whatever DNS says.
    #[must_use]
    pub fn inner_entrances(&self, spec: &Spec) -> Option<Vec<(String, Option<Ipv4Addr>)>> {
        if spec.load_balancer.alb().is_some() {
            return Some(vec![(self.entrance(spec)?, None)]);
        }
        let proxies = spec.hosts().into_iter();
        let proxies = proxies.filter(|host| host.role == Role::Proxy);
        let entrances: Option<Vec<_>> = proxies
            .map(|proxy| {
                let address = self.private_address(proxy)?;
                let url = match &spec.tls {
                    Some(tls) => format!("https://{}", tls.host_name),
                    None => format!("http://{address}"),
                };
                Some((url, Some(address)))
            })
            .collect();
        entrances.filter(|all| !all.is_empty())
    }

    /// The address at which people find the first proxy, whatever DNS says of its name.
    #[must_use]
    pub fn outer_address(&self, spec: &Spec) -> Option<IpAddr> {
        let mut hosts = spec.hosts().into_iter();
        let proxy = hosts.find(|host| host.role == Role::Proxy)?;
        self.instance_address(proxy, spec.access.address)
    }

    /// The addresses that people's DNS has to lead the name of the proxies to: public ones where they have any.
    #[must_use]
    pub fn proxy_addresses(&self, spec: &Spec) -> Vec<IpAddr> {
        let of = |proxy| {
            let public = self.instance_address(proxy, AddressKind::Public);
            public.or_else(|| self.instance_address(proxy, AddressKind::Private))
        };
        spec.hosts_of(Role::Proxy).filter_map(of).collect()
    }

    /// The address at which the operator's SSH finds a host: directly, or from the bastion.
    #[must_use]
    pub fn operator_address(&self, spec: &Spec, host: HostName) -> Option<IpAddr> {
        let kind = spec.network.ssh_address(host.role, spec.access.address);
        self.instance_address(host, kind)
    }

    /// The private address of a host.
    #[must_use]
    pub fn private_address(&self, host: HostName) -> Option<Ipv4Addr> {
        let instance = self.get(&Address::instance(host))?;
        instance.text("private_ip")?.parse().ok()
    }

    fn instance_address(&self, host: HostName, kind: AddressKind) -> Option<IpAddr> {
        let instance = self.get(&Address::instance(host))?;
        let address = match kind {
            AddressKind::Public => instance.text("public_ip"),
            AddressKind::Private => instance.text("private_ip"),
        };
        address?.parse().ok()
    }

    /// The name that a managed service answers at.
    #[must_use]
    pub fn endpoint(&self, address: &Address) -> Option<&str> {
        self.get(address)?.text("endpoint")
    }

    /// Whose endpoint leads to the writer: the Aurora cluster, or the instance that writes.
    #[must_use]
    pub fn writer(&self) -> Option<&Observed> {
        self.get(&Address::database_cluster())
            .or_else(|| self.get(&Address::database(DatabaseRole::Writer)))
    }

    /// The instances that only read. After a failover of an Aurora cluster these are others
    /// than those that were created as readers.
    #[must_use]
    pub fn readers(&self, spec: &Spec) -> Vec<Address> {
        let writes = self
            .get(&Address::database_cluster())
            .and_then(|cluster| cluster.text("writer"));
        let all = std::iter::once(DatabaseRole::Writer)
            .chain((1..=spec.database.readers).map(DatabaseRole::Reader));
        all.filter(|role| match writes {
            None => *role != DatabaseRole::Writer,
            Some(id) => self
                .get(&Address::database(*role))
                .is_some_and(|instance| instance.id != id),
        })
        .map(Address::database)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::Kind;
    use crate::plan::State;
    use crate::spec::Library;

    use super::*;

    fn resource(address: Address, kind: Kind, id: &str, attributes: &[(&str, &str)]) -> Observed {
        let attributes = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), kind.info().read(key, value)));
        Observed {
            address,
            kind,
            id: id.to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: attributes.collect(),
        }
    }

    fn host(role: Role, public: &str, private: &str) -> Observed {
        let address = Address::instance(HostName { role, index: 1 });
        let addresses = [("public_ip", public), ("private_ip", private)];
        resource(address, Kind::Instance, "i-1", &addresses)
    }

    #[test]
    fn the_server_is_found_at_the_first_proxy_from_outside_and_inside() {
        let spec = Library::new(None).architecture("1k").unwrap().example();
        let inventory: Inventory = [host(Role::Proxy, "198.51.100.7", "10.0.0.10")]
            .into_iter()
            .collect();
        assert_eq!(inventory.url(&spec).as_deref(), Some("http://198.51.100.7"));
        assert_eq!(
            inventory.inner_entrances(&spec),
            Some(vec![(
                "http://10.0.0.10".to_owned(),
                Some(Ipv4Addr::new(10, 0, 0, 10))
            )])
        );
        let public: IpAddr = "198.51.100.7".parse().unwrap();
        assert_eq!(inventory.proxy_addresses(&spec), [public]);
        assert_eq!(inventory.entrance(&spec), None);
        assert_eq!(Inventory::default().url(&spec), None);
    }

    #[test]
    fn after_a_failover_the_former_writer_is_a_reader() {
        let mut spec = Library::new(None).architecture("1k").unwrap().example();
        spec.database.readers = 1;
        let instance = |role, id| resource(Address::database(role), Kind::Database, id, &[]);
        let writer = instance(DatabaseRole::Writer, "db-a");
        let reader = instance(DatabaseRole::Reader(1), "db-b");
        let plain: Inventory = [writer.clone(), reader.clone()].into_iter().collect();
        assert_eq!(
            plain.readers(&spec),
            [Address::database(DatabaseRole::Reader(1))]
        );
        let cluster = resource(
            Address::database_cluster(),
            Kind::DatabaseCluster,
            "cluster",
            &[("writer", "db-b")],
        );
        let failed_over: Inventory = [writer, reader, cluster].into_iter().collect();
        assert_eq!(
            failed_over.readers(&spec),
            [Address::database(DatabaseRole::Writer)]
        );
        assert_eq!(failed_over.writer().map(|w| w.id.as_str()), Some("cluster"));
    }
}
