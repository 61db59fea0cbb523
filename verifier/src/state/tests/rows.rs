//! Goal: a row has one encoding, and a name one row. Method: rows of every kind, from a busy log and from
//! anywhere, encoded, read back, cut and changed.

use alloc::boxed::Box;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    any::{
        any_dealings, any_ending, any_ground, any_grounds, any_history_item, any_review,
        any_standing,
    },
    *,
};
use crate::{
    action::Latitude,
    case::CaseState,
    decision::Verdict,
    entry::CaseId,
    event::Genesis,
    key::PublicKey,
    outcome::Outcome,
    passkey::{CredentialId, context::CredentialUse, testing::Authenticator},
    people::{self, Groups, PersonName, Roles},
    snapshot::{Approval, Risk, Status, Tier},
    verify::testing::{By, Person, Role, Says, public_key, signing_key},
};

/// The rows of a log with every kind of case.
pub(super) fn busy() -> MemoryRows {
    let (mut tenant, mut dana, mut erin) = Tenant::ready_with_people(1);
    let mut finn = Person::new("finn", 3, &[people::Role::Approver], &["finance"]);
    let gerd = Person {
        user: id("gerd"),
        ..Person::new("gerd", 4, finn.roles.as_slice(), &["finance"])
    };
    for person in [&finn, &gerd] {
        tenant.enrol_person(By::Two(&mut dana, &mut erin), person);
    }
    let hugo = Person::administrator("hugo", 5);
    let (invited, code) = tenant.user_invited(By::Two(&mut dana, &mut erin), &hugo);
    tenant.append(None, invited);
    let claimed = tenant.user_claimed(&hugo, &code);
    tenant.append(None, Body::UserClaimed(claimed));
    let again = erin.clone();
    let (invited, _) = tenant.user_invited(By::One(&mut erin), &again);
    tenant.append(None, invited);
    let body = tenant.invitation(&Person::administrator("ida", 6));
    let proposed = tenant.act_proposed(&mut dana, "/v1/users", &body);
    tenant.append(None, proposed);
    let set = tenant.password_set(&mut finn);
    tenant.append(None, set);
    let given = tenant.delegation_given(&mut finn, &gerd.user, &["finance"], 1000);
    tenant.append(None, given);
    tenant.invite_agent("new-bot", &tenant.key(Role::Founder));
    let code = tenant.invite_agent("newer-bot", &tenant.key(Role::Founder));
    tenant.claim_agent("newer-bot", &tenant.key(Role::OtherAgent), &code);
    tenant.change_counterparty("acme", Approval::Watch, true);
    tenant.authorized("r-1");
    let case = tenant.escalated("r-2");
    tenant.approve(case, &mut finn);
    tenant.escalated("r-6");
    tenant.expired("r-3");
    tenant.rejected("r-4");
    let case = tenant.authorized("r-7");
    tenant.complete(case);
    let case = tenant.authorized("r-8");
    tenant.end(case, Says::Founder, Outcome::Completed, None);
    let case = tenant.authorized("r-9");
    let recorded = tenant.outcome_recorded(case, Says::Target, Outcome::Completed, None);
    let place = tenant.place(case);
    tenant.append(Some(place), Body::OutcomeRecorded(recorded));
    tenant.request("r-5", &crate::verify::testing::payment(1));
    tenant.rows
}

#[test]
fn every_row_of_a_log_reads_back() {
    let rows = busy();
    let mut kinds = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (name, row) in rows.iter() {
        let bytes = row.encode();
        assert_eq!(
            Row::decode(name.kind(), &bytes).as_ref(),
            Ok(row),
            "{}",
            name.describe()
        );
        kinds.insert(name.kind());
        assert!(names.insert((name.kind(), name.encode())));
        // Under no other kind, but where two kinds are written alike.
        for kind in 0..=u8::MAX {
            let alike = (name.kind(), kind) == (6, 13);
            if kind != name.kind() {
                assert!(
                    Row::decode(kind, &bytes).is_err() || alike,
                    "{} as {kind}",
                    name.describe()
                );
            }
        }
    }
    assert_eq!(kinds, (1..=20).collect());
}

