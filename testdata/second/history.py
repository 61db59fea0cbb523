"""Who signed what, and whether an event may follow: requests.md §5, agent-api.md §3, state.md, case.md."""
import base64, ipaddress, json, re
from types import SimpleNamespace as Record
import cbor2
from .formats import (
    ACTION, BYTES, CLAIMS, EVENTS, PROTECTED, SIGNATURE, STRING, base64url, decode, digest, encode, fits,
    need, read_json, request_thumbprint, sha256, signed_by, text, utf8)

# --- Signed requests in evidence. Every act is a POST with content: one expression reads every base (RQ-27).

NUMBER = "(?:0|[1-9][0-9]{0,15})"
LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"

def authority(item):  # RQ-11
    parts = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?", item)
    if not parts or len(parts[1]) > 253 or parts[2] and (parts[2] == "443" or int(parts[2]) > 65535):
        return False
    if not parts[1].startswith("["):
        return all(re.fullmatch(LABEL, label) for label in parts[1].split("."))  # also of an IPv4 address
    try:
        address = ipaddress.IPv6Address(parts[1][1:-1])
    except ValueError:
        return False
    written = f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else str(address)  # RFC 5952 §4, §5
    return parts[1] == f"[{written}]"

BASE = {  # the beginning of each line, and the form of the rest
    '"@method": ': text("[A-Z]{1,16}"), '"@authority": ': authority,
    '"@request-target": ': text("/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]{0,2047}"),
    '"content-type": ': text("[!-~](?:[ -~]{0,126}[!-~])?"),
    '"content-digest": ': text("sha-256=:[A-Za-z0-9+/]{43}=:"), '"@signature-params": ': text(".{0,512}")}
COVERED = '("@method" "@authority" "@request-target" "content-type" "content-digest")'
PARAMETERS = re.compile(  # RQ-3
    f";created=(?P<created>{NUMBER});expires=(?P<expires>{NUMBER})"
    r';nonce="(?P<nonce>[^"\\]*)";keyid="(?P<keyid>[A-Za-z0-9_-]{43})"'
    r';alg="(?P<alg>[^"\\]*)";tag="(?P<tag>[^"\\]*)"')
PATHS = {
    "agent.invited": "/v1/agents", "agent.claimed": "/v1/claims",
    "agent.enrolled": "/v1/agents/{agent}/confirm", "agent.changed": "/v1/agents/{agent}/status",
    "system.invited": "/v1/systems", "system.claimed": "/v1/claims",
    "system.enrolled": "/v1/systems/{system}/confirm", "system.changed": "/v1/systems/{system}/status",
    "counterparty.enrolled": "/v1/counterparties",
    "counterparty.changed": "/v1/counterparties/{counterparty}",
    "policy.published": "/v1/policies", "policy.activated": "/v1/policies/activate",
    "action.requested": "/v1/actions"}
SAID_FORMS = {"origin": STRING, "key": text("[A-Za-z0-9_-]{43}"), "bundle": text("[0-9a-f]{64}")}
ACTION_NAMES = ("action", "amount_minor", "currency", "counterparty", "target", "reference", "parameters")

def check_evidence(signed, profile, key, content):
    """RQ-22 to RQ-27. A content that is not at hand is None; the answer is the parts of the base."""
    lines = utf8(signed["base"], "base-malformed").split("\n", 5)
    need(len(lines) == len(BASE) and all(map(str.startswith, lines, BASE)), "base-malformed")
    parts = [line.removeprefix(name) for line, name in zip(lines, BASE)]
    need(all(map(fits, parts, BASE.values())), "component-malformed")  # RQ-10 to RQ-14
    method, _, target, _, content_digest, signature_input = parts
    need(signature_input.startswith(COVERED), "signature-components")  # RQ-2
    said = PARAMETERS.fullmatch(signature_input.removeprefix(COVERED))
    need(said, "signature-malformed")  # RQ-3
    need(max(int(said["created"]), int(said["expires"])) <= 9007199254740, "signature-malformed")
    need(re.fullmatch("[A-Za-z0-9_-]{22,43}", said["nonce"]), "signature-nonce")
    need(said["alg"] == "ed25519", "signature-algorithm")
    need(said["tag"] == f"agentsigna-{profile}-v1", "signature-tag")
    created, expires = int(said["created"]), int(said["expires"])
    need(1 <= expires - created <= 60, "signature-life")
    need(said["keyid"] == base64url(request_thumbprint(key)), "keyid-mismatch")
    need(signed_by(key, signed["signature"], signed["base"]), "signature-wrong")
    if content is not None:
        need(content_digest == f"sha-256=:{base64.b64encode(sha256(content)).decode()}:", "digest-mismatch")
    return Record(method=method, target=target, created=created, expires=expires)

def check_request(event, key, origin, content):
    """ST-5: the request in an event is signed by this key and says what the event says; a claim's code."""
    profile = {"requested": "action", "claimed": "enrol"}.get(event.kind.split(".")[1], "founder")
    request = check_evidence(event.body["signed"], profile, key, content)
    path = PATHS[event.kind].format(**event.body)
    need((request.method, request.target) == ("POST", path), "signed-elsewhere")
    code = None
    if event.kind != "policy.published":
        code = check_said(event, read_json(content, 8192 if profile == "action" else 32768), origin)
    need(request.created * 1000 - 5000 <= event.decided_at <= request.expires * 1000, "signature-time")
    return code

