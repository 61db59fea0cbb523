"""Flips bits all over each VALID vector: `verify.py` must refuse every flipped one, and it must not refuse everything."""
import json, pathlib, sys
import verify

FLIPS = 500  # of each file, spread evenly; the first verifier's tests flip every bit


def main():
    here = pathlib.Path(__file__).parent
    flipped, accepted = 0, []
    for folder in ("passports", "cases"):
        for vector in json.loads((here / folder / "index.json").read_bytes()):
            content = (here / folder / vector["file"]).read_bytes()
            asked = json.loads((here / vector["trust"]).read_bytes()), vector["at"], vector["pinned"]
            if vector["outcome"] != "VALID" or verify.judge(content, *asked)[0] != "VALID":
                continue  # verify.py tells where the two differ
            for bit in range(0, len(content) * 8, len(content) * 8 // FLIPS):
                changed = bytearray(content)
                changed[bit // 8] ^= 1 << bit % 8
                answer = verify.judge(bytes(changed), *asked)
                flipped += 1
                if answer[0] != "REFUSED":
                    accepted.append(f"{folder}/{vector['file']} with bit {bit} flipped is {answer}")
    print(*accepted, f"{flipped} flipped bits, {len(accepted)} not refused", sep="\n")
    sys.exit(bool(accepted) or flipped == 0)


if __name__ == "__main__":
    main()