#[test]
fn a_changed_byte_is_refused_or_is_another_row() {
    for (name, row) in busy().iter() {
        let mut bytes = row.encode();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                if let Ok(other) = Row::decode(name.kind(), &bytes) {
                    assert_ne!(other, *row, "{}", name.describe());
                    assert_eq!(other.encode(), bytes, "{}", name.describe());
                }
                bytes[at] ^= 1 << bit;
            }
        }
        for cut in 0..bytes.len() {
            assert!(Row::decode(name.kind(), &bytes[..cut]).is_err());
        }
        bytes.push(0);
        assert!(Row::decode(name.kind(), &bytes).is_err());
    }
}

#[test]
fn a_row_is_exactly_its_items() {
    use crate::cbor::Value;
    for (name, row) in busy().iter() {
        let Ok(Value::Array(whole)) = Value::decode(&row.encode(), 1 << 16) else {
            continue;
        };
        // Lists of any length.
        if matches!(row, Row::History(_)) {
            continue;
        }
        let decode = |items: Vec<Value>| Row::decode(name.kind(), &Value::Array(items).encode());
        for at in 0..whole.len() {
            let mut fewer = whole.clone();
            fewer.remove(at);
            assert!(decode(fewer).is_err(), "{} {at}", name.describe());
            let mut wrong = whole.clone();
            wrong[at] = Value::Tag(1, Box::new(Value::Null));
            assert!(decode(wrong).is_err(), "{} {at}", name.describe());
        }
        let mut more = whole.clone();
        more.push(Value::Null);
        assert!(decode(more).is_err(), "{}", name.describe());
    }
}

/// DG-3: not from a stored row either.
#[test]
fn dg_3_a_row_brings_in_no_weak_key() {
    use crate::cbor::Value;
    let mut identity = [0; 32];
    identity[0] = 1;
    for (kind, name) in [(2, "agent"), (3, "system")] {
        let rows = busy();
        let (_, row) = rows
            .iter()
            .find(|(name, row)| {
                name.kind() == kind
                    && matches!(
                        row,
                        Row::Agent(AgentRow {
                            stage: Stage::Enrolled(_),
                            ..
                        }) | Row::System(SystemRow {
                            stage: Stage::Enrolled(_),
                            ..
                        })
                    )
            })
            .unwrap();
        let Ok(Value::Array(mut items)) = Value::decode(&row.encode(), 1 << 16) else {
            panic!("{name} row")
        };
        assert_eq!(
            Row::decode(kind, &Value::Array(items.clone()).encode()).as_ref(),
            Ok(row)
        );
        let Value::Array(stage) = items[0].clone() else {
            panic!("{name} stage")
        };
        let good = stage[1].clone();
        let claimed = |key| Value::array([Value::from("claimed"), key]);
        let rotating = |key, next| {
            let entries = Value::array([]);
            Value::array([Value::from("rotating"), key, claimed(next), entries])
        };
        let weak = || Value::bytes(&identity);
        items[0] = rotating(good.clone(), good.clone());
        assert!(Row::decode(kind, &Value::Array(items.clone()).encode()).is_ok());
        for stage in [
            claimed(weak()),
            Value::array([Value::from("enrolled"), weak()]),
            rotating(weak(), good.clone()),
            rotating(good.clone(), weak()),
        ] {
            items[0] = stage;
            assert!(Row::decode(kind, &Value::Array(items.clone()).encode()).is_err());
        }
    }
}

pub(super) fn any_id() -> impl Strategy<Value = Id> {
    "[a-z0-9][a-z0-9-]{0,62}".prop_map(|text| Id::parse(&text).unwrap())
}

fn any_key() -> impl Strategy<Value = PublicKey> {
    (
        0_u8..200,
        select(&[Role::Agent, Role::System, Role::Founder][..]),
    )
        .prop_map(|(seed, role)| public_key(&signing_key(seed, role)))
}

pub(super) fn any_digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

