//! Faults of a case file.

use alloc::{collections::BTreeMap, format, vec::Vec};

use super::{Vector, witness};
use crate::{
    action::{Action, ActionType, Currency},
    case_file::{CaseFile, ProvenEntry},
    cbor::Value,
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    event::Body,
    passport::{Claims, Passport},
    snapshot::{Approval, Status},
    verify::testing::{POLICY, Role, Tenant, acts::id, payment, signing_key},
};

fn vector(file: &str, bytes: Vec<u8>, answer: &'static str, description: &'static str) -> Vector {
    Vector::new("cases", &format!("{file}.case"), bytes, answer, description)
}

fn of(make: impl FnOnce(&mut Tenant) -> CaseId) -> Vec<u8> {
    let mut tenant = Tenant::ready(1);
    let case = make(&mut tenant);
    tenant.case_file(case)
}

/// A case whose Passport says something else than was decided, sealed and registered.
fn forged(forge: impl FnOnce(&mut Claims)) -> Vec<u8> {
    of(|tenant| {
        let case = tenant.request("r-1", &payment(12_500));
        tenant.decide(case, Verdict::Authorized);
        tenant.issue(case, forge);
        case
    })
}

pub(super) fn all() -> Vec<Vector> {
    let mut all = endings();
    all.extend(left_out());
    all.extend(of_signatures());
    all.extend(of_decisions());
    all.extend(of_tomorrow());
    all.extend(of_layout());
    all
}

fn endings() -> Vec<Vector> {
    let mut all = Vec::new();
    let made: [(&str, Vec<u8>, &str); 4] = [
        ("authorized", of(|tenant| tenant.authorized("r-1")), "VALID"),
        (
            "in-review",
            of(|tenant| tenant.escalated("r-1")),
            "REFUSED not-authorized",
        ),
        (
            "expired",
            of(|tenant| tenant.expired("r-1")),
            "REFUSED not-authorized",
        ),
        (
            "rejected",
            of(|tenant| tenant.rejected("r-1")),
            "REFUSED not-authorized",
        ),
    ];
    for (file, bytes, answer) in made {
        all.push(vector(
            file,
            bytes.clone(),
            "VALID",
            "true evidence of how the case stands",
        ));
        let description = "the same evidence taken for a permission: signed refusal as authority (agentsigna/verify; permission-protocol 49)";
        let name = format!("{file}-as-authority");
        let mut asked = vector(&name, bytes, answer, description);
        asked.expects_authority = true;
        all.push(asked);
    }
    let good = of(|tenant| tenant.authorized("r-1"));
    all.push(
        vector(
            "no-clock",
            good.clone(),
            "INCOMPLETE no-clock",
            "a Passport in it, and no time given",
        )
        .at(None),
    );
    all.push(
        vector(
            "no-quorum",
            good.clone(),
            "INCOMPLETE quorum",
            "the trust file asks for a witness",
        )
        .trusting("trust/witness.json"),
    );
    all.push(
        vector(
            "unknown-log",
            good,
            "REFUSED unknown-issuer",
            "of a log that the trust file does not list",
        )
        .trusting("trust/other-tenant.json"),
    );
    let rejected = of(|tenant| tenant.rejected("r-1"));
    all.push(
        vector(
            "rejected-no-clock",
            rejected,
            "VALID",
            "without a Passport no time is needed",
        )
        .at(None),
    );
    all
}

/// Something that is said in a log.
type Saying = fn(&mut Tenant);

