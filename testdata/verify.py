"""A second verifier of Passports and case files, written from the pages of spec/ alone: `verify.py [FILE TRUST [MS]]`.
What it cannot read is `malformed`; events of people, and of what became of a permission, are of an `unknown-kind`. It takes
the trust file as its holder's word (TR-1 to TR-6), no group for a quorum, and runs no policy (step `replay`, VE-23): where
only the verdict is wrong (`verdict-mismatch`), it answers VALID."""
import base64, cbor2, hashlib, json, pathlib, re, sys
from types import SimpleNamespace as Record
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def need(**steps):  # codes of verification.md §7 and state.md §5, and whether their checks hold
    for code in (code for code, holds in steps.items() if not holds):
        raise AssertionError(code.replace("_", "-"))

# --- Keys, digests, base64, JSON, CBOR: digests.md, requests.md §4.1, cbor.md
P, ORDER_8 = 2**255 - 19, 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826  # y of a point of order 8
D, SMALL = -121665 * pow(121666, -1, P) % P, {0, ORDER_8, P - ORDER_8}  # next: how keys begin that a standard prints
PRINTED = "d75a980182 3d4017c3e8 fc51cd8e62 278117fc14 ec172b93ad dfc9425e4f 0f1d127494 19bf440969 26b40b8f93".split()
has_x = lambda y: pow((y * y - 1) * (D * y * y + 1), (P - 1) // 2, P) == 1  # and it is not 0
large = lambda point: (y := int.from_bytes(point, "little") % 2**255) < P and y not in SMALL and has_x(y)
sound = lambda key: len(key) == 32 and large(key) and key[:5].hex() not in PRINTED  # DG-3
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
digest = lambda noun, content: sha256(b"agentsigna/%s/v1\n" % noun, content)
encode = lambda item: cbor2.dumps(item, canonical=True)
base64url = lambda content: base64.urlsafe_b64encode(content).rstrip(b"=").decode()
thumbprint = lambda key: sha256(b'{"crv":"Ed25519","kty":"OKP","x":"%s"}' % base64url(key).encode())  # RFC 7638
key_of = lambda one: base64.urlsafe_b64decode(one["key"] + "=")
number = lambda digits: int(digits) if digits.isdecimal() else need(json_number=False)  # JS-5
members = lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else need(json_duplicate=False)  # JS-8
read_json = lambda content: json.loads(
    content.decode(), object_pairs_hook=members, parse_int=number, parse_float=number, parse_constant=number)
same64 = lambda text: base64.b64encode(base64.b64decode(text)).decode() == text
unbase64 = lambda text: base64.b64decode(text) if same64(text) else need(malformed=False)  # CP-6
def signed_by(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except Exception:  # no point, not 64 bytes, not reduced, or not the key's
        return False
    return sound(key) and sound(signature[:32])  # DG-3
def decode(content, bytes_max, form):
    item = cbor2.loads(content) if len(content) <= bytes_max else None  # CB-1
    need(malformed=fits(item, form) and encode(item) == content)  # CB-2 to CB-5
    return item
def fits(item, form):  # a form: a test, a tuple of forms (any of them), a closed map or array of forms, or a value
    if callable(form) or type(form) is tuple:
        return form(item) if callable(form) else any(fits(item, one) for one in form)
    if type(item) is type(form) is dict:
        return item.keys() == form.keys() and all(fits(item[name], form[name]) for name in form)
    if type(item) is type(form) is list:
        return len(item) == len(form) and all(map(fits, item, form))
    return type(item) is type(form) and item == form
whole = lambda low, high: lambda item: type(item) is int and low <= item <= high
size = lambda low, high=0: lambda item: type(item) is bytes and low <= len(item) <= (high or low)
text = lambda pattern: lambda item: type(item) is str and re.fullmatch(pattern, item, re.DOTALL) is not None
many = lambda form, high: lambda item: type(item) is list and len(item) <= high and all(fits(one, form) for one in item)
pairs = lambda form, high: lambda item: type(item) is dict and many(form, high)([*map(list, item.items())])
ANY, KEY, BYTES = (lambda item: True), (lambda item: type(item) is bytes and sound(item)), size(0, 2**32)
DIGEST, SHORT, STRING, ID = size(32), size(16), text(".*"), text("[a-z0-9][a-z0-9-]{0,62}")  # SHORT: case id, salt, cti
MS, SECONDS, POSITION, UINT = whole(0, 2**53 - 1), whole(0, 9007199254740), whole(0, 2**63 - 1), whole(0, 2**64 - 1)
BOOL, PARAMETER = (True, False), (MS, text("[^\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]{0,64}"))
ACTION = {  # action.md
    1: tuple("purchase payment refund message.send data.read data.export contract.sign wire payment-details.change "
             "credential.grant permission.change policy.change data.delete other".split()), 2: whole(0, 10**15),
    3: text("[A-Z]{3}"), 4: ID, 5: ID, 6: text("[ -~]{0,64}"), 7: pairs([text("[a-z][a-z0-9_]{0,31}"), PARAMETER], 16)}
MEMBERS = {  # event.md §3, policy.md §5; a snapshot is compared with the rows (ST-8)
    "agent": ID, "sponsor": ID, "system": ID, "counterparty": ID, "tier": whole(1, 4), "latitude": whole(-1, 15),
    "code": DIGEST, "expires_at": MS, "key": KEY, "name": text("[^\0-\x1f\x7f-\x9f]{1,120}"), "payments_before": MS,
    "status": text("active|suspended|approved|watch|blocked"), "risk": text("low|medium|high"), "bundle": DIGEST,
    "payment_details_changed": BOOL, "bytes": UINT, "request_id": text("[A-Za-z0-9_-]{1,64}"), "action": ACTION,
    "passport": BYTES, "round": 1, "deadline": MS, "sheet": (DIGEST, None), "snapshot": ANY, "decision": {
    "verdict": text("authorized|escalated|rejected"), "rules": many(text("[a-z0-9.-]{1,64}"), 2**14),
    "engine": text("[ -~]{1,128}"), "demand": many([ID, whole(1, 8)], 32), "review_ms": (whole(1, 3596400000), None)},
    "signed": {"base": BYTES, "signature": size(64), "body": (BYTES, None)}}
EVENTS = {kind: (path, before, after, {name: MEMBERS[name] for name in names.split(",") + ["signed"] * (path != "-")})
          for kind, path, before, after, names in re.findall(r"(\S+) (\S+) (\S+) (\S+) (\S+)", """
agent.invited agents -,invited,claimed,enrolled invited agent,sponsor,tier,latitude,code,expires_at
agent.claimed claims invited claimed agent,key  agent.changed agents/{agent}/status enrolled enrolled agent,status
agent.enrolled agents/{agent}/confirm claimed enrolled agent,sponsor,tier,latitude,key
system.invited systems -,invited,claimed,enrolled invited system,code,expires_at system.claimed claims invited claimed system,key
system.enrolled systems/{system}/confirm claimed enrolled system,key decision.made - requested verdict snapshot,decision
system.changed systems/{system}/status enrolled enrolled system,status
counterparty.enrolled counterparties - enrolled counterparty,name,status,risk,payments_before
counterparty.changed counterparties/{counterparty} enrolled enrolled counterparty,status,risk,payment_details_changed
policy.published policies -,published published bundle,bytes   passport.issued - authorized issued passport
policy.activated policies/activate published published bundle  review.opened - escalated in-review round,deadline,sheet
action.requested actions - requested agent,request_id,action   case.expired - in-review expired round,deadline""")}
PROTECTED = {1: -8, 4: DIGEST, 16: "application/agentsigna-passport+cose"}  # passport.md
DELIVERED = {-70101: [1, STRING, POSITION, MS, DIGEST, SHORT, UINT, DIGEST, MS, SHORT], -70102: BYTES}
CLAIMS = {
    1: STRING, 2: ID, 3: STRING, 4: SECONDS, 5: SECONDS, 6: SECONDS, 7: SHORT, 8: {1: {1: 1, -1: 6, -2: KEY}},
    -70001: STRING, -70002: SHORT, -70003: ACTION, -70004: DIGEST, -70005: DIGEST, -70006: many(STRING, 2**14),
    -70007: "authorized", -70008: DIGEST, -70009: many(DIGEST, 2**14), -70010: [], -70011: text(".{1,128}")}
BUNDLE = {"version": 1, "engine": STRING, "catalogue": 1, "policy": STRING}  # policy.md §2
CASE_FILE = {"type": "agentsigna/case-file/v1", "origin": STRING, "checkpoint": BYTES, "blobs": many(BYTES, 64),
             "case": SHORT, "entries": many([BYTES, many(DIGEST, 63)], 1024), "passport": (size(1, 6144), None)}
NAME, NUMBER, HASH = r"([^\s\0-\x1f\x7f-\x9f+]+)", "(0|[1-9][0-9]{0,18})", "[^=\n]{43}="  # CP-2, CP-4, PR-5

# --- Signed heads, and paths to them: checkpoint.md, proof.md
def read_note(note):
    said = re.fullmatch(f"({NAME}\n{NUMBER}\n({HASH})\n)\n((?:— {NAME} \\S+\n)+)", note)  # CP-1, CP-4
    lines = {(name, unbase64(line)[:4]): unbase64(line)[4:] for name, line in re.findall("— (\\S+) (\\S+)\n", said[5])}
    need(malformed=len(lines) == said[5].count("\n") <= 64 and len(note.encode()) <= 65536)  # CP-7, CP-8
    return Record(origin=said[2], size=int(said[3]), root=unbase64(said[4]), text=said[1].encode(), lines=lines)
def check_head(head, log, trust):  # VE-5 to VE-7; the answer is whether there are enough witnesses
    keys = [one["vkey"] for one in log["log_keys"] if one["from_size"] <= head.size <= one.get("to_size", 2**63 - 1)]
    need(wrong_tenant=head.origin == log["origin"], log_key_window=keys)
    good = {"none"}
    for name, vkey in [("", keys[0]), *re.findall(r"(?m)^witness (\S+) (\S+)", trust["policy"])]:  # TR-7
        key_name, key_id, key = re.fullmatch(NAME + r"\+([0-9a-f]{8})\+(\S+)", vkey).groups()
        key, hashed = unbase64(key), sha256(key_name.encode(), b"\n", unbase64(key))[:4]
        need(malformed=hashed.hex() == key_id and key[0] == (4 if name else 1))  # CP-3, CP-9
        line = head.lines.pop((key_name, hashed), None)
        if not name:  # CP-10, CP-11
            need(bad_checkpoint=line and key_name == head.origin and signed_by(key[1:], line, head.text))
        elif line is not None:  # CP-12, CP-13
            message = b"cosignature/v1\ntime %d\n" % int.from_bytes(line[:8], "big") + head.text
            need(bad_cosignature=bytes(8) < line[:8] < b"\x80" and signed_by(key[1:], line[8:], message))
            good.add(name)
    need(unknown_signature=not head.lines)  # CP-14
    return re.search(r"(?m)^quorum (\S+)$", trust["policy"])[1] in good
def path_root(leaf, index, path, tree_size):  # PR-8, PR-9
    need(outside_tree=index < tree_size)
    inner = (index ^ (tree_size - 1)).bit_length()
    length = inner + (index >> inner).bit_count()
    need(missing_hash=len(path) >= length, surplus_hash=len(path) <= length)
    for level, beside in enumerate(path):
        leaf = sha256(b"\1", *((beside, leaf) if level >= inner or index >> level & 1 else (leaf, beside)))
    return leaf

# --- Events, one after the other: requests.md §5, event.md, state.md, case.md
BASE = re.compile(  # RQ-2 to RQ-14, RQ-27
    '"@method": POST\n"@authority": (?:[a-z0-9.-]{1,253}|\\[[0-9a-f:.]+\\])(?::[1-9][0-9]{0,4})?\n'
    '"@request-target": (?P<path>/.*)\n"content-type": [!-~](?:[ -~]{0,126}[!-~])?\n'
    '"content-digest": sha-256=:(?P<digest>.{44}):\n"@signature-params": \\("@method" "@authority" "@request-target" '
    '"content-type" "content-digest"\\);created=(?P<created>0|[1-9][0-9]{0,12});expires=(?P<expires>0|[1-9][0-9]{0,12})'
    ';nonce="[A-Za-z0-9_-]{22,43}";keyid="(?P<keyid>.{43})";alg="ed25519";tag="agentsigna-(?P<profile>[a-z]+)-v1"')
ACTION_NAMES = ("action", "amount_minor", "currency", "counterparty", "target", "reference", "parameters")
SHOWN = {"claimed": base64url, "enrolled": lambda key: base64url(thumbprint(key)), "activated": bytes.hex}
def check_request(event, step, row, rows):  # ST-5: signed by whom it must be, then, and saying what the event says
    body, signed, log = event.body, event.body["signed"], rows["log"]
    profile, key = {"claimed": ("enrol", body.get("key")), "requested": ("action", rows["agent"].get("key"))}.get(
        step, ("founder", log["founder"]["key"]))
    content = rows["policies"].get(body["bundle"]) if step == "published" else signed["body"]
    base = BASE.fullmatch(signed["base"].decode())
    created, expires = int(base["created"]), int(base["expires"])
    need(signature_tag=base["profile"] == profile, signature_life=1 <= expires - created <= 60,
         keyid_mismatch=base["keyid"] == base64url(thumbprint(key)),
         signature_wrong=signed_by(key, signed["signature"], signed["base"]),
         digest_mismatch=content is None or unbase64(base["digest"]) == sha256(content),
         signed_elsewhere=base["path"] == "/v1/" + EVENTS[event.kind][0].format(**body),
         signature_time=created * 1000 - 5000 <= event.decided_at <= expires * 1000)
    if step != "published" or signed["body"] is not None:  # EV-2
        said = {name: SHOWN[step](body[name]) if name in ("key", "bundle") else body[name]
                for name in body.keys() - ({"signed", "code", "expires_at"} if step == "invited" else {"signed"})}
        said |= {"origin": log["origin"]} | dict(zip(ACTION_NAMES, body.get("action", {}).values()))
        asked = {name: one for name, one in (("parameters", {}), ("latitude", -1)) if name in said} | read_json(content)
        need(malformed=step != "requested" or fits(asked.pop("statement", ""), text("[^\0-\x1f\x7f-\x9f]{0,280}")),
             wrong_code=step != "claimed" or digest(b"code", asked.pop("code").encode()) == row.get("code"),
             wrong_tenant=asked["origin"] == log["origin"], signed_otherwise=encode(asked) == encode(said))
def apply(event, rows):  # VE-17: judges an event by the rows that those before it made, then makes its own
    noun, step = event.kind.split(".")
    noun, log, agent, chain = noun if noun in rows else "case", rows["log"], rows["agent"], rows["chain"]
    row, body, (path, before, after, form) = rows[noun], event.body, EVENTS[event.kind]
    need(not_enrolled=step not in ("requested", "made") or agent.get("stage") == "enrolled",  # ST-6
         malformed=fits(body, form)  # EV-1
         and fits(event.place, [SHORT, UINT, DIGEST] if noun == "case" else [None] * 3))  # EN-4
    if path != "-":
        check_request(event, step, row, rows)
    made = {name: body[name] for name in body if name != "signed"}
    confirms, kept = step == "enrolled" and noun != "counterparty", step == "invited" and (noun, body[noun]) in rows["keys"]
    need(case_step=row.get("stage", "-") in before.split(","),  # ST-2, ST-3, CA-1
         case_chain=noun != "case" or event.place[1:] == [len(chain), [bytes(32), *chain][-1]],  # ST-7
         code_expired=step != "claimed" or event.decided_at <= row["expires_at"],  # ST-3
         enrolment_mismatch=not (confirms or kept) or all(row[one] == made[one] for one in made.keys() - {"code", "expires_at"}),
         key_taken=not confirms or made["key"] not in rows["keys"],  # ST-4
         currency=step != "requested" or made["action"][3] == log["currency"],  # ST-6
         case_id=step != "requested" or event.place[0] == digest(
             b"case", encode([log["origin"], made["agent"], made["request_id"]]))[:16],
         review_deadline=step not in ("opened", "expired") or made["deadline"] == row["deadline"],  # CA-3
         expired_early=step != "expired" or event.decided_at >= row["deadline"])
    if step == "made":  # ST-8
        system, other, action, decision = rows["system"], rows["counterparty"], row["action"], made["decision"]
        inputs = {name: log[name] for name in ("origin", "currency", "exponent")} | {
            "action": action, "bundle": rows["policy"].get("active"), "decided_at": event.decided_at,
            "standing_at": whole(0, event.index), "target": {"id": action[5], "status": system["status"]},
            "agent": {name: agent[name] for name in ("sponsor", "tier", "status")} | {"latitude": whole(-1, 15),  # SD-6
                "id": row["agent"], "key": thumbprint(agent["key"]), "exposure_minor": whole(0, 10**18)},
            "counterparty": {"id": action[4], "payments_before": whole(other.get("payments_before", 0), 2**53 - 1),  # SD-7
                "risk": ("low", "medium", "high")[("low", "medium", "high").index(other.get("risk", "low")):]} | {
                name: other.get(name) for name in ("status", "payment_details_changed_at")}}
        asks = [decision["verdict"] == "escalated", decision["demand"] != [], decision["review_ms"] is not None]
        need(not_enrolled=system.get("stage") == "enrolled", unknown_counterparty=other.get("stage"),
             action_mismatch=made["snapshot"]["action"] == action, snapshot_mismatch=fits(made["snapshot"], inputs),
             malformed=len({*asks}) == 1 and decision["rules"] == sorted({*decision["rules"]}) != [])  # PO-13
        after, made["deadline"] = decision["verdict"], event.decided_at + (decision["review_ms"] or 0)
    made |= {"payment_details_changed_at": event.decided_at} if made.get("payment_details_changed") else {}
    made |= {"active": made["bundle"]} if step == "activated" else {}
    rows["keys"] += [made["key"], (noun, made[noun])] if confirms else []
    rows["chain"] += [digest(b"event", event.content)] if noun == "case" else []
    rows[noun] = row | made | {"stage": after, "decided_at": event.decided_at}

# --- The steps: verification.md §3 to §5
def judge(content, trust, at=None, pinned=True, authority=False):  # VE-2: the answer and the code of the first fault
    missing = [] if pinned else ["unpinned"]
    try:
        judge_this = judge_case if content[0] >> 5 == 5 else judge_passport  # VE-1
        need(not_authorized=judge_this(content, trust, at, missing) or not authority)  # VE-22
    except Exception as error:
        return "REFUSED", str(error) if type(error) is AssertionError else "malformed"
    return ("INCOMPLETE", missing[0]) if missing else ("VALID", None)
def judge_passport(content, trust, at, missing, file_head=None, rows=None):  # §4; in a case file with its head, rows
    protected, header, payload, signature = decode(content[1:], 6143, [BYTES, DELIVERED, BYTES, size(64)])
    kid, claims, place = decode(protected, 6144, PROTECTED)[4], decode(payload, 6144, CLAIMS), header[-70101]
    registered = content[:1] + encode([protected, {}, payload, signature])
    need(malformed=content[0] == 0xd2 and len(registered) <= 4096)  # PA-2, PA-7
    (issuer, subject, audience, exp, nbf, iat, _, confirmed, origin, case, action, action_digest, bundle, rules, _,
     snapshot, chain, _, engine) = claims.values()
    _, head_origin, index, sequenced_at, _, head_case, case_index, case_previous, decided_at, _ = place
    logs = [log for log in trust["logs"] if log["origin"] == origin]
    need(unknown_issuer=logs and issuer == trust["platform"],  # VE-3
         wrong_tenant=audience.startswith(origin + "#") and (not rows or rows["log"]["origin"] == origin))
    if rows:  # VE-20, ST-9
        row, decision, inputs = rows["case"], rows["case"]["decision"], rows["case"]["snapshot"]
        need(action_mismatch=action == row["action"], agent_mismatch=subject == row["agent"],
             policy_mismatch=[bundle, rules, engine] == [inputs["bundle"], decision["rules"], decision["engine"]],
             snapshot_mismatch=snapshot == digest(b"snapshot", encode(inputs)), case_mismatch=case == rows["id"],
             chain_mismatch=chain == rows["chain"][:-1], key_mismatch=confirmed[1][-2] == rows["agent"]["key"],
             issue_time=iat == row["decided_at"] // 1000)
    seals = [(log, one) for log in trust["logs"] for one in log["seal_keys"]  # PA-4
             if sha256(encode({1: 1, -1: 6, -2: key_of(one)})) == kid
             and signed_by(key_of(one), signature, encode(["Signature1", protected, b"", payload]))]
    need(bad_seal=seals, wrong_tenant=[log for log, _ in seals] == logs)  # VE-4
    need(seal_key_window=seals[0][1]["not_before"] - 999 <= iat * 1000 <= seals[0][1].get("not_after", 2**53 - 1),
         bad_lifetime=1 <= exp - nbf <= 900, issue_time=nbf == iat and decided_at // 1000 == iat,  # VE-8, VE-9
         action_mismatch=digest(b"action", encode(action)) == action_digest,
         audience_mismatch=audience == f"{origin}#{action[5]}",
         wrong_tenant=head_origin == origin, case_mismatch=head_case == case, time_backwards=sequenced_at >= decided_at,
         chain_mismatch=case_index == len(chain) and [case_previous] == chain[-1:])
    said = re.fullmatch(f"(?s)c2sp\\.org/tlog-proof@v1\nindex {NUMBER}\n((?:{HASH}\n)*)\n(.*)", header[-70102].decode())
    need(malformed_proof=said)  # VE-10
    head, event = read_note(said[3]), encode(["passport.issued", *place[5:], registered])
    path, leaf = [*map(unbase64, said[2].split())], sha256(b"\0", encode([*place[:5], event]))  # EN-5
    root = path_root(leaf, int(said[1]), path, head.size)  # VE-11
    need(wrong_index=int(said[1]) == index, head_mismatch=not file_head or head.text == file_head.text,  # VE-21
         entry_mismatch=not rows or registered == rows["case"]["passport"])
    missing += ["quorum"] * (not check_head(head, logs[0], trust) and not file_head) + ["no-clock"] * (at is None)
    need(bad_proof=root == head.root, expired=at is None or at < (exp + trust["skew_s"]) * 1000,  # VE-12
         not_yet_valid=at is None or at >= (nbf - trust["skew_s"]) * 1000,
         wrong_audience=not trust["targets"] or audience in trust["targets"])  # VE-13
    return True
def judge_case(content, trust, at, missing):  # §5; the answer is whether there is a Passport in it
    file, entries, before = decode(content, 2**22, CASE_FILE), [], None
    logs, passport = [log for log in trust["logs"] if log["origin"] == file["origin"]], file["passport"]
    head = read_note(file["checkpoint"].decode()) if logs else need(unknown_issuer=False)
    missing += [] if check_head(head, logs[0], trust) else ["quorum"]
    for content, path in file["entries"]:
        _, origin, index, put_at, previous, event = decode(content, 32768, [1, STRING, POSITION, MS, DIGEST, BYTES])
        kind, *place, decided_at, _, body = decode(event, 32768, [STRING, ANY, ANY, ANY, MS, SHORT, ANY])
        entry = Record(index=index, put_at=put_at, kind=kind, place=place, decided_at=decided_at, content=event,
                       body={"passport": body} if kind == "passport.issued" else body, leaf=sha256(b"\0", content))
        need(malformed=not before or index > before.index, wrong_tenant=origin == file["origin"],  # CF-4, VE-14
             bad_proof=path_root(entry.leaf, index, path, head.size) == head.root,
             time_backwards=put_at >= max(decided_at, before.put_at if before else 0),
             previous_mismatch=not before or index > before.index + 1 or previous == before.leaf)
        entries, before = [*entries, entry], entry
    need(wrong_genesis=entries and [entries[0].index, entries[0].leaf.hex()] == [0, logs[0]["genesis_leaf"]])  # VE-15
    if not {entry.kind for entry in entries} <= {*EVENTS, "log.created", "auth.failed"}:
        return missing.append("unknown-kind")
    log, decided = entries[0].body, next((entry for entry in entries if entry.kind == "decision.made"), None)
    named = {entry.body["bundle"]: entry.body["bytes"] for entry in entries if entry.kind == "policy.published"}
    blobs = {digest(b"blob", blob): blob for blob in file["blobs"]}
    told = {name: log[name] for name in ("platform", "currency", "exponent", "web_origins")}  # VE-15
    need(trust_file={**trust, **logs[0]} == {**trust, **logs[0], **told, "founder": base64url(log["founder"]["key"])},
         blob_mismatch=[*map(named.get, blobs)] == [*map(len, file["blobs"])], surplus_entry=decided)  # VE-16
    missing += ["missing-blob"] if named.keys() - blobs.keys() else []
    weighed = decided.body["snapshot"]
    grounds = {"agent": weighed["agent"]["id"], "system": weighed["target"]["id"],
               "counterparty": weighed["counterparty"]["id"], "policy": weighed["bundle"]}
    rows = {noun: {"status": "active", "payment_details_changed_at": None} for noun in (*grounds, "case")} | {
        "log": log, "id": file["case"], "chain": [], "keys": [log["founder"]["key"], log["log_key"], log["seal_key"]],
        "policies": {name: decode(blob, 2**22, BUNDLE)["policy"].encode() for name, blob in blobs.items()}}
    for entry in entries[1:]:
        noun = entry.kind.split(".")[0]
        need(surplus_entry=entry.place[0] == file["case"] if noun not in grounds else entry.index < decided.index and
             entry.body["bundle" if noun == "policy" else noun] == grounds[noun])  # VE-18
        apply(entry, rows)
    need(case_incomplete=rows["case"]["stage"] in (["issued"] if passport else ["rejected", "in-review", "expired"]))
    return bool(passport) and judge_passport(passport, trust, at, missing, head, rows)  # VE-19 to VE-21
def main(files):
    here, read, answers = pathlib.Path(__file__).parent, lambda *name: pathlib.Path(*name).read_bytes(), []
    if files:
        return print(*judge(read(files[0]), json.loads(read(files[1])), *map(int, files[2:])))
    for folder, vector in [(here / folder, vector) for folder in ("passports", "cases")
                           for vector in json.loads(read(here, folder, "index.json"))]:
        content, trust = read(folder, vector["file"]), json.loads(read(here, vector["trust"]))
        answer = judge(content, trust, vector["at"], vector["pinned"], vector["expects_authority"])
        expected = ("VALID", None) if vector["code"] == "verdict-mismatch" else (vector["outcome"], vector["code"])
        answers.append(answer == expected or print(vector["file"], *answer, "and not", *expected))
    print(f"{answers.count(True)} of {len(answers)} vectors agree; `verdict-mismatch` is VALID here: no replay")
    sys.exit(None in answers)
if __name__ == "__main__":
    main(sys.argv[1:])