def check_said(event, asked, origin):
    """The members of the content are those of the event. Answers the one-time code, which no event holds."""
    need(type(asked) is dict, "json-type")
    form = EVENTS[event.kind] | SAID_FORMS
    said = {name: event.body[name] for name in event.body if name not in ("signed", "code", "expires_at")}
    said |= {"origin": origin}
    code = None
    if event.kind == "action.requested":
        said |= dict(zip(ACTION_NAMES, (said["action"][label] for label in range(1, 8))))
        form |= dict(zip(ACTION_NAMES, ACTION.values()))
        asked = {"parameters": {}} | asked
        need(fits(asked.pop("statement", ""), text(".{0,280}")), "json-value")
    elif event.kind.endswith(".claimed"):
        said["key"] = base64url(said["key"])
        need("code" in asked, "json-missing")
        code = asked.pop("code")
        need(fits(code, text("[A-Za-z0-9_-]{22}")), "json-value")
    elif "key" in said:
        said["key"] = base64url(request_thumbprint(said["key"]))
    elif "bundle" in said:
        said["bundle"] = said["bundle"].hex()
    if "latitude" in said:
        asked = {"latitude": -1} | asked
    need(said.keys() <= asked.keys(), "json-missing")
    need(asked.keys() <= said.keys(), "json-unknown")
    for name, value in asked.items():
        need(type(value) is type(said[name]), "json-type")
        need(fits(value, form[name]), "json-range" if type(value) is int else "json-value")
    need(asked["origin"] == origin, "wrong-tenant")
    need(json.dumps(asked, sort_keys=True) == json.dumps(said, sort_keys=True), "signed-otherwise")
    return code

# --- Rows

def read_passport(content, unprotected):
    """The parts of a Passport with this unprotected header (PA-2, PA-3, PA-5, PA-7)."""
    item = decode(content, 6144, lambda item: type(item) is cbor2.CBORTag)
    need(fits(item.value, [BYTES, unprotected, BYTES, SIGNATURE]), "malformed")
    protected, header, payload, signature = item.value
    registered = encode(cbor2.CBORTag(18, [protected, {}, payload, signature]))
    need(len(registered) <= 4096, "malformed")  # PA-7
    return Record(
        kid=decode(protected, 6144, PROTECTED)[4], claims=decode(payload, 6144, CLAIMS),
        head=header.get(-70101), proof=header.get(-70102), registered=registered, signature=signature,
        signed=encode(["Signature1", protected, b"", payload]))