fn left_out() -> Vec<Vector> {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let chain = tenant.chain_of(case);
    let blobs = tenant.blobs_of(case);
    let passport = tenant.passport(case);
    let mut all = Vec::new();
    for (kind, answer) in [
        ("log.created", "REFUSED wrong-genesis"),
        ("agent.enrolled", "REFUSED not-enrolled"),
        ("system.enrolled", "REFUSED not-enrolled"),
        ("counterparty.enrolled", "REFUSED unknown-counterparty"),
        ("policy.activated", "REFUSED snapshot-mismatch"),
        ("decision.made", "REFUSED surplus-entry"),
        ("passport.issued", "REFUSED case-incomplete"),
    ] {
        let rest: Vec<u64> = chain
            .iter()
            .copied()
            .filter(|index| tenant.event_at(*index).body.kind() != kind)
            .collect();
        let bytes = tenant.case_file_of(case, &rest, blobs.clone(), Some(passport.clone()));
        all.push(vector(
            &format!("without-{kind}"),
            bytes,
            answer,
            "one entry is left out: cut tail, missing event (agentsigna/verify)",
        ));
    }
    let file = |blobs| tenant.case_file_of(case, &chain, blobs, Some(passport.clone()));
    let bundle = blobs[0].clone();
    let both = [bundle, b"more".to_vec()].into();
    all.push(vector(
        "without-bundle",
        file(Vec::new()),
        "INCOMPLETE missing-blob",
        "the policy is not in the file",
    ));
    all.push(vector(
        "another-bundle",
        file([b"another".to_vec()].into()),
        "REFUSED blob-mismatch",
        "another blob in place of the policy",
    ));
    all.push(vector(
        "surplus-blob",
        file(both),
        "REFUSED blob-mismatch",
        "a blob that no entry names",
    ));
    let alone = tenant.case_file_of(case, &chain, blobs.clone(), None);
    all.push(vector(
        "without-passport",
        alone,
        "REFUSED case-incomplete",
        "the log has a Passport, the file has none",
    ));

    let mut more = tenant.clone();
    more.enrol_counterparty("globex", 1);
    let surplus = u64::try_from(more.entries.len()).unwrap() - 1;
    let signed = more.passport(case);
    let with = [chain.clone(), [surplus].into()].concat();
    let bytes = more.case_file_of(case, &with, blobs.clone(), Some(signed));
    all.push(vector(
        "surplus-entry",
        bytes,
        "REFUSED surplus-entry",
        "an entry about a counterparty that the case does not name",
    ));
    let sayings: [Saying; 4] = [
        |tenant| tenant.change_agent("ap-bot", Status::Suspended),
        |tenant| tenant.change_system("erp", Status::Suspended),
        |tenant| tenant.change_counterparty("acme", Approval::Blocked, true),
        |tenant| {
            let bundle = *tenant.blobs.keys().next().unwrap();
            tenant.activate(bundle);
        },
    ];
    for say in sayings {
        let mut later = tenant.clone();
        say(&mut later);
        let index = u64::try_from(later.entries.len()).unwrap() - 1;
        let with = [chain.clone(), [index].into()].concat();
        let passport = later.passport(case);
        all.push(vector(
            &format!("after-{}", later.event_at(index).body.kind()),
            later.case_file_of(case, &with, blobs.clone(), Some(passport)),
            "REFUSED surplus-entry",
            "true, and said of what the case names, but after its decision",
        ));
    }
    let bytes = more.case_file_of(case, &chain, blobs.clone(), Some(passport));
    all.push(vector(
        "two-heads",
        bytes,
        "REFUSED head-mismatch",
        "Passport and entries under different heads of one log",
    ));
    let other = more.authorized("r-2");
    let shown = Passport::parse(&more.passport(case)).unwrap();
    let mut claims = shown.claims().clone();
    claims.cti = [0; 16];
    let sealed = more.seal(Role::Seal, &claims.to_value());
    let again = Passport::parse(&sealed)
        .unwrap()
        .delivered(shown.delivery().unwrap());
    let bytes = more.case_file_of(case, &chain, blobs.clone(), Some(again));
    all.push(vector(
        "sealed-twice",
        bytes,
        "REFUSED entry-mismatch",
        "a second Passport of the case, sealed and never registered",
    ));
    let mut neighbour = Tenant::ready(2);
    let theirs = neighbour.authorized("r-1");
    let theirs = neighbour.passport(theirs);
    let bytes = tenant.case_file_of(case, &chain, blobs.clone(), Some(theirs));
    all.push(
        vector(
            "another-logs-passport",
            bytes,
            "REFUSED wrong-tenant",
            "the good Passport of another tenant of the trust file",
        )
        .trusting("trust/two-tenants.json"),
    );
    let bytes = more.case_file_of(case, &chain, blobs, Some(more.passport(other)));
    all.push(vector(
        "another-cases-passport",
        bytes,
        "REFUSED snapshot-mismatch",
        "the Passport of another case of the same agent",
    ));
    all
}