pub(super) fn any_people() -> impl Strategy<Value = Vec<Id>> {
    proptest::collection::btree_set(any_id(), 0..4).prop_map(|ids| ids.into_iter().collect())
}

pub(super) fn any_time() -> impl Strategy<Value = UnixMillis> {
    (0..=UnixMillis::MAX.millis()).prop_map(|ms| UnixMillis::new(ms).unwrap())
}

fn any_stage() -> impl Strategy<Value = Stage> {
    let new = || {
        prop_oneof![
            (any_digest(), any_time())
                .prop_map(|(code, expires_at)| NewKey::Invited { code, expires_at }),
            any_key().prop_map(NewKey::Claimed),
        ]
    };
    let rotating = (any_key(), new(), any_grounds());
    prop_oneof![
        new().prop_map(Stage::Enrolling),
        any_key().prop_map(Stage::Enrolled),
        rotating.prop_map(|(key, new, entries)| Stage::Rotating {
            key,
            new: Box::new(new),
            entries,
        }),
    ]
}

fn any_status() -> impl Strategy<Value = Status> {
    select(&[Status::Active, Status::Suspended][..])
}

fn any_agent() -> impl Strategy<Value = Row> {
    let numbers = (1_u64..=4, -1_i64..=15, any::<u64>(), any_grounds());
    (any_stage(), any_id(), any_status(), numbers).prop_map(
        |(stage, sponsor, status, (tier, latitude, exposure_minor, entries))| {
            Row::Agent(AgentRow {
                stage,
                sponsor,
                tier: Tier::new(tier).unwrap(),
                latitude: Latitude::new(latitude).unwrap(),
                status,
                exposure_minor,
                entries,
            })
        },
    )
}

fn any_counterparty() -> impl Strategy<Value = Row> {
    let words = (
        select(&[Approval::Approved, Approval::Watch, Approval::Blocked][..]),
        select(&[Risk::Low, Risk::Medium, Risk::High][..]),
    );
    (
        ".{1,120}",
        words,
        any::<u64>(),
        (option::of(any_time()), any_time()),
        any_grounds(),
    )
        .prop_map(
            |(name, (status, risk), payments_before, (changed_at, first_seen_at), entries)| {
                Row::Counterparty(CounterpartyRow {
                    name,
                    status,
                    risk,
                    payments_before,
                    payment_details_changed_at: changed_at,
                    first_seen_at,
                    entries,
                })
            },
        )
}

fn any_case() -> impl Strategy<Value = Row> {
    let verdicts = [Verdict::Authorized, Verdict::Escalated, Verdict::Rejected];
    let asked = (
        any_id(),
        "[A-Za-z0-9_-]{1,64}".prop_map(|text| RequestId::parse(&text).unwrap()),
        any_digest(),
        any_id(),
        any::<u64>(),
        any_key(),
    );
    let answered = (
        option::of(select(verdicts.to_vec())),
        option::of(any_digest()),
        option::of(any_time()),
    );
    let events = vec(
        (any::<u64>(), any_digest()).prop_map(|(index, digest)| CaseEvent { index, digest }),
        0..6,
    );
    (
        select(CaseState::ALL.to_vec()),
        asked,
        answered,
        events,
        vec(any::<u64>(), 0..12),
        option::of(any_ending()),
    )
        .prop_map(
            |(state, asked, (verdict, bundle, deadline), events, grounds, ending)| {
                let (agent, request_id, content, target, amount_minor, key) = asked;
                Row::Case(CaseRow {
                    state,
                    agent,
                    request_id,
                    content,
                    target,
                    amount_minor,
                    action: content,
                    key: key.jwk_thumbprint(),
                    verdict,
                    bundle,
                    snapshot: bundle,
                    deadline,
                    events,
                    grounds,
                    ending,
                })
            },
        )
}

fn any_groups() -> impl Strategy<Value = Groups> {
    any_people().prop_map(|ids| Groups::new(ids).unwrap())
}

