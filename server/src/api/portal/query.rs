//! The query of an address, as forms of pages write it.

use std::fmt::Write as _;

use axum::extract::Request;

use super::body;
use crate::domain::Refusal;

/// Names and values. A name that is given twice counts once, as the first; unknown ones count for nothing.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of `request`.
    ///
    /// # Errors
    /// `form-encoding` for what no form writes.
    pub(super) fn of(request: &Request) -> Result<Self, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let fields = body::form(query.as_bytes())?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        let fields = fields.into_iter();
        Ok(Self(
            fields
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        ))
    }

    /// The value of `name`, without spaces around it; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        let mut fields = self.0.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }

    /// The value of `name` as a number; `None` if there is none.
    ///
    /// # Errors
    /// `form-field` for what is no number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Refusal::invalid(
                    "form-field",
                    "",
                    format!("`{name}` of the address is no number: begin with the first page"),
                )
            }),
        }
    }
}

/// `text` where a value of a query stands (RFC 3986 §2.1).
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    //! Goal: what a page writes into an address is what it reads out of it.

    use axum::body::Body;

    use super::*;

    fn query(text: &str) -> Query {
        let request = Request::builder().uri(format!("/cases?{text}"));
        Query::of(&request.body(Body::empty()).unwrap()).unwrap()
    }

    #[test]
    fn an_address_is_read_as_it_was_written() {
        for text in ["po-1", "a&b=c d+e%41", "größe\u{202e}<\"'>", ""] {
            let read = query(&format!("q={}&x", escaped(text)));
            assert_eq!(read.text("q"), text);
            assert_eq!(read.text("before"), "");
        }
        let twice = query("q=+one+&q=two&before=7&after=-1");
        assert_eq!(twice.text("q"), "one");
        assert_eq!(twice.number("before").unwrap(), Some(7));
        assert_eq!(twice.number("none").unwrap(), None);
        assert_eq!(twice.number("after").unwrap_err().code, "form-field");
    }
}
