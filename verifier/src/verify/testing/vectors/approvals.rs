//! Faults of what people agreed to: `testdata/approvals`, an index of its own.

use alloc::{format, vec::Vec};

use super::{
    super::{APPROVAL, Company, PORTAL, Person, Role as Key, Tenant, acts::id, payment},
    Vector,
};
use crate::{
    cbor::Value,
    decision::Verdict,
    entry::CaseId,
    event::{Body, Judged},
    id::RequestId,
    passkey::{
        Site,
        context::{ApprovalContext, Choice, Nonce, SignInContext},
    },
    passport::{Approver, Passport, Path},
    people::Role,
};

pub(super) const DAY_MS: u64 = 86_400_000;

pub(super) fn vector(
    file: &str,
    company: &Company,
    bytes: Vec<u8>,
    answer: &'static str,
    description: &'static str,
) -> Vector {
    Vector::new("approvals", file, bytes, answer, description)
        .trusting("trust/people.json")
        .at(Some(company.tenant.now().millis()))
}

/// A file with the case, and with whatever was said of agents, targets, counterparties, policies and people.
fn file(tenant: &Tenant, case: CaseId, passport: bool) -> Vec<u8> {
    let indices = (0..).take(tenant.entries.len()).filter(|index| {
        let event = tenant.event_at(*index);
        event.place.is_none_or(|place| place.case == case)
    });
    let indices: Vec<u64> = indices.collect();
    let blobs = indices.iter().filter_map(|index| {
        let named = tenant.event_at(*index).body.blob()?;
        tenant.blobs.get(&named).cloned()
    });
    let passport = passport.then(|| tenant.passport(case));
    tenant.case_file_of(case, &indices, blobs.collect(), passport)
}

/// A case that waits, and an event that an honest host would not have taken.
pub(super) fn taken(company: &mut Company, case: CaseId, body: Body) -> Vec<u8> {
    let tenant = &mut company.tenant;
    let place = tenant.place(case);
    let event = tenant.event(Some(place), body);
    tenant.append_anyway(&event.encode());
    file(tenant, case, false)
}

pub(super) fn asked() -> (Company, CaseId) {
    let mut company = Company::asking(1, 2);
    let case = company.tenant.escalated("r-1");
    (company, case)
}

pub(super) fn all() -> Vec<Vector> {
    let mut all = endings();
    all.extend(of_contexts());
    all.extend(of_devices());
    all.extend(super::approvers::all());
    all.extend(of_rounds());
    all.extend(of_passports());
    all
}

fn endings() -> Vec<Vector> {
    let mut company = Company::asking(1, 2);
    let case = company.approved("r-1");
    let passport = company.tenant.passport(case);
    let approved = company.tenant.case_file(case);
    let mut all = Vec::from([
        vector(
            "approved.passport",
            &company,
            passport,
            "VALID",
            "two people agreed; whose keys they are only the case file shows",
        ),
        vector(
            "approved.case",
            &company,
            approved,
            "VALID",
            "the same with everybody who signed for them, back to the founder",
        ),
    ]);
    let (mut company, case) = asked();
    let mut gerd = company.gerd.clone();
    company.tenant.refuse(case, &mut gerd);
    let refused = company.tenant.case_file(case);
    all.push(vector(
        "refused.case",
        &company,
        refused.clone(),
        "VALID",
        "true evidence that a person refused",
    ));
    let mut asked_for = vector(
        "refused-as-authority.case",
        &company,
        refused,
        "REFUSED not-authorized",
        "the same evidence taken for a permission",
    );
    asked_for.expects_authority = true;
    all.push(asked_for);
    all
}

/// What `finn` signed after a change to the context.
fn signed(change: impl FnOnce(&mut ApprovalContext, &mut Company)) -> (Company, Vec<u8>) {
    let (mut company, case) = asked();
    let mut finn = company.finn.clone();
    let choice = Choice::Approve { reason: None };
    let mut context = company.tenant.approval_context(case, &finn, None, choice);
    change(&mut context, &mut company);
    let body = company.tenant.judged(&mut finn, context);
    let bytes = taken(&mut company, case, Body::ApprovalGiven(body));
    (company, bytes)
}