fn any_credential() -> impl Strategy<Value = CredentialId> {
    vec(any::<u8>(), 1..=255).prop_map(|bytes| CredentialId::new(bytes).unwrap())
}

fn any_shown() -> impl Strategy<Value = ShownPasskey> {
    (any_credential(), any::<u8>()).prop_map(|(credential, seed)| ShownPasskey {
        credential,
        key: Authenticator::new(seed).key(),
    })
}

fn any_terms() -> impl Strategy<Value = Terms> {
    (any::<bool>(), any_groups(), any_people()).prop_map(|(all, groups, by)| Terms {
        name: PersonName::parse("Dana").unwrap(),
        roles: Roles::new(if all {
            people::Role::ALL.to_vec()
        } else {
            Vec::from([people::Role::Auditor])
        })
        .unwrap(),
        groups,
        by,
    })
}

fn any_person_stage() -> impl Strategy<Value = PersonStage> {
    prop_oneof![
        (any_terms(), any_digest(), any_time()).prop_map(|(terms, code, expires_at)| {
            PersonStage::Invited {
                terms,
                code,
                expires_at,
            }
        }),
        (any_terms(), any_shown(), option::of(any_shown())).prop_map(
            |(terms, sign_in, approval)| PersonStage::Claimed {
                terms,
                sign_in,
                approval
            }
        ),
    ]
}

fn any_person() -> impl Strategy<Value = Row> {
    let status = select(
        &[
            PersonStatus::Invited,
            PersonStatus::Active,
            PersonStatus::Suspended,
        ][..],
    );
    let passkeys = vec(
        (any_shown(), any::<bool>(), any_time(), any_people()),
        0..=4,
    );
    (
        any_terms(),
        status,
        option::of(any_person_stage()),
        passkeys,
        vec(any::<u64>(), 0..8),
    )
        .prop_map(|(terms, status, stage, passkeys, entries)| {
            let mut passkeys: Vec<PersonPasskey> = passkeys
                .into_iter()
                .map(|(shown, signs_in, added_at, by)| PersonPasskey {
                    credential_use: if signs_in {
                        CredentialUse::SignIn
                    } else {
                        CredentialUse::Approval
                    },
                    thumbprint: shown.key.jwk_thumbprint(),
                    credential: shown.credential,
                    key: shown.key,
                    added_at,
                    by,
                    index: added_at.millis(),
                })
                .collect();
            passkeys.sort_by_key(|passkey| passkey.thumbprint);
            passkeys.dedup_by_key(|passkey| passkey.thumbprint);
            Row::Person(PersonRow {
                name: terms.name,
                roles: terms.roles,
                groups: terms.groups,
                status,
                stage,
                passkeys,
                entries,
            })
        })
}

fn any_row() -> impl Strategy<Value = (u8, Row)> {
    let system = (any_stage(), any_status(), any_grounds()).prop_map(|(stage, status, entries)| {
        Row::System(SystemRow {
            stage,
            status,
            entries,
        })
    });
    let policy = (any_digest(), any::<u64>(), any_time(), any_people()).prop_map(
        |(bundle, entry, activated_at, by)| {
            Row::Policy(PolicyRow {
                bundle,
                entry,
                activated_at,
                proposal: by.first().map(|_| entry / 2),
                by,
            })
        },
    );
    let bundle = (any::<u64>(), any_ground())
        .prop_map(|(bytes, entry)| Row::Bundle(BundleRow { bytes, entry }));
    let key = (any_id(), any::<bool>()).prop_map(|(id, agent)| {
        Row::Key(if agent {
            Subject::Agent(id)
        } else {
            Subject::System(id)
        })
    });
    let log = (0_u8..200).prop_map(|seed| {
        Row::Log(Genesis {
            sites: (seed > 100).then(crate::verify::testing::sites),
            ..Tenant::found(seed).genesis()
        })
    });
    prop_oneof![
        log.prop_map(|row| (1, row)),
        any_agent().prop_map(|row| (2, row)),
        system.prop_map(|row| (3, row)),
        any_counterparty().prop_map(|row| (4, row)),
        policy.prop_map(|row| (5, row)),
        bundle.prop_map(|row| (6, row)),
        key.prop_map(|row| (7, row)),
        any::<[u8; 16]>().prop_map(|case| (8, Row::Request(CaseId::from_bytes(case)))),
        any_case().prop_map(|row| (9, row)),
        any_row_of_people(),
    ]
}

