//! Text files: checkpoint, tlog-proof, trust file, keys.

use agentsigna_verifier::{
    log::{
        checkpoint::Checkpoint,
        note::{Note, SignatureLine},
        proof::TlogProof,
    },
    trust::{Trust, TrustedLog},
};
use data_encoding::{BASE64, HEXLOWER};

use super::{About, broken, node::Node};
use crate::{
    failure::Failure,
    key_file::{self, Key},
};

/// A cosignature is 8 bytes of time and 64 of Ed25519 (C2SP tlog-cosignature).
const COSIGNATURE_BYTES: usize = 72;

pub(super) fn checkpoint(bytes: &[u8]) -> Result<About, Failure> {
    let note = Note::parse(bytes).map_err(|error| broken("a signed note", &error))?;
    let checkpoint =
        Checkpoint::parse(note.text()).map_err(|error| broken("a checkpoint", &error))?;
    Ok(About {
        kind: "checkpoint",
        is: "Checkpoint: a tree head that a log has signed",
        fields: head_node(&checkpoint, &note),
        proves_not: vec![
            "that the signatures are of the keys they name: that needs a trust file",
            "that it is the newest, or that others are shown the same",
            "anything about an entry: that needs a tlog-proof and the entry",
        ],
    })
}

/// A checkpoint inside another file, which may hold anything in its place.
pub(super) fn checkpoint_node(bytes: &[u8]) -> Node {
    let Ok(note) = Note::parse(bytes) else {
        return Node::map([("not a signed note", Node::hex(bytes))]);
    };
    match Checkpoint::parse(note.text()) {
        Ok(checkpoint) => head_node(&checkpoint, &note),
        Err(error) => Node::map([
            ("not a checkpoint", Node::text(&error)),
            ("text", Node::Block(note.encode())),
        ]),
    }
}

fn head_node(checkpoint: &Checkpoint, note: &Note) -> Node {
    let root = checkpoint.head().root();
    Node::map([
        ("log", Node::text(&checkpoint.origin())),
        ("entries", Node::Number(checkpoint.head().size().entries())),
        ("root hash", Node::Text(BASE64.encode(root.as_bytes()))),
        ("root hash (hex)", Node::hex(root.as_bytes())),
        ("signatures", Node::list(note.lines().iter().map(line_node))),
    ])
}

fn line_node(line: &SignatureLine) -> Node {
    let signature = line.signature();
    let mut fields = vec![
        ("by".to_owned(), Node::text(&line.name())),
        ("key id".to_owned(), Node::text(&line.id())),
        ("signature".to_owned(), Node::Text(BASE64.encode(signature))),
    ];
    if signature.len() == COSIGNATURE_BYTES
        && let Some((time, _)) = signature.split_first_chunk()
    {
        let seconds = u64::from_be_bytes(*time);
        fields.push(("time, if of a witness".to_owned(), Node::Seconds(seconds)));
    }
    Node::Map(fields)
}

pub(super) fn proof(bytes: &[u8]) -> Result<About, Failure> {
    let proof = TlogProof::parse(bytes).map_err(|error| broken("a tlog-proof", &error))?;
    Ok(About {
        kind: "tlog-proof",
        is: "Tlog-proof: a path from one leaf to a signed tree head",
        fields: parsed_proof(&proof),
        proves_not: vec![
            "which entry it is about: the leaf is not in it",
            "that the path leads to the root: that needs the entry",
            "that the signatures are of the keys they name: that needs a trust file",
        ],
    })
}

/// A proof inside another file, which may hold anything in its place.
pub(super) fn proof_node(bytes: &[u8]) -> Node {
    match TlogProof::parse(bytes) {
        Ok(proof) => parsed_proof(&proof),
        Err(error) => Node::map([
            ("not a tlog-proof", Node::text(&error)),
            ("bytes", Node::hex(bytes)),
        ]),
    }
}

