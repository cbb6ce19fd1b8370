//! Where the parts of an environment are reached: URLs, addresses and endpoints, as pure
//! functions of what it should be and what exists.

use std::net::{IpAddr, Ipv4Addr};

use crate::blueprint::{Address, DatabaseRole};
use crate::spec::{AddressKind, HostName, Role, Spec};

use super::inventory::Inventory;
use super::snapshot::Observed;

/// An entrance: the URL that people know it by, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntrancePlace {
    /// For example `https://chat.example.com`.
    pub url: String,
    /// The address, or the name of the load balancer's own, to connect to. People's DNS may not lead the URL's
    /// name there yet: it cannot before these exist. None where the URL says it itself.
    pub connect_to: Option<String>,
}

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

    /// The load balancer as an entrance.
    fn balancer(&self, spec: &Spec) -> Option<EntrancePlace> {
        let has_name = spec.load_balancer.alb()?.certificate.is_some();
        let own = self.endpoint(&Address::load_balancer());
        Some(EntrancePlace {
            url: self.entrance(spec)?,
            connect_to: own.filter(|_| has_name).map(str::to_owned),
        })
    }

    /// A proxy as an entrance, at one of its addresses.
    fn proxy(&self, spec: &Spec, proxy: HostName, kind: AddressKind) -> Option<EntrancePlace> {
        let address = self.instance_address(proxy, kind)?;
        Some(match &spec.tls {
            Some(tls) => EntrancePlace {
                url: format!("https://{}", tls.host_name),
                connect_to: Some(address.to_string()),
            },
            None => EntrancePlace {
                url: format!("http://{address}"),
                connect_to: None,
            },
        })
    }

    /// Where hosts of the environment find the server: the load balancer, or each proxy at its private
    /// address, by the names of their certificates.
    #[must_use]
    pub fn inner_entrances(&self, spec: &Spec) -> Option<Vec<EntrancePlace>> {
        if spec.load_balancer.alb().is_some() {
            return Some(vec![self.balancer(spec)?]);
        }
        let proxies = spec.hosts_of(Role::Proxy);
        let entrances: Option<Vec<_>> = proxies
            .map(|proxy| self.proxy(spec, proxy, AddressKind::Private))
            .collect();
        entrances.filter(|all| !all.is_empty())
    }

    /// Where people find the server: the load balancer, or the first proxy.
    #[must_use]
    pub fn outer_entrance(&self, spec: &Spec) -> Option<EntrancePlace> {
        if spec.load_balancer.alb().is_some() {
            return self.balancer(spec);
        }
        let first = spec.hosts_of(Role::Proxy).next()?;
        self.proxy(spec, first, spec.access.address)
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
    use crate::spec::{Alb, Certificate, Library, LoadBalancer, ProxyTls, Scheme, TlsCertificate};

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
            Some(vec![place("http://10.0.0.10", None)])
        );
        assert_eq!(
            inventory.outer_entrance(&spec),
            Some(place("http://198.51.100.7", None))
        );
        let public: IpAddr = "198.51.100.7".parse().unwrap();
        assert_eq!(inventory.proxy_addresses(&spec), [public]);
        assert_eq!(inventory.entrance(&spec), None);
        assert_eq!(Inventory::default().url(&spec), None);
    }

    fn place(url: &str, connect_to: Option<&str>) -> EntrancePlace {
        EntrancePlace {
            url: url.to_owned(),
            connect_to: connect_to.map(str::to_owned),
        }
    }

    #[test]
    fn names_of_certificates_are_looked_for_at_the_proxies_and_load_balancers_own_addresses() {
        let mut spec = Library::new(None).architecture("1k").unwrap().example();
        let url = "https://chat.example.com";
        spec.tls = Some(ProxyTls {
            host_name: "chat.example.com".to_owned(),
            certificate: TlsCertificate::Private,
        });
        let endpoint = "demo-1.us-east-1.elb.amazonaws.com";
        let inventory: Inventory = [
            host(Role::Proxy, "198.51.100.7", "10.0.0.10"),
            resource(
                Address::load_balancer(),
                Kind::LoadBalancer,
                "demo",
                &[("endpoint", endpoint)],
            ),
        ]
        .into_iter()
        .collect();
        let inner = inventory.inner_entrances(&spec).unwrap();
        assert_eq!(inner, [place(url, Some("10.0.0.10"))]);
        let outer = inventory.outer_entrance(&spec).unwrap();
        assert_eq!(outer, place(url, Some("198.51.100.7")));

        spec.tls = None;
        let mut alb = Alb {
            scheme: Scheme::Public,
            certificate: Some(Certificate {
                arn: "arn".to_owned(),
                host_name: "chat.example.com".to_owned(),
                authority: None,
            }),
            idle_timeout: 75,
        };
        spec.load_balancer = LoadBalancer::Alb(alb.clone());
        let named = place(url, Some(endpoint));
        assert_eq!(inventory.outer_entrance(&spec).as_ref(), Some(&named));
        assert_eq!(inventory.inner_entrances(&spec), Some(vec![named]));
        alb.certificate = None;
        spec.load_balancer = LoadBalancer::Alb(alb);
        let plain = place(&format!("http://{endpoint}"), None);
        assert_eq!(inventory.outer_entrance(&spec), Some(plain));
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
