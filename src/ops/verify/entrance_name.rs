//! Whether people's DNS leads the name of the load balancer's certificate to it. It cannot before the load
//! balancer exists, so what is missing is said, and is no fault of the rig.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::blueprint::Address;
use crate::plan::Inventory;
use crate::spec::Spec;

use super::check::RigCheck;

/// How long DNS may take.
const ANSWER: Duration = Duration::from_secs(5);

/// What this machine's DNS says of the name; nothing where people use the name that AWS assigned.
pub(super) async fn entrance_name(spec: &Spec, inventory: &Inventory) -> Option<RigCheck> {
    let certificate = spec.load_balancer.alb()?.certificate.as_ref()?;
    let own = inventory.endpoint(&Address::load_balancer())?;
    let (found, its_own) = futures::join!(look_up(&certificate.host_name), look_up(own));
    Some(judge(&certificate.host_name, own, &found, &its_own))
}

async fn look_up(name: &str) -> BTreeSet<IpAddr> {
    // Only the addresses matter.
    let found = tokio::time::timeout(ANSWER, tokio::net::lookup_host((name, 443))).await;
    match found {
        Ok(Ok(found)) => found.map(|one| one.ip()).collect(),
        Ok(Err(_)) | Err(_) => BTreeSet::new(),
    }
}

/// What two lookups come to: of the certificate's name, and of the load balancer's own.
fn judge(name: &str, own: &str, found: &BTreeSet<IpAddr>, its_own: &BTreeSet<IpAddr>) -> RigCheck {
    let listed = |addresses: &BTreeSet<IpAddr>| {
        let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        texts.join(", ")
    };
    let record = format!("make a CNAME record in your DNS that leads `{name}` to `{own}`");
    let (warning, detail, remedy) = if found.is_empty() {
        let detail = format!(
            "this machine's DNS has no address for `{name}` yet, so people do not find the server; agents and these \
             checks connect to the load balancer's own name"
        );
        (true, detail, record)
    } else if found.is_disjoint(its_own) {
        let detail = format!(
            "`{name}` has {}, and the load balancer {}",
            listed(found),
            match its_own.is_empty() {
                true => "no address that this machine's DNS knows".to_owned(),
                false => listed(its_own),
            }
        );
        (
            true,
            detail,
            format!("{record}, unless something of yours before it is meant"),
        )
    } else {
        (false, format!("`{name}` has {}", listed(found)), record)
    };
    RigCheck {
        name: "entrance: its name leads to the load balancer".to_owned(),
        pass: true,
        warning,
        detail,
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(found: &[&str], its_own: &[&str]) -> RigCheck {
        let set = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let (found, its_own) = (set(found), set(its_own));
        judge(
            "chat.example.com",
            "demo-1.elb.amazonaws.com",
            &found,
            &its_own,
        )
    }

    #[test]
    fn a_name_that_leads_nowhere_or_elsewhere_is_warned_of_with_the_record_to_make() {
        let kept = judged(&["198.51.100.7"], &["198.51.100.7", "198.51.100.8"]);
        assert_eq!(kept.result(), "pass");
        for (found, its_own, told) in [
            (
                &[][..],
                &["198.51.100.7"][..],
                "no address for `chat.example.com` yet",
            ),
            (
                &["203.0.113.1"],
                &["198.51.100.7"],
                "203.0.113.1, and the load balancer 198.51.100.7",
            ),
            (
                &["203.0.113.1"],
                &[],
                "no address that this machine's DNS knows",
            ),
        ] {
            let check = judged(found, its_own);
            assert_eq!(check.result(), "warn");
            assert!(check.detail.contains(told), "{check:?}");
            let record = "leads `chat.example.com` to `demo-1.elb.amazonaws.com`";
            assert!(check.remedy.contains(record), "{check:?}");
        }
    }

    #[tokio::test]
    async fn names_are_looked_up_and_those_that_nobody_knows_have_no_address() {
        assert!(
            look_up("localhost")
                .await
                .contains(&IpAddr::from([127, 0, 0, 1]))
        );
        assert!(look_up("chat.invalid").await.is_empty());
    }
}
