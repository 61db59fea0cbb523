//! What people were shown, drawn again by the policy engine.

use super::{
    super::testing,
    approvals::{NOW, at, claim, ledger_of},
    *,
};
use crate::{decision::Verdict, event::Body, verify::testing::Company};

/// AV-14, SH-1, VE-33. Goal: a sheet that lies is found. Method: good sheets of other cases, rounds and words.
#[test]
fn ve_33_a_sheet_that_lies_is_found() {
    for (whole, part) in [(true, true), (false, true)] {
        let mut company = Company::asking(1, 1);
        let tenant = &mut company.tenant;
        tenant.authorized("r-0");
        let case = tenant.request("r-1", &testing::payment(75_000));
        tenant.decide(case, Verdict::Escalated);
        let mut bytes = tenant.sheet(case).encode();
        if !whole {
            // The name of the counterparty, in the one place where it stands.
            let found = bytes
                .windows(4)
                .position(|window| window == b"Acme")
                .unwrap();
            bytes[found] = b'B';
        }
        let place = tenant.place(case);
        let opened = tenant.review_opened(case, Some(bytes));
        tenant.append(Some(place), opened);
        let expected = if whole {
            "VALID"
        } else {
            "REFUSED sheet-mismatch"
        };
        let report = ledger_of(&company.tenant);
        assert_eq!(word(&report), expected, "{report:?}");
        assert_eq!(
            claim(&report, "sheets drawn again").len(),
            usize::from(whole)
        );
        let question = Question {
            expects_authority: false,
            ..at(&company)
        };
        let report = verify(
            &company.tenant.case_file(case),
            &company.tenant.trust(),
            &question,
        );
        assert_eq!(
            (word(&report).as_str(), part),
            (expected, true),
            "{report:?}"
        );
    }
    // No sheet at all, and one that is not there.
    let mut company = Company::asking(1, 1);
    let tenant = &mut company.tenant;
    let case = tenant.request("r-1", &testing::payment(75_000));
    tenant.decide(case, Verdict::Escalated);
    let place = tenant.place(case);
    let opened = tenant.review_opened(case, Some(Vec::from(*b"no sheet")));
    tenant.append(Some(place), opened);
    let trust = tenant.trust();
    let question = Question {
        expects_authority: false,
        ..NOW
    };
    assert_eq!(
        word(&verify(&tenant.case_file(case), &trust, &question)),
        "REFUSED sheet-mismatch"
    );
    let Body::ReviewOpened(opened) = tenant
        .event_at(u64::try_from(tenant.entries.len()).unwrap() - 1)
        .body
    else {
        panic!()
    };
    tenant.blobs.remove(&opened.sheet.unwrap());
    assert_eq!(
        word(&verify(&tenant.case_file(case), &trust, &question)),
        "INCOMPLETE missing-blob"
    );
    assert_eq!(word(&ledger_of(tenant)), "INCOMPLETE missing-blob");
}
