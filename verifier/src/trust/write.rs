//! The canonical text of a trust file.

use alloc::{format, string::String, vec::Vec};

use super::{LogKey, SealKey, Trust, TrustedLog};
use crate::log::tree::TreeSize;

pub(super) fn trust(trust: &Trust) -> String {
    format!(
        r#"{{"version":1,"platform":{},"logs":{},"policy":{},"targets":{},"skew_s":{}}}"#,
        text(&trust.platform),
        list(trust.logs.iter().map(log)),
        text(&trust.policy_text),
        list(
            trust
                .targets
                .iter()
                .map(|target| text(&format!("{target}")))
        ),
        trust.skew_s,
    )
}

fn log(log: &TrustedLog) -> String {
    let rp_id = log
        .rp_id
        .as_ref()
        .map_or_else(String::new, |id| format!(r#""rp_id":{},"#, text(id)));
    format!(
        r#"{{"origin":{},"genesis_leaf":"{}","founder":"{}","log_keys":{},"seal_keys":{},{rp_id}"web_origins":{},"currency":"{}","exponent":{}}}"#,
        text(log.origin.as_str()),
        log.genesis_leaf,
        log.founder.to_base64url(),
        list(log.log_keys.iter().map(log_key)),
        list(log.seal_keys.iter().map(seal_key)),
        list(log.web_origins.iter().map(|origin| text(origin))),
        log.currency,
        log.exponent.digits(),
    )
}

fn log_key(key: &LogKey) -> String {
    let to_size = optional("to_size", key.to_size.map(TreeSize::entries));
    format!(
        r#"{{"vkey":{},"from_size":{}{to_size}}}"#,
        text(&key.key.encode()),
        key.from_size
    )
}

fn seal_key(key: &SealKey) -> String {
    let not_after = optional(
        "not_after",
        key.not_after.map(crate::time::UnixMillis::millis),
    );
    format!(
        r#"{{"key":"{}","not_before":{}{not_after}}}"#,
        key.key.to_base64url(),
        key.not_before
    )
}

fn optional(name: &str, number: Option<u64>) -> String {
    number.map_or_else(String::new, |number| format!(r#","{name}":{number}"#))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    format!("[{}]", items.join(","))
}

/// A JSON string: RFC 8259 §7, with the shortest escapes and none that is not needed.
fn text(text: &str) -> String {
    let mut written = String::with_capacity(text.len().saturating_add(2));
    written.push('"');
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            other if u32::from(other) < 0x20 => {
                written.push_str(&format!("\\u{:04x}", u32::from(other)));
            }
            other => written.push(other),
        }
    }
    written.push('"');
    written
}
