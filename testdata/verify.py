"""A second verifier of Passports and case files, written from the pages of spec/ alone.

    verify.py                 every vector in the indices of testdata/passports and testdata/cases
    verify.py FILE --trust TRUST [--at MS] [--gate] [--authority] [--unpinned]

It needs Python 3.11, `cbor2` and `cryptography`. This file is spec/verification.md §3 to §5, step by step;
what the steps stand on is in `second/`. Policies are not run: the step `replay` is not made, as by any
verifier without the engine, so that a vector whose one fault only replay finds (`verdict-mismatch`) is VALID.
"""
import argparse, json, pathlib, sys
from types import SimpleNamespace as Record
from second.formats import (
    BUNDLE, CASE_FILE, CASE_ID, CASE_KINDS, DELIVERED, DIGEST, ENTRY, EVENT, EVENTS, UINT, Refused, decode,
    digest, encode, fits, need, rising, seal_thumbprint, sha256, signed_by)
from second.heads import (
    check_head, check_inclusion, check_length, check_witnesses, read_note, read_proof, read_trust)
from second.history import History, read_passport

def judge(content, question):
    """VALID, REFUSED or INCOMPLETE, and the code of the first step that failed or was not made (VE-2).

    `question`: trust, at (None: no clock), pinned, gate, authority. `missing` gathers the steps not made.
    """
    question.missing = [] if question.pinned else ["unpinned"]
    try:
        if content[:1] and content[0] >> 5 == 5:  # VE-1: a CBOR map
            passport = judge_case(content, question)
            need(passport or not question.authority, "not-authorized")  # VE-22
        else:
            judge_passport(content, question)
    except Refused as refused:
        return "REFUSED", str(refused)
    return ("INCOMPLETE", question.missing[0]) if question.missing else ("VALID", None)

# --- A Passport: verification.md §4

def judge_passport(content, question):
    passport = read_passport(content, DELIVERED)
    log = pinned_log(passport.claims[-70001], question.trust)
    check_issuer(passport.claims, log, question.trust)
    def place(head):
        check_head(head, log, question.trust)
        if not check_witnesses(head, question.trust):
            question.missing.append("quorum")
    check_sealed(passport, log, place, question)

def check_sealed(passport, log, place, question):
    """Seal, claims, entry head, proof, what `place` asks of its head, inclusion, time, audience."""
    check_seal(passport, log, question.trust)
    check_claims(passport.claims)
    check_entry_head(passport.head, passport.claims)
    proof = read_proof(passport.proof)  # VE-10
    check_length(proof.index, proof.head.size, proof.path)
    need(proof.index == passport.head[2], "wrong-index")
    place(proof.head)
    event = encode(["passport.issued", *passport.head[5:], passport.registered])  # EN-5
    leaf = sha256(b"\x00" + encode([*passport.head[:5], event]))
    check_inclusion(leaf, proof.index, proof.path, proof.head)  # VE-11
    check_time(passport.claims, question)
    targets = question.trust["targets"]  # VE-13
    need(not targets or passport.claims[3] in targets, "wrong-audience")
    if question.gate and not targets:
        question.missing.append("no-target")

def pinned_log(origin, trust):
    logs = [log for log in trust["logs"] if log["origin"] == origin]
    need(logs, "unknown-issuer")
    return logs[0]

def check_issuer(claims, log, trust):  # VE-3
    need(claims[1] == trust["platform"], "unknown-issuer")
    need(claims[-70001] == log["origin"], "wrong-tenant")
    need(claims[3].rpartition("#")[0] == log["origin"], "wrong-tenant")

def check_seal(passport, log, trust):  # VE-4, PA-4
    def sealed_by(one):
        named = seal_thumbprint(one["key"]) == passport.kid
        return named and signed_by(one["key"], passport.signature, passport.signed)
    elsewhere = any(sealed_by(one) for other in trust["logs"] for one in other["seal_keys"])
    windows = [one for one in log["seal_keys"] if sealed_by(one)]
    need(windows, "wrong-tenant" if elsewhere else "bad-seal")
    need(windows[0]["not_before"] <= passport.claims[6] * 1000 <= windows[0]["not_after"], "seal-key-window")

def check_claims(claims):  # VE-8
    need(1 <= claims[4] - claims[5] <= 900, "bad-lifetime")  # PA-6
    need(claims[5] == claims[6], "issue-time")
    need(digest("action", encode(claims[-70003])) == claims[-70004], "action-mismatch")
    need(claims[3] == f"{claims[-70001]}#{claims[-70003][5]}", "audience-mismatch")

