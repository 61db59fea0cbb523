//! SO-18, SO-19: what only the host has of a person is written with the entry that says so, and found where it is not
//! what the entries name. Method: records that no row names, and rows without theirs, put there by force.

use agentsigna_verifier::digest::{Digest, Noun};
use zeroize::Zeroizing;

use super::{
    super::{
        secrets::{Secret, SecretChange, compare},
        *,
    },
    org::{Org, id},
    support::{House, settle, shut},
};

fn secret(record: &[u8], step: Option<u64>) -> Secret {
    Secret::new(Zeroizing::new(record.to_vec()), step)
}

#[test]
fn so_19_no_record_is_written_that_no_row_names() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let before = org.tenant.head().tree().size().entries();
    let mut change = org.failures(&ledger, 1);
    let user = id("finn");
    change.secrets = vec![SecretChange::put(user.clone(), secret(b"a record", None))];
    let refused = ledger.admit(Reading::of(&org.tenant), change, |_| {});
    assert!(
        matches!(
            refused,
            Err(AdmitError::Broken {
                code: "secret-mismatch",
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(org.tenant.secret(&user).unwrap().is_none());
    // Taking away what nobody has changes nothing.
    let mut change = org.failures(&ledger, 1);
    change.secrets = vec![SecretChange::remove(user.clone())];
    settle(&ledger, &org.tenant, change);
    assert!(org.tenant.secret(&user).unwrap().is_none());
    assert_eq!(org.tenant.head().tree().size().entries(), before + 1);
    assert_eq!(fsck(&org.tenant, |_, _| {}).unwrap().secrets, 0);
    drop(org);
    shut(ledger);
}

#[test]
fn so_19_records_and_rows_that_do_not_agree_are_found() {
    let house = House::new();
    let ledger = house.open();
    let org = Org::ready(&ledger, "one", 10);
    drop(org);
    shut(ledger);
    let (finn, gerd) = (id("finn"), id("gerd"));
    let record = b"a record of 288 random bits";
    let named = Digest::of(Noun::Secret, record);
    house.damage("one", |store, scope| {
        let found = |of: &[(&agentsigna_verifier::id::Id, Digest)]| {
            let of: Vec<_> = of.to_vec();
            compare(scope, of.into_iter()).unwrap()
        };
        assert_eq!(found(&[]), Ok(0));
        // A row without a record.
        let missing = ("the secret record of `finn`".to_owned(), "missing");
        assert_eq!(found(&[(&finn, named)]), Err(missing));
        let put = |user: &agentsigna_verifier::id::Id, kept: &Secret| {
            let (key, value) = SecretChange::put(user.clone(), kept.clone()).write(scope);
            store.damage(scope, key, value.as_ref().map(|value| value.as_slice()));
            key
        };
        // The step is not under the digest.
        for step in [None, Some(0), Some(u64::MAX)] {
            let key = put(&finn, &secret(record, step));
            assert!(scope.get(key).unwrap().is_some());
            assert_eq!(found(&[(&finn, named)]), Ok(1));
        }
        // A record without a row, and one in the place of another.
        let surplus = ("a secret record".to_owned(), "surplus");
        assert_eq!(found(&[]), Err(surplus.clone()));
        assert_eq!(found(&[(&gerd, named)]), Err(surplus));
        // Each bit of the record.
        let other = (
            "the secret record of `finn`".to_owned(),
            "not what the entries say",
        );
        for at in 0..record.len() {
            let mut changed = *record;
            changed[at] ^= 1 << (at % 8);
            put(&finn, &secret(&changed, None));
            assert_eq!(found(&[(&finn, named)]), Err(other.clone()));
        }
        // What is no record at all.
        let key = put(&finn, &secret(record, None));
        store.damage(scope, key, Some(b"x"));
        assert_eq!(found(&[(&finn, named)]), Err(other));
    });
}

#[test]
fn so_18_nothing_of_a_secret_is_printed() {
    let change = SecretChange::put(id("finn"), secret(b"hunter2hunter2", Some(7)));
    let printed = format!("{change:?}");
    assert!(printed.contains("finn") && !printed.contains("hunter2"));
    let bytes = format!("{:?}", b"hunter2hunter2");
    assert!(!printed.contains(bytes.trim_matches(['[', ']'])));
}
