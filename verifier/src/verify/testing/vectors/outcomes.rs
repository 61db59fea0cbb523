//! `testdata/outcomes`: case files of what became of a permission, each ending once, each rule broken alone.

use alloc::{string::String, vec::Vec};

use super::{
    super::{By, Company, Person, Role, Says, Tenant, acts::id},
    Vector,
    examples::operator,
};
use crate::{
    entry::{CaseId, Event},
    event::{
        Body, DisputeResolved, ExecutionStarted, OutcomeRecorded, Signed, Speaker, StandingChanged,
    },
    outcome::{Fault, Found, Outcome},
    signed_request::Profile,
    snapshot::Status,
    standing::{DAY_MS, Rated},
};

/// When they are judged: three days after the first entry, or seven days later.
fn vector(
    name: &str,
    tenant: &Tenant,
    bytes: Vec<u8>,
    answer: &'static str,
    description: &'static str,
) -> Vector {
    let file = alloc::format!("{name}.case");
    let now = tenant.now().millis();
    // A Passport lives 300 s: asked about while it did, or shortly after it was used.
    let at = now.min(ISSUED_BY_MS);
    Vector::new("outcomes", &file, bytes, answer, description)
        .trusting("trust/people.json")
        .at(Some(at))
}

/// A minute after the Passports of these files are issued.
const ISSUED_BY_MS: u64 = super::START_MS + 2 * DAY_MS + 100_000;

/// A company with an operator, and a case with a Passport.
fn permitted() -> (Company, Person, CaseId) {
    let mut company = Company::asking(1, 2);
    let olga = operator(&mut company);
    let case = company.tenant.authorized("r-1");
    (company, olga, case)
}

/// The file of the case after what `act` does.
fn good(
    name: &str,
    description: &'static str,
    act: impl FnOnce(&mut Company, &mut Person, CaseId),
) -> Vector {
    let (mut company, mut olga, case) = permitted();
    act(&mut company, &mut olga, case);
    let tenant = &company.tenant;
    vector(name, tenant, tenant.case_file(case), "VALID", description)
}

/// The file of the case after an event that a host which lies appended; with all that people are.
fn forged(
    name: &str,
    answer: &'static str,
    description: &'static str,
    body: impl FnOnce(&mut Company, &mut Person, CaseId) -> Body,
) -> Vector {
    let (mut company, mut olga, case) = permitted();
    let body = body(&mut company, &mut olga, case);
    let tenant = &mut company.tenant;
    let place = tenant.place(case);
    let event = tenant.event(Some(place), body);
    tenant.append_anyway(&event.encode());
    let bytes = if answer == "VALID" {
        tenant.case_file(case)
    } else {
        with_people(tenant, case)
    };
    vector(name, tenant, bytes, answer, description)
}

fn with_people(tenant: &Tenant, case: CaseId) -> Vec<u8> {
    let mut indices = tenant.chain_of(case);
    for (index, event) in (0..).zip(events(tenant)) {
        let of_people = matches!(
            event.as_ref().map(|event| &event.body),
            Some(
                Body::UserInvited(_)
                    | Body::UserClaimed(_)
                    | Body::UserEnrolled(_)
                    | Body::UserChanged(_)
                    | Body::ActProposed(_)
            )
        );
        // A body that nobody can read is of the case.
        if of_people || event.is_none() {
            indices.push(index);
        }
    }
    indices.sort_unstable();
    indices.dedup();
    let passport = tenant.passport(case);
    tenant.case_file_of(case, &indices, tenant.blobs_of(case), Some(passport))
}

fn events(tenant: &Tenant) -> Vec<Option<Event>> {
    let read = |bytes: &Vec<u8>| {
        let entry = crate::entry::Entry::decode(bytes).unwrap();
        Event::decode(&entry.event).ok()
    };
    tenant.entries.iter().map(read).collect()
}

fn completed(tenant: &mut Tenant, case: CaseId) -> OutcomeRecorded {
    tenant.outcome_recorded(case, Says::Target, Outcome::Completed, None)
}

/// The same words, signed by another key.
fn signed_again(tenant: &mut Tenant, signed: &Signed, role: Role, path: &str) -> Signed {
    let body = String::from_utf8(signed.body().unwrap().to_vec()).unwrap();
    let key = tenant.key(role);
    let profile = if path == "/v1/outcomes" {
        Profile::Action
    } else {
        Profile::Founder
    };
    tenant.sign(profile, &key, path, &body)
}

pub(super) fn all() -> Vec<Vector> {
    let mut all = endings();
    all.extend(speakers());
    all.extend(times());
    all.extend(standings());
    all
}

