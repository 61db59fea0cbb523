//! Before a signature: what exactly will be signed (TA-10). After it: a code that is shown once.

use askama::Template;

use super::{
    frame::{Facts, Frame},
    parts::{Block, Hash, When},
};

/// The answer of `POST /acts`: nothing has happened yet.
#[derive(Debug, Clone, Template)]
#[template(path = "act.html")]
pub struct ActPage {
    /// Around it.
    pub frame: Frame,
    /// What it does: `Suspend agent buyer-1`.
    pub title: String,
    /// What follows from it, and what does not; in our words.
    pub follows: Vec<String>,
    /// Its members, in words.
    pub words: Facts,
    /// Its path.
    pub path: String,
    /// The body, byte for byte: JSON or a policy text.
    pub body: Block,
    /// How many bytes that is.
    pub body_bytes: usize,
    /// Its digest, as in the context.
    pub content: Hash,
    /// The context that is signed, in diagnostic notation.
    pub context: Block,
    /// The digest the device signs.
    pub challenge: Hash,
    /// Until when it can be signed.
    pub until: When,
    /// Where the second of two signatures stands.
    pub second: Second,
    /// What the script needs and sends: `context`, `challenge`, `body`, … in base64url.
    pub hidden: Vec<(&'static str, String)>,
    /// The page to go to when it is done, and back to when it is not.
    pub back: String,
}

/// Whether two people have to sign. PE-9
#[derive(Debug, Clone)]
pub enum Second {
    /// One is enough.
    NotNeeded,
    /// This signature proposes; another administrator has to follow by then.
    Proposes(When),
    /// Somebody proposed it; with this signature it happens.
    Completes(String),
}

/// After an invitation: the one-time code.
#[derive(Debug, Clone, Template)]
#[template(path = "code.html")]
pub struct CodePage {
    /// Around it.
    pub frame: Frame,
    /// Who was invited: `Agent buyer-2`.
    pub subject: String,
    /// 22 characters.
    pub code: String,
    /// Where a person has to go with it; `None` of a program.
    pub address: Option<String>,
    /// Until when it can be used.
    pub until: When,
    /// The page of who was invited.
    pub back: String,
}

super::frame::stands!(ActPage at "", CodePage at "");
