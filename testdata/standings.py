#!/usr/bin/env python3
"""Recomputes the standings (bes-1) of an exported log from spec/standing.md and spec/outcome.md alone: every
standing.changed must say what is computed here. Checks no signature and no proof: that is verify.py's.

usage: standings.py EXPORT ...   (a folder as `agentsigna export` writes it, or one of entries in files)
"""

import os, sys, cbor2

from standing import DAY, GOOD, Standing, decayed

SEVERITY, MAX = {"reversed": 2_000, "lost": 8_000, "fraud": 32_000}, 2**64 - 1

def entries_of(folder):  # one file each, or the bundles of C2SP tlog-tiles: a length of two bytes before each entry
    names = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    single = sorted(name for name in names if name.endswith(".entry"))
    tiles = {}
    for name in (name for name in names if "tile/entries/" in name):
        content, at, entries = open(name, "rb").read(), 0, []
        while at < len(content):
            length = int.from_bytes(content[at:at + 2], "big")
            entries, at = [*entries, content[at + 2:at + 2 + length]], at + 2 + length
        place = name.split("tile/entries/")[1].split(".p/")[0]  # of two widths of one tile the longer
        tiles[place] = max(tiles.get(place, []), entries, key=len)
    order = sorted(tiles, key=lambda place: int(place.replace("/", "").replace("x", "")))
    return [open(name, "rb").read() for name in single] or [entry for place in order for entry in tiles[place]]


def band(amount, exponent):
    top, number = 100 * 10**exponent, 0
    while amount >= top and number < 15:
        top, number = top * 4, number + 1
    return number

def recompute(entries):
    standings, given, live, terms, cases, said, exponent = {}, {}, {}, {}, {}, 0, None
    def of(kind, name, day):
        one = standings.setdefault((kind, name), Standing())
        one.on(day)
        return one

    def move(case, sign, day):  # partners after a credit came or went
        pair = (case["agent"], case["counterparty"])
        bands = live.setdefault(pair, [0] * 16)
        top = lambda: max((b for b in range(16) if bands[b]), default=-1)
        before = top()
        bands[case["band"]] += sign
        for kind, name in (("agent", pair[0]), ("counterparty", pair[1])):
            for b in range(min(before, top()) + 1, max(before, top()) + 1):
                of(kind, name, day).partners[b] += 1 if top() > before else -1

    def add(case, value, day, sign=1):
        for kind in ("agent", "counterparty"):
            one = of(kind, case[kind], day)
            for b in range(case["band"] + 1):
                one.good[b] = min(MAX, one.good[b] + value) if sign > 0 else max(0, one.good[b] - value)
        move(case, sign, day)

    def credit(case, day):  # SD-3
        count = given.setdefault((case["agent"], case["counterparty"]), [0] * 16)
        if count[case["band"]] < 16:
            count[case["band"]] += 1
            case["credit"] = [1000 // count[case["band"]], day, True]
            add(case, case["credit"][0], day)

    def withdraw(case, day):  # SD-5
        if case["credit"] and case["credit"][2]:
            case["credit"][2] = False
            add(case, decayed(case["credit"][0], GOOD, max(0, day - case["credit"][1])), day, -1)

    def bad(case, fault, severity, at, day):  # SD-4
        if fault in ("agent", "counterparty"):
            one = of(fault, case[fault], day)
            one.bad, one.adverse = min(MAX, one.bad + severity), True
            one.probation = at + 30 * DAY if severity >= 8000 else one.probation

    for entry in entries:
        kind, name, _, _, at, _, body = cbor2.loads(cbor2.loads(entry)[5])
        day, case = at // DAY, cases.get(name)
        if kind == "log.created":
            exponent = body["exponent"]
        elif kind in ("agent.invited", "agent.enrolled"):
            terms[body["agent"]] = (body["tier"], body["latitude"])
        elif kind == "action.requested":
            cases[name] = {"agent": body["agent"], "counterparty": body["action"][4], "credit": None,
                           "band": band(body["action"][2], exponent)}
        elif kind == "outcome.recorded":
            if body["outcome"] == "completed" and body["by"].startswith("system:"):
                credit(case, day)
            if body["outcome"] in ("reversed", "disputed"):
                withdraw(case, day)
            if body["outcome"] == "reversed":
                bad(case, body["fault"], SEVERITY["reversed"], at, day)
        elif kind == "outcome.counted":
            credit(case, day)
        elif kind == "dispute.resolved" and body["result"] == "dismissed" and case["credit"]:
            case["credit"][1:] = [day, True]
            add(case, case["credit"][0], day)
        elif kind == "dispute.resolved" and body["result"] != "dismissed":
            bad(case, body["fault"], SEVERITY[body["result"]], at, day)
        elif kind == "standing.changed":  # SD-6, SD-8
            one, latitude, said = of(body["subject"], body["id"], day), None, said + 1
            if body["subject"] == "agent":
                latitude = one.latitude(*terms[body["id"]], at)
            found = (one.scores(), latitude, one.probation)
            assert found == (body["scores"], body["latitude"], body["probation_until"]), (name.hex(), body, found)
    return said, standings

def main(folders):
    for folder in folders:
        said, standings = recompute(entries_of(folder))
        print(f"{folder}: {said} statements agree, {len(standings)} standings")
        for (kind, name), one in sorted(standings.items()):
            print(f"  {kind} {name}: scores {one.scores()}, bad {one.bad}")

if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit(__doc__))
