"""Signed heads, paths to them, and the trust file: checkpoint.md, proof.md, trust.md."""
import re
from types import SimpleNamespace as Record
from .formats import (
    CURRENCY, EXPONENT, ID, LOG_NAME, MS, POSITION, STRING, fits, many, need, read_json, sha256, signed_by,
    sound_key, text, unbase64, utf8, whole)

NUMBER = "(0|[1-9][0-9]{0,18})"
NAME = r"([^\s\x00-\x1f\x7f-\x9f+]+)"

def read_note(content, code):
    """A checkpoint with its signature for each pair of name and key id."""
    note = utf8(content, code)
    body, blank, below = note.rpartition("\n\n")
    said = re.fullmatch(NAME + "\n" + NUMBER + "\n(.+)", body)  # CP-1, CP-4
    lines = [re.fullmatch("— " + NAME + r" (\S+)", line) for line in below.split("\n")[:-1]]
    need(len(content) <= 65536 and len(lines) <= 64, code)  # CP-7
    need(not re.search("[\x00-\x09\x0b-\x1f]", note), code)
    need(blank and said and all(lines) and below[-1:] in ("\n", ""), code)
    need(all(len(name.encode()) <= 255 for name in [said[1], *(line[1] for line in lines)]), code)  # CP-2
    signatures = [(line[1], unbase64(line[2], code)) for line in lines]  # CP-6
    need(all(len(signature) > 4 for _, signature in signatures), code)
    head = Record(origin=said[1], size=int(said[2]), root=unbase64(said[3], code),
                  text=(body + "\n").encode(),
                  lines={(name, signature[:4]): signature[4:] for name, signature in signatures})
    need(head.size < 2**63 and len(head.root) == 32, code)
    need(head.size > 0 or head.root == sha256(b""), code)  # CP-5
    need(len(head.lines) == len(lines), code)  # CP-8
    return head

def check_head(head, log, trust):  # VE-5, VE-6
    need(head.origin == log["origin"], "wrong-tenant")
    keys = [one["vkey"] for one in log["log_keys"] if one["from_size"] <= head.size <= one["to_size"]]
    need(keys, "log-key-window")
    name, key_id, key = keys[0]
    need(signed_by(key, head.lines.get((name, key_id), b""), head.text), "bad-checkpoint")  # CP-11
    known = {(name, key_id), *(witness[:2] for witness in trust["witnesses"].values())}
    need(head.lines.keys() <= known, "unknown-signature")  # CP-14

def check_witnesses(head, trust):
    """VE-7: the line of each witness is good; the answer is whether there are enough of them."""
    seen = {"none": True}
    for name, (key_name, key_id, key) in trust["witnesses"].items():
        line = head.lines.get((key_name, key_id))
        seen[name] = line is not None
        if line is not None:
            seconds = int.from_bytes(line[:8], "big")
            message = b"cosignature/v1\ntime %d\n" % seconds + head.text
            need(0 < seconds < 2**63 and signed_by(key, line[8:], message), "bad-cosignature")  # CP-12, CP-13
    for name, (enough, members) in trust["groups"].items():
        seen[name] = sum(seen[member] for member in members) >= enough
    return seen[trust["quorum"]]

def read_proof(content):
    """Index, path and head of a tlog-proof (PR-1 to PR-6)."""
    top, blank, note = utf8(content, "malformed-proof").partition("\n\n")
    said = re.fullmatch(r"c2sp\.org/tlog-proof@v1\nindex " + NUMBER + r"((?:\n\S+)*)", top)
    need(len(content) <= 65536 and said and blank, "malformed-proof")
    path = [unbase64(line, "malformed-proof") for line in said[2].split("\n")[1:]]
    need(len(path) <= 63 and all(len(one) == 32 for one in path), "malformed-proof")
    return Record(index=int(said[1]), path=path, head=read_note(note.encode(), "malformed-proof"))

def check_length(index, tree_size, path):  # PR-8
    need(index < tree_size, "outside-tree")
    inner = (index ^ (tree_size - 1)).bit_length()
    length = inner + (index >> inner).bit_count()
    need(len(path) >= length, "missing-hash")
    need(len(path) <= length, "surplus-hash")

def check_inclusion(leaf, index, path, head):  # PR-9: RFC 9162 §2.1.3.2, with its names
    fn, sn, r = index, head.size - 1, leaf
    for p in path:
        if fn & 1 or fn == sn:
            r = sha256(b"\x01" + p + r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and r == head.root, "bad-proof")

# --- The trust file; a refusal names the rule that it breaks

