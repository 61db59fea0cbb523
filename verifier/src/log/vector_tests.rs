//! Public vectors (`testdata/vectors/README.md`), each with the result its authors expect.

use alloc::{format, string::String, sync::Arc, vec::Vec};
use std::{fs, path::PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;

use super::{
    bundle::{encode_entries, parse_entries},
    checkpoint::{Checkpoint, OpenError, SignedCheckpoint, open},
    consistency::ConsistencyProof,
    cosignature::{CosignedAt, message},
    frontier::Frontier,
    inclusion::InclusionProof,
    note::{KeyKind, KeyName, Note, NoteKey, NoteKeyError},
    oracle::{Oracle, Tiles},
    proof::{TlogProof, TlogProofError},
    prove::{HashReader, prove_consistency, prove_inclusion, read_head},
    signer::Signer,
    tile::{Bundle, Tile},
    tree::{LeafHash, LeafIndex, RootHash, TreeHead, TreeSize},
    witness_policy::WitnessPolicy,
};
use crate::{digest::rfc9530_content, key::PublicKey};

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/vectors")
}

fn bytes(path: &str) -> Vec<u8> {
    fs::read(vectors().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_slice(&bytes(path)).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn hash(value: &Value) -> Option<[u8; 32]> {
    let bytes = BASE64.decode(value.as_str()?.as_bytes()).unwrap();
    bytes.try_into().ok()
}

fn hex(value: &Value) -> [u8; 32] {
    HEXLOWER
        .decode(text(value).as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

fn hexes(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().unwrap().iter().map(hex).collect()
}

fn head(size: &Value, root: &Value) -> Option<TreeHead> {
    let size = TreeSize::new(size.as_u64().unwrap())?;
    Some(TreeHead::new(size, RootHash::from_bytes(hash(root)?)))
}

/// The hashes of a proof; `null` is none. `None` if one is not 32 bytes: refused before it is a hash.
fn hashes(proof: &Value) -> Option<Vec<[u8; 32]>> {
    proof
        .as_array()
        .map_or(Some(Vec::new()), |proof| proof.iter().map(hash).collect())
}

fn probes(folder: &str) -> Vec<(String, Value)> {
    fn collect(folder: PathBuf, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(
        vectors().join("transparency-dev-merkle").join(folder),
        &mut found,
    );
    found
        .into_iter()
        .map(|path| {
            let probe = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path.to_str().unwrap().into(), probe)
        })
        .collect()
}

#[test]
fn transparency_dev_inclusion_probes() {
    let probes = probes("inclusion");
    assert_eq!(probes.len(), 98);
    let mut good = 0;
    for (path, probe) in &probes {
        let check = || {
            let head = head(&probe["treeSize"], &probe["root"])?;
            let index = LeafIndex::new(probe["leafIdx"].as_u64().unwrap());
            let proof = InclusionProof::new(index, hashes(&probe["proof"])?);
            proof
                .check(LeafHash::from_bytes(hash(&probe["leafHash"])?), &head)
                .ok()
        };
        let expected = !probe["wantErr"].as_bool().unwrap();
        assert_eq!(check().is_some(), expected, "{path}");
        good += usize::from(expected);
    }
    assert_eq!(good, 6);
}

#[test]
fn transparency_dev_consistency_probes() {
    /// Expects success for two "roots" of 12 bytes; ours are 32 bytes by type.
    const LEFT_OUT: &str = "additional/sizes-are-equal-one-and-proof-is-empty.json";
    let probes = probes("consistency");
    assert_eq!(probes.len(), 98);
    let mut good = 0;
    let mut left_out = 0;
    for (path, probe) in &probes {
        if path.ends_with(LEFT_OUT) {
            left_out += 1;
            continue;
        }
        let check = || {
            let old = head(&probe["size1"], &probe["root1"])?;
            let new = head(&probe["size2"], &probe["root2"])?;
            ConsistencyProof::new(hashes(&probe["proof"])?)
                .check(&old, &new)
                .ok()
        };
        let expected = !probe["wantErr"].as_bool().unwrap();
        assert_eq!(check().is_some(), expected, "{path}");
        good += usize::from(expected);
    }
    assert_eq!((good, left_out), (5, 1));
}

/// A folder in the layout of tlog-tiles.
struct Folder(PathBuf);

impl HashReader for Folder {
    type Error = std::io::Error;

    fn tile(&self, tile: Tile) -> Result<Arc<[u8]>, Self::Error> {
        fs::read(self.0.join(tile.path())).map(Arc::from)
    }
}

/// Goal: a foreign log opens, its tiles give its roots, its bundles give its tiles, and all its sizes extend one
/// another.
#[test]
fn tessera_log_of_every_size() {
    let vkey = String::from_utf8(bytes("tessera-testlog/log.vkey")).unwrap();
    let key = NoteKey::parse(vkey.trim_end()).unwrap();
    let folder = Folder(vectors().join("tessera-testlog"));
    let heads: Vec<TreeHead> = (0..=15)
        .map(|size| {
            let note = bytes(&format!("tessera-testlog/checkpoint.{size}"));
            let signed = open(&note, &key).unwrap();
            assert_eq!(signed.note().encode().as_bytes(), note);
            assert_eq!(signed.head().size().entries(), size);
            signed.head()
        })
        .collect();
    assert_eq!(
        open(&bytes("tessera-testlog/checkpoint"), &key)
            .unwrap()
            .head(),
        heads[15]
    );
    for new in &heads {
        assert_eq!(read_head(new.size(), &folder).unwrap(), *new);
        for old in heads.iter().filter(|old| old.size() <= new.size()) {
            let proof = prove_consistency(old.size(), new.size(), &folder).unwrap();
            proof.check(old, new).unwrap();
        }
        let Some(bundle) = Bundle::of(0, new.size()) else {
            continue;
        };
        let bundled = bytes(&format!("tessera-testlog/{}", bundle.path()));
        let entries = parse_entries(&bundled, bundle.width()).unwrap();
        assert_eq!(encode_entries(entries.iter().copied()).unwrap(), bundled);
        let mut frontier = Frontier::empty();
        for (index, entry) in (0..).zip(entries) {
            let index = LeafIndex::new(index);
            assert_eq!(frontier.append(LeafHash::of(entry)), Ok(index));
            let proof = prove_inclusion(index, new.size(), &folder).unwrap();
            proof.check(LeafHash::of(entry), new).unwrap();
        }
        assert_eq!(frontier.head(), *new);
    }
}

fn sunlight_key(metadata: &str) -> NoteKey {
    let metadata = json(&format!("sunlight-witness/{metadata}"));
    NoteKey::parse(text(&metadata["verifier_keys"][0])).unwrap()
}

/// Goal: cosignatures by foreign witnesses hold, and their directories are named by SHA-256 of the origin.
#[test]
fn sunlight_cosignatures() {
    const ROME: &str = "000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706";
    const MILAN: &str = "88ad7a28caeb0b2aa890fdf0304c2fcaf59fca2ee140134ff8c1300bac493482";
    for (metadata, checkpoint) in [
        (
            "witness/witness.v0.json",
            format!("witness/{ROME}/checkpoint"),
        ),
        (
            "witness/mirror/mirror.v0.json",
            format!("witness/mirror/{ROME}/checkpoint"),
        ),
        (
            "witness2/witness.v0.json",
            format!("witness2/{MILAN}/checkpoint"),
        ),
    ] {
        let key = sunlight_key(metadata);
        assert_eq!(key.kind(), KeyKind::Cosignature);
        let bytes = bytes(&format!("sunlight-witness/{checkpoint}"));
        let note = Note::parse(&bytes).unwrap();
        assert_eq!(note.encode().as_bytes(), bytes);
        let claimed = Checkpoint::parse(note.text()).unwrap();
        let directory = HEXLOWER.encode(&rfc9530_content(claimed.origin().as_str().as_bytes()));
        assert!(checkpoint.contains(&directory));
        let line = note.line_of(&key).unwrap();
        let cosigned = super::cosignature::check(line, &key, &claimed).unwrap();
        assert_eq!(cosigned.at().seconds(), 1_767_139_200);
    }
}

/// Goal: tiles of more than one level give the root that the mirror cosigned.
#[test]
fn sunlight_tiles_of_300_entries() {
    const MIRROR: &str = "sunlight-witness/witness/mirror/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706";
    let note = Note::parse(&bytes(&format!("{MIRROR}/checkpoint"))).unwrap();
    let head = Checkpoint::parse(note.text()).unwrap().head();
    let folder = Folder(vectors().join(MIRROR));
    assert_eq!(read_head(head.size(), &folder).unwrap(), head);
    let leaves = [
        bytes(&format!("{MIRROR}/tile/0/000")),
        bytes(&format!("{MIRROR}/tile/0/001.p/44")),
    ]
    .concat();
    for (index, leaf) in (0..).zip(leaves.as_chunks::<32>().0) {
        let proof = prove_inclusion(LeafIndex::new(index), head.size(), &folder).unwrap();
        proof.check(LeafHash::from_bytes(*leaf), &head).unwrap();
    }
}

/// Goal: the public Sigstore cases end as its conformance suite says.
#[test]
fn sigstore_checkpoints() {
    let all = json("sigstore-rekor2-checkpoints/vectors.json");
    let cases = all["vectors"].as_array().unwrap();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let spki = BASE64
            .decode(text(&case["logKeys"][0]["spki"]).as_bytes())
            .unwrap();
        let public = PublicKey::from_bytes(&spki[spki.len() - 32..]).unwrap();
        let origin = text(&case["logKeys"][0]["baseUrl"])
            .strip_prefix("https://")
            .unwrap();
        let key = NoteKey::new(KeyName::parse(origin).unwrap(), KeyKind::Ed25519, public);
        let entry = BASE64
            .decode(text(&case["canonicalizedBody"]).as_bytes())
            .unwrap();
        let proof = &case["inclusionProof"];
        let check = || {
            let signed = open(text(&proof["checkpoint"]["envelope"]).as_bytes(), &key).ok()?;
            let index = LeafIndex::new(text(&proof["logIndex"]).parse().unwrap());
            let path = InclusionProof::new(index, hashes(&proof["hashes"])?);
            path.check(LeafHash::of(&entry), &signed.head()).ok()
        };
        let expected = text(&case["expect"]) == "accept";
        assert_eq!(check().is_some(), expected, "{}", case["name"]);
    }
}

fn kat() -> Value {
    json("generated-kat/kat.json")
}

fn kat_key(kat: &Value, name: &str) -> NoteKey {
    NoteKey::parse(text(&kat["vkeys"][name])).unwrap()
}

#[test]
fn generated_keys_and_checkpoints() {
    let kat = kat();
    let (log, witness) = (
        kat_key(&kat, "log_ed25519_0x01"),
        kat_key(&kat, "witness_ed25519_0x04"),
    );
    // Both sides: the keys come out of the seeds, and the signatures out of the keys (Ed25519 is deterministic).
    let signer = |name: &str, key: &NoteKey| {
        let signer = Signer::new(key.name().as_str(), key.kind(), hex(&kat["keys"][name]));
        assert_eq!(signer.key, *key);
        signer
    };
    let log_signer = signer("log_ed25519_seed_hex", &log);
    let witness_signer = signer("witness_ed25519_seed_hex", &witness);
    for name in ["log_mldsa44_0x06", "witness_mldsa44_0x06"] {
        let key = NoteKey::parse(text(&kat["vkeys"][name]));
        assert_eq!(key, Err(NoteKeyError::Kind(0x06)));
    }

    let alone = text(&kat["checkpoint"]["ed25519_only"]);
    let signed = open(alone.as_bytes(), &log).unwrap();
    let checkpoint = signed.checkpoint();
    assert_eq!(checkpoint.text(), text(&kat["checkpoint"]["body"]));
    let at = CosignedAt::new(1_767_139_200).unwrap();
    assert_eq!(
        HEXLOWER.encode(&message(checkpoint, at)),
        text(&kat["checkpoint"]["cosignature_v1_signed_message_hex"])
    );
    let mut lines = Vec::from([log_signer.sign(&checkpoint.text())]);
    assert_eq!(
        Note::new(&checkpoint.text(), &lines).unwrap().encode(),
        alone
    );
    lines.push(witness_signer.cosign(checkpoint, at.seconds()));
    let witnessed = text(&kat["checkpoint"]["ed25519_plus_witness"]);
    assert_eq!(
        Note::new(&checkpoint.text(), &lines).unwrap().encode(),
        witnessed
    );

    let policy = format!("log {log}\nwitness w {witness}\nquorum w\n");
    let policy = WitnessPolicy::parse(&policy).unwrap();
    assert!(policy.check(&signed).is_err());
    assert!(
        policy
            .check(&open(witnessed.as_bytes(), &log).unwrap())
            .is_ok()
    );

    // Type 0x06 lines are strangers: read, not refused here, and listed.
    let dual = text(&kat["checkpoint"]["dual_signed_plus_both_witness"]);
    let dual = open(dual.as_bytes(), &log).unwrap();
    assert!(policy.check(&dual).is_ok());
    let keys = [witness];
    assert_eq!(dual.lines_unknown_to(&keys).count(), 2);

    let empty = open(text(&kat["checkpoint_size_0"]).as_bytes(), &log).unwrap();
    assert_eq!(empty.head(), Frontier::empty().head());
}

#[test]
fn generated_proofs_of_sizes_1_to_8() {
    let kat = kat();
    let leaves = hexes(&kat["tree"]["leaf_hash_hex"]);
    let roots = hexes(&kat["tree"]["root_hex_by_size"]);
    for (entry, leaf) in kat["tree"]["leaf_data_hex"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&leaves)
    {
        let entry = HEXLOWER.decode(text(entry).as_bytes()).unwrap();
        assert_eq!(LeafHash::of(&entry).as_bytes(), leaf);
    }
    let oracle = Oracle::new(&leaves);
    let tiles = Tiles::new(&oracle);
    let head = |size: u64| {
        let root = RootHash::from_bytes(roots[usize::try_from(size).unwrap()]);
        let head = TreeHead::new(TreeSize::new(size).unwrap(), root);
        assert_eq!(read_head(head.size(), &tiles).unwrap(), head);
        head
    };
    let number = |value: &Value| value.as_u64().unwrap();
    let inclusion = kat["inclusion"].as_array().unwrap();
    let consistency = kat["consistency"].as_array().unwrap();
    assert_eq!((inclusion.len(), consistency.len()), (36, 36));
    for case in inclusion {
        let (index, head) = (number(&case["index"]), head(number(&case["size"])));
        let built = prove_inclusion(LeafIndex::new(index), head.size(), &tiles).unwrap();
        assert_eq!(built.hashes(), hexes(&case["proof_hex"]));
        let leaf = LeafHash::from_bytes(leaves[usize::try_from(index).unwrap()]);
        built.check(leaf, &head).unwrap();
    }
    for case in consistency {
        let (old, new) = (head(number(&case["old"])), head(number(&case["new"])));
        let built = prove_consistency(old.size(), new.size(), &tiles).unwrap();
        assert_eq!(built.hashes(), hexes(&case["proof_hex"]));
        built.check(&old, &new).unwrap();
    }
}

#[test]
fn generated_tlog_proofs() {
    let kat = kat();
    let log = kat_key(&kat, "log_ed25519_0x01");
    let leaves = hexes(&kat["tree"]["leaf_hash_hex"]);
    for (name, index) in [("tlog_proof_index_5", 5), ("tlog_proof_size_1", 0)] {
        let text = text(&kat[name]);
        let proof = TlogProof::parse(text.as_bytes()).unwrap();
        assert_eq!(proof.encode(), text);
        let (signed, included) = proof
            .check(LeafHash::from_bytes(leaves[index]), &log)
            .unwrap();
        assert_eq!(included.index(), LeafIndex::new(index as u64));
        assert_eq!(
            TlogProof::new(proof.inclusion().clone(), &signed),
            Ok(proof)
        );
    }
    // PR-3.
    let extra = TlogProof::parse(text(&kat["tlog_proof_index_5_with_extra"]).as_bytes());
    assert_eq!(extra, Err(TlogProofError::Extra));
}

/// Goal: one digest over every subtree that starts a tree of its own, sizes 0 to 130 (leaf i is the byte i), as
/// draft-ietf-plants-merkle-tree-certs appendix C prints it. A subtree `[start, end)` is judged as the tree of
/// its own leaves.
#[test]
fn merkle_tree_certs_accumulators() {
    let kat = kat();
    let expected = &kat["subtree_accumulators_draft_ietf_plants_merkle_tree_certs"];
    let all: Vec<[u8; 32]> = (0..130_u8)
        .map(|byte| *LeafHash::of(&[byte]).as_bytes())
        .collect();
    let (mut hashes, mut paths) = (String::new(), String::new());
    for end in 0..=130_usize {
        for start in 0..=end {
            // Valid subtrees: start is a multiple of the length, rounded up to a power of two.
            if start % (end - start).next_power_of_two() != 0 {
                continue;
            }
            let leaves = &all[start..end];
            let oracle = Oracle::new(leaves);
            let tiles = Tiles::new(&oracle);
            let size = TreeSize::new(leaves.len() as u64).unwrap();
            let head = read_head(size, &tiles).unwrap();
            let root = HEXLOWER.encode(head.root().as_bytes());
            hashes += &format!("[{start}, {end}) {root}\n");
            for (index, leaf) in leaves.iter().enumerate() {
                let proof = prove_inclusion(LeafIndex::new(index as u64), size, &tiles).unwrap();
                proof.check(LeafHash::from_bytes(*leaf), &head).unwrap();
                paths += &format!("{} [{start}, {end})", start + index);
                for hash in proof.hashes() {
                    paths += &format!(" {}", HEXLOWER.encode(hash));
                }
                paths.push('\n');
            }
        }
    }
    let hashes = HEXLOWER.encode(&rfc9530_content(hashes.as_bytes()));
    assert_eq!(hashes, text(&expected["subtree_hashes"]));
    let paths = HEXLOWER.encode(&rfc9530_content(paths.as_bytes()));
    assert_eq!(paths, text(&expected["subtree_inclusion_proofs"]));
}

/// Goal: foreign notes lose one bit at a time and are refused, given that only the log key is known; the lines of
/// strangers may change (decision 11, C2SP signed-note).
#[test]
fn any_flipped_bit_of_a_foreign_checkpoint_is_refused() {
    let vkey = String::from_utf8(bytes("tessera-testlog/log.vkey")).unwrap();
    let key = NoteKey::parse(vkey.trim_end()).unwrap();
    let good = bytes("tessera-testlog/checkpoint.15");
    for bit in 0..good.len() * 8 {
        let mut note = good.clone();
        note[bit / 8] ^= 1 << (bit % 8);
        let opened: Result<SignedCheckpoint, OpenError> = open(&note, &key);
        assert!(opened.is_err(), "bit {bit}");
    }
}
