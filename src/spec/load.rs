//! From the text of a file to the validated type: parse, read, merge, check.
//!
//! Everything that is wrong with an environment and its architecture is gathered before
//! anything is given up.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::check::{
    Around, CheckedServices, CheckedSizes, Checker, DEFAULT_ZONES, Origin, Settings,
};
use super::document::Document;
use super::edition::UNLICENSED_USERS;
use super::foreign::refuse_foreign;
use super::found::FoundFile;
use super::gold_standard;
use super::merge::overlay;
use super::plan_down::{licensed_parts, plan_down};
use super::problem::{Problem, Span, SpecErrors};
use super::shape::{ArchitectureFile, EnvironmentFile, Sizes, SourceShape};
use super::{Architecture, Purpose, Source, Spec, architecture_schema, environment_schema, reader};

/// The reference architectures that an environment may be made from.
pub(crate) trait Architectures {
    /// The file of one, if it exists.
    fn find(&self, name: &str) -> Result<Option<FoundFile>, SpecErrors>;

    /// The names of all.
    fn names(&self) -> Vec<String>;
}

/// Checks the text of an environment and the architecture that it names.
pub(crate) fn check_environment(
    architectures: &dyn Architectures,
    found: FoundFile,
) -> Result<Spec, SpecErrors> {
    refuse_foreign(&found.source, "an environment", environment_schema())?;
    let mut problems = Vec::new();
    let document = Document::parse(found.source, &mut problems);
    let read = reader::read(&document, environment_schema(), &mut problems);
    let mut file: EnvironmentFile = decode(&document, &read, &mut problems);

    let mut base_problems = Vec::new();
    let found_base = base(
        architectures,
        file.architecture.as_deref(),
        &mut base_problems,
    );
    let (base, mut merged) = found_base.unzip();
    let merged = merged.get_or_insert_default();
    let app_nodes_of_size = merged.pointer("/nodes/app/count").and_then(Value::as_u64);
    let app_nodes_of_size = app_nodes_of_size.and_then(|count| u32::try_from(count).ok());
    overlay(merged, read.get("sizes").cloned().unwrap_or_default());
    let merged: ArchitectureFile = decode(&document, merged, &mut problems);
    let around = Around::of(&file);
    let mut sizes = merged.sizes().with_defaults(around.layout);
    if file.purpose == Some(Purpose::GoldStandard) {
        gold_standard::complete(&mut sizes, read.get("sizes"));
    }
    let mut parts = licensed_parts(&sizes, merged.concurrent_users, file.existing_readers());
    if file.is_unlicensed() {
        parts.extend(plan_down(&mut sizes, read.get("sizes")));
        file.plan_down();
    }
    // Agents have to drive no more users than there can be.
    let most = match file.is_unlicensed() {
        true => UNLICENSED_USERS,
        false => u32::MAX,
    };
    let users = merged.concurrent_users.map(|users| users.min(most));

    let mut checker = Checker::environment(&document, base.as_ref(), &mut problems);
    if let (Some(name), None, []) = (&file.architecture, &base, base_problems.as_slice()) {
        checker.unknown_architecture(name, &architectures.names());
    }
    let origin = Origin {
        stem: &found.stem,
        directory: found.directory.as_deref(),
    };
    // A file that is no mapping at all has been reported; its defaults are no news.
    let mut settings = match document.root {
        Some(_) if read.is_object() => checker.settings(&file, &origin),
        _ => None,
    };
    if let Some(settings) = &mut settings
        && !settings.mattermost.license.is_licensed()
    {
        if !file.is_unlicensed() {
            checker.needs_license(&parts);
        }
        settings.mattermost.without = parts;
    }
    checker.sizes(&sizes, users, around);
    let services = checker.services(&file, &sizes, &origin);
    problems.append(&mut base_problems);
    SpecErrors::check(problems)?;

    let spec = settings
        .zip(CheckedSizes::from_shape(&sizes))
        .zip(app_nodes_of_size)
        .and_then(|((settings, sizes), published)| {
            assemble(&file, &merged, published, settings, sizes, services)
        });
    spec.ok_or_else(|| incomplete(&document))
}

