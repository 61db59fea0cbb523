//! `?before=`: where a part of a list begins.

use axum::http::Uri;

use crate::domain::{Kind, Refusal};

/// The index in `before=INDEX`, if there is a query; it holds nothing else.
///
/// # Errors
/// `query`.
pub(super) fn before(uri: &Uri) -> Result<Option<u64>, Refusal> {
    let Some(query) = uri.query() else {
        return Ok(None);
    };
    let index = query.strip_prefix("before=").and_then(index);
    index.map(Some).ok_or_else(|| {
        Refusal::new(
            Kind::Malformed,
            "query",
            "expected `before=` and the index of an entry",
        )
    })
}

/// The address of the next part of the list at `path`.
pub(super) fn next(path: &str, before: Option<u64>) -> Option<String> {
    before.map(|before| format!("{path}?before={before}"))
}

/// An index as we write it: decimal digits, no sign, no leading zero.
pub(super) fn index(text: &str) -> Option<u64> {
    let index: u64 = text.parse().ok()?;
    (index.to_string() == text).then_some(index)
}

#[cfg(test)]
mod tests {
    //! Goal: a query says where to begin in one way.

    use super::*;

    #[test]
    fn a_part_begins_where_the_query_says() {
        let read = |uri: &'static str| before(&Uri::from_static(uri));
        assert_eq!(read("/ledger").unwrap(), None);
        assert_eq!(read("/ledger?before=0").unwrap(), Some(0));
        assert_eq!(
            read("/ledger?before=18446744073709551615").unwrap(),
            Some(u64::MAX)
        );
        assert_eq!(next("/ledger", Some(7)).unwrap(), "/ledger?before=7");
        for bad in [
            "/ledger?",
            "/ledger?before=",
            "/ledger?before=-1",
            "/ledger?before=+1",
            "/ledger?before=01",
            "/ledger?before=18446744073709551616",
            "/ledger?before=1&before=2",
            "/ledger?after=1",
        ] {
            assert_eq!(read(bad).unwrap_err().code, "query", "{bad}");
        }
    }
}
