//! The desired resources of each kind, and what is true of the kind.

use crate::spec::Protection;

use super::kind::for_each_kind;
use super::kinds::{self, KindInfo, Resource};
use super::{Address, AttributeValue, Attributes, Kind};

/// Writes what leads from a kind to its file: to its row, and to the structs of its resources.
macro_rules! write_desired {
    ($($kind:ident in $file:ident: $($variant:ident($desired:ident)),+;)+) => {
        impl Kind {
            /// What is true of the kind.
            #[must_use]
            pub fn info(self) -> &'static KindInfo {
                match self {
                    $(Kind::$kind => &kinds::$file::INFO,)+
                }
            }
        }

        /// A resource as it should be.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is described with its struct")]
        pub enum Desired {
            $($($variant(kinds::$desired),)+)+
        }

        impl Desired {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $($(Desired::$variant(_) => Kind::$kind,)+)+
                }
            }

            /// What all kinds can tell.
            #[must_use]
            pub fn resource(&self) -> &dyn Resource {
                match self {
                    $($(Desired::$variant(resource) => resource,)+)+
                }
            }

            /// The resource itself, then what may be taken instead where AWS has no capacity.
            #[must_use]
            pub fn candidates(&self) -> Vec<Desired> {
                let alternatives: Vec<Desired> = match self {
                    $($(Desired::$variant(resource) => {
                        let alternatives = resource.alternatives().into_iter();
                        alternatives.map(Desired::$variant).collect()
                    })+)+
                };
                std::iter::once(self.clone()).chain(alternatives).collect()
            }
        }

        $($(
            impl From<kinds::$desired> for Desired {
                fn from(resource: kinds::$desired) -> Self {
                    Desired::$variant(resource)
                }
            }
        )+)+
    };
}

for_each_kind!(write_desired);

/// See [`Resource`], which each kind implements.
impl Desired {
    /// The attributes that are compared with what exists.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        self.resource().attributes()
    }

    /// Whether an existing value that is not the first choice is as good.
    #[must_use]
    pub fn accepts(&self, attribute: &str, value: &AttributeValue) -> bool {
        self.resource().accepts(attribute, value)
    }

    /// How a candidate differs from the others, for people.
    #[must_use]
    pub fn placement(&self) -> String {
        self.resource().placement()
    }

    /// Resources whose ids or addresses it holds a copy of.
    #[must_use]
    pub fn holds_ids_of(&self) -> Vec<Address> {
        self.resource().holds_ids_of()
    }

    /// What keeps it from being deleted.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.resource().protection()
    }

    /// The one subnet that it is in.
    #[must_use]
    pub fn subnet(&self) -> Option<&Address> {
        self.resource().subnet()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::blueprint::blueprint;
    use crate::spec::{Library, Spec};

    use super::*;

    /// Environments that between them have a resource of every kind.
    fn environments() -> Vec<Spec> {
        let text = |text: &str| Library::new(None).load_text("test", text).unwrap();
        vec![
            text("architecture: 200k"),
            text(
                "architecture: 10k\ndatabase: {engine: aurora-postgresql}\nload_balancer: alb\n\
                 sizes: {nodes: {proxy: {count: 0}}}\n\
                 network: {layout: private, private_dns: true, s3_endpoint: true}",
            ),
            text(
                "architecture: 1k\nnetwork: {existing: {vpc: vpc-0a1b2c3d, public_subnets: \
                 [subnet-0000000a, subnet-0000000b], private_subnets: [subnet-0000000c, \
                 subnet-0000000d]}}",
            ),
        ]
    }

    fn form(value: &AttributeValue) -> super::super::ValueForm {
        use super::super::ValueForm;
        match value {
            AttributeValue::Text(_) => ValueForm::Text,
            AttributeValue::Number(_) => ValueForm::Number,
            AttributeValue::Flag(_) | AttributeValue::Unknown => ValueForm::Flag,
            AttributeValue::Names(_) => ValueForm::Names,
            AttributeValue::Lines(_) => ValueForm::Lines,
        }
    }

    #[test]
    fn every_attribute_is_in_the_row_of_its_kind() {
        let mut seen = BTreeSet::new();
        for spec in environments() {
            for (address, desired) in blueprint(&spec, &[]).resources() {
                seen.insert(desired.kind());
                for (name, value) in desired.attributes().iter() {
                    let info = desired.kind().info().attribute(name);
                    let info = info.unwrap_or_else(|| panic!("{address} has no `{name}`"));
                    assert_eq!(info.form, form(value), "{address} {name}");
                    assert_ne!(
                        info.on_difference,
                        kinds::OnDifference::NotCompared,
                        "{address} {name}"
                    );
                }
            }
        }
        assert_eq!(seen, Kind::ALL.into_iter().collect());
    }

    #[test]
    fn kinds_can_be_deleted_in_some_order() {
        let mut gone: Vec<Kind> = Vec::new();
        while gone.len() < Kind::ALL.len() {
            let before = gone.len();
            let waits = |kind: Kind, gone: &[Kind]| {
                let mut left = Kind::ALL.into_iter().filter(|other| !gone.contains(other));
                left.any(|other| other.info().deleted_before.contains(&kind))
            };
            for kind in Kind::ALL {
                if !gone.contains(&kind) && !waits(kind, &gone) {
                    gone.push(kind);
                }
            }
            assert!(gone.len() > before, "stuck after {gone:?}");
        }
    }
}
