//! Writes `testdata/passports`, `testdata/cases`, `testdata/approvals`, `testdata/outcomes`, `testdata/trust`, and
//! `people`, `approval` and `outcome` of `spec/examples` anew.

use std::{fs, io, path::Path};

use agentsigna_verifier::verify::testing::vectors::files;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    for (path, bytes) in files() {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}
