//! For tests: damage that no call of the store makes. Values are sealed like any other, so what finds it is not
//! the cipher but whoever compares.

use rocksdb::WriteOptions;

use super::{Store, Writing, key::Key, random, scope::TenantScope, seal::Unsealed};

impl<W: Writing> Store<W> {
    /// Puts `value` into a row, or removes the row, whatever the rules say.
    pub(crate) fn damage(&self, scope: &TenantScope, key: Key, value: Option<&[u8]>) {
        let family = self.database.family(scope.family_name()).unwrap();
        let bytes = scope.key_bytes(key);
        let options = WriteOptions::default();
        match value {
            None => self.database.rocks.delete_cf_opt(&family, bytes, &options),
            Some(value) => {
                let value = Unsealed::with_prefix(key.hidden(), value);
                let nonce = random::bytes().unwrap();
                let stored = scope.sealer().seal(&bytes, nonce, value).unwrap();
                self.database
                    .rocks
                    .put_cf_opt(&family, bytes, stored, &options)
            }
        }
        .unwrap();
    }
}
