//! What the host does on the machine itself: data folder, settings, commands, control socket.
//!
//! Commands work on a stopped data folder, or through the control socket of the server that has it open; both
//! run the same function ([`command::Command::run`]).

pub mod command;
pub mod control;
pub mod folder;
pub mod settings;