fn parsed_proof(proof: &TlogProof) -> Node {
    let hashes = proof.inclusion().hashes().iter();
    Node::map([
        ("index", Node::Number(proof.index().position())),
        (
            "path to the root",
            Node::list(hashes.map(|hash| Node::Text(BASE64.encode(hash)))),
        ),
        ("checkpoint", head_node(proof.checkpoint(), proof.note())),
    ])
}

pub(super) fn trust(bytes: &[u8]) -> Result<About, Failure> {
    let trust = Trust::parse(bytes).map_err(|error| broken("a trust file", &error))?;
    let members: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| broken("a trust file", &error))?;
    Ok(About {
        kind: "trust",
        is: "Trust file: whom its holder believes",
        fields: Node::map([
            ("members", json_node("", &members)),
            (
                "names of the keys (computed)",
                Node::list(trust.logs().iter().map(keys_node)),
            ),
        ]),
        proves_not: vec![
            "anything at all: it is where proofs begin",
            "that it is the right one: compare the genesis leaf hash and the keys with somebody else's, by another way",
        ],
    })
}

fn keys_node(log: &TrustedLog) -> Node {
    let log_keys = log.log_keys().iter().map(|key| Node::text(&key.key().id()));
    let seal_keys = log
        .seal_keys()
        .iter()
        .map(|key| Node::hex(key.key().cose_thumbprint().as_bytes()));
    Node::map([
        ("log", Node::text(&log.origin())),
        ("log keys (note key id)", Node::list(log_keys)),
        ("seal keys (COSE thumbprint)", Node::list(seal_keys)),
        (
            "founder (thumbprint)",
            Node::text(&log.founder().jwk_thumbprint().to_base64url()),
        ),
    ])
}

/// JSON that [`Trust::parse`] has accepted: no fractions.
fn json_node(name: &str, value: &serde_json::Value) -> Node {
    use serde_json::Value as Json;
    match value {
        Json::Null => Node::Nothing,
        Json::Bool(flag) => Node::Flag(*flag),
        Json::Number(number) => match (name, number.as_u64()) {
            ("not_before" | "not_after", Some(millis)) => Node::Millis(millis),
            (_, Some(number)) => Node::Number(number),
            (_, None) => Node::text(&number),
        },
        Json::String(text) if text.contains('\n') => Node::Block(text.clone()),
        Json::String(text) => Node::text(&text),
        Json::Array(items) => Node::list(items.iter().map(|item| json_node("", item))),
        Json::Object(members) => Node::map(
            members
                .iter()
                .map(|(name, value)| (name.as_str(), json_node(name, value))),
        ),
    }
}

pub(super) fn public_key(bytes: &[u8]) -> Option<About> {
    let (key, comment) = key_file::parse_public(bytes)?;
    Some(About {
        kind: "public-key",
        is: "Public key: Ed25519",
        fields: Node::map([
            ("key", Node::text(&key.to_base64url())),
            ("comment", Node::text(&comment)),
            (
                "thumbprint (RFC 7638)",
                Node::text(&key.jwk_thumbprint().to_base64url()),
            ),
            (
                "COSE thumbprint (RFC 9679)",
                Node::Text(HEXLOWER.encode(key.cose_thumbprint().as_bytes())),
            ),
        ]),
        proves_not: vec![
            "whose key it is: compare the thumbprint with its holder's, by another way",
            "what the comment says",
        ],
    })
}

/// CL-32: of a private key, the public half.
pub(super) fn private_key(bytes: &[u8]) -> Result<About, Failure> {
    let key = Key::parse(bytes)?;
    let public = key.public();
    Ok(About {
        kind: "private-key",
        is: "PRIVATE key: Ed25519. Whoever reads this file can sign in its holder's name",
        fields: Node::map([
            ("public key", Node::text(&public.to_base64url())),
            (
                "thumbprint (RFC 7638)",
                Node::text(&public.jwk_thumbprint().to_base64url()),
            ),
        ]),
        proves_not: vec!["whose key it is", "that nobody else has a copy"],
    })
}
