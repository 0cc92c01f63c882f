//! A custom dropshot server (with its own context and endpoint) that mounts a Runyard API below `/arp`.
//!
//! `cargo run --package runyard-api --example own_server` prints its addresses. The API's implementation is in
//! `gateway.rs`.

mod gateway;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;

use dropshot::{ApiDescription, ConfigLogging, ConfigLoggingLevel, HttpError, HttpResponseOk, HttpServer};
use dropshot::{RequestContext, ServerBuilder, endpoint};
use runyard_api::arp::run_gateway;
use runyard_api::host::{Hosted, Settings};

#[endpoint { method = GET, path = "/greeting" }]
async fn greeting(context: RequestContext<String>) -> Result<HttpResponseOk<String>, HttpError> {
    Ok(HttpResponseOk(context.context().clone()))
}

fn serve() -> Result<(HttpServer<String>, Hosted), Box<dyn Error>> {
    let mut description = ApiDescription::new();
    description.register(greeting)?;
    let gateway = run_gateway::api(Arc::new(gateway::Gateway::default()), Settings::default());
    let hosted = gateway.mount(&mut description, "/arp")?;
    let log = ConfigLogging::StderrTerminal { level: ConfigLoggingLevel::Warn }.to_logger("own_server")?;
    Ok((ServerBuilder::new(description, "Hello.".to_owned(), log).start()?, hosted))
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the user has to know where it listens")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (server, _hosted) = serve()?;
    println!("http://{0}/greeting\nhttp://{0}/arp/v1/health", server.local_addr());
    Ok(server.await?)
}