fn of_signatures() -> Vec<Vector> {
    let mut all = Vec::new();
    let mut tenant = Tenant::found(1);
    let founder = tenant.key(Role::Founder);
    tenant.enrol_agent(
        "ap-bot",
        &tenant.key(Role::Agent),
        &signing_key(9, Role::Founder),
    );
    tenant.enrol_system("erp", &tenant.key(Role::System));
    tenant.enrol_counterparty("acme", 3);
    let bundle = tenant.publish(POLICY);
    tenant.activate(bundle);
    let case = tenant.authorized("r-1");
    all.push(vector(
        "another-founder",
        tenant.case_file(case),
        "REFUSED keyid-mismatch",
        "the agent was enrolled by another founder",
    ));
    drop(founder);

    for (file, key, origin, answer, description) in [
        (
            "another-agent-key",
            signing_key(9, Role::Agent),
            1_u8,
            "REFUSED keyid-mismatch",
            "the request is signed by another key than the agent's",
        ),
        (
            "request-for-another-log",
            signing_key(1, Role::Agent),
            2,
            "REFUSED wrong-tenant",
            "the agent's own request, for another log",
        ),
    ] {
        let bytes = of(|tenant| {
            let signed_for = format!("agentsigna.test/t/{origin:016x}");
            let (place, requested) = tenant.asked("r-1", &payment(12_500), &key, &signed_for);
            tenant.append(Some(place), Body::ActionRequested(requested));
            tenant.decide(place.case, Verdict::Authorized);
            tenant.issue(place.case, |_| {});
            place.case
        });
        all.push(vector(file, bytes, answer, description));
    }
    let bytes = of(|tenant| {
        let (place, mut requested) = tenant.asked(
            "r-1",
            &payment(12_500),
            &tenant.key(Role::Agent),
            &tenant.origin.clone(),
        );
        requested.action = payment(12_600);
        tenant.append(Some(place), Body::ActionRequested(requested));
        tenant.decide(place.case, Verdict::Authorized);
        tenant.issue(place.case, |_| {});
        place.case
    });
    all.push(vector(
        "request-says-otherwise",
        bytes,
        "REFUSED signed-otherwise",
        "the event says another amount than the agent signed",
    ));
    let bytes = of(|tenant| {
        let (place, requested) = tenant.asked(
            "r-1",
            &payment(12_500),
            &tenant.key(Role::Agent),
            &tenant.origin.clone(),
        );
        tenant.wait_ms(31_000);
        tenant.append(Some(place), Body::ActionRequested(requested));
        tenant.decide(place.case, Verdict::Authorized);
        tenant.issue(place.case, |_| {});
        place.case
    });
    all.push(vector(
        "request-kept",
        bytes,
        "REFUSED signature-time",
        "the request was used after its signature had expired",
    ));
    all
}

fn of_decisions() -> Vec<Vector> {
    let other_reference = Action::new(
        ActionType::Payment,
        12_500,
        Currency::parse("EUR").unwrap(),
        id("acme"),
        id("erp"),
        "INV-8",
        BTreeMap::new(),
    )
    .unwrap();
    let digest = Digest::from_bytes([1; 32]);
    [
        vector("sealed-other-action", forged(|claims| {
            claims.action = payment(1);
            claims.action_digest = claims.action.digest();
        }), "REFUSED action-mismatch", "the Passport permits another action than was decided"),
        vector("sealed-other-rules", forged(|claims| claims.rules.push("grant.more".into())), "REFUSED policy-mismatch", "the Passport names a rule that did not decide: policy outside the signature (HELM 616)"),
        vector("sealed-other-bundle", forged(|claims| claims.bundle = digest), "REFUSED policy-mismatch", "the Passport names another policy"),
        vector("sealed-other-inputs", forged(|claims| claims.snapshot = digest), "REFUSED snapshot-mismatch", "the Passport names other inputs"),
        vector("sealed-other-chain", forged(|claims| claims.chain[0] = digest), "REFUSED chain-mismatch", "the Passport names another request"),
        vector("sealed-other-agent", forged(|claims| claims.agent = id("other-bot")), "REFUSED agent-mismatch", "the Passport is another agent's"),
        vector("weighed-other-action", of(|tenant| {
            let case = tenant.request("r-1", &payment(12_500));
            let mut made = tenant.decision(case, Verdict::Authorized);
            made.snapshot = tenant.snapshot(&other_reference);
            tenant.misremember(case, &other_reference);
            let place = tenant.place(case);
            tenant.append(Some(place), Body::DecisionMade(made));
            tenant.issue(case, |_| {});
            case
        }), "REFUSED action-mismatch", "another reference was weighed than the agent signed"),
        vector("verdict-too-good", of(|tenant| {
            let case = tenant.request("r-1", &payment(75_000));
            tenant.decide(case, Verdict::Authorized);
            tenant.issue(case, |_| {});
            case
        }), "REFUSED verdict-mismatch", "sealed though policy wants people to decide; without the policy engine nobody can tell"),
        vector("verdict-too-bad", of(|tenant| {
            let case = tenant.request("r-1", &payment(12_500));
            tenant.decide(case, Verdict::Rejected);
            case
        }), "REFUSED verdict-mismatch", "rejected though policy grants it"),
        vector("stopped-on-the-way", of(|tenant| {
            let case = tenant.request("r-1", &payment(12_500));
            tenant.decide(case, Verdict::Authorized);
            case
        }), "REFUSED case-incomplete", "authorized, and then nothing"),
    ]
    .into()
}