fn of_contexts() -> Vec<Vector> {
    let mut all = Vec::new();
    let (company, bytes) = signed(|context, company| {
        let other = company.tenant.escalated("r-2");
        context.sheet = company.tenant.review(other).sheet.unwrap();
    });
    all.push(vector(
        "another-cases-sheet.case",
        &company,
        bytes,
        "REFUSED stale-sheet",
        "signed after the sheet of another case was shown",
    ));
    let (company, bytes) = signed(|context, company| {
        context.case = company.tenant.escalated("r-2");
    });
    all.push(vector(
        "another-case.case",
        &company,
        bytes,
        "REFUSED other-case",
        "signed for another case of the same agent",
    ));
    let (company, bytes) = signed(|context, _| context.system = id("crm"));
    all.push(vector(
        "another-target.case",
        &company,
        bytes,
        "REFUSED other-case",
        "signed for another target system",
    ));

    // Round 2 opens since payment details changed; then what was signed in round 1 is shown again.
    let (mut company, case) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    let tenant = &mut company.tenant;
    let old = tenant.approval_given(case, &mut finn, None);
    tenant.approve(case, &mut finn);
    tenant.change_counterparty("acme", crate::snapshot::Approval::Approved, true);
    tenant.approve(case, &mut gerd);
    let rules = ["builtin.always.details-changed", "esc.amount"];
    let demand = [("approvers", 1), ("finance", 2)];
    tenant.decide_by(case, Verdict::Escalated, &rules, &demand);
    tenant.open_review(case);
    let bytes = tenant.case_file(case);
    all.push(vector(
        "second-round.case",
        &company,
        bytes,
        "VALID",
        "payment details changed while people judged: they are asked again",
    ));
    let old = Judged { round: 2, ..old };
    let bytes = taken(&mut company, case, Body::ApprovalGiven(old));
    all.push(vector(
        "stale-sheet.case",
        &company,
        bytes,
        "REFUSED stale-sheet",
        "signed in round 1, used in round 2: what was agreed to is not what is asked",
    ));

    let (mut company, case) = asked();
    let mut gerd = company.gerd.clone();
    let refusal = company.tenant.approval_refused(case, &mut gerd);
    let bytes = taken(&mut company, case, Body::ApprovalGiven(refusal));
    all.push(vector(
        "refusal-as-approval.case",
        &company,
        bytes,
        "REFUSED other-decision",
        "a refusal recorded as an approval",
    ));
    let (mut company, case) = asked();
    let mut gerd = company.gerd.clone();
    let kept = company.tenant.approval_given(case, &mut gerd, None);
    company.tenant.wait_ms(600_000);
    let bytes = taken(&mut company, case, Body::ApprovalGiven(kept));
    all.push(vector(
        "kept.case",
        &company,
        bytes,
        "REFUSED approval-time",
        "signed, and used ten minutes later",
    ));
    all
}

