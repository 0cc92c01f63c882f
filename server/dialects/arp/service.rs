//! Health and version of every ARP service.

use runyard_api::arp::schemas as arp;

use crate::dialects::common::time::time;
use crate::runs::Runs;

/// Health of the runs in this process: the store must answer.
pub async fn health(runs: &Runs) -> arp::Health {
    let check = match runs.ping().await {
        Ok(()) => check("store", arp::Status::Ok, None),
        Err(error) => check("store", arp::Status::Down, Some(error.to_string())),
    };
    of_checks(runs.clock().now_ms(), vec![check])
}

/// Health from checks: the worst of them, but `degraded` rather than `down` while this process answers.
pub fn of_checks(now_ms: i64, checks: Vec<arp::HealthCheck>) -> arp::Health {
    let good = checks.iter().all(|check| check.status == arp::Status::Ok);
    arp::Health {
        status: if good { arp::Status::Ok } else { arp::Status::Degraded },
        time: time(now_ms),
        checks: Some(checks),
        extensions: None,
    }
}

/// One check.
pub fn check(name: &str, status: arp::Status, message: Option<String>) -> arp::HealthCheck {
    arp::HealthCheck { name: name.to_owned(), status, message, details: None }
}

/// The service's name, version and contract.
pub fn version(service_name: &str) -> arp::VersionInfo {
    arp::VersionInfo {
        service_name: service_name.to_owned(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        supported_api_versions: vec!["v1".to_owned()],
        build: None,
        extensions: None,
    }
}
