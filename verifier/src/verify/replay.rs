//! Verdict and sheet, made again (feature `rules`).

use alloc::format;

use super::{
    report::{Stop, ensure, gap, refuse},
    sheets::Frozen,
};
use crate::{
    digest::Digest,
    event::DecisionMade,
    review::Sheet,
    rules::{Bundle, CompiledBundle, ENGINE, decide, on_big_stack, stack::BigStack},
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
        if let (Some(digest), Some(bytes)) = (digest, bytes) {
            compile(stack, compiled, digest, bytes, "verdict-mismatch")?;
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

/// VE-33, AV-14, SH-1: the sheet that was frozen is what the log makes of it. `bundle` and `sheet` are blobs whose digests
/// were checked, if they are at hand; `whole`: whether the agent's other cases are known.
pub(super) fn redraw(
    compiled: &mut Compiled,
    bundle: Option<&[u8]>,
    frozen: &Frozen<'_>,
    sheet: Option<&[u8]>,
    whole: bool,
) -> Replayed {
    if frozen.made.decision.engine() != ENGINE {
        return Replayed::OtherEngine;
    }
    let digest = frozen.bundle();
    let held = compiled.as_ref().map(|(held, _)| *held);
    let (Some(digest), true) = (digest, bundle.is_some() || held == digest) else {
        return Replayed::Judged(gap(
            "missing-blob",
            "the bundle of the sheet is not at hand",
        ));
    };
    let Some(sheet) = sheet else {
        return Replayed::Judged(gap("missing-blob", "a sheet is not at hand"));
    };
    let at = frozen.index;
    let shown = match Sheet::decode(sheet) {
        Ok(shown) => shown,
        Err(error) => {
            return Replayed::Judged(refuse(
                "sheet-mismatch",
                format!("entry {at} names a sheet that is none: {error}"),
            ));
        }
    };
    let ran = on_big_stack(|stack| {
        if let Some(bytes) = bundle {
            compile(stack, compiled, digest, bytes, "sheet-mismatch")?;
        }
        let Some((_, ready)) = compiled.as_ref() else {
            return gap("missing-blob", "the bundle of the sheet is not at hand");
        };
        let facts = &frozen.facts;
        let input = facts.input(frozen.made, frozen.asked_at, frozen.statement.as_deref());
        match crate::rules::sheet(stack, ready, &input) {
            Ok(drawn) => match shown.difference(&drawn, whole) {
                None => Ok(()),
                Some(member) => refuse(
                    "sheet-mismatch",
                    format!("the sheet of entry {at} says of `{member}` what the log does not"),
                ),
            },
            Err(error) => refuse(
                "sheet-mismatch",
                format!("no sheet can be drawn for entry {at}: {error}"),
            ),
        }
    });
    Replayed::Judged(match ran {
        Ok(result) => result,
        Err(error) => gap("no-thread", error),
    })
}

/// Compiles the bundle, unless it is the one that was compiled last.
fn compile(
    stack: &BigStack,
    compiled: &mut Compiled,
    digest: Digest,
    bytes: &[u8],
    code: &'static str,
) -> Result<(), Stop> {
    if compiled.as_ref().is_some_and(|(held, _)| *held == digest) {
        return Ok(());
    }
    let bundle = match Bundle::decode(bytes) {
        Ok(bundle) => bundle,
        Err(error) => {
            return refuse(
                code,
                format!("bundle {digest} is none that decides: {error}"),
            );
        }
    };
    match CompiledBundle::compile(stack, &bundle) {
        Ok(ready) => {
            *compiled = Some((digest, ready));
            Ok(())
        }
        Err(error) => refuse(code, format!("bundle {digest} does not compile: {error}")),
    }
}
