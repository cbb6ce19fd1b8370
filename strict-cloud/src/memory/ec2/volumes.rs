//! The root volumes of instances.

use super::super::account::{CreationTime, TagMap};
use super::super::writer::XmlWriter;
use super::Ec2;
use super::listing::Listed;
use super::write_tags;

/// A volume that is attached to an instance, and goes with it.
#[derive(Debug, Clone, Hash)]
pub(super) struct VolumeRecord {
    pub(super) instance: String,
    pub(super) device: String,
    pub(super) zone: String,
    pub(super) kind: String,
    pub(super) gib: u32,
    pub(super) encrypted: bool,
    pub(super) created: CreationTime,
    pub(super) tags: TagMap,
}

impl Listed for VolumeRecord {
    const ID_FIELD: &'static str = "VolumeId";
    const MISSING: (&'static str, &'static str) = ("InvalidVolume.NotFound", "volume");
    const TYPE: &'static str = "volume";
    const FILTERS: &'static [&'static str] = &[
        "volume-id",
        "volume-type",
        "status",
        "attachment.instance-id",
        "attachment.status",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        vec![match filter {
            "volume-id" => id.to_owned(),
            "volume-type" => self.kind.clone(),
            "status" => "in-use".to_owned(),
            "attachment.instance-id" => self.instance.clone(),
            _ => "attached".to_owned(),
        }]
    }

    fn write(&self, id: &str, _: &Ec2, xml: &mut XmlWriter) {
        xml.text("volumeId", id);
        xml.value("size", self.gib);
        xml.text("volumeType", &self.kind);
        xml.text("availabilityZone", &self.zone);
        xml.text("status", "in-use");
        xml.value("encrypted", self.encrypted);
        xml.value("createTime", self.created);
        xml.node("attachmentSet", |xml| {
            xml.node("item", |xml| {
                xml.text("volumeId", id);
                xml.text("instanceId", &self.instance);
                xml.text("device", &self.device);
                xml.text("status", "attached");
                xml.text("deleteOnTermination", "true");
            });
        });
        write_tags(xml, &self.tags);
    }
}
