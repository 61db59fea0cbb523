//! News for pages that are open: server-sent events (HTML Living Standard §9.2).

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, extract::State, routing::get};
use tokio::time::timeout;

use super::{
    Door, Outcome, Shared, Signed,
    routes::{On, Route, Who, data},
    stream::{self, Sender},
    typed,
};
use crate::domain::{Listening, News};

/// A comment is sent after so long without news, so that nobody between us and the page takes the connection for dead.
const QUIET: Duration = Duration::from_secs(15);

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[data(On::Portal, "GET", "/events", Who::Person)];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new().route("/events", get(events))
}

async fn events(State(door): Shared, Extension(visitor): Signed) -> Outcome {
    let listening = door.office.listen(&visitor)?;
    let (sender, body) = stream::open();
    tokio::spawn(tell(listening, sender));
    Ok(typed("text/event-stream", body))
}

/// TA-18: until the session ends, the server stops, or the page is gone.
async fn tell(mut listening: Listening, sender: Sender) {
    // At once, so that the page knows that it is heard.
    let mut part = ":\n\n".to_owned();
    loop {
        if !sender.send(part).await {
            return;
        }
        let next = tokio::select! {
            next = timeout(QUIET, listening.next()) => next,
            () = sender.gone() => return,
        };
        part = match next {
            Err(_) => ":\n\n".to_owned(),
            Ok(None) => return sender.finish().await,
            Ok(Some((news, size))) => news.into_iter().map(|news| event(news, size)).collect(),
        };
    }
}

fn event(news: News, size: u64) -> String {
    let name = match news {
        News::Queue => "queue",
        News::Case => "case",
    };
    format!("event: {name}\ndata: {size}\n\n")
}
