//! The platform, told of each admission by the target system's own key (GA-11).

use agentsigna_gate::Answered;
use agentsigna_verifier::{
    limits,
    signed_request::{Content, Draft, Headers, Profile, Request},
};
use reqwest::Client;

use super::proxy;
use crate::{
    call::{Place, nonce},
    failure::Failure,
    key_file::Key,
    now,
};

const JSON: &str = "application/json";

/// Where reports go.
pub(super) struct Platform {
    place: Place,
    client: Client,
    key: Key,
}

impl Platform {
    /// `url` is the agent API of the platform, without a path.
    pub(super) fn new(url: &str, key: Key) -> Result<Self, Failure> {
        let base = url.trim_end_matches('/');
        let place = Place::parse(&format!("{base}/v1/executions"), None)?;
        if place.target() != "/v1/executions" {
            return Err(Failure::new(format!(
                "platform `{url}` has more than scheme, host and port: leave the rest out"
            )));
        }
        Ok(Self {
            client: proxy::client(place.address())?,
            place,
            key,
        })
    }

    /// One attempt, newly signed.
    pub(super) async fn tell(&self, body: &[u8]) -> Answered {
        let Ok(headers) = self.sign(body) else {
            return Answered::Later;
        };
        let mut call = self
            .client
            .post(self.place.address().clone())
            .header("Content-Type", JSON)
            .header("Signature-Input", headers.signature_input)
            .header("Signature", headers.signature)
            .body(body.to_vec());
        if let Some(digest) = headers.content_digest {
            call = call.header("Content-Digest", digest);
        }
        match call.send().await {
            Ok(answer) => judged(answer.status().as_u16()),
            Err(_) => Answered::Later,
        }
    }

    fn sign(&self, body: &[u8]) -> Result<Headers, Failure> {
        let now = now().ok_or_else(|| Failure::new("the clock of this machine is wrong"))?;
        let nonce = nonce()?;
        let request = Request {
            method: "POST",
            authority: &self.place.authority(),
            target: self.place.target(),
            content: Some(Content { kind: JSON, body }),
            passport: None,
            created_s: now.seconds(),
            expires_s: now.seconds().saturating_add(limits::REQUEST_LIFE_S_MAX),
            nonce: Some(&nonce),
        };
        let draft = Draft::new(Profile::Action, &request, *self.key.public())
            .map_err(|error| Failure::of("report", &error))?;
        draft
            .sign(&self.key.sign(draft.base()))
            .map_err(|error| Failure::of("report", &error))
    }
}

/// GA-11: what will be the same tomorrow is not asked again.
const fn judged(status: u16) -> Answered {
    match status {
        200..=299 => Answered::Done,
        401 | 408 | 421 | 429 => Answered::Later,
        400..=499 => Answered::Done,
        _ => Answered::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ga_11_what_may_change_is_asked_again() {
        for status in [200, 201, 400, 403, 404, 409, 422] {
            assert_eq!(judged(status), Answered::Done, "{status}");
        }
        for status in [100, 301, 401, 408, 421, 429, 500, 502, 503] {
            assert_eq!(judged(status), Answered::Later, "{status}");
        }
    }
}
