//! Bodies that are made while they are sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use tokio::{sync::mpsc, time::timeout};

/// Parts that wait to be sent: what is in memory of a stream.
const PARTS_MAX: usize = 2;
/// A reader that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(60);

/// The end of a body that is not whole: its reader hears of it, as the last chunk is missing.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off")]
pub(super) struct CutOff;

/// Where the parts of a body go. A body whose sender is dropped before [`Sender::finish`] is cut off.
pub(super) struct Sender(mpsc::Sender<Part>);

enum Part {
    Bytes(Bytes),
    /// The body is whole.
    End,
}

struct Parts {
    parts: mpsc::Receiver<Part>,
    ended: bool,
}

/// A body, and where its parts go.
pub(super) fn open() -> (Sender, Body) {
    let (sender, parts) = mpsc::channel(PARTS_MAX);
    let ended = false;
    (Sender(sender), Body::new(Parts { parts, ended }))
}

impl Sender {
    /// Sends `part`; `false` if nobody reads any more.
    pub(super) async fn send(&self, part: impl Into<Bytes>) -> bool {
        self.put(Part::Bytes(part.into())).await
    }

    /// The body is whole.
    pub(super) async fn finish(self) {
        // Who has gone needs no telling.
        let _ = self.put(Part::End).await;
    }

    /// Returns once nobody reads any more.
    pub(super) async fn gone(&self) {
        self.0.closed().await;
    }

    async fn put(&self, part: Part) -> bool {
        matches!(timeout(STALLED, self.0.send(part)).await, Ok(Ok(())))
    }
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.parts.poll_recv(context).map(|part| match part {
            Some(Part::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Part::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(CutOff))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a body is whole or known to be cut off, and nobody writes for a reader who has gone.

    use axum::body::to_bytes;

    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(work)
    }

    #[test]
    fn a_body_ends_whole_or_cut_off() {
        block_on(async {
            let (sender, body) = open();
            let sent = async {
                assert!(sender.send("one, ").await);
                assert!(sender.send("two").await);
                sender.finish().await;
            };
            let (read, ()) = tokio::join!(to_bytes(body, 100), sent);
            assert_eq!(read.unwrap(), "one, two");
            let (sender, body) = open();
            let sent = async {
                assert!(sender.send("one").await);
                drop(sender);
            };
            let (read, ()) = tokio::join!(to_bytes(body, 100), sent);
            assert!(read.is_err());
        });
    }

    #[test]
    fn who_has_gone_is_noticed() {
        block_on(async {
            let (sender, body) = open();
            drop(body);
            sender.gone().await;
            assert!(!sender.send("nobody").await);
        });
    }
}
