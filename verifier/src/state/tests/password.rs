//! A way to read without a device: PE-15, PE-16. Each rule broken alone.

use super::{
    people::{judged, org},
    *,
};
use crate::{
    event::{SignInMethod, SignedIn},
    snapshot::Status,
    verify::testing::{By, Person},
};

const NO: &str = "not-permitted";

fn with_password(user: &Id) -> Body {
    Body::AuthSignedIn(SignedIn {
        user: user.clone(),
        method: SignInMethod::Password,
    })
}

fn row(tenant: &mut Tenant, user: &Id) -> Option<PasswordRow> {
    match tenant.rows.row(&RowName::Password(user.clone())) {
        Ok(Some(Row::Password(row))) => Some(row),
        _ => None,
    }
}

/// Whose a password is, and who ends it.
fn whose() -> Vec<Broken> {
    let mut org = org();
    let (mut finn, mut gerd, mut dana) = (org.finn.clone(), org.gerd.clone(), org.dana.clone());
    let user = finn.user.clone();
    let mut found = Vec::new();
    let tenant = &mut org.tenant;
    let early = tenant.password_ended(&mut finn, &user);
    found.push(case("no-password", judged(tenant, &early), "ended unset"));
    // Nobody sets one for somebody else, whatever the signed body says.
    let mut named = gerd.clone();
    named.user = user.clone();
    let by_device_of_gerd = tenant.password_set(&mut named);
    let code = judged(tenant, &by_device_of_gerd);
    found.push(case("unknown-passkey", code, "with the device of another"));
    for other in [&mut gerd, &mut dana] {
        let (how, theirs) = (format!("by {}", other.user), user.clone());
        let body = format!(
            r#"{{"origin":"{}","user":"{theirs}","secret":"{}"}}"#,
            tenant.origin(),
            Digest::from_bytes([7; 32])
        );
        let path = format!("/v1/users/{theirs}/password");
        let forged = Body::UserPasswordSet(crate::event::PasswordSet {
            signed: tenant.sign_act(other, &path, &body),
            user: theirs,
            secret: Digest::from_bytes([7; 32]),
        });
        found.push(case(NO, judged(tenant, &forged), how));
    }
    let set = tenant.password_set(&mut finn);
    let forged = match set.clone() {
        Body::UserPasswordSet(mut body) => {
            body.secret = Digest::from_bytes([9; 32]);
            Body::UserPasswordSet(body)
        }
        other => panic!("{other:?}"),
    };
    found.push(case(
        "signed-otherwise",
        judged(tenant, &forged),
        "another secret",
    ));
    found.push(case(OK, judged(tenant, &set), "one's own"));
    let index = tenant.append(None, set);
    assert_eq!(row(tenant, &user).map(|row| row.index), Some(index));
    // Once more: the newest counts.
    let set = tenant.password_set(&mut finn);
    let Body::UserPasswordSet(newest) = set.clone() else {
        panic!("{set:?}")
    };
    tenant.append(None, set);
    let secret = row(tenant, &user).and_then(|row| row.secret);
    assert_eq!(secret, Some(newest.secret));
    let ended = tenant.password_ended(&mut gerd, &user);
    found.push(case(NO, judged(tenant, &ended), "ended by an operator"));
    for by in [&mut finn, &mut dana] {
        let ended = tenant.password_ended(by, &user);
        found.push(case(
            OK,
            judged(tenant, &ended),
            format!("ended by {}", by.user),
        ));
        let Body::UserPasswordEnded(mut other) = ended else {
            panic!("{ended:?}")
        };
        other.user = gerd.user.clone();
        let other = Body::UserPasswordEnded(other);
        found.push(case(
            "signed-otherwise",
            judged(tenant, &other),
            "of another",
        ));
    }
    let ended = tenant.password_ended(&mut dana, &user);
    let index = tenant.append(None, ended);
    let secret = None;
    assert_eq!(row(tenant, &user), Some(PasswordRow { secret, index }));
    let again = tenant.password_ended(&mut dana, &user);
    found.push(case("no-password", judged(tenant, &again), "ended twice"));
    // Of nobody.
    let mut stranger = Person::administrator("nobody", 9);
    let body = tenant.password_set(&mut stranger);
    found.push(case("unknown-passkey", judged(tenant, &body), "of nobody"));
    found
}

/// What a password opens.
fn sign_ins() -> Vec<Broken> {
    let mut org = org();
    let (mut finn, mut dana) = (org.finn.clone(), org.dana.clone());
    let (user, of_gerd) = (finn.user.clone(), with_password(&org.gerd.user));
    let signs_in = with_password(&user);
    let mut found = Vec::new();
    let tenant = &mut org.tenant;
    found.push(case(
        "no-password",
        judged(tenant, &signs_in),
        "before it is set",
    ));
    let set = tenant.password_set(&mut finn);
    tenant.append(None, set);
    found.push(case(OK, judged(tenant, &signs_in), "once it is set"));
    found.push(case("no-password", judged(tenant, &of_gerd), "of another"));
    let mut after = tenant.clone();
    let ended = after.password_ended(&mut dana, &user);
    after.append(None, ended);
    found.push(case(
        "no-password",
        judged(&after, &signs_in),
        "once it is ended",
    ));
    let set = after.password_set(&mut finn);
    after.append(None, set);
    found.push(case(OK, judged(&after, &signs_in), "once it is set again"));
    org.set(&finn, Status::Suspended);
    found.push(case(
        "not-active",
        judged(&org.tenant, &signs_in),
        "suspended",
    ));
    let set = org.tenant.password_set(&mut finn);
    found.push(case(
        NO,
        judged(&org.tenant, &set),
        "set by one who is suspended",
    ));
    found
}

#[test]
fn pe_15_a_password_is_set_by_its_person_alone() {
    check(&whose());
}

#[test]
fn pe_15_the_founders_file_key_may_not() {
    let mut org = org();
    let user = org.finn.user.clone();
    for deed in [
        Deed::SetPassword { user: &user },
        Deed::EndPassword { user: &user },
    ] {
        let judged = may_sign(&mut org.tenant.rows, &deed, Signer::Founder);
        assert!(
            matches!(judged, Err(StateError::Broken { code: NO, .. })),
            "{deed:?}: {judged:?}"
        );
    }
    let (tenant, by) = org.two();
    let By::Two(dana, _) = by else { panic!() };
    let body = tenant.password_ended(dana, &user);
    assert!(body.profile().is_none() && body.signed().is_some());
}

#[test]
fn pe_16_a_password_opens_what_is_set_and_active() {
    check(&sign_ins());
}
