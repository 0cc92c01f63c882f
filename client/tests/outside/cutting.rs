//! A proxy that breaks the first two event streams in the middle of an event.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The number of streams that are cut.
const CUTS: u32 = 2;

pub struct Proxy {
    pub url: String,
    cuts: Arc<AtomicU32>,
}

impl Proxy {
    pub fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// A proxy in front of a server.
pub async fn before(url: &str) -> io::Result<Proxy> {
    let server = url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = Proxy { url: format!("http://{}", listener.local_addr()?), cuts: Arc::default() };
    let cuts = Arc::clone(&proxy.cuts);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // Either side may disconnect at any time.
            tokio::spawn(pass(client, server.clone(), Arc::clone(&cuts)));
        }
    });
    Ok(proxy)
}

/// Passes both directions of one connection. It is cut within the first events that follow a request for events.
async fn pass(mut client: TcpStream, server: String, cuts: Arc<AtomicU32>) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut asked, mut said) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut streams = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let request = &asked[..read?];
                if request.is_empty() {
                    return Ok(());
                }
                streams |= has(request, b"/events");
                server.write_all(request).await?;
            }
            read = server.read(&mut said) => {
                let answer = &said[..read?];
                if answer.is_empty() {
                    return Ok(());
                }
                if streams && has(answer, b"\"seq\":") && cuts.load(Ordering::SeqCst) < CUTS {
                    cuts.fetch_add(1, Ordering::SeqCst);
                    // Most likely within an event.
                    client.write_all(&answer[..answer.len() * 2 / 3]).await?;
                    return Ok(());
                }
                client.write_all(answer).await?;
            }
        }
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
