//! What the deployment promises, asked of the server itself.

use crate::diagnose::with_causes;
use crate::hosts::{ServerLicense, mailbox_authority, read_password};
use crate::identity::{ADMINISTRATOR, ADMINISTRATOR_EMAIL, Secrets};
use crate::loadtest::{
    Admin, EntranceRoute, Password, PlannedLicense, Promise, PromiseMail, PromiseMailbox,
    PromisePlan, PromisePlugin, PromiseVerdict, check_promises,
};
use crate::ops::license::planned;
use crate::ops::payload::entrance_route;
use crate::ops::planned_hosts::PlannedHosts;
use crate::ops::rig::{HostAccess, Rig};
use crate::plan::Inventory;
use crate::spec::{HostName, MailServer, Mailbox, PlannedSetting, Role, ServerPlugin, Spec};

use super::check::RigCheck;
use super::job_server::job_server;
use super::readers::reader_access;
use super::ways::{open_entrance, open_ways};

/// The account of the first administrator, which the bundle of `app-1` makes.
pub(in crate::ops) fn administrator(secrets: &Secrets) -> Admin {
    Admin {
        username: ADMINISTRATOR.to_owned(),
        password: Password::new(secrets.admin_password()),
    }
}

/// Checks every promise, from this machine: nodes through SSH, the entrance as people reach it, or through
/// a host where it has no address that is reached from here.
pub(super) async fn promised(
    rig: &Rig,
    inventory: &Inventory,
    connected: &HostAccess,
    planned_hosts: &PlannedHosts<'_>,
) -> Vec<RigCheck> {
    let spec = &rig.spec;
    let Some(entrance) = inventory.outer_entrance(spec) else {
        return Vec::new();
    };
    let unreached = |name: &str, why: String| RigCheck {
        name: name.to_owned(),
        pass: false,
        warning: false,
        detail: why,
        remedy: format!("`loadrig status {}` shows how the hosts are", spec.name),
    };
    let nodes = spec.hosts_of(Role::App);
    let ways = match open_ways(inventory, &connected.keyring, nodes).await {
        Ok(ways) => ways,
        Err(why) => return vec![unreached("application nodes: reached through SSH", why)],
    };
    let way = match open_entrance(spec, inventory, connected).await {
        Ok(way) => way,
        Err(why) => return vec![unreached("entrance: reached through SSH", why)],
    };
    let route = match entrance_route(spec, &entrance, &connected.secrets) {
        Ok(route) => route,
        Err(error) => return vec![unreached("entrance: whom to trust", with_causes(&error))],
    };
    let route = match &way {
        Some(way) => Some(EntranceRoute {
            connect_to: way.at.ip().to_string(),
            port: Some(way.at.port()),
            system: route.as_ref().is_none_or(|route| route.system),
            authority: route.and_then(|route| route.authority),
        }),
        None => route,
    };
    let connections = &spec.mattermost.connections;
    let plan = PromisePlan {
        environment: spec.name.clone(),
        entrance: entrance.url,
        route,
        nodes: ways.nodes.clone(),
        admin: administrator(&connected.secrets),
        license: planned_license(spec),
        without: spec.mattermost.without.clone(),
        users: spec.concurrent_users,
        readers: spec.readers(),
        search: spec.search.nodes > 0,
        mail: connections.mail.as_ref().map(planned_mail),
        ldap: connections
            .ldap
            .as_ref()
            .map(|ldap| format!("`{}:{}`", ldap.server, ldap.port)),
        job_server: job_server(spec, connected).await,
        plugins: spec.mattermost.plugins.iter().map(planned_plugin).collect(),
        saml: connections.saml.as_ref().map(|saml| saml.own.is_some()),
        settings: planned_settings(planned_hosts),
    };
    let (readers, not_asked) = match reader_access(rig, inventory, connected).await {
        Ok(readers) => (readers, None),
        Err(why) => (Vec::new(), Some(readers_not_asked(spec, &why))),
    };
    let promises = check_promises(&plan, &readers).await.into_iter();
    promises.map(check).chain(not_asked).collect()
}

/// What is said of readers that cannot be asked from this machine.
fn readers_not_asked(spec: &Spec, why: &str) -> RigCheck {
    RigCheck {
        name: "database readers: asked through the application nodes".to_owned(),
        pass: true,
        warning: true,
        detail: format!("not asked: {why}"),
        remedy: format!("`loadrig status {}` shows how the hosts are", spec.name),
    }
}

/// The license that `up` gives the nodes.
fn planned_license(spec: &Spec) -> PlannedLicense {
    match ServerLicense::load(&spec.mattermost) {
        Ok(found) => planned(found.as_ref()),
        Err(error) => PlannedLicense::Unknown(with_causes(&error)),
    }
}

/// The settings of the application nodes, which are the same on all of them.
fn planned_settings(planned_hosts: &PlannedHosts<'_>) -> Result<Vec<PlannedSetting>, String> {
    let first = HostName {
        role: Role::App,
        index: 1,
    };
    planned_hosts.settings(first).map_err(|not| not.why)
}

fn planned_mail(mail: &MailServer) -> PromiseMail {
    PromiseMail {
        server: format!("`{}:{}`", mail.server, mail.port),
        security: mail.security,
        account: mail
            .account
            .as_ref()
            .map(|account| account.username.clone()),
        from: mail.from.clone(),
        administrator: mail.administrator.clone(),
        unread: ADMINISTRATOR_EMAIL.to_owned(),
        mailbox: mail.mailbox.as_ref().map(planned_mailbox),
    }
}

/// The mailbox with its password, which hosts have no need of, or why it is not there.
fn planned_mailbox(mailbox: &Mailbox) -> Result<PromiseMailbox, String> {
    let password = read_password(&mailbox.account).map_err(|error| with_causes(&error))?;
    let authority = mailbox_authority(mailbox).map_err(|error| with_causes(&error))?;
    Ok(PromiseMailbox {
        server: mailbox.server.clone(),
        port: mailbox.port,
        username: mailbox.account.username.clone(),
        password: Password::new(password),
        authority,
    })
}

fn planned_plugin(plugin: &ServerPlugin) -> PromisePlugin {
    PromisePlugin {
        id: plugin.id.clone(),
        enabled: plugin.enabled,
    }
}

fn check(promise: Promise) -> RigCheck {
    RigCheck {
        name: promise.name,
        pass: promise.verdict != PromiseVerdict::Broken,
        warning: promise.verdict == PromiseVerdict::Doubtful,
        detail: promise.detail,
        remedy: promise.remedy,
    }
}
