//! Pages on which a person sets a password, filled.

use agentsigna_server::api::portal::pages::{
    self,
    frame::Problem,
    password::{NewPassword, PasswordCode},
};

use super::{
    more_samples::hidden,
    samples::{frame, problem},
};

pub(crate) fn passwords() -> Vec<(&'static str, String)> {
    let new = |is_set, problems: Vec<Problem>| NewPassword {
        frame: frame(),
        is_set,
        end: hidden("/v1/users/finn/password/end"),
        problems,
    };
    let short = problem("password", "the password has 8 bytes: expected 12 to 128");
    let code = |problems| {
        PasswordCode {
        frame: frame(),
        key: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".into(),
        address: "otpauth://totp/AgentSigna:finn%20log.example.com%2Ft%2F0011223344556677?\
                  secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=AgentSigna&algorithm=SHA1&digits=6&period=30"
            .into(),
        secret: "5f".repeat(32),
        problems,
    }
    };
    let wrong = problem("code", "this is not the code of now: wait for the next one");
    vec![
        ("password", pages::html(&new(false, vec![])).unwrap()),
        (
            "password-set",
            pages::html(&new(true, vec![short])).unwrap(),
        ),
        ("password-code", pages::html(&code(vec![])).unwrap()),
        (
            "password-code-wrong",
            pages::html(&code(vec![wrong])).unwrap(),
        ),
    ]
}
