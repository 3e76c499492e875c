//! The load: a fixed number of connections, each of which asks as soon as it has its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use tokio::task::JoinSet;

use super::connection::Connection;

/// How much is asked in one repetition.
#[derive(Clone, Copy)]
pub struct Load {
    /// Connections at once, at least 1.
    pub connections: usize,
    /// Requests of each connection.
    pub requests: usize,
}

impl Load {
    /// Requests per second: of all connections together, from the first request to the last answer. Connections are
    /// opened, and one request is made on each, before that.
    ///
    /// # Errors
    /// If an answer is not 200 or does not hold `mark`.
    pub async fn run(self, address: SocketAddr, request: &[u8], mark: &[u8]) -> Result<f64> {
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let mut connection = Connection::open(address).await?;
            ask(&mut connection, request, mark).await?;
            connections.push(connection);
        }
        let (request, mark): (Arc<[u8]>, Arc<[u8]>) = (request.into(), mark.into());
        let mut asking = JoinSet::new();
        let started = Instant::now();
        for mut connection in connections {
            let (request, mark) = (request.clone(), mark.clone());
            asking.spawn(async move {
                for _ in 0..self.requests {
                    ask(&mut connection, &request, &mark).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = asking.join_next().await {
            ended??;
        }
        Ok(rate(self.connections * self.requests, started.elapsed().as_secs_f64()))
    }
}

async fn ask(connection: &mut Connection, request: &[u8], mark: &[u8]) -> Result<()> {
    let (status, body) = connection.exchange(request).await?;
    if status != 200 || !body.windows(mark.len()).any(|window| window == mark) {
        bail!("{status}: {}", String::from_utf8_lossy(body));
    }
    Ok(())
}

fn rate(requests: usize, seconds: f64) -> f64 {
    requests as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_requests_by_time() {
        assert!((rate(3200, 0.5) - 6400.0).abs() < f64::EPSILON);
    }
}
