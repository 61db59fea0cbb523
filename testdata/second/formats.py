"""Bytes and their forms: digests, keys, base64, CBOR, JSON, and the structures of the pages and the CDDL."""
import base64, hashlib, json, re
from collections.abc import Mapping
import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

class Refused(Exception):
    """A check failed; the text is its code (verification.md §7, state.md §5, requests.md §6)."""

def need(holds, code):
    if not holds:
        raise Refused(code)

# --- Digests and base64: digests.md

def sha256(content):
    return hashlib.sha256(content).digest()

def digest(noun, content):
    return sha256(b"agentsigna/" + noun.encode() + b"/v1\n" + content)

def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

def unbase64(text, code):
    """The bytes, if these characters are the only ones that stand for them."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused(code)
    need(base64.b64encode(content).decode() == text, code)
    return content

def utf8(content, code):
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(code)

def request_thumbprint(key):  # RFC 7638
    return sha256(b'{"crv":"Ed25519","kty":"OKP","x":"' + base64url(key).encode() + b'"}')

def seal_thumbprint(key):  # RFC 9679
    return sha256(encode({1: 1, -1: 6, -2: key}))

# --- Keys and signatures: digests.md §5, DG-3

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826  # y of a point of order 8
PRINTED = {  # how keys begin whose private half is in RFC 8032 §7, RFC 8410 §10.3 or RFC 9421 §B.1.4
    "d75a980182b10ab7", "3d4017c3e843895a", "fc51cd8e6218a1a3", "278117fc144c7234",
    "ec172b93ad5e563b", "dfc9425e4f968f7f", "0f1d1274943b9141", "19bf44096984cdfe", "26b40b8f93fff3d8"}

def large_order(point):
    """Whether 32 bytes are the one encoding of a point of the curve whose order is not 1, 2, 4 or 8."""
    y = int.from_bytes(point, "little") & (2**255 - 1)
    has_x = pow((y * y - 1) * (D * y * y + 1), (P - 1) // 2, P) == 1  # there is an x, and it is not 0
    return y < P and has_x and y not in (0, ORDER_8, P - ORDER_8)

def sound_key(key):
    return type(key) is bytes and len(key) == 32 and large_order(key) and key[:8].hex() not in PRINTED

def signed_by(key, signature, message):
    """RFC 8032, without cofactor; OpenSSL refuses a scalar that is not reduced."""
    if len(signature) != 64 or not sound_key(key) or not large_order(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True

# --- CBOR: cbor.md

def encode(item):
    return cbor2.dumps(item, canonical=True)

def decode(content, bytes_max, form):
    """The one item in `content`, if it is our CBOR and fits `form`."""
    need(len(content) <= bytes_max, "malformed")  # CB-1
    try:
        item = plain(cbor2.loads(content))
        again = encode(item)
    except Exception:  # a lenient reader fails in many ways, all of them mean: not our CBOR
        raise Refused("malformed")
    need(again == content and fits(item, form), "malformed")  # CB-4, CB-5
    return item

def plain(item, depth=1):
    """The item in lists and dicts, if it holds nothing but the rows of cbor.md §3 (CB-2, CB-3)."""
    if item is None or type(item) in (bool, bytes, str) or type(item) is int and -2**64 <= item < 2**64:
        return item
    need(depth <= 16, "malformed")
    if isinstance(item, (list, tuple)):
        return [plain(one, depth + 1) for one in item]
    if isinstance(item, Mapping) and all(type(name) in (int, str) for name in item):
        return {name: plain(one, depth + 1) for name, one in item.items()}
    need(isinstance(item, cbor2.CBORTag) and item.tag == 18, "malformed")
    return cbor2.CBORTag(18, plain(item.value, depth + 1))

# --- JSON: requests.md §4.1

def read_json(content, bytes_max, controls="\x00-\x1f\x7f-\x9f"):
    """The value, if it keeps JS-1 to JS-9; JS-10 is for the form of the content."""
    def members(pairs):
        value = dict(pairs)
        need(len(value) == len(pairs), "json-duplicate")  # JS-8
        need(all(len(name.encode()) <= 64 for name in value), "json-name")  # JS-7
        return value
    def number(digits):
        need(re.fullmatch("0|[1-9][0-9]{0,15}", digits) and int(digits) < 2**53, "json-number")  # JS-5
        return int(digits)
    def never(_):
        raise Refused("json-number")
    def walk(value, depth):
        if type(value) is str:
            need(not re.search(f"[{controls}]", value), "json-string")  # JS-6
        elif type(value) in (dict, list):
            need(depth < 8, "json-depth")  # JS-4
            for one in [*value, *value.values()] if type(value) is dict else value:
                walk(one, depth + 1)
    need(len(content) <= bytes_max, "json-size")  # JS-1
    try:
        value = json.loads(utf8(content, "json-encoding"), object_pairs_hook=members, parse_int=number,
                           parse_float=never, parse_constant=never)
        json.dumps(value, ensure_ascii=False).encode()  # no lone surrogates
    except json.JSONDecodeError as error:
        raise Refused("json-trailing" if error.msg == "Extra data" else "json-syntax")
    except (UnicodeEncodeError, RecursionError):
        raise Refused("json-syntax")
    walk(value, 0)
    return value

# --- Forms: a test, a tuple of forms (any of them), a closed map, a closed array, or the value itself

def fits(item, form):
    if callable(form):
        return form(item)
    if type(form) is tuple:
        return any(fits(item, one) for one in form)
    if type(item) is not type(form):
        return False
    if type(form) is dict:
        return item.keys() == form.keys() and all(fits(item[name], one) for name, one in form.items())
    if type(form) is list:
        return len(item) == len(form) and all(map(fits, item, form))
    return item == form

def whole(low, high):
    return lambda item: type(item) is int and low <= item <= high

def size(count):
    return lambda item: type(item) is bytes and len(item) == count

def text(pattern):
    return lambda item: type(item) is str and re.fullmatch(pattern, item, re.DOTALL) is not None

def many(form, low=0, high=2**64):
    return lambda item: (
        type(item) is list and low <= len(item) <= high and all(fits(one, form) for one in item))

def utf8_size(high):
    return lambda item: type(item) is str and 1 <= len(item.encode()) <= high

def rising(items):
    return all(low < high for low, high in zip(items, items[1:]))

BYTES, STRING, BOOL = (lambda item: type(item) is bytes), text(".*"), (True, False)
DIGEST, CASE_ID, SALT, SIGNATURE = size(32), size(16), size(16), size(64)
MS = COUNT = whole(0, 2**53 - 1)
POSITION, UINT = whole(0, 2**63 - 1), whole(0, 2**64 - 1)
SECONDS, EXPONENT, TIER, LATITUDE = whole(0, 9007199254740), whole(0, 4), whole(1, 4), whole(-1, 15)
LOG_NAME, ID, CURRENCY = text("[!-*,-~]{1,255}"), text("[a-z0-9][a-z0-9-]{0,62}"), text("[A-Z]{3}")
REQUEST_ID, RULE_ID, ENGINE = text("[A-Za-z0-9_-]{1,64}"), text("[a-z0-9.-]{1,64}"), text("[ -~]{1,128}")
ORIGIN, ENGINE_NAMED = utf8_size(255), utf8_size(128)  # only compared with what a form above has judged
STATUS, APPROVAL, RISK = ("active", "suspended"), ("approved", "watch", "blocked"), ("low", "medium", "high")

# action.md
TYPE = ("purchase", "payment", "refund", "message.send", "data.read", "data.export", "contract.sign", "wire",
        "payment-details.change", "credential.grant", "permission.change", "policy.change", "data.delete",
        "other")
PARAMETER_NAME = text("[a-z][a-z0-9_]{0,31}")
PARAMETER_TEXT = text("[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]{0,64}")

def parameters(item):  # AC-4
    return type(item) is dict and len(item) <= 16 and all(
        PARAMETER_NAME(name) and fits(value, (COUNT, PARAMETER_TEXT)) for name, value in item.items())

ACTION = {1: TYPE, 2: whole(0, 10**15), 3: CURRENCY, 4: ID, 5: ID, 6: text("[ -~]{0,64}"), 7: parameters}

# policy.md §2, §4, §5
BUNDLE = {"version": 1, "engine": ENGINE, "catalogue": 1, "policy": STRING}
SNAPSHOT = {
    "origin": LOG_NAME, "currency": CURRENCY, "exponent": EXPONENT, "action": ACTION,
    "bundle": (DIGEST, None),
    "agent": {"id": ID, "sponsor": ID, "tier": TIER, "status": STATUS, "latitude": LATITUDE,
              "exposure_minor": whole(0, 10**18), "key": DIGEST},
    "target": {"id": ID, "status": STATUS}, "decided_at": MS, "standing_at": POSITION,
    "counterparty": {"id": ID, "status": APPROVAL, "risk": RISK, "payments_before": COUNT,
                     "payment_details_changed_at": (MS, None)}}
DECISION = {"verdict": ("authorized", "escalated", "rejected"), "rules": many(RULE_ID, 1), "engine": ENGINE,
            "demand": many([ID, whole(1, 8)], 0, 32), "review_ms": (whole(1, 3596400000), None)}

def snapshot(item):  # PO-11, PO-12
    return (fits(item, SNAPSHOT) and len(encode(item)) <= 10240
            and item["action"][3] == item["currency"]
            and item["action"][4] == item["counterparty"]["id"] and item["action"][5] == item["target"]["id"])

def decision(item):  # PO-13
    return (fits(item, DECISION) and rising(item["rules"]) and rising([group for group, _ in item["demand"]])
            and sum(map(len, item["rules"])) <= 16384
            and (item["verdict"] == "escalated") == bool(item["demand"]) == (item["review_ms"] is not None))

# event.md §3, entry.md §3
SIGNED = {"base": BYTES, "signature": SIGNATURE, "body": BYTES}
INVITED = {"code": DIGEST, "expires_at": MS, "signed": SIGNED}
KEY_SHOWN = {"key": sound_key, "signed": SIGNED}
CHANGED = {"status": STATUS, "signed": SIGNED}
GRANT = {"agent": ID, "sponsor": ID, "tier": TIER, "latitude": LATITUDE}
COUNTERPARTY = {"counterparty": ID, "status": APPROVAL, "risk": RISK, "signed": SIGNED}
REVIEW = {"round": UINT, "deadline": MS}
EVENTS = {
    "log.created": {
        "version": 1, "origin": LOG_NAME, "platform": STRING, "log_key": sound_key, "seal_key": sound_key,
        "founder": {"kind": "ed25519-file", "key": sound_key}, "currency": CURRENCY, "exponent": EXPONENT,
        "rp_id": (STRING, None), "web_origins": many(STRING), "approval_rules": 1},
    "agent.invited": INVITED | GRANT, "agent.claimed": KEY_SHOWN | {"agent": ID},
    "agent.enrolled": KEY_SHOWN | GRANT, "agent.changed": CHANGED | {"agent": ID},
    "system.invited": INVITED | {"system": ID}, "system.claimed": KEY_SHOWN | {"system": ID},
    "system.enrolled": KEY_SHOWN | {"system": ID}, "system.changed": CHANGED | {"system": ID},
    "counterparty.enrolled": COUNTERPARTY | {"name": text(".{1,120}"), "payments_before": COUNT},
    "counterparty.changed": COUNTERPARTY | {"payment_details_changed": BOOL},
    "policy.published": {"bundle": DIGEST, "bytes": UINT, "signed": SIGNED | {"body": None}},
    "policy.activated": {"bundle": DIGEST, "signed": SIGNED},
    "auth.failed": {"subject": text("(agent|system):[a-z0-9][a-z0-9-]{0,62}|founder"), "reason": STRING,
                    "minute": UINT, "count": whole(1, 2**64 - 1)},
    "action.requested": {"agent": ID, "request_id": REQUEST_ID, "action": ACTION, "signed": SIGNED},
    "decision.made": {"snapshot": snapshot, "decision": decision},
    "review.opened": REVIEW | {"sheet": (DIGEST, None)}, "case.expired": REVIEW, "passport.issued": BYTES}
CASE_KINDS = ("action.requested", "decision.made", "review.opened", "case.expired", "passport.issued")
ENTRY = [1, ORIGIN, POSITION, MS, DIGEST, BYTES]
EVENT = [STRING, (CASE_ID, None), (UINT, None), (DIGEST, None), MS, SALT, lambda body: True]

# passport.md §3, case-file.md §3
PROTECTED = {1: -8, 4: DIGEST, 16: "application/agentsigna-passport+cose"}
ENTRY_HEAD = [1, ORIGIN, POSITION, MS, DIGEST, CASE_ID, UINT, DIGEST, MS, SALT]
DELIVERED = {-70101: ENTRY_HEAD, -70102: BYTES}
CLAIMS = {
    1: STRING, 2: ID, 3: text(".*#[a-z0-9][a-z0-9-]{0,62}"), 4: SECONDS, 5: SECONDS, 6: SECONDS, 7: size(16),
    8: {1: {1: 1, -1: 6, -2: sound_key}}, -70001: ORIGIN, -70002: CASE_ID, -70003: ACTION, -70004: DIGEST,
    -70005: DIGEST, -70006: many(STRING), -70007: "authorized", -70008: DIGEST, -70009: many(DIGEST),
    -70010: [], -70011: ENGINE_NAMED}
CASE_FILE = {
    "type": "agentsigna/case-file/v1", "origin": ORIGIN, "case": CASE_ID, "checkpoint": BYTES,
    "entries": many([BYTES, many(DIGEST, 0, 63)], 0, 1024), "blobs": many(BYTES, 0, 64),
    "passport": (BYTES, None)}