fn endings() -> Vec<Vector> {
    let agent = Some(Fault::Agent);
    [
        good(
            "completed",
            "the target began and completed",
            |company, _, case| {
                company.tenant.start(case);
                company.tenant.complete(case);
            },
        ),
        good(
            "reported",
            "completed, as a person says",
            |company, olga, case| {
                let says = Says::Person(olga);
                company.tenant.end(case, says, Outcome::Completed, None);
            },
        ),
        good(
            "counted",
            "completed, as a person said, and undisputed for seven days",
            |company, olga, case| {
                let says = Says::Person(olga);
                company.tenant.end(case, says, Outcome::Completed, None);
                company.tenant.count(case);
            },
        ),
        good(
            "founder",
            "completed, as the founder says",
            |company, _, case| {
                company
                    .tenant
                    .end(case, Says::Founder, Outcome::Completed, None);
            },
        ),
        good(
            "reversed",
            "completed, and reversed by fault of the agent",
            |company, olga, case| {
                company.tenant.complete(case);
                let says = Says::Person(olga);
                company.tenant.end(case, says, Outcome::Reversed, agent);
            },
        ),
        good("declined", "the target rejected it", |company, _, case| {
            company
                .tenant
                .end(case, Says::Target, Outcome::Rejected, None);
        }),
        good("disputed", "the target disputes it", |company, _, case| {
            company
                .tenant
                .end(case, Says::Target, Outcome::Disputed, None);
        }),
        good(
            "fraud",
            "completed, disputed, and fraud",
            |company, olga, case| {
                company.tenant.complete(case);
                company
                    .tenant
                    .end(case, Says::Target, Outcome::Disputed, None);
                company
                    .tenant
                    .resolve(case, Says::Person(olga), Found::Fraud, agent);
            },
        ),
        good("lapsed", "never used", |company, _, case| {
            company.tenant.lapse(case);
        }),
        good("late", "lapsed, and used after all", |company, _, case| {
            company.tenant.lapse(case);
            company.tenant.start(case);
            company.tenant.complete(case);
        }),
    ]
    .into()
}

