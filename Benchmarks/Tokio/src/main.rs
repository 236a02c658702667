//! A TCP echo server on tokio: its single-threaded runtime, a task a connection.
//!
//! SPDX-License-Identifier: Apache-2.0
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BUFFER_SIZE: usize = 8192;

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

async fn discard(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_SIZE];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn serve(port: u16, sink: bool) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // What fails ends its connection alone.
        if sink {
            tokio::spawn(discard(stream));
        } else {
            tokio::spawn(echo(stream));
        }
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let port = arguments.iter().position(|argument| argument == "--port").and_then(|index| arguments.get(index + 1));
    let port = port.and_then(|port| port.parse().ok()).unwrap_or(0);
    let sink = arguments.iter().any(|argument| argument == "--sink");
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(port, sink))
}
