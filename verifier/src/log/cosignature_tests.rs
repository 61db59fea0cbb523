use alloc::{string::ToString as _, vec};

use super::*;
use crate::log::{
    note::KeyName,
    signer::{Signer, head},
};

fn checkpoint(entries: u64) -> Checkpoint {
    Checkpoint::new(KeyName::parse("example.com/log").unwrap(), head(entries, 7)).unwrap()
}

#[test]
fn the_message_is_that_of_tlog_cosignature() {
    let at = CosignedAt::new(1_700_000_000).unwrap();
    let expected = format!("cosignature/v1\ntime 1700000000\n{}", checkpoint(8).text());
    assert_eq!(message(&checkpoint(8), at), expected.as_bytes());
}

/// CP-12: every bit of time and signature, every length, and the wrong checkpoint.
#[test]
fn only_the_witness_and_only_this_checkpoint() {
    let witness = Signer::witness("witness.example", 2);
    let line = witness.cosign(&checkpoint(8), 1_700_000_000);
    let cosigned = check(&line, &witness.key, &checkpoint(8)).unwrap();
    assert_eq!(cosigned.at().seconds(), 1_700_000_000);
    assert_eq!(cosigned.key(), &witness.key);
    assert_eq!(cosigned.checkpoint(), &checkpoint(8));

    let with = |bytes: Vec<u8>| {
        let line = SignatureLine::new(line.name().clone(), line.id(), bytes).unwrap();
        check(&line, &witness.key, &checkpoint(8)).unwrap_err()
    };
    for bit in 0..72 * 8 {
        let mut bytes = line.signature().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = with(bytes);
        // The highest bit of the time makes it too late for POSIX.
        let expected = if bit == 7 {
            matches!(error, CosignatureError::Time { .. })
        } else {
            matches!(error, CosignatureError::BadSignature { .. })
        };
        assert!(expected, "bit {bit}: {error}");
    }
    for length in [1, 7, 8, 64, 71, 73, 2428] {
        let error = with(vec![1; length]);
        assert!(
            matches!(error, CosignatureError::Length { found, .. } if found == length),
            "{error}"
        );
    }
    let mut bytes = line.signature().to_vec();
    bytes[..8].fill(0);
    assert_eq!(
        with(bytes).to_string(),
        "cosignature of `witness.example` at second 0, expected 1 to 2^63 − 1"
    );
    assert!(check(&line, &witness.key, &checkpoint(9)).is_err());
}

#[test]
fn keys_of_another_kind_or_name_are_refused() {
    let witness = Signer::witness("witness.example", 2);
    let log = Signer::log("witness.example", 2);
    let line = witness.cosign(&checkpoint(8), 1);
    let wrong_kind = check(&line, &log.key, &checkpoint(8));
    assert!(matches!(
        wrong_kind,
        Err(CosignatureError::NotWitnessKey { .. })
    ));
    for other in [
        Signer::witness("witness.example", 3),
        Signer::witness("w", 2),
    ] {
        let wrong_key = check(&line, &other.key, &checkpoint(8));
        assert!(matches!(wrong_key, Err(CosignatureError::OtherKey { .. })));
    }
    assert_eq!(
        super::line(&log.key, CosignedAt::new(1).unwrap(), &[0; 64]),
        None
    );
    assert_eq!(CosignedAt::new(0), None);
    assert_eq!(CosignedAt::new(1 << 63), None);
    assert!(CosignedAt::new((1 << 63) - 1).is_some());
}

/// Goal: a log signature is never a cosignature, nor the other way round, even under one key.
#[test]
fn a_log_signature_is_no_cosignature() {
    let (log, witness) = (Signer::log("same", 2), Signer::witness("same", 2));
    let log_line = log.sign(&checkpoint(8).text());
    let mut bytes = 1_u64.to_be_bytes().to_vec();
    bytes.extend_from_slice(log_line.signature());
    let line = SignatureLine::new(witness.key.name().clone(), witness.key.id(), bytes).unwrap();
    assert!(check(&line, &witness.key, &checkpoint(8)).is_err());
}
