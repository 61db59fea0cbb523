"""Judges spec/*.cddl; called by .ci/cddl.

Not judged here: the text patterns (`.regexp`), which one of the two parsers does not know, and whether bytes are
deterministic CBOR. Both are the business of the verifier's own readers. The order of members in a map is judged: it must be
that of their encodings.
"""

import os
import re
import sys
from collections import namedtuple
from functools import partial
from glob import glob

import cbor2
import pycddl
import zcbor

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# A member may be called like a word of Python (`for`): zcbor names a field after it, and namedtuple refuses the word.
sys.modules[zcbor.DataTranslator.__module__].namedtuple = partial(namedtuple, rename=True)

# What a file may be, by the end of its name.
ROOTS = {
    ".entry": ["entry"],
    ".passport": ["passport-delivered", "passport-registered"],
    ".case": ["case-file"],
    ".assertion": ["assertion"],
    ".registration": ["registration"],
    ".context": ["registration-context", "sign-in-context", "act-context", "approval-context"],
}
# A file whose name begins so must be refused.
MALFORMED = "malformed-"


def schema():
    names = sorted(glob("spec/*.cddl"))
    texts = []
    for name in names:
        with open(name, encoding="utf-8") as file:
            texts.append(file.read())
    text = "\n".join(texts)
    try:
        pycddl.Schema(text)
    except ValueError as error:
        sys.exit(f"error: {', '.join(names)} are not CDDL (RFC 8610):\n{error}")
    prelude = os.path.join(os.path.dirname(zcbor.__file__), "zcbor", "prelude.cddl")
    with open(prelude, encoding="utf-8") as file:
        text = file.read() + re.sub(r'\s*\.regexp\s+"[^"]*"', "", text)
    try:
        return zcbor.DataTranslator.from_cddl(text, default_max_qty=1_000_000).my_types
    except (Exception, SystemExit) as error:  # zcbor raises bare exceptions
        sys.exit(f"error: {', '.join(names)} cannot be used: {error!r}")


def fits(types, roots, data):
    """The first root that the bytes are an instance of, or None."""
    for root in roots:
        try:
            types[root].validate_str(data)
            return root
        except zcbor.CddlValidationError:
            pass
    return None


def embedded(value):
    """The one item that a byte string holds, if it holds one that is a map or an array."""
    if isinstance(value, bytes) and len(value) > 1:
        try:
            item = cbor2.loads(value)
        except Exception:  # any fault: then it holds none
            return None
        if isinstance(item, (dict, list, cbor2.CBORTag)) and cbor2.dumps(item, canonical=True) == value:
            return item
    return None


def changes(value):
    """Every value that differs from `value` in one place, in a way that no rule allows."""
    inner = embedded(value)
    if inner is not None:
        for changed in changes(inner):
            yield cbor2.dumps(changed, canonical=True)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield {name: other for name, other in value.items() if name != key}
            for changed in changes(member):
                yield {name: changed if name == key else other for name, other in value.items()}
        yield {**value, "zzz": 1.5}
    elif isinstance(value, list):
        for at, item in enumerate(value):
            for changed in changes(item):
                yield value[:at] + [changed] + value[at + 1 :]
        yield value + [1.5]
    elif isinstance(value, cbor2.CBORTag):
        yield cbor2.CBORTag(value.tag + 1, value.value)
        for changed in changes(value.value):
            yield cbor2.CBORTag(value.tag, changed)
    else:
        yield 1.5


def main():
    types = schema()
    findings, seen, refused = [], set(), 0
    files = sorted(glob("spec/examples/**", recursive=True) + glob("testdata/**", recursive=True))
    files = [(name, ROOTS[os.path.splitext(name)[1]]) for name in files if os.path.splitext(name)[1] in ROOTS]
    for name, roots in files:
        missing = [root for root in roots if root not in types]
        if missing:
            findings.append(f"{name}: no rule `{missing[0]}` in spec/*.cddl to judge it by")
            continue
        with open(name, "rb") as file:
            data = file.read()
        root = fits(types, roots, data)
        if os.path.basename(name).startswith(MALFORMED):
            if root:
                findings.append(f"{name}: is a good `{root}`, expected a malformed one")
            continue
        if not root:
            findings.append(f"{name}: is no {' and no '.join(f'`{root}`' for root in roots)}")
            continue
        if not name.startswith("spec/"):
            continue
        value = cbor2.loads(data)
        judged = [(root, changes(value))]
        if root == "entry":
            # The event by the rule of its kind: quicker than by all of them.
            event = cbor2.loads(value[5])
            seen.add(event[0])
            head = (changed + value[5:] for changed in changes(value[:5]))
            judged = [(root, head), (event[0].replace(".", "-"), changes(event))]
        for rule, values in judged:
            for changed in values:
                data = cbor2.dumps(changed, canonical=True)
                if fits(types, [rule], data):
                    findings.append(f"{name}: changed to {data.hex()}, it is still a good `{rule}`")
                refused += 1
    with open("spec/event.cddl", encoding="utf-8") as file:
        kinds = set(re.findall(r'^[a-z-]+ = \["([a-z.-]+)", (?:in|outside)-case', file.read(), re.M))
    for kind in sorted(kinds - seen):
        findings.append(f"spec/event.cddl: no example of `{kind}` in spec/examples")
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        sys.exit(f"error: {len(findings)} findings in spec/*.cddl or what they describe")
    print(f"  {len(kinds)} kinds, {len(files)} files judged, {refused} changed values refused")


main()