fn any_row_of_people() -> impl Strategy<Value = (u8, Row)> {
    prop_oneof![
        any_person().prop_map(|row| (10, row)),
        (any_id(), any_credential())
            .prop_map(|(user, credential)| { (11, Row::Passkey(PasskeyRow { user, credential })) }),
        any_digest().prop_map(|digest| {
            (
                12,
                Row::Credential(JwkThumbprint::from_bytes(*digest.as_bytes())),
            )
        }),
        (any_people(), vec(any::<u64>(), 0..8)).prop_map(|(ids, entries)| {
            let row = AdministratorsRow { ids, entries };
            (13, Row::Administrators(row))
        }),
        (any_id(), any_time(), any::<u64>(), any::<bool>()).prop_map(
            |(user, decided_at, index, open)| {
                let row = ProposalRow {
                    user,
                    decided_at,
                    index,
                    open,
                };
                (14, Row::Proposal(row))
            },
        ),
        (any_groups(), any_time(), any_time(), any::<u64>()).prop_map(
            |(groups, starts_at, ends_at, index)| {
                let row = DelegationRow {
                    groups,
                    starts_at,
                    ends_at,
                    index,
                };
                (15, Row::Delegation(row))
            },
        ),
        any_review().prop_map(|row| (16, Row::Review(row))),
        prop_oneof![
            any_standing().prop_map(|row| (18, row)),
            any_dealings().prop_map(|row| (19, row)),
            (option::of(any_digest()), any::<u64>())
                .prop_map(|(secret, index)| (20, Row::Password(PasswordRow { secret, index }))),
        ],
        vec(any_history_item(), 0..=HISTORY_MAX).prop_map(|items| (17, Row::History(items))),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back((kind, row) in any_row()) {
        prop_assert_eq!(Row::decode(kind, &row.encode()), Ok(row));
    }

    #[test]
    fn random_bytes_are_read_only_as_themselves(kind in 0_u8..24, bytes in vec(any::<u8>(), 0..80)) {
        if let Ok(row) = Row::decode(kind, &bytes) {
            prop_assert_eq!(row.encode(), bytes);
        }
    }
}

/// Joined text could be split in two ways; these cannot.
#[test]
fn names_are_told_apart() {
    let request = |agent: &str, request: &str| {
        RowName::Request(id(agent), RequestId::parse(request).unwrap())
    };
    let names = [
        RowName::Log,
        RowName::Policy,
        RowName::Agent(id("a")),
        RowName::System(id("a")),
        RowName::Counterparty(id("a")),
        request("a", "bc"),
        request("ab", "c"),
        RowName::Bundle(Digest::from_bytes([7; 32])),
        RowName::Key(JwkThumbprint::from_bytes([7; 32])),
        RowName::Case(CaseId::from_bytes([7; 16])),
        RowName::Review(CaseId::from_bytes([7; 16])),
        RowName::Person(id("a")),
        RowName::History(id("a")),
        RowName::Password(id("a")),
        RowName::Administrators,
        RowName::Passkey(JwkThumbprint::from_bytes([7; 32])),
        RowName::Credential(CredentialId::new(Vec::from([7; 32])).unwrap()),
        RowName::Delegation(id("a"), id("bc")),
        RowName::Delegation(id("ab"), id("c")),
        RowName::Proposal(String::from("/v1/users"), Digest::from_bytes([7; 32])),
    ];
    let encoded: BTreeSet<(u8, Vec<u8>)> = names
        .iter()
        .map(|name| (name.kind(), name.encode()))
        .collect();
    assert_eq!(encoded.len(), names.len());
    let said: BTreeSet<String> = names.iter().map(RowName::describe).collect();
    assert_eq!(said.len(), names.len());
}