LINE = text("[^\n]*")  # a line feed may stand in the policy only
LOG_KEY = {"vkey": LINE, "from_size": POSITION}
SEAL_KEY = {"key": text("[A-Za-z0-9_-]{43}"), "not_before": MS}
LOG = {"origin": LOG_NAME, "genesis_leaf": text("[0-9a-f]{64}"), "founder": text("[A-Za-z0-9_-]{43}"),
       "log_keys": many((LOG_KEY, LOG_KEY | {"to_size": POSITION}), 1, 64), "web_origins": many(LINE),
       "seal_keys": many((SEAL_KEY, SEAL_KEY | {"not_after": MS}), 1, 64),
       "currency": CURRENCY, "exponent": EXPONENT}
TRUST = {"version": 1, "platform": LINE, "logs": many((LOG, LOG | {"rp_id": LINE}), 0, 64),
         "policy": STRING, "targets": many(LINE, 0, 64), "skew_s": whole(0, 60)}

def read_trust(content):
    """The trust file: keys as bytes, open windows ended at the largest number, the policy taken apart."""
    trust = read_json(content, 1048576, "\x00-\x09\x0b-\x1f\x7f-\x9f")
    need(fits(trust, TRUST), "TR-1")
    origins = [log["origin"] for log in trust["logs"]]
    need(len(set(origins)) == len(origins), "TR-2")
    keys = []
    for log in trust["logs"]:
        log["founder"] = read_key(log["founder"])
        for one in log["log_keys"]:
            one["vkey"] = read_vkey(one["vkey"], 1)
            one.setdefault("to_size", 2**63 - 1)
            need(one["vkey"][0] == log["origin"], "TR-3")
            need(one["from_size"] <= one["to_size"], "TR-4")
        for one, after in zip(log["log_keys"], log["log_keys"][1:]):
            need(one["to_size"] < after["from_size"], "TR-4")
        for one in log["seal_keys"]:
            one["key"] = read_key(one["key"])
            need(one["not_before"] <= one.setdefault("not_after", 2**53 - 1), "TR-4")
        keys += [log["founder"], *(one["key"] for one in log["seal_keys"])]
        keys += [one["vkey"][2] for one in log["log_keys"]]
    read_policy(trust)
    keys += [witness[2] for witness in trust["witnesses"].values()]
    need(len(set(keys)) == len(keys) and all(map(sound_key, keys)), "TR-5")
    for target in trust["targets"]:
        origin, _, system = target.partition("#")
        need(origin in origins and ID(system), "TR-6")
    return trust

def read_key(characters):
    return unbase64(characters.replace("-", "+").replace("_", "/") + "=", "TR-1")

def read_vkey(vkey, kind):
    """Name, key id and public key of a verifier key of this type (CP-2, CP-3, CP-6)."""
    parts = re.fullmatch(NAME + r"\+([0-9a-f]{8})\+(\S+)", vkey)
    need(parts and len(parts[1].encode()) <= 255, "CP-2")
    content = unbase64(parts[3], "CP-6")
    key_id = sha256(parts[1].encode() + b"\n" + content)[:4]
    need(content[:1] == bytes([kind]) and len(content) == 33 and key_id.hex() == parts[2], "CP-3")
    return parts[1], key_id, content[1:]

def read_policy(trust):
    """TR-7: a C2SP tlog-policy: witnesses, groups of at least so many members, one quorum."""
    witnesses, groups, quorums, members = {}, {}, [], []
    *lines, end = trust["policy"].split("\n")
    need(end == "", "TR-7")
    for line in lines:
        words, known = re.findall("[^ ]+", line), {*witnesses, *groups}
        match words:
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                need(name not in known | {"none"}, "TR-7")
                witnesses[name] = read_vkey(vkey, 4)
            case ["group", name, enough, *listed]:
                need(name not in known | {"none"} and listed and known.issuperset(listed), "TR-7")
                enough = {"any": "1", "all": str(len(listed))}.get(enough, enough)
                need(re.fullmatch("[1-9][0-9]{0,8}", enough) and int(enough) <= len(listed), "TR-7")
                groups[name] = int(enough), listed
                members += listed
            case ["quorum", name]:
                need(name in known | {"none"}, "TR-7")
                quorums.append(name)
            case ["log", vkey] | ["log", vkey, _]:
                read_vkey(vkey, 1)
            case _:
                need(not words or words[0].startswith("#"), "TR-7")
    need(len(quorums) == 1 and len(set(members)) == len(members), "TR-7")
    trust |= {"witnesses": witnesses, "groups": groups, "quorum": quorums[0]}
