"""A second `bes-1`, written from spec/standing.md alone: computes each vector of testdata/standing/bes-1.json again.

A deed is `["deal", day, partner, band]`, `["withdraw", day, deal]`, `["again", day, deal]` (deals are counted from 0) or
`["bad", day, severity]`; all of one agent. `--write` puts what it computes into the file."""
import json, pathlib, sys

GOOD, BAD, DAY = 4262016076, 4286818749, 86_400_000


def decayed(evidence, factor, days):  # SD-2
    for _ in range(days):
        evidence = evidence * factor >> 32
    return evidence


class Standing:
    def __init__(self):
        self.day, self.good, self.bad, self.partners, self.probation, self.adverse = 0, [0] * 16, 0, [0] * 16, None, False

    def on(self, day):
        days = max(0, day - self.day) if self.adverse or any(self.good) else 0
        self.good, self.bad = [decayed(good, GOOD, days) for good in self.good], decayed(self.bad, BAD, days)
        self.day = max(self.day, day)

    def scores(self):  # SD-1
        return [1000 * good // (good + 4 * self.bad + 4000) for good in self.good]

    def latitude(self, tier, granted, at):  # SD-6
        if tier == 4 or self.probation is not None and at < self.probation:
            return -1
        earned, threshold = -1, {1: 700, 2: 750, 3: 800}[tier]
        for band, score in enumerate(self.scores()):
            if score < threshold or self.partners[band] < (3 if band < 3 else 6):
                break
            earned = band
        return earned if self.adverse else max(earned, granted)


def play(vector):
    agent, others, deals = Standing(), {}, []
    def highest(live):
        return max((band for band in range(16) if live[band]), default=-1)
    def turn(deal, day, sign):  # SD-3, SD-5
        partner, band, value = deal["partner"], deal["band"], deal["value"]
        live = others[partner]["live"]
        before = highest(live)
        live[band] += sign * (value > 0)
        after, left = highest(live), value if sign > 0 else decayed(value, GOOD, max(0, agent.day - deal["day"]))
        for i in range(band + 1):
            agent.good[i] = max(0, agent.good[i] + sign * left)
        for i in range(16):
            agent.partners[i] += (i <= after) - (i <= before)
        if sign > 0:
            deal["day"] = day
    for what, day, *more in vector["deeds"]:
        agent.on(day)
        if what == "deal":
            partner, band = more
            other = others.setdefault(partner, {"given": [0] * 16, "live": [0] * 16})
            other["given"][band] += 1
            k = other["given"][band]
            deals.append({"partner": partner, "band": band, "value": 1000 // k if k <= 16 else 0})
            turn(deals[-1], day, 1)
        elif what == "bad":  # SD-4
            agent.bad, agent.adverse = agent.bad + more[0], True
            if more[0] >= 8000:
                agent.probation = max(agent.probation or 0, (day + 30) * DAY)
        else:
            turn(deals[more[0]], day, 1 if what == "again" else -1)
    agent.on(vector["day"])
    return {"good": agent.good, "bad": agent.bad, "partners": agent.partners, "scores": agent.scores(),
            "latitude": agent.latitude(vector["tier"], vector["granted"], vector["day"] * DAY), "probation_until": agent.probation}


def main(write):
    path = pathlib.Path(__file__).parent / "standing" / "bes-1.json"
    vectors = json.loads(path.read_text())
    again = [vector | {"then": play(vector)} for vector in vectors]
    if write:
        rows = (",\n  ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in vector.items()) for vector in again)
        path.write_text("[\n {" + "},\n {".join(rows) + "}\n]\n")
    else:
        wrong = [vector["description"] for vector, other in zip(vectors, again) if vector != other]
        print(*wrong, f"{len(vectors) - len(wrong)} of {len(vectors)} standings agree", sep="\n")
        sys.exit(bool(wrong))


if __name__ == "__main__":
    main(sys.argv[1:] == ["--write"])