class History:
    """The rows that a genesis and the events after it make, as far as one case needs them (state.md §3)."""
    TABLE = {  # case.md §3
        (None, "action.requested"): "requested",
        ("requested", "authorized"): "authorized", ("requested", "escalated"): "escalated",
        ("requested", "rejected"): "rejected", ("authorized", "passport.issued"): "issued",
        ("escalated", "review.opened"): "in-review", ("in-review", "case.expired"): "expired"}

    def __init__(self, genesis, policies):
        """`policies`: the texts of the bundles at hand, by digest."""
        self.log, self.policies = genesis, policies
        self.parties, self.published, self.active = {}, set(), None
        self.taken = {genesis["founder"]["key"], genesis["log_key"], genesis["seal_key"]}
        self.state, self.events = None, []  # of the case

    def party(self, noun, name):
        need((noun, name) in self.parties, "unknown-target" if noun == "system" else f"unknown-{noun}")
        return self.parties[noun, name]

    def holder(self, noun, name):
        row = self.party(noun, name)
        need(row["stage"] == "enrolled", "not-enrolled")
        return row

    def apply(self, event):
        """Judges one event by the rows before it, and sets the rows that it makes (VE-17)."""
        noun, step = event.kind.split(".")
        need(event.kind != "log.created", "genesis")  # ST-1
        if event.kind in PATHS:
            self.check_signer(event, noun, step)
        if event.case is not None:
            self.apply_to_case(event)
        elif event.kind == "policy.published":
            self.published.add(event.body["bundle"])
        elif event.kind == "policy.activated":
            need(event.body["bundle"] in self.published, "unpublished-bundle")
            self.active = event.body["bundle"]
        elif event.kind == "counterparty.enrolled":
            need((noun, event.body[noun]) not in self.parties, "already-enrolled")  # ST-2
            self.parties[noun, event.body[noun]] = event.body | {"payment_details_changed_at": None}
        elif step == "invited":
            row = self.parties.get((noun, event.body[noun]), {})
            need(row.get("stage") != "enrolled", "already-enrolled")  # ST-2
            self.parties[noun, event.body[noun]] = event.body | {"stage": "invited", "status": "active"}
        elif step in ("claimed", "enrolled", "changed"):
            row = self.party(noun, event.body[noun])
            {"claimed": self.claim, "enrolled": self.enrol, "changed": self.change}[step](event, row)

    def check_signer(self, event, noun, step):
        """ST-5, with the key and the one-time code that the rows have for this event."""
        key, content = self.log["founder"]["key"], event.body["signed"]["body"]
        if step == "claimed":
            key = event.body["key"]
        elif step == "requested":
            key = self.holder("agent", event.body["agent"])["key"]
        elif step == "published":
            content = self.policies.get(event.body["bundle"])
        code = check_request(event, key, self.log["origin"], content)
        if step == "claimed":  # a stage that is no invitation has no code any more
            invited = self.parties.get((noun, event.body[noun]), {})
            given = invited["code"] if invited.get("stage") == "invited" else None
            need(digest("code", code.encode()) == given, "wrong-code")

    def claim(self, event, row):  # ST-3
        need(row["stage"] != "enrolled", "already-enrolled")
        need(row["stage"] == "invited", "code-used")
        need(event.decided_at <= row["expires_at"], "code-expired")
        row |= {"stage": "claimed", "key": event.body["key"]}

    def enrol(self, event, row):
        need(row["stage"] != "enrolled", "already-enrolled")
        need(row["stage"] == "claimed", "not-claimed")
        said = {name: value for name, value in event.body.items() if name != "signed"}
        need(all(row[name] == value for name, value in said.items()), "enrolment-mismatch")  # ST-3
        need(said["key"] not in self.taken, "key-taken")  # ST-4
        self.taken.add(said["key"])
        row["stage"] = "enrolled"

    def change(self, event, row):
        need(row.get("stage", "enrolled") == "enrolled", "not-enrolled")
        row |= {name: event.body[name] for name in ("status", "risk") if name in event.body}
        if event.body.get("payment_details_changed"):
            row["payment_details_changed_at"] = event.decided_at

    def apply_to_case(self, event):
        need(not self.events or event.kind != "action.requested", "request-repeated")  # ST-6
        step = event.body["decision"]["verdict"] if event.kind == "decision.made" else event.kind
        self.state = self.TABLE.get((self.state, step))
        need(self.state, "case-step")  # CA-1
        previous = self.events[-1].digest if self.events else bytes(32)
        if event.kind == "action.requested":
            self.request(event)
        need((event.case_index, event.case_previous) == (len(self.events), previous), "case-chain")  # ST-7
        if event.kind == "decision.made":
            self.decide(event)
        elif event.kind in ("review.opened", "case.expired"):
            self.review(event)
        elif event.kind == "passport.issued":
            self.issue(event)
        self.events.append(event)

    def request(self, event):  # ST-6
        self.asked, log = event.body, self.log
        case = digest("case", encode([log["origin"], self.asked["agent"], self.asked["request_id"]]))[:16]
        need(event.case == case, "case-id")
        need(self.asked["action"][3] == log["currency"], "currency")

    def decide(self, event):  # ST-8
        action, weighed = self.asked["action"], event.body["snapshot"]
        agent, counterparty = self.holder("agent", self.asked["agent"]), self.party("counterparty", action[4])
        rows = {
            "origin": self.log["origin"], "currency": self.log["currency"], "exponent": self.log["exponent"],
            "decided_at": event.decided_at, "bundle": self.active,
            "agent": {name: agent[name] for name in ("sponsor", "tier", "status", "latitude")} | {
                "id": self.asked["agent"], "key": request_thumbprint(agent["key"]),
                "exposure_minor": weighed["agent"]["exposure_minor"]},  # cannot be known from a part of a log
            "target": {"id": action[5], "status": self.holder("system", action[5])["status"]},
            "counterparty": {"id": action[4]} | {name: counterparty[name] for name in (
                "status", "risk", "payments_before", "payment_details_changed_at")}}
        need(all(weighed[name] == row for name, row in rows.items()), "snapshot-mismatch")
        need(weighed["action"][2] == action[2] and weighed["standing_at"] <= event.index, "snapshot-mismatch")
        self.weighed, self.decision = weighed, event.body["decision"]
        self.deadline = event.decided_at + (self.decision["review_ms"] or 0)

    def review(self, event):  # CA-1, CA-3
        need(event.body["round"] == 1, "review-round")
        need(event.body["deadline"] == self.deadline, "review-deadline")
        need(event.kind == "review.opened" or event.decided_at >= self.deadline, "expired-early")

    def issue(self, event):  # ST-9
        claims, origin = read_passport(event.body, {}).claims, self.log["origin"]
        agent = self.asked["agent"]
        need((claims[-70001], claims[1]) == (origin, self.log["platform"]), "wrong-tenant")
        need(claims[-70002] == event.case, "case-mismatch")
        need(claims[2] == agent, "agent-mismatch")
        need(claims[8][1][-2] == self.holder("agent", agent)["key"], "key-mismatch")
        need(claims[3] == f"{origin}#{self.asked['action'][5]}", "audience-mismatch")
        need(claims[-70005] == self.weighed["bundle"], "policy-mismatch")
        need(claims[-70009] == [one.digest for one in self.events], "chain-mismatch")
        need(claims[6] == event.decided_at // 1000, "issue-time")