/// The architecture's file and what it says; nothing when it is not there.
fn base(
    architectures: &dyn Architectures,
    name: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<(Document, Value)> {
    let named = architectures.find(name?);
    let found = named.unwrap_or_else(|errors| {
        problems.extend(errors.problems);
        None
    })?;
    if let Err(errors) = refuse_foreign(
        &found.source,
        "a reference architecture",
        architecture_schema(),
    ) {
        problems.extend(errors.problems);
        return None;
    }
    let document = Document::parse(found.source, problems);
    let read = reader::read(&document, architecture_schema(), problems);
    Some((document, read))
}

fn assemble(
    file: &EnvironmentFile,
    merged: &ArchitectureFile,
    app_nodes_of_size: u32,
    settings: Settings,
    sizes: CheckedSizes,
    services: CheckedServices,
) -> Option<Spec> {
    Some(Spec {
        name: settings.name,
        cloud: file.cloud.unwrap_or_default(),
        region: settings.region,
        architecture: file.architecture.clone()?,
        concurrent_users: merged.concurrent_users?,
        source: merged.source.clone()?.into_source()?,
        app_nodes_of_size,
        nodes: sizes.nodes,
        database: sizes.database,
        search: sizes.search,
        cache: sizes.cache,
        purpose: services.purpose,
        protection: services.protection,
        services: services.services,
        mattermost: settings.mattermost,
        network: settings.network,
        load_balancer: settings.load_balancer,
        tls: settings.tls,
        login_gate: settings.login_gate,
        access: settings.access,
        extras: settings.extras,
        authorities: settings.authorities,
        time_to_live: settings.time_to_live,
        tags: settings.tags,
    })
}

/// Checks the text of a reference architecture.
pub(crate) fn check_architecture(found: FoundFile) -> Result<Architecture, SpecErrors> {
    refuse_foreign(
        &found.source,
        "a reference architecture",
        architecture_schema(),
    )?;
    let mut problems = Vec::new();
    let document = Document::parse(found.source, &mut problems);
    let read = reader::read(&document, architecture_schema(), &mut problems);
    let file: ArchitectureFile = decode(&document, &read, &mut problems);
    let around = Around::size(DEFAULT_ZONES);
    let sizes = file.sizes().with_defaults(around.layout);
    Checker::architecture(&document, &mut problems).sizes(&sizes, file.concurrent_users, around);
    SpecErrors::check(problems)?;
    let architecture = CheckedSizes::from_shape(&sizes).and_then(|sizes| {
        Some(Architecture {
            name: found.stem.clone(),
            file: document.source.name.clone(),
            source: file.source.clone()?.into_source()?,
            concurrent_users: file.concurrent_users?,
            measured_ceiling_users: file.measured_ceiling_users,
            nodes: sizes.nodes,
            database: sizes.database,
            search: sizes.search,
            cache: sizes.cache,
        })
    });
    architecture.ok_or_else(|| incomplete(&document))
}

impl ArchitectureFile {
    fn sizes(&self) -> Sizes {
        Sizes {
            nodes: self.nodes.clone(),
            database: self.database.clone(),
            search: self.search.clone(),
            cache: self.cache.clone(),
        }
    }
}

impl EnvironmentFile {
    /// Whether somebody said that there is no license.
    fn is_unlicensed(&self) -> bool {
        let server = self.mattermost.as_ref();
        server.is_some_and(|server| server.unlicensed.is_some())
    }

    /// The readers of a database that somebody else keeps.
    fn existing_readers(&self) -> Option<usize> {
        let existing = self.database.as_ref()?.existing.as_ref()?;
        Some(existing.readers.as_ref().map_or(0, Vec::len))
    }

    /// Takes out what does not work without a license.
    fn plan_down(&mut self) {
        let existing = self
            .database
            .as_mut()
            .and_then(|database| database.existing.as_mut());
        if let Some(existing) = existing {
            existing.readers = None;
        }
        if let Some(search) = &mut self.search {
            search.masters = None;
        }
    }
}

impl SourceShape {
    fn into_source(self) -> Option<Source> {
        Some(Source {
            kind: self.kind?,
            url: self.url?,
            note: self.note?,
        })
    }
}

/// The reader's result always fits the shapes; should it not, that is a problem, not a panic.
fn decode<T: DeserializeOwned + Default>(
    document: &Document,
    value: &Value,
    problems: &mut Vec<Problem>,
) -> T {
    if !value.is_object() {
        return T::default();
    }
    T::deserialize(value).unwrap_or_else(|error| {
        let place = document.place(Span::START);
        problems.push(place.problem(error.to_string(), "in this file"));
        T::default()
    })
}

fn incomplete(document: &Document) -> SpecErrors {
    SpecErrors::unplaced(
        &document.source.name,
        "the file is incomplete".to_owned(),
        "expected every key of `loadrig schema`".to_owned(),
        "`loadrig init NAME` writes a file to start from",
    )
}
