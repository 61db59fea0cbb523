//! The log of `spec/examples/approval`: one case that two people agreed to, and one that a person refused. And that of
//! `spec/examples/outcome`: what becomes of permissions.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::super::{Company, Person, Says, Tenant};
use crate::{
    entry::{Entry, Event},
    outcome::{Fault, Found, Outcome},
    people::Role,
};

/// The entries of a log, each under its index and kind.
pub(super) fn entries(tenant: &Tenant) -> Vec<(String, Vec<u8>)> {
    let entries = tenant.entries.iter().enumerate();
    entries
        .map(|(index, bytes)| {
            let event = Event::decode(&Entry::decode(bytes).unwrap().event).unwrap();
            let name = format!("{index:02}-{}.entry", event.body.kind());
            (name, bytes.clone())
        })
        .collect()
}

/// Names below `spec/examples/approval`, and the bytes: entries, the bundle, the sheets, the Passport as delivered.
pub(super) fn approval() -> Vec<(String, Vec<u8>)> {
    let mut company = Company::asking(67, 2);
    let agreed = company.approved("r-1");
    let Company { tenant, finn, .. } = &mut company;
    let refused = tenant.escalated("r-2");
    tenant.refuse(refused, finn);

    let mut files = entries(tenant);
    for (case, name) in [(agreed, "agreed.sheet"), (refused, "refused.sheet")] {
        let sheet = tenant.review(case).sheet.unwrap();
        files.push((name.to_string(), tenant.blobs.remove(&sheet).unwrap()));
    }
    files.push(("agreed.passport".to_string(), tenant.passport(agreed)));
    let bundle = tenant.blobs.values().next().unwrap().clone();
    files.push(("policy.blob".to_string(), bundle));
    files
}

/// Somebody who may say what became of a permission: an operator, not the sponsor.
pub(super) fn operator(company: &mut Company) -> Person {
    let olga = Person::new("olga", 6, &[Role::Operator], &[]);
    company.enrol(&olga);
    olga
}

/// Names below `spec/examples/outcome`, and the bytes: entries, the bundle.
pub(super) fn outcome() -> Vec<(String, Vec<u8>)> {
    let mut company = Company::asking(68, 1);
    let mut olga = operator(&mut company);
    let tenant = &mut company.tenant;
    let case = tenant.authorized("r-1");
    tenant.start(case);
    tenant.complete(case);
    let unused = tenant.authorized("r-2");
    tenant.lapse(unused);
    let said = tenant.authorized("r-3");
    tenant.end(said, Says::Person(&mut olga), Outcome::Completed, None);
    let back = tenant.authorized("r-4");
    tenant.complete(back);
    let nobody = Some(Fault::Nobody);
    tenant.end(back, Says::Person(&mut olga), Outcome::Reversed, nobody);
    tenant.count(said);
    let kept = tenant.authorized("r-5");
    tenant.end(kept, Says::Target, Outcome::Rejected, None);
    let fraud = tenant.authorized("r-6");
    tenant.complete(fraud);
    tenant.end(fraud, Says::Target, Outcome::Disputed, None);
    let agent = Some(Fault::Agent);
    tenant.resolve(fraud, Says::Person(&mut olga), Found::Fraud, agent);

    let mut files = entries(tenant);
    let bundle = tenant.blobs.values().next().unwrap().clone();
    files.push(("policy.blob".to_string(), bundle));
    files
}
