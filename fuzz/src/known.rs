//! Artefacts that are VALID, made by the tenant that signs in tests.

use agentsigna_verifier::{entry::CaseId, verify::testing::Tenant};

/// One log with a case for each ending, the one with a Passport first.
pub fn tenant() -> (Tenant, Vec<CaseId>) {
    let mut tenant = Tenant::ready(1);
    let cases = vec![
        tenant.authorized("r-1"),
        tenant.rejected("r-2"),
        tenant.expired("r-3"),
        tenant.escalated("r-4"),
    ];
    (tenant, cases)
}

/// Their case files, all under the same head.
pub fn case_files() -> Vec<Vec<u8>> {
    let (tenant, cases) = tenant();
    cases
        .into_iter()
        .map(|case| tenant.case_file(case))
        .collect()
}
