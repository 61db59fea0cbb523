//! The verdict, made again (feature `rules`).

use alloc::format;

use super::report::{Stop, ensure, gap, refuse};
use crate::{
    digest::Digest,
    event::DecisionMade,
    rules::{Bundle, CompiledBundle, ENGINE, decide, on_big_stack},
};

/// The bundle compiled last, so that an audit compiles each bundle once and not once per decision.
pub(super) type Compiled = Option<(Digest, CompiledBundle)>;

/// How a replay went.
pub(super) enum Replayed {
    /// It was run, or had to be and could not.
    Judged(Result<(), Stop>),
    /// Another engine decided: this one's answer would be no replay.
    OtherEngine,
}

/// VE-23: the engine that the decision names gives the same decision again. `bundle`: the digest the snapshot
/// names, and the blob if it is at hand, its digest checked.
pub(super) fn run(
    compiled: &mut Compiled,
    bundle: Option<(Digest, Option<&[u8]>)>,
    made: &DecisionMade,
) -> Replayed {
    if made.decision.engine() != ENGINE {
        return Replayed::OtherEngine;
    }
    let (digest, bytes) = match bundle {
        Some((digest, None)) if compiled.as_ref().is_none_or(|(held, _)| *held != digest) => {
            return Replayed::Judged(gap(
                "missing-blob",
                format!("bundle {digest} is not at hand"),
            ));
        }
        Some((digest, bytes)) => (Some(digest), bytes),
        None => (None, None),
    };
    let ran = on_big_stack(|stack| {
        if let (Some(digest), Some(bytes)) = (digest, bytes)
            && compiled.as_ref().is_none_or(|(held, _)| *held != digest)
        {
            let bundle = match Bundle::decode(bytes) {
                Ok(bundle) => bundle,
                Err(error) => {
                    return refuse(
                        "verdict-mismatch",
                        format!("bundle {digest} is none that decides: {error}"),
                    );
                }
            };
            match CompiledBundle::compile(stack, &bundle) {
                Ok(ready) => *compiled = Some((digest, ready)),
                Err(error) => {
                    return refuse(
                        "verdict-mismatch",
                        format!("bundle {digest} does not compile: {error}"),
                    );
                }
            }
        }
        let bundle = digest.and_then(|_| compiled.as_ref().map(|(_, ready)| ready));
        let (again, _permit) = decide(stack, bundle, &made.snapshot).into_parts();
        ensure(
            again == made.decision,
            "verdict-mismatch",
            format!(
                "the policy says {} by `{}`, the log says {} by `{}`",
                again.verdict(),
                again.rules().join(" "),
                made.decision.verdict(),
                made.decision.rules().join(" ")
            ),
        )
    });
    Replayed::Judged(match ran {
        Ok(result) => result,
        Err(error) => gap("no-thread", error),
    })
}
