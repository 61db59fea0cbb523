//! Goal: who has the file and the trust file needs nobody else (A10, A11, L18, L22). Method: the verifier runs in a
//! network namespace that has no route, not even to itself, after the server is gone.

use std::{
    fs,
    process::{Command, Output},
};

use agentsigna_tests::{programs, server::Server, tenant::Tenant};

/// Runs `script` without a network.
fn alone(script: &str, arguments: &[&std::path::Path]) -> Output {
    let done = Command::new("unshare")
        .args(["-rn", "sh", "-c", script, "sh"])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("`unshare`: {error}: install util-linux"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        !said.contains("unshare:"),
        "{said}\nthis machine gives no network namespace: run the tests as root, or allow them with \
         `sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0`"
    );
    done
}

#[test]
fn a_passport_and_a_case_file_are_judged_without_a_network() {
    let scratch = tempfile::tempdir().unwrap();
    let (passport, file, trust) = (
        scratch.path().join("po-1.passport"),
        scratch.path().join("po-1.case"),
        scratch.path().join("trust.json"),
    );
    let mut server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let asked = buyer.buy("po-1", 125_000).expect(200);
    let case = asked["case"].as_str().unwrap();
    fs::write(&passport, buyer.passport(case)).unwrap();
    fs::write(&file, buyer.case_file(case)).unwrap();
    tenant.write_trust(&trust, &[]);
    let address = server.door().address();
    let port = address.rsplit(':').next().unwrap().to_owned();

    // The control: with the server still there, nothing can be reached from where the verifier runs.
    let reach = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    let here = Command::new("bash").args(["-c", &reach]).status().unwrap();
    assert!(here.success(), "the server cannot be reached from here");
    let there = alone(&format!("! bash -c '{reach}' 2>/dev/null"), &[]);
    assert!(there.status.success(), "the namespace has a network");
    server.kill();

    let verify = programs::path("agentsigna-verify");
    for judged in [&passport, &file] {
        let done = alone(
            r#"exec "$1" passport "$2" --trust "$3""#,
            &[&verify, judged, &trust],
        );
        let said = String::from_utf8_lossy(&done.stdout);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        assert!(said.contains("VALID"), "{said}");

        // One bit more, and it is refused there too.
        let mut bytes = fs::read(judged).unwrap();
        let last = bytes.len() - 40;
        bytes[last] ^= 1;
        let broken = scratch.path().join("broken");
        fs::write(&broken, bytes).unwrap();
        let done = alone(
            r#"exec "$1" passport "$2" --trust "$3""#,
            &[&verify, &broken, &trust],
        );
        assert_eq!(done.status.code(), Some(1), "{done:?}");
    }
}
