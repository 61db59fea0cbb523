//! What the tests of the portal's pages have in common: pages filled with examples, a reader of their HTML, a
//! server for browsers.

pub(crate) mod html;
pub(crate) mod more_samples;
pub(crate) mod password_samples;
pub(crate) mod samples;
pub(crate) mod served;
pub(crate) mod sheets;

/// Every page: its name and itself. `words` are what agents and counterparties say on it.
pub(crate) fn all(words: &samples::Words) -> Vec<(&'static str, String)> {
    let mut pages = samples::entrance();
    pages.extend(samples::cases(words));
    pages.extend(password_samples::passwords());
    pages.extend(sheets::reviews(words));
    pages.extend(more_samples::directory(words));
    pages.extend(more_samples::rules());
    pages.extend(more_samples::ledger(words));
    pages
}
