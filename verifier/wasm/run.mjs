// Judges every vector of testdata/ in the WebAssembly module given: node verifier/wasm/run.mjs MODULE
//
// Goal: the verifier runs where there is nothing but memory. Method: the module imports nothing, so it can reach no clock, socket,
// file or randomness; it gives each file the answer of its index, and REFUSED to a good one with any one bit of some changed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
assert.deepEqual(WebAssembly.Module.imports(module), [], "the module imports something");
const { memory, room, judge, answer } = new WebAssembly.Instance(module).exports;

const testdata = new URL("../../testdata/", import.meta.url);
const read = (path) => readFileSync(new URL(path, testdata));

function put(which, bytes) {
    const at = room(which, bytes.length);
    // The memory may have grown and moved: look at it only now.
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
}

function ask(artefact, { trust, at, pinned, expects_authority }) {
    put(0, read(trust));
    put(1, artefact);
    const length = judge(BigInt(at ?? -1), pinned, expects_authority);
    return new TextDecoder().decode(new Uint8Array(memory.buffer, answer(), length));
}

let judged = 0;
let flipped = 0;
for (const folder of ["passports", "cases"]) {
    for (const vector of JSON.parse(read(`${folder}/index.json`))) {
        const { file, outcome, code, description } = vector;
        const artefact = read(`${folder}/${file}`);
        // Without the policy engine nobody can tell that a verdict is another.
        const expected = code === "verdict-mismatch" ? "VALID" : [outcome, code].filter(Boolean).join(" ");
        assert.equal(ask(artefact, vector), expected, `${folder}/${file}: ${description}`);
        judged += 1;
        if (file === "valid.passport" || file === "authorized.case") {
            assert.equal(expected, "VALID");
            for (let byte = 0; byte < artefact.length; byte += 97) {
                const bit = 1 << (byte % 8);
                artefact[byte] ^= bit;
                assert.match(ask(artefact, vector), /^REFUSED /, `${file}: a bit of byte ${byte} was not missed`);
                artefact[byte] ^= bit;
                flipped += 1;
            }
            assert.equal(ask(artefact, vector), "VALID");
        }
    }
}
assert.ok(judged > 100 && flipped > 100, `only ${judged} files and ${flipped} bits were judged`);
console.log(`  no imports; ${judged} vectors judged as their index says; ${flipped} changed bits refused`);
