//! The events of databases and clusters, and what tests let go wrong with them.

use super::super::account::{AwsAccount, QueryResult};
use super::super::form::QueryForm;
use super::super::writer::xml;

/// Something that RDS tells of in an event alone.
#[derive(Debug, Clone, Hash)]
pub(super) struct EventRecord {
    pub(super) database: String,
    pub(super) category: &'static str,
    pub(super) message: String,
}

impl AwsAccount {
    /// From now on AWS has no capacity for a class: new databases of it are refused, and changes
    /// to it are accepted and do not happen.
    pub fn exhaust_database_class(&mut self, class: &str) {
        self.rds.exhausted.insert(class.to_owned());
    }

    /// From now on AWS has no capacity for new databases of a class in one zone.
    pub fn exhaust_database_zone(&mut self, class: &str, zone: &str) {
        let exhausted = (class.to_owned(), zone.to_owned());
        self.rds.exhausted_zones.insert(exhausted);
    }

    /// Puts a database into a state that it does not leave by itself, such as `failed`.
    pub fn break_database(&mut self, name: &str, state: &'static str) {
        if let Some(database) = self.rds.databases.get_mut(name) {
            database.status = state;
        }
    }
}

/// `DescribeEvents` of one database; everything is of the last hours.
///
/// DescribeEvents: "Events specific to a particular DB instance [...] can be obtained by providing
/// the name as a parameter."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEvents.html>).
pub(super) fn describe(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["Duration", "SourceType"]);
    let source = form.required("SourceIdentifier")?.to_lowercase();
    let found = account.rds.events.iter();
    let found = found.filter(|event| event.database == source);
    Ok(xml(|xml| {
        xml.list("Events", "Event", found, |xml, event| {
            xml.text("SourceIdentifier", &event.database);
            xml.text("SourceType", "db-instance");
            xml.text("Message", &event.message);
            xml.texts("EventCategories", "EventCategory", [event.category]);
        });
    }))
}