def check_entry_head(head, claims):  # VE-9
    _, origin, _, sequenced_at, _, case, case_index, case_previous, decided_at, _ = head
    chain = claims[-70009]
    need(origin == claims[-70001], "wrong-tenant")
    need(case == claims[-70002], "case-mismatch")
    need(case_index == len(chain) and [case_previous] == chain[-1:], "chain-mismatch")
    need(decided_at // 1000 == claims[6], "issue-time")
    need(sequenced_at >= decided_at, "time-backwards")

def check_time(claims, question):  # VE-12
    if question.at is None:
        return question.missing.append("no-clock")
    need(question.at < (claims[4] + question.trust["skew_s"]) * 1000, "expired")
    need(question.at >= (claims[5] - question.trust["skew_s"]) * 1000, "not-yet-valid")

# --- A case file: verification.md §5

def judge_case(content, question):
    """The Passport in a case file that passed every step, or None if it has none."""
    file = decode(content, 4194304, CASE_FILE)  # CF-1 to CF-3
    entries = [read_entry(*pair) for pair in file["entries"]]
    need(rising([entry.index for entry in entries]), "malformed")  # CF-4
    passport = read_passport(file["passport"], DELIVERED) if file["passport"] is not None else None
    trust, missing = question.trust, question.missing
    log = pinned_log(file["origin"], trust)
    if passport:
        check_issuer(passport.claims, log, trust)
    head = read_note(file["checkpoint"], "bad-checkpoint")
    check_head(head, log, trust)
    if not check_witnesses(head, trust):
        missing.append("quorum")
    check_entries(entries, head, log["origin"])
    history = None
    if all(entry.kind in EVENTS for entry in entries):
        genesis = check_genesis(entries, log, trust)
        history = History(genesis, check_blobs(entries, file["blobs"], missing))
        check_surplus(entries, file["case"])
        for entry in entries[1:]:
            history.apply(entry)
        check_case(history, passport)
    else:
        missing.append("unknown-kind")  # EN-3: what follows from it is unknown
    def place(other):  # VE-21
        need(other.text == head.text, "head-mismatch")
        check_head(other, log, trust)
        check_witnesses(other, trust)
        need(history is None or passport.registered == history.events[-1].body, "entry-mismatch")
    if passport:
        check_sealed(passport, log, place, question)
    return passport

def read_entry(content, path):
    _, origin, index, sequenced_at, previous, event = decode(content, 32768, ENTRY)  # EN-1
    return Record(
        origin=origin, index=index, sequenced_at=sequenced_at, previous=previous, event=event, path=path,
        leaf=sha256(b"\x00" + content), digest=digest("event", event))

def read_event(entry):
    """Sets kind, case, case_index, case_previous, decided_at and body; that of an unknown kind may be any."""
    kind, *place, decided_at, _, body = decode(entry.event, 32768, EVENT)  # EN-3
    if kind in EVENTS:
        need(fits(place, [CASE_ID, UINT, DIGEST] if kind in CASE_KINDS else [None] * 3), "malformed")  # EN-4
        need(fits(body, EVENTS[kind]), "malformed")  # EV-1, EV-2
    entry.kind, entry.decided_at, entry.body = kind, decided_at, body
    entry.case, entry.case_index, entry.case_previous = place

def check_entries(entries, head, origin):  # VE-14, EN-6 to EN-8
    for entry, before in zip(entries, [None, *entries]):
        need(entry.origin == origin, "wrong-tenant")
        check_length(entry.index, head.size, entry.path)
        check_inclusion(entry.leaf, entry.index, entry.path, head)
        read_event(entry)
        need(entry.sequenced_at >= entry.decided_at, "time-backwards")
        need(before is None or entry.sequenced_at >= before.sequenced_at, "time-backwards")
        if before and before.index + 1 == entry.index or entry.index == 0:
            need(entry.previous == (before.leaf if before else bytes(32)), "previous-mismatch")

def check_genesis(entries, log, trust):  # VE-15
    need(entries and entries[0].index == 0 and entries[0].leaf.hex() == log["genesis_leaf"], "wrong-genesis")
    need(entries[0].kind == "log.created", "wrong-genesis")
    said = entries[0].body
    pinned = {"origin": log["origin"], "platform": trust["platform"], "rp_id": log.get("rp_id"),
              "founder": {"kind": "ed25519-file", "key": log["founder"]}}
    pinned |= {name: log[name] for name in ("currency", "exponent", "web_origins")}
    need(all(said[name] == value for name, value in pinned.items()), "trust-file")
    need(said["log_key"] in [one["vkey"][2] for one in log["log_keys"]], "trust-file")
    need(said["seal_key"] in [one["key"] for one in log["seal_keys"]], "trust-file")
    return said

def check_blobs(entries, blobs, missing):
    """VE-16. The policy text of each bundle that is there, by its digest."""
    published = [entry.body for entry in entries if entry.kind == "policy.published"]
    named = {body["bundle"]: body["bytes"] for body in published}
    policies = {}
    for blob in blobs:
        name = digest("blob", blob)
        need(named.get(name) == len(blob) and name not in policies, "blob-mismatch")
        policies[name] = decode(blob, 4194304, BUNDLE)["policy"].encode()
    if named.keys() - policies.keys():
        missing.append("missing-blob")
    return policies

def check_surplus(entries, case):
    """VE-18: the case rests on each entry: one of its events, or a ground of its decision (CF-5)."""
    of_case = {entry.kind: entry for entry in entries if entry.case == case}
    request, decision = of_case.get("action.requested"), of_case.get("decision.made")
    for entry in entries:
        if entry.kind == "log.created":
            continue  # a second one breaks ST-1
        if entry.case is not None:
            need(entry.case == case, "surplus-entry")
            continue
        need(request and decision and entry.index < decision.index, "surplus-entry")
        grounds = {"agent": request.body["agent"], "system": request.body["action"][5],
                   "counterparty": request.body["action"][4], "policy": decision.body["snapshot"]["bundle"]}
        noun = entry.kind.split(".")[0]
        name = entry.body.get("bundle" if noun == "policy" else noun)
        need(noun in grounds and name == grounds[noun], "surplus-entry")

def check_case(history, passport):
    """The steps completeness (VE-19) and decision (VE-20)."""
    need(history.state in ("rejected", "in-review", "expired", "issued"), "case-incomplete")
    need((passport is not None) == (history.state == "issued"), "case-incomplete")
    weighed, decision = history.weighed, history.decision
    need(weighed["action"] == history.asked["action"], "action-mismatch")
    if passport:
        claims = passport.claims
        need(claims[-70003] == weighed["action"], "action-mismatch")
        need((claims[-70005], claims[-70006]) == (weighed["bundle"], decision["rules"]), "policy-mismatch")
        need(claims[-70011] == decision["engine"], "policy-mismatch")
        need(claims[-70008] == digest("snapshot", encode(weighed)), "snapshot-mismatch")
        need(decision["verdict"] == "authorized", "not-authorized")

# --- Vectors and command line

def judge_vectors(here):
    passed = failed = 0
    for folder in ("passports", "cases"):
        for vector in json.loads((here / folder / "index.json").read_text("utf-8")):
            trust = read_trust((here / vector["trust"]).read_bytes())
            question = Record(trust=trust, at=vector["at"], pinned=vector["pinned"], gate=False,
                              authority=vector["expects_authority"])
            expected = vector["outcome"], vector["code"]
            if vector["code"] == "verdict-mismatch":
                expected = "VALID", None
            answer = judge((here / folder / vector["file"]).read_bytes(), question)
            passed, failed = passed + (answer == expected), failed + (answer != expected)
            if answer != expected:
                print(f"{folder}/{vector['file']}: {answer}, expected {expected}: {vector['description']}")
    print(f"{passed} passed, {failed} failed")
    return failed == 0 and passed > 0

def main():
    if len(sys.argv) == 1:
        sys.exit(0 if judge_vectors(pathlib.Path(__file__).resolve().parent) else 1)
    parser = argparse.ArgumentParser(description="Judge one Passport or case file.")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--trust", type=pathlib.Path, required=True)
    parser.add_argument("--at", type=int, help="milliseconds since 1970; absent: no clock")
    parser.add_argument("--gate", action="store_true", help="as the target that a Passport is shown to")
    parser.add_argument("--authority", action="store_true", help="a permission is asked for, not evidence")
    parser.add_argument("--unpinned", action="store_true", help="the trust file came with FILE")
    options = parser.parse_args()
    try:
        trust = read_trust(options.trust.read_bytes())
    except Refused as refused:
        parser.error(f"the trust file breaks {refused}")
    question = Record(trust=trust, at=options.at, pinned=not options.unpinned, gate=options.gate,
                      authority=options.authority)
    outcome, code = judge(options.file.read_bytes(), question)
    print(outcome, code) if code else print(outcome)
    sys.exit(("VALID", "REFUSED", "INCOMPLETE").index(outcome))

if __name__ == "__main__":
    main()
