//! One file for each fault, with the answer it must get: `testdata/passports`, `testdata/cases`,
//! `testdata/approvals`, `testdata/outcomes`.
//!
//! A description names the fault, and after it where it was seen in the field, if it was.

mod approvals;
mod approvers;
mod cases;
mod examples;
mod outcomes;
mod passports;
mod people;

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Company, NamedWitness, START_MS, Tenant, trust_text};

/// When the vectors are judged unless they say otherwise: a minute after the first entry.
pub const AT_MS: u64 = START_MS + 60_000;

/// The folders of vectors; each has an index.
pub const FOLDERS: [&str; 4] = ["passports", "cases", "approvals", "outcomes"];

/// One file, what is asked about it, and the answer.
#[derive(Debug, Clone)]
pub struct Vector {
    /// One of [`FOLDERS`].
    pub folder: &'static str,
    /// The file in it.
    pub file: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The fault.
    pub description: &'static str,
    /// The trust file, under `testdata/`.
    pub trust: &'static str,
    /// The time asked about, in milliseconds.
    pub at: Option<u64>,
    /// Whether the trust file was pinned.
    pub pinned: bool,
    /// Whether a permission is asked for.
    pub expects_authority: bool,
    /// `VALID`, or `REFUSED` or `INCOMPLETE` and the code.
    pub answer: &'static str,
}

impl Vector {
    fn new(
        folder: &'static str,
        file: &str,
        bytes: Vec<u8>,
        answer: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            folder,
            file: file.to_string(),
            bytes,
            description,
            trust: "trust/tenant.json",
            at: Some(AT_MS),
            pinned: true,
            expects_authority: false,
            answer,
        }
    }

    fn trusting(self, trust: &'static str) -> Self {
        Self { trust, ..self }
    }

    fn at(self, at: Option<u64>) -> Self {
        Self { at, ..self }
    }

    fn to_json(&self) -> String {
        let (outcome, code) = self.answer.split_once(' ').unwrap_or((self.answer, ""));
        let code = if code.is_empty() {
            "null".to_string()
        } else {
            format!("\"{code}\"")
        };
        let at = self
            .at
            .map_or_else(|| "null".to_string(), |at| at.to_string());
        format!(
            "  {{\n    \"file\": \"{}\",\n    \"description\": \"{}\",\n    \"trust\": \"{}\",\n    \"at\": {at},\n    \"pinned\": {},\n    \"expects_authority\": {},\n    \"outcome\": \"{outcome}\",\n    \"code\": {code}\n  }}",
            self.file, self.description, self.trust, self.pinned, self.expects_authority
        )
    }
}

/// Every vector.
pub fn all() -> Vec<Vector> {
    let mut all = passports::all();
    all.extend(cases::all());
    all.extend(approvals::all());
    all.extend(outcomes::all());
    all
}

/// Every file with its path from `testdata/`: vectors, the indices, the trust files, and the examples with people and approvals.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let all = all();
    let mut files = trust_files();
    for folder in FOLDERS {
        let mine: Vec<&Vector> = all
            .iter()
            .filter(|vector| vector.folder == folder)
            .collect();
        let rows: Vec<String> = mine.iter().map(|vector| vector.to_json()).collect();
        files.push((
            format!("{folder}/index.json"),
            format!("[\n{}\n]\n", rows.join(",\n")).into_bytes(),
        ));
        for vector in mine {
            files.push((format!("{folder}/{}", vector.file), vector.bytes.clone()));
        }
    }
    let examples = people::files().into_iter();
    files.extend(examples.map(|(name, bytes)| (format!("../spec/examples/people/{name}"), bytes)));
    let examples = examples::approval().into_iter();
    files
        .extend(examples.map(|(name, bytes)| (format!("../spec/examples/approval/{name}"), bytes)));
    let examples = examples::outcome().into_iter();
    files.extend(examples.map(|(name, bytes)| (format!("../spec/examples/outcome/{name}"), bytes)));
    files
}

/// The witness of the vectors.
fn witness() -> NamedWitness {
    NamedWitness::new("w.example", 7)
}

fn trust_files() -> Vec<(String, Vec<u8>)> {
    let (mine, other) = (Tenant::ready(1), Tenant::ready(2));
    let none = "quorum none\n";
    let origin = mine.origin().to_string();
    let targets = [format!("{origin}#erp"), format!("{origin}#crm")];
    let late = trust_text(&[&mine], none, &[])
        .replace("\"not_before\":0", &format!("\"not_before\":{}", AT_MS + 1));
    let cut =
        trust_text(&[&mine], none, &[]).replace("\"from_size\":0", "\"from_size\":0,\"to_size\":9");
    [
        ("tenant", trust_text(&[&mine], none, &[])),
        ("two-tenants", trust_text(&[&mine, &other], none, &[])),
        ("other-tenant", trust_text(&[&other], none, &[])),
        ("witness", trust_text(&[&mine], &witness().policy(), &[])),
        ("target", trust_text(&[&mine], none, &[&targets[0]])),
        ("other-target", trust_text(&[&mine], none, &[&targets[1]])),
        (
            "people",
            trust_text(&[&Company::fresh(1, 2).tenant], none, &[]),
        ),
        ("later-seal-key", late),
        ("earlier-log-key", cut),
    ]
    .map(|(name, text)| (format!("trust/{name}.json"), text.into_bytes()))
    .into()
}
