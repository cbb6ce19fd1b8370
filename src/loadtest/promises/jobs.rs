//! Whether the job server does what it is for: the application nodes leave jobs to it, and it takes one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::loadtest::api::{Api, ApiError, ApiSession};

use super::answers::NodeAnswers;
use super::{Promise, PromiseJobServer, PromisePlan};

const VERSION: &str = "job server: the version of the application nodes";
const JOBS: &str = "jobs: the job server takes them";
/// A job server looks for new jobs every 15 s, and first after 30 s at the most
/// (`channels/jobs/jobs_watcher.go`).
const TAKEN: Duration = Duration::from_secs(45);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Jobs that an administrator may ask for, that remove what the server removes every day, and the
/// section of the settings that turns each on.
const TRIED: [(&str, &str); 2] = [
    ("export_delete", "ExportSettings"),
    ("import_delete", "ImportSettings"),
];

/// A job as the server tells of it.
#[derive(Debug, Deserialize)]
struct JobAnswer {
    id: String,
    status: String,
}

/// The program that runs on the job server's host, beside those of the application nodes.
pub(super) fn version(
    plan: &PromisePlan,
    job_server: &PromiseJobServer,
    answers: &[NodeAnswers],
) -> Promise {
    let name = &job_server.name;
    let own = match &job_server.version {
        Ok(version) => version,
        Err(error) => {
            return Promise::broken(VERSION, format!("{name}: {error}")).remedy(logs(plan, name));
        }
    };
    let others = answers.iter().filter_map(|node| {
        let version = node.version.as_ref().ok()?;
        (version != own).then(|| format!("{version} on {}", node.name))
    });
    let others: Vec<String> = others.collect();
    if others.is_empty() {
        return Promise::kept(VERSION, format!("{own} on {name}"));
    }
    let detail = format!("{own} on {name}; {}", others.join(", "));
    Promise::broken(VERSION, detail).remedy(format!(
        "`loadrig up {}` brings every server to the planned release",
        plan.environment
    ))
}

/// Asks for a job through the entrance, and looks who may have taken it.
pub(super) async fn taken(
    plan: &PromisePlan,
    job_server: &PromiseJobServer,
    entrance: &Api,
    session: &ApiSession,
    nodes: &BTreeMap<String, Api>,
) -> Promise {
    let up = format!("`loadrig up {}` restores the settings", plan.environment);
    let mut config = Value::Null;
    let asked = nodes.iter().map(|(name, api)| async move {
        let config: Result<Value, ApiError> = api.get("/config", session).await;
        (name, config)
    });
    for (name, told) in join_all(asked).await {
        match told {
            Err(error) => {
                let env = &plan.environment;
                return Promise::broken(JOBS, format!("{name}: {error}")).remedy(format!(
                    "`loadrig ssh {env} {name} -- sudo journalctl -u mattermost` shows its log"
                ));
            }
            Ok(told) if told["JobSettings"]["RunJobs"] != json!(false) => {
                let detail = format!("{name} runs jobs too (`JobSettings.RunJobs`)");
                return Promise::broken(JOBS, detail).remedy(up);
            }
            Ok(told) => config = told,
        }
    }
    let Some(kind) = enabled(&config) else {
        let detail = "not tried: the server keeps exports and imports for ever";
        return Promise::doubtful(JOBS, detail).remedy(
            "set `ExportSettings.RetentionDays` above 0: `verify` asks for the job that removes old exports",
        );
    };
    match try_one(entrance, session, kind).await {
        Ok(detail) => Promise::kept(JOBS, format!("{} {detail}", job_server.name)),
        Err(detail) => Promise::broken(JOBS, detail).remedy(logs(plan, &job_server.name)),
    }
}

/// The first job that the server's settings allow.
fn enabled(config: &Value) -> Option<&'static str> {
    let is_on = |section: &str| {
        let section = &config[section];
        let directory = section["Directory"].as_str().unwrap_or_default();
        !directory.is_empty() && section["RetentionDays"].as_i64() > Some(0)
    };
    let found = TRIED.into_iter().find(|(_, section)| is_on(section));
    found.map(|(kind, _)| kind)
}

async fn try_one(entrance: &Api, session: &ApiSession, kind: &str) -> Result<String, String> {
    let begun = Instant::now();
    let body = json!({"type": kind, "data": {}});
    let job: Result<JobAnswer, ApiError> = entrance.post("/jobs", Some(session), &body).await;
    let job = job.map_err(|error| format!("the job `{kind}`: {error}"))?;
    let path = format!("/jobs/{}", job.id);
    let mut seen = "pending".to_owned();
    while begun.elapsed() < TAKEN {
        // What does not answer now may do so a moment later.
        if let Ok(job) = entrance.get::<JobAnswer>(&path, session).await {
            seen = job.status;
        }
        match seen.as_str() {
            "pending" | "in_progress" => tokio::time::sleep(PAUSE).await,
            "success" => {
                return Ok(format!(
                    "ran `{kind}` within {:.1} s",
                    begun.elapsed().as_secs_f64()
                ));
            }
            other => return Err(format!("the job `{kind}` ended with `{other}`")),
        }
    }
    if seen == "in_progress" {
        return Ok(format!("is at `{kind}` for {} s", TAKEN.as_secs()));
    }
    // Nobody may want it any more once somebody runs jobs again.
    let _ = entrance
        .call(Method::POST, &format!("{path}/cancel"), session)
        .await;
    Err(format!(
        "nobody took the job `{kind}` within {} s",
        TAKEN.as_secs()
    ))
}

fn logs(plan: &PromisePlan, host: &str) -> String {
    format!(
        "`loadrig ssh {} {host} -- sudo journalctl -u mattermost-jobserver` shows its log",
        plan.environment
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_tried_that_the_settings_allow() {
        let section = |days: i64| json!({"Directory": "./export", "RetentionDays": days});
        let config = |export, import| json!({"ExportSettings": export, "ImportSettings": import});
        assert_eq!(
            enabled(&config(section(30), section(30))),
            Some("export_delete")
        );
        assert_eq!(
            enabled(&config(section(0), section(30))),
            Some("import_delete")
        );
        assert_eq!(enabled(&config(section(0), json!({}))), None);
    }
}