fn of_devices() -> Vec<Vector> {
    let (approval, portal) = (Site::parse(APPROVAL).unwrap(), Site::parse(PORTAL).unwrap());
    let with = |make: &dyn Fn(&mut Person, &ApprovalContext) -> crate::passkey::Assertion| {
        let (mut company, case) = asked();
        let mut finn = company.finn.clone();
        let choice = Choice::Approve { reason: None };
        let context = company.tenant.approval_context(case, &finn, None, choice);
        let assertion = make(&mut finn, &context);
        let body = Judged {
            round: 1,
            context,
            assertion,
        };
        let bytes = taken(&mut company, case, Body::ApprovalGiven(body));
        (company, bytes)
    };
    let mut all = Vec::new();
    let (company, bytes) = with(&|finn, context| {
        let device = finn.approval.as_mut().unwrap();
        device.assert(&portal, context.challenge())
    });
    all.push(vector(
        "forged-origin.case",
        &company,
        bytes,
        "REFUSED wrong-web-origin",
        "asked for by a page of another site",
    ));
    let (company, bytes) = with(&|finn, context| {
        let device = finn.approval.clone().unwrap();
        device.with_flags(1).assert(&approval, context.challenge())
    });
    all.push(vector(
        "not-verified.case",
        &company,
        bytes,
        "REFUSED not-verified",
        "the device did not check who touched it",
    ));
    let (company, bytes) = with(&|finn, _| {
        let sign_in = SignInContext {
            site: portal.clone(),
            nonce: Nonce::new([1; 32]),
            expires_at: Tenant::found(1).now().plus(3 * DAY_MS),
        };
        let device = finn.approval.as_mut().unwrap();
        device.assert(&approval, sign_in.challenge())
    });
    all.push(vector(
        "sign-in-as-approval.case",
        &company,
        bytes,
        "REFUSED wrong-challenge",
        "the assertion of a sign-in taken for an approval",
    ));
    let (mut company, case) = asked();
    let mut finn = company.finn.clone();
    finn.approval = Some(finn.sign_in.clone());
    let body = company.tenant.approval_given(case, &mut finn, None);
    let bytes = taken(&mut company, case, Body::ApprovalGiven(body));
    all.push(vector(
        "with-sign-in-passkey.case",
        &company,
        bytes,
        "REFUSED unknown-passkey",
        "signed with the passkey that signs in",
    ));
    let (mut company, case) = asked();
    let mut late = Person::new("hugo", 6, &[Role::Approver], &["finance"]);
    let body = company.tenant.approval_given(case, &mut late, None);
    taken(&mut company, case, Body::ApprovalGiven(body));
    company.enrol(&late);
    let mut gerd = company.gerd.clone();
    let body = company.tenant.approval_given(case, &mut gerd, None);
    let bytes = taken(&mut company, case, Body::ApprovalGiven(body));
    all.push(vector(
        "enrolled-later.case",
        &company,
        bytes,
        "REFUSED unknown-passkey",
        "the key was enrolled after it had approved",
    ));
    all
}

fn of_rounds() -> Vec<Vector> {
    let mut all = Vec::new();
    // One of two agreed, and the host issued.
    let (mut company, case) = asked();
    let mut finn = company.finn.clone();
    company.tenant.approve(case, &mut finn);
    let made = company.tenant.decision(case, Verdict::Escalated);
    let bytes = taken(&mut company, case, Body::DecisionMade(made));
    all.push(vector(
        "quorum-not-met.case",
        &company,
        bytes,
        "REFUSED not-agreed",
        "one of two agreed, and policy was asked again",
    ));
    // A sheet that says another name.
    let mut company = Company::asking(1, 2);
    let tenant = &mut company.tenant;
    let case = tenant.request("r-1", &payment(75_000));
    tenant.decide(case, Verdict::Escalated);
    let mut sheet = tenant.sheet(case).encode();
    let name = sheet
        .windows(4)
        .position(|window| window == b"Acme")
        .unwrap();
    sheet[name] = b'B';
    let place = tenant.place(case);
    let opened = tenant.review_opened(case, Some(sheet));
    tenant.append(Some(place), opened);
    let bytes = tenant.case_file(case);
    all.push(vector(
        "lying-sheet.case",
        &company,
        bytes,
        "REFUSED sheet-mismatch",
        "people were shown another name of the counterparty; without the policy engine nobody can tell",
    ));
    let mut company = Company::asking(1, 2);
    let tenant = &mut company.tenant;
    let case = tenant.request("r-1", &payment(75_000));
    tenant.decide(case, Verdict::Escalated);
    let opened = tenant.review_opened(case, None);
    let bytes = taken(&mut company, case, opened);
    all.push(vector(
        "no-sheet.case",
        &company,
        bytes,
        "REFUSED sheet-mismatch",
        "people were shown nothing",
    ));
    all
}

/// A Passport of an agreed case that says something else of the people, sealed and registered.
fn forged(change: impl FnOnce(&mut Vec<Approver>, &mut Company)) -> (Company, CaseId) {
    let (mut company, case) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    company.tenant.approve(case, &mut finn);
    company.tenant.approve(case, &mut gerd);
    company.tenant.decide_again(case);
    let mut claims = company.tenant.claims(case);
    if let Path::Approved(approvals) = &mut claims.path {
        change(&mut approvals.people, &mut company);
    }
    let path = claims.path;
    company.tenant.issue(case, |claims| claims.path = path);
    (company, case)
}

