//! The verifier as a WebAssembly module, for `run.mjs` and whoever embeds it: three functions, no imports.
//!
//! A module that imports nothing has no clock, socket, file or randomness, whatever its code says: that is what
//! this package is there to show (decision 53). It has no policy engine either, so no verdict is made again.
//!
//! The caller asks for [`room`] for the trust file and for the artefact, writes them there, calls [`judge`] and
//! reads the answer. One call at a time: the module has one memory and no threads.

use std::sync::{Mutex, PoisonError};

use agentsigna_verifier::{
    time::UnixMillis,
    trust::Trust,
    verify::{Question, verify},
};

/// The trust file, the artefact, and the last answer.
static ROOMS: [Mutex<Vec<u8>>; 3] = [const { Mutex::new(Vec::new()) }; 3];

/// In [`ROOMS`].
const TRUST: usize = 0;
const ARTEFACT: usize = 1;
const ANSWER: usize = 2;

/// Makes room for `bytes` bytes, all zero, and answers where: `which` is 0 for the trust file, 1 for the
/// artefact, 2 for the answer, which [`judge`] makes. What was there before is gone. A null pointer: no such room.
#[expect(
    unsafe_code,
    reason = "an exported name; no other function of the module has it"
)]
#[unsafe(no_mangle)]
pub extern "C" fn room(which: usize, bytes: usize) -> *mut u8 {
    ROOMS.get(which).map_or(std::ptr::null_mut(), |room| {
        let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
        *room = vec![0; bytes];
        room.as_mut_ptr()
    })
}

/// Judges the artefact by the trust file as of `at_ms`, in milliseconds; negative: no time is given. Answers how
/// long the answer is: `VALID`, `REFUSED <code>`, `INCOMPLETE <code>`, or `no trust file` and why.
#[expect(
    unsafe_code,
    reason = "an exported name; no other function of the module has it"
)]
#[unsafe(no_mangle)]
pub extern "C" fn judge(at_ms: i64, pinned: bool, expects_authority: bool) -> usize {
    let question = Question {
        at: u64::try_from(at_ms).ok().and_then(UnixMillis::new),
        pinned,
        expects_authority,
    };
    let said = match Trust::parse(&taken(TRUST)) {
        Ok(trust) => {
            let report = verify(&taken(ARTEFACT), &trust, &question);
            let outcome = report.outcome();
            let words = [Some(outcome.as_str()), outcome.code()];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("no trust file: {error}"),
    };
    let length = said.len();
    if let Some(room) = ROOMS.get(ANSWER) {
        *room.lock().unwrap_or_else(PoisonError::into_inner) = said.into_bytes();
    }
    length
}

/// Where the last answer is.
#[expect(
    unsafe_code,
    reason = "an exported name; no other function of the module has it"
)]
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    ROOMS.get(ANSWER).map_or(std::ptr::null(), |room| {
        let room = room.lock().unwrap_or_else(PoisonError::into_inner);
        room.as_ptr()
    })
}

fn taken(which: usize) -> Vec<u8> {
    let room = ROOMS.get(which);
    room.map_or_else(Vec::new, |room| {
        std::mem::take(&mut *room.lock().unwrap_or_else(PoisonError::into_inner))
    })
}