/// An event that this version of the format does not have, under the head of a good case.
fn of_tomorrow() -> Vec<Vector> {
    let mut items: Vec<Value> = [
        Value::from("key.rotated"),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::from(Tenant::ready(1).now()),
        Value::bytes(&[1; 16]),
        Value::map([("reason", Value::from("yearly"))]),
    ]
    .into();
    let file = |items: &[Value]| {
        let mut tenant = Tenant::ready(1);
        let case = tenant.authorized("r-1");
        let index = tenant.append_anyway(&Value::array(items.to_vec()).encode());
        let with = [tenant.chain_of(case), [index].into()].concat();
        let passport = Some(tenant.passport(case));
        tenant.case_file_of(case, &with, tenant.blobs_of(case), passport)
    };
    let shaped = file(&items);
    items.push(Value::Null);
    [
        // The CDDL has the kinds of today: `.bin` is not judged by it.
        Vector::new(
            "cases",
            "kind-of-tomorrow.bin",
            shaped,
            "INCOMPLETE unknown-kind",
            "an event of a kind that a later version may have",
        ),
        vector(
            "malformed-kind-of-tomorrow",
            file(&items),
            "REFUSED malformed",
            "no event: eight items, under a kind that nobody knows",
        ),
    ]
    .into()
}

type Members = Vec<(Value, Value)>;

fn of_layout() -> Vec<Vector> {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let good = tenant.case_file(case);
    let file = CaseFile::parse(&good).unwrap();
    let edit = |change: &dyn Fn(&mut Members)| {
        let Value::Map(mut members) = Value::decode(&good, good.len()).unwrap() else {
            panic!()
        };
        change(&mut members);
        Value::map(members).encode()
    };
    let set = |name: &'static str, value: Value| {
        edit(&move |members: &mut Members| {
            members.retain(|(key, _)| *key != Value::from(name));
            members.push((Value::from(name), value.clone()));
        })
    };
    let entries = |change: &dyn Fn(&mut Vec<Value>)| {
        edit(&|members: &mut Members| {
            for (key, value) in members.iter_mut() {
                if let (true, Value::Array(items)) = (*key == Value::from("entries"), value) {
                    change(items);
                }
            }
        })
    };
    let path = |at: usize, change: &dyn Fn(&mut Vec<Value>)| {
        entries(&|items: &mut Vec<Value>| {
            let Value::Array(parts) = &mut items[at] else {
                panic!()
            };
            let Value::Array(path) = &mut parts[1] else {
                panic!()
            };
            change(path);
        })
    };
    let seen = {
        let signed = tenant.signed_head(&[&witness()]);
        let passport = tenant.passport_under(case, &tenant.signed_head(&[]));
        let entries: Vec<ProvenEntry> = file.entries().to_vec();
        CaseFile::new(
            case,
            &signed,
            entries,
            tenant.blobs_of(case),
            Some(passport),
        )
        .unwrap()
        .encode()
    };
    let mut longer = good.clone();
    longer.push(0xf6);
    let mut all: Vec<Vector> = [
        vector("malformed-type", set("type", Value::from("agentsigna/case-file/v0")), "REFUSED malformed", "of version 0: old format selected by the attacker (HELM; Treeship)"),
        vector("malformed-member", set("verdict", Value::from("authorized")), "REFUSED malformed", "a verdict outside the entries: unsigned field steers the verifier (agentsigna/verify `status`)"),
        vector("swapped-entries", entries(&|items: &mut Vec<Value>| items.swap(1, 2)), "REFUSED malformed", "two entries out of order"),
        vector("entry-twice", entries(&|items: &mut Vec<Value>| items.insert(2, items[1].clone())), "REFUSED malformed", "one entry twice"),
        vector("no-entries", entries(&|items: &mut Vec<Value>| items.clear()), "REFUSED wrong-genesis", "no entry at all: empty list (agentsigna/verify)"),
        vector("missing-hash", path(3, &|path: &mut Vec<Value>| drop(path.pop())), "REFUSED missing-hash", "one hash short in one path"),
        vector("surplus-hash", path(3, &|path: &mut Vec<Value>| path.push(path[0].clone())), "REFUSED surplus-hash", "one hash too many in one path"),
        vector("swapped-hashes", path(3, &|path: &mut Vec<Value>| path.swap(0, 1)), "REFUSED bad-proof", "two hashes of one path in each other's place"),
        vector("another-origin", set("origin", Value::from("agentsigna.test/t/0000000000000002")), "REFUSED wrong-tenant", "entries and head of another log than the file says").trusting("trust/two-tenants.json"),
        vector("another-case", set("case", Value::bytes(&[0; 16])), "REFUSED surplus-entry", "about a case that is not in it: whole case missing (agentsigna/verify)"),
        vector("unlisted-witness", seen, "REFUSED unknown-signature", "a cosignature of a witness that the trust file does not list"),
    ]
    .into();
    all.push(Vector::new(
        "cases",
        "trailing.bin",
        longer,
        "REFUSED malformed",
        "a byte after the file",
    ));
    all
}
