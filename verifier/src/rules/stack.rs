//! Threads with a stack on which no scanned policy can run out of it.
//!
//! Cedar's parser recurses until the process aborts, and its evaluator answers "recursion limit reached" below
//! 100 KiB of stack: the same policy would decide differently on a small thread. So every call into Cedar
//! takes a [`BigStack`], which only a thread of the fixed size can show (PO-26). The size is part of the engine
//! stamp.

use core::marker::PhantomData;
use std::{
    io,
    panic::resume_unwind,
    string::ToString as _,
    thread::{Builder, JoinHandle, scope},
};

/// The stack of such a thread: 64 MiB of address space, of which only what is used costs memory.
pub const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Proof that this code runs on a thread with [`STACK_BYTES`] of stack. Cannot leave its thread.
#[derive(Debug)]
pub struct BigStack(PhantomData<*const ()>);

impl BigStack {
    /// Starts a thread called `name` that runs `work`: for a pool that keeps such threads.
    ///
    /// # Errors
    /// The operating system has no thread to give.
    pub fn spawn<T, F>(name: &str, work: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce(&Self) -> T + Send + 'static,
        T: Send + 'static,
    {
        Builder::new()
            .name(name.to_string())
            .stack_size(STACK_BYTES)
            .spawn(move || work(&Self(PhantomData)))
    }
}

/// Runs `work` on a thread of its own and waits for it. A panic in `work` goes on in the caller.
///
/// # Errors
/// The operating system has no thread to give.
pub fn on_big_stack<T: Send>(work: impl FnOnce(&BigStack) -> T + Send) -> io::Result<T> {
    scope(|scope| {
        let thread = Builder::new()
            .name("rules".to_string())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, move || work(&BigStack(PhantomData)))?;
        thread.join().map_err(resume_unwind_as)
    })
}

/// Carries a panic over; the return type is only for the place it is called at.
fn resume_unwind_as(panic: std::boxed::Box<dyn core::any::Any + Send>) -> io::Error {
    resume_unwind(panic)
}
