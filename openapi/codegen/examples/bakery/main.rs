//! A bakery: a server and a client, both generated from one document, in one process.
//!
//! `cargo run --package bakery`

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;

use bakery::client::Client;
use bakery::types::{Grain, Loaf, Order, Refusal};
use bakery::*;
use runyard_api::client::Plain;
use runyard_api::crates::{reqwest, slog};
use runyard_api::host::{Caller, Fault, Head, Operation, Reply, Settings};
use tokio::sync::Mutex;

#[allow(clippy::all, dead_code, unused_imports, reason = "generated: not everything in it is used here")]
mod bakery {
    include!(concat!(env!("OUT_DIR"), "/bakery.rs"));
}

/// The loaves in the oven and on the shelf.
#[derive(Default)]
struct Shelf {
    loaves: Mutex<Vec<Loaf>>,
}

/// The minimum weight of rye bread, in grams. The document does not have it, so the handler checks it.
const RYE_G_MIN: i32 = 500;

fn refused(reason: &str) -> Refusal {
    Refusal { reason: reason.to_owned() }
}

impl Bakery for Shelf {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _operation: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), refused(&fault.to_string()))
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn list_loaves(&self, _cx: &Caller, request: ListLoavesRequest) -> Result<Reply<ListLoavesOk>, Problem> {
        let loaves = self.loaves.lock().await;
        let wanted = |loaf: &&Loaf| request.grain.is_empty() || request.grain.contains(&loaf.order.grain);
        Ok(ListLoavesOk::Ok(loaves.iter().filter(wanted).cloned().collect()).into())
    }

    async fn bake_loaf(&self, _cx: &Caller, request: BakeLoafRequest) -> Result<Reply<BakeLoafOk>, Problem> {
        let order = request.body;
        if order.grain == Grain::Rye && order.weight_g < RYE_G_MIN {
            return Err(Problem::conflict(refused("a rye loaf that small is all crust")));
        }
        let mut loaves = self.loaves.lock().await;
        let loaf = Loaf { number: loaves.last().map_or(1, |last| last.number + 1), order };
        loaves.push(loaf.clone());
        Ok(BakeLoafOk::Created(loaf).into())
    }

    async fn get_loaf(&self, _cx: &Caller, request: GetLoafRequest) -> Result<Reply<GetLoafOk>, Problem> {
        let loaves = self.loaves.lock().await;
        let found = loaves.iter().find(|loaf| loaf.number == request.number);
        found.map(|loaf| GetLoafOk::Ok(loaf.clone()).into()).ok_or_else(|| Problem::not_found(refused("no such loaf")))
    }

    async fn sell_loaf(&self, _cx: &Caller, request: SellLoafRequest) -> Result<Reply<SellLoafOk>, Problem> {
        let mut loaves = self.loaves.lock().await;
        let at = loaves.iter().position(|loaf| loaf.number == request.number);
        loaves.remove(at.ok_or_else(|| Problem::not_found(refused("no such loaf")))?);
        Ok(SellLoafOk::NoContent.into())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", day().await?);
    Ok(())
}

/// A day at the bakery from a client's view.
async fn day() -> Result<String, Box<dyn Error>> {
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let server = bakery::api(Arc::new(Shelf::default()), Settings::default()).serve("127.0.0.1:0".parse()?, log)?;
    let client =
        Client::new_with_client(&format!("http://{}", server.local_addr()), reqwest::Client::new(), Plain::shared());
    let mut report = String::new();

    let bake = |grain, weight_g| BakeLoafRequest { body: Order { grain, weight_g } };
    let loaf = bake(Grain::Spelt, 750).send(&client).await?.into_inner();
    writeln!(report, "baked number {}", loaf.number)?;
    bake(Grain::Rye, 1000).send(&client).await?;
    let found = ListLoavesRequest { grain: vec![Grain::Rye, Grain::Wheat] }.send(&client).await?.into_inner();
    for Loaf { number, order: Order { grain, weight_g } } in found {
        writeln!(report, "of rye or wheat: number {number}, {grain}, {weight_g} g")?;
    }
    // The host checks the document's bound; the handler checks the minimum for rye.
    for (grain, weight_g) in [(Grain::Wheat, 5), (Grain::Rye, 300)] {
        match bake(grain, weight_g).send(&client).await {
            Err(client::Error::Refused { status, body, .. }) => writeln!(report, "{status}: {}", body.reason)?,
            other => return Err(format!("not refused: {other:?}").into()),
        }
    }
    SellLoafRequest { number: loaf.number }.send(&client).await?;
    let gone = GetLoafRequest { number: loaf.number }.send(&client).await.err();
    writeln!(report, "sold: {}", gone.and_then(|gone| gone.status()).ok_or("it is still there")?)?;
    Ok(report)
}

#[cfg(test)]
#[tokio::test]
async fn the_readme_shows_this_day_and_this_build_script() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&day().await.unwrap()), "{}", day().await.unwrap());
    let (_header, script) = include_str!("build.rs").split_once("\n\n").unwrap();
    assert!(readme.contains(script), "{script}");
}
