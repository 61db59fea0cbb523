//! Connections of callers: with limits on their number and on the time that headers may take.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time,
};

const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
const HEADERS_MAX: usize = 64;
const CONNECTIONS_MAX: usize = 1024;
/// What calls in flight get when the gate is told to stop.
const LAST_CALLS: Duration = Duration::from_secs(10);

/// Serves `router` until `stop` says so; then finishes the calls that are there.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_headers(HEADERS_MAX);
    let open = GracefulShutdown::new();
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let (stream, place) = tokio::select! {
            _ = stop.changed() => break,
            accepted = async { (listener.accept().await, place.await) } => match accepted {
                (Ok((stream, _)), Ok(place)) => (stream, place),
                // One connection that failed says nothing of the next; a moment's rest if descriptors ran out.
                _ => {
                    time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        // Without it calls are slower, and no less right.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = open.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A caller that went away.
            let _ = connection.await;
            drop(place);
        });
    }
    let _ = time::timeout(LAST_CALLS, open.shutdown()).await;
    Ok(())
}
