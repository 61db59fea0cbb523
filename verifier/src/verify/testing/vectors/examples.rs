//! The log of `spec/examples/approval`: one case that two people agreed to, and one that a person refused.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::super::{Company, Tenant};
use crate::entry::{Entry, Event};

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