fn speakers() -> Vec<Vector> {
    let mut all: Vec<Vector> = [
        forged(
            "agent",
            "REFUSED keyid-mismatch",
            "the agent says itself that it completed",
            |company, _, case| {
                let tenant = &mut company.tenant;
                let mut body = completed(tenant, case);
                body.signed = signed_again(tenant, &body.signed, Role::Agent, "/v1/outcomes");
                Body::OutcomeRecorded(body)
            },
        ),
        forged(
            "another-target",
            "REFUSED other-target",
            "the target is named as another system",
            |company, _, case| {
                let mut body = completed(&mut company.tenant, case);
                body.by = Speaker::System(id("crm"));
                Body::OutcomeRecorded(body)
            },
        ),
        forged(
            "stranger",
            "REFUSED keyid-mismatch",
            "another system speaks in the name of the target",
            |company, _, case| {
                let tenant = &mut company.tenant;
                let mut body = completed(tenant, case);
                body.signed = signed_again(tenant, &body.signed, Role::Stranger, "/v1/outcomes");
                Body::OutcomeRecorded(body)
            },
        ),
        forged(
            "sponsor",
            "REFUSED excluded",
            "the agent's sponsor says that it completed",
            |company, _, case| {
                let says = Says::Person(&mut company.dana);
                let body = company
                    .tenant
                    .outcome_recorded(case, says, Outcome::Completed, None);
                Body::OutcomeRecorded(body)
            },
        ),
        forged(
            "approver",
            "REFUSED not-permitted",
            "an approver says that it completed",
            |company, _, case| {
                let says = Says::Person(&mut company.finn);
                let body = company
                    .tenant
                    .outcome_recorded(case, says, Outcome::Completed, None);
                Body::OutcomeRecorded(body)
            },
        ),
        forged(
            "suspended",
            "REFUSED not-permitted",
            "a suspended person says that it completed",
            |company, olga, case| {
                let by = By::Two(&mut company.dana, &mut company.erin);
                let changed = company.tenant.user_changed(by, olga, Status::Suspended);
                company.tenant.append(None, changed);
                let says = Says::Person(olga);
                let body = company
                    .tenant
                    .outcome_recorded(case, says, Outcome::Completed, None);
                Body::OutcomeRecorded(body)
            },
        ),
        forged(
            "said-otherwise",
            "REFUSED signed-otherwise",
            "the target signed that it rejected, the event says completed",
            |company, _, case| {
                let mut body =
                    company
                        .tenant
                        .outcome_recorded(case, Says::Target, Outcome::Rejected, None);
                body.outcome = Outcome::Completed;
                Body::OutcomeRecorded(body)
            },
        ),
        forged(
            "another-cases",
            "REFUSED signed-otherwise",
            "signed of another case",
            |company, _, _| {
                let other = company.tenant.authorized("r-2");
                Body::OutcomeRecorded(completed(&mut company.tenant, other))
            },
        ),
        forged(
            "another-passport",
            "REFUSED passport-mismatch",
            "begun with the Passport of another case",
            |company, _, case| {
                let tenant = &mut company.tenant;
                let other = tenant.authorized("r-2");
                let cti = tenant.ending(other).cti;
                let body = alloc::format!(
                    r#"{{"origin":"{}","case":"{case}","passport":"{}"}}"#,
                    tenant.origin(),
                    crate::event::cti_to_hex(&cti)
                );
                let (signed, _) = tenant.said(Says::Target, "/v1/executions", &body);
                Body::ExecutionStarted(ExecutionStarted {
                    signed,
                    system: id("erp"),
                    passport: cti,
                })
            },
        ),
        forged(
            "twice",
            "REFUSED case-step",
            "completed twice",
            |company, _, case| {
                company.tenant.complete(case);
                Body::OutcomeRecorded(completed(&mut company.tenant, case))
            },
        ),
        forged(
            "resolved-by-target",
            "REFUSED keyid-mismatch",
            "the target resolves the dispute in the founder's name",
            |company, _, case| {
                let tenant = &mut company.tenant;
                tenant.end(case, Says::Target, Outcome::Disputed, None);
                let mut body = tenant.dispute_resolved(case, Says::Founder, Found::Dismissed, None);
                body.signed =
                    signed_again(tenant, &body.signed, Role::System, "/v1/disputes/resolve");
                Body::DisputeResolved(body)
            },
        ),
        forged(
            "resolved-by-sponsor",
            "REFUSED excluded",
            "the sponsor resolves the dispute",
            |company, _, case| {
                company
                    .tenant
                    .end(case, Says::Target, Outcome::Disputed, None);
                let says = Says::Person(&mut company.dana);
                let body = company
                    .tenant
                    .dispute_resolved(case, says, Found::Dismissed, None);
                Body::DisputeResolved(body)
            },
        ),
        // Not bodies of their kind: the CDDL refuses them too.
        forged(
            "malformed-resolved-by-system",
            "REFUSED malformed",
            "a target system resolves a dispute",
            |company, _, case| {
                company
                    .tenant
                    .end(case, Says::Target, Outcome::Disputed, None);
                let body =
                    company
                        .tenant
                        .dispute_resolved(case, Says::Founder, Found::Dismissed, None);
                Body::DisputeResolved(DisputeResolved {
                    by: Speaker::System(id("erp")),
                    ..body
                })
            },
        ),
        forged(
            "malformed-without-fault",
            "REFUSED malformed",
            "a reversal that is nobody's and not even nobody's fault",
            |company, _, case| {
                let body = company.tenant.outcome_recorded(
                    case,
                    Says::Target,
                    Outcome::Reversed,
                    Some(Fault::Agent),
                );
                Body::OutcomeRecorded(OutcomeRecorded {
                    fault: None,
                    ..body
                })
            },
        ),
        forged(
            "malformed-with-fault",
            "REFUSED malformed",
            "completed, by fault of somebody",
            |company, _, case| {
                let body = completed(&mut company.tenant, case);
                Body::OutcomeRecorded(OutcomeRecorded {
                    fault: Some(Fault::Agent),
                    ..body
                })
            },
        ),
    ]
    .into();
    all.push(without_passport());
    all.push(without_operator());
    all.push(surplus());
    all
}

/// OC-1: before there is a Passport, there is nothing to say.
fn without_passport() -> Vector {
    let (mut company, _, permitted) = permitted();
    let tenant = &mut company.tenant;
    let case = tenant.escalated("r-2");
    let mut body = completed(tenant, permitted);
    let said = alloc::format!(
        r#"{{"origin":"{}","case":"{case}","outcome":"completed","reason":"as delivered"}}"#,
        tenant.origin()
    );
    let (signed, _) = tenant.said(Says::Target, "/v1/outcomes", &said);
    body.signed = signed;
    let place = tenant.place(case);
    let event = tenant.event(Some(place), Body::OutcomeRecorded(body));
    tenant.append_anyway(&event.encode());
    let bytes = tenant.case_file(case);
    let description = "completed while people still judge";
    let answer = "REFUSED case-step";
    vector("without-passport", tenant, bytes, answer, description)
}

