//! No file descriptors left: open connections are served, new ones wait, and no thread spins.

use serde_json::json;
use tokio::net::TcpStream;

use crate::process::{Served, assert_whole, bounded, start_body};

/// More connections than the server has descriptors for.
const IDLE: usize = 150;

/// Processor time of a process so far, in ticks of a hundredth of a second.
#[cfg(target_os = "linux")]
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    after_name.split(' ').skip(11).take(2).map(|number| number.parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn without_file_descriptors_old_connections_go_on_and_new_ones_work_once_there_are_some() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_after(folder.path(), "ulimit -n 100", &["--port-base", "0"]).await;
    // Its connection is open before the others connect.
    let (before, _) = served.clients.start("runyard.core.uuid4", json!({})).await;
    assert_whole(&served.clients.events(&before, 0).await);
    let address = served.clients.gateway_url.strip_prefix("http://").unwrap();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        // The system accepts the connections although the server cannot.
        idle.push(bounded("a connection", TcpStream::connect(address)).await.unwrap());
    }
    #[cfg(target_os = "linux")]
    {
        let clock = runyard::clock::Clock::system();
        let began = ticks(served.process.id());
        clock.sleep(std::time::Duration::from_secs(2)).await;
        let used = ticks(served.process.id()) - began;
        assert!(used < 100, "{used} hundredths of a second of work in two seconds of nothing");
    }
    let inputs = json!({ "echo": "still here" });
    let during = served.clients.gateway.start_run(None, &start_body("runyard.core.echo", inputs)).await.unwrap();
    let during = during.into_inner().run_id;
    assert_eq!(served.clients.run(&before).await["state"], "succeeded");

    drop(idle);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let again = client.get(format!("{}/v1/health", served.clients.gateway_url)).send();
    assert_eq!(bounded("an answer on a new connection", again).await.unwrap().status(), 200);
    assert_whole(&served.clients.events(&during, 0).await);
    served.process.signal("TERM");
    served.process.done().await.exits(0);
}
