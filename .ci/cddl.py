"""Judges spec/*.cddl; called by .ci/cddl.

Not judged here: the text patterns (`.regexp`), which one of the two parsers does not know, and whether bytes are
deterministic CBOR. Both are the business of the verifier's own readers. The order of members in a map is judged: it must be
that of their encodings.
"""

import multiprocessing
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
    ".sheet": ["review-sheet"],
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


def judge(name):
    """What is wrong with one file, the kind of its event if it has one, and how many changes of it were refused."""
    roots, findings, kind, refused = ROOTS[os.path.splitext(name)[1]], [], None, 0
    missing = [root for root in roots if root not in types]
    if missing:
        return [f"{name}: no rule `{missing[0]}` in spec/*.cddl to judge it by"], kind, refused
    with open(name, "rb") as file:
        data = file.read()
    root = fits(types, roots, data)
    if os.path.basename(name).startswith(MALFORMED):
        return [f"{name}: is a good `{root}`, expected a malformed one"] if root else [], kind, refused
    if not root:
        return [f"{name}: is no {' and no '.join(f'`{root}`' for root in roots)}"], kind, refused
    if not name.startswith("spec/"):
        return findings, kind, refused
    value = cbor2.loads(data)
    judged = [(root, changes(value))]
    if root == "entry":
        # The event by the rule of its kind: quicker than by all of them.
        event = cbor2.loads(value[5])
        kind = event[0]
        head = (changed + value[5:] for changed in changes(value[:5]))
        judged = [(root, head), (kind.replace(".", "-"), changes(event))]
    for rule, values in judged:
        for changed in values:
            data = cbor2.dumps(changed, canonical=True)
            if fits(types, [rule], data):
                findings.append(f"{name}: changed to {data.hex()}, it is still a good `{rule}`")
            refused += 1
    return findings, kind, refused


def main():
    files = sorted(glob("spec/examples/**", recursive=True) + glob("testdata/**", recursive=True))
    files = [name for name in files if os.path.splitext(name)[1] in ROOTS]
    # One process for each processor; the rules are read before, and are in each of them.
    with multiprocessing.get_context("fork").Pool() as pool:
        results = pool.map(judge, files, chunksize=4)
    findings = [finding for found, _, _ in results for finding in found]
    seen = {kind for _, kind, _ in results if kind}
    refused = sum(count for _, _, count in results)
    with open("spec/event.cddl", encoding="utf-8") as file:
        kinds = set(re.findall(r'^[a-z-]+ = \["([a-z.-]+)", (?:in|outside)-case', file.read(), re.M))
    for kind in sorted(kinds - seen):
        findings.append(f"spec/event.cddl: no example of `{kind}` in spec/examples")
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        sys.exit(f"error: {len(findings)} findings in spec/*.cddl or what they describe")
    print(f"  {len(kinds)} kinds, {len(files)} files judged, {refused} changed values refused")


types = schema()
main()