fn without_operator() -> Vector {
    let (mut company, mut olga, case) = permitted();
    let tenant = &mut company.tenant;
    let before = tenant.chain_of(case);
    let says = Says::Person(&mut olga);
    tenant.end(case, says, Outcome::Completed, None);
    let last = u64::try_from(tenant.entries.len()).unwrap() - 1;
    let indices = [before, [last].into()].concat();
    let passport = Some(tenant.passport(case));
    let bytes = tenant.case_file_of(case, &indices, tenant.blobs_of(case), passport);
    let description = "who the person is that speaks, is left out";
    let answer = "REFUSED unknown-passkey";
    vector("without-operator", tenant, bytes, answer, description)
}

fn surplus() -> Vector {
    let (mut company, _, case) = permitted();
    let tenant = &mut company.tenant;
    tenant.complete(case);
    tenant.change_system("erp", Status::Suspended);
    let last = u64::try_from(tenant.entries.len()).unwrap() - 1;
    let indices = [tenant.chain_of(case), [last].into()].concat();
    let passport = Some(tenant.passport(case));
    let bytes = tenant.case_file_of(case, &indices, tenant.blobs_of(case), passport);
    let description = "the target was suspended after it spoke";
    let answer = "REFUSED surplus-entry";
    vector("surplus", tenant, bytes, answer, description)
}

fn times() -> Vec<Vector> {
    [
        forged(
            "counted-early",
            "REFUSED counted-early",
            "a person's word counts a millisecond before its seven days are over",
            |company, olga, case| {
                let tenant = &mut company.tenant;
                tenant.end(case, Says::Person(olga), Outcome::Completed, None);
                let said = tenant.ending(case).said.unwrap().at.millis();
                tenant.wait_ms(said + 7 * DAY_MS - 1 - tenant.now().millis());
                Body::OutcomeCounted(tenant.counted(case))
            },
        ),
        forged(
            "counted-while-disputed",
            "REFUSED case-step",
            "a person's word counts although it is disputed",
            |company, olga, case| {
                let tenant = &mut company.tenant;
                tenant.end(case, Says::Person(olga), Outcome::Completed, None);
                let counted = tenant.counted(case);
                tenant.end(case, Says::Target, Outcome::Disputed, None);
                tenant.wait_ms(8 * DAY_MS);
                Body::OutcomeCounted(counted)
            },
        ),
        forged(
            "lapsed-early",
            "REFUSED lapsed-early",
            "lapsed a millisecond before the minute after its end is over",
            |company, _, case| {
                let tenant = &mut company.tenant;
                let lapsed = tenant.lapsed(case);
                tenant.wait_ms(lapsed.expires_at.millis() + 59_999 - tenant.now().millis());
                Body::PassportLapsed(lapsed)
            },
        ),
        forged(
            "disputed-twice",
            "REFUSED disputed-before",
            "disputed a second time after it was dismissed",
            |company, olga, case| {
                let tenant = &mut company.tenant;
                tenant.end(case, Says::Person(olga), Outcome::Completed, None);
                tenant.end(case, Says::Target, Outcome::Disputed, None);
                tenant.resolve(case, Says::Founder, Found::Dismissed, None);
                tenant.count(case);
                let body = tenant.outcome_recorded(case, Says::Target, Outcome::Disputed, None);
                Body::OutcomeRecorded(body)
            },
        ),
    ]
    .into()
}

/// What the case moved.
fn moved(tenant: &mut Tenant, case: CaseId) -> StandingChanged {
    let place = tenant.place(case);
    let body = completed(tenant, case);
    tenant.append(Some(place), Body::OutcomeRecorded(body));
    tenant.standing_due(case).unwrap()
}

fn standings() -> Vec<Vector> {
    [
        forged(
            "standing-of-another",
            "REFUSED standing-unmoved",
            "the standing of an agent that is not of the case",
            |company, _, case| {
                let mut due = moved(&mut company.tenant, case);
                due.rated = Rated::Agent(id("other-bot"));
                Body::StandingChanged(due)
            },
        ),
        forged(
            "standing-by-another",
            "REFUSED standing-unmoved",
            "moved by an event that moved nothing",
            |company, _, case| {
                let mut due = moved(&mut company.tenant, case);
                due.moved_by = company.tenant.case(case).events[0].digest;
                Body::StandingChanged(due)
            },
        ),
        forged(
            "standing-not-shown",
            "VALID",
            "better scores than the log gives: one case does not show it, the ledger does",
            |company, _, case| {
                let mut due = moved(&mut company.tenant, case);
                due.standing.scores = [999; 16];
                Body::StandingChanged(due)
            },
        ),
    ]
    .into()
}