fn of_passports() -> Vec<Vector> {
    let mut all = Vec::new();
    let mut add = |name: &str, (company, case): &(Company, CaseId), alone, whole, description| {
        let tenant = &company.tenant;
        let passport = tenant.passport(*case);
        let bytes = file(tenant, *case, true);
        let named = format!("{name}.passport");
        all.push(vector(&named, company, passport, alone, description));
        let named = format!("sealed-{name}.case");
        all.push(vector(&named, company, bytes, whole, description));
    };
    let mismatch = "REFUSED approvals-mismatch";
    let of = forged(|people, _| drop(people.pop()));
    add(
        "left-out",
        &of,
        "VALID",
        mismatch,
        "one of two approvals is left out: alone, the Passport cannot show it",
    );
    let of = forged(|people, _| people.swap(0, 1));
    add(
        "reordered",
        &of,
        "VALID",
        mismatch,
        "the approvals stand in another order than in the log",
    );
    let of = forged(|people, company| {
        // A device that nobody of the log has, over the right context.
        let mut stranger = Person::new("hugo", 6, &[Role::Approver], &["finance"]);
        let request = RequestId::parse("r-1").unwrap();
        let case = CaseId::of(company.tenant.origin(), &id("ap-bot"), &request);
        let given = company.tenant.approval_given(case, &mut stranger, None);
        people.push(Approver {
            approver: stranger.user.clone(),
            delegator: None,
            reason: match &given.context.choice {
                Choice::Approve { reason } => reason.clone(),
                Choice::Refuse { .. } => None,
            },
            nonce: given.context.nonce,
            life: given.context.life,
            key: stranger.approval.as_ref().unwrap().key(),
            assertion: given.assertion,
        });
    });
    add(
        "added",
        &of,
        "VALID",
        mismatch,
        "an approval more, by a key that nobody of the log has",
    );
    let of = forged(|people, _| people[1] = people[0].clone());
    add(
        "twice",
        &of,
        mismatch,
        mismatch,
        "one approval in two slots",
    );
    let of = forged(|people, _| {
        let (first, second) = (people[0].key, people[1].key);
        (people[0].key, people[1].key) = (second, first);
    });
    add(
        "keys-swapped",
        &of,
        "REFUSED bad-assertion",
        mismatch,
        "each approval with the other's key",
    );
    let of = forged(|people, _| people[0].reason = None);
    add(
        "reason-cut",
        &of,
        "REFUSED wrong-challenge",
        mismatch,
        "what a person wrote is left out",
    );

    // Path and approvals that do not belong together: no Passport at all.
    let mut company = Company::asking(1, 2);
    let agreed = company.approved("r-1");
    let alone = company.tenant.authorized("r-2");
    for (case, name, path, description) in [
        (
            alone,
            "approved-by-nobody",
            "approved",
            "path approved, and no approvals",
        ),
        (
            agreed,
            "authorized-by-people",
            "authorized",
            "path authorized, with approvals",
        ),
    ] {
        let shown = Passport::parse(&company.tenant.passport(case)).unwrap();
        let Value::Map(mut claims) = shown.claims().to_value() else {
            panic!()
        };
        for (label, value) in &mut claims {
            if *label == Value::from(-70007_i64) {
                *value = Value::from(path);
            }
        }
        let sealed = company.tenant.seal(Key::Seal, &Value::map(claims));
        let delivery = shown.delivery().unwrap();
        let place = [
            (-70101_i64, delivery.head.to_value()),
            (-70102, Value::bytes(&delivery.proof)),
        ];
        let Ok(Value::Tag(tag, item)) = Value::decode(&sealed, sealed.len()) else {
            panic!()
        };
        let Value::Array(mut items) = *item else {
            panic!()
        };
        items[1] = Value::map(place);
        let item = Value::Tag(tag, alloc::boxed::Box::new(Value::Array(items)));
        all.push(vector(
            &format!("{name}.passport"),
            &company,
            item.encode(),
            "REFUSED malformed",
            description,
        ));
    }
    all
}
