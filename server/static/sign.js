// What a device is asked to sign. Each challenge is computed here, from the bytes that the page has, and nothing is
// asked for if it is another than the server's. Forms say which: data-sign is `sign-in`, `join`, `found`, `act` or
// `review`.

const PURPOSES = {
  "sign-in": "agentsigna/sign-in/v1\n",
  join: "agentsigna/passkey/v1\n",
  act: "agentsigna/act/v1\n",
  review: "agentsigna/approval/v1\n",
};

const bytesOf = (text) => {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
};

const textOf = (buffer) => {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

const join = (...parts) => Uint8Array.from(parts.flatMap((part) => Array.from(part)));

const utf8 = (text) => new TextEncoder().encode(text);

const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

const holds = (bytes, part) => {
  for (let at = 0; at + part.length <= bytes.length; at += 1) {
    if (same(bytes.subarray(at, at + part.length), part)) return true;
  }
  return false;
};

// TA-11: the challenge of these bytes, if it is the one that the server names.
const challengeOf = async (purpose, context, named) => {
  const challenge = await sha256(join(utf8(PURPOSES[purpose]), context));
  if (!same(challenge, bytesOf(named))) throw new Error("The server names another challenge than these bytes give: nothing was signed.");
  return challenge;
};

const send = async (path, body) => {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
  });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.detail || content.title || String(answer.status));
  return content;
};

const assert = async (context, challenge, rpId, credentials) => {
  const made = await navigator.credentials.get({
    publicKey: {
      challenge,
      rpId,
      userVerification: "required",
      timeout: 300000,
      allowCredentials: credentials.map((id) => ({ type: "public-key", id: bytesOf(id) })),
    },
  });
  return {
    context: textOf(context),
    credential: textOf(made.rawId),
    authenticator: textOf(made.response.authenticatorData),
    client: textOf(made.response.clientDataJSON),
    signature: textOf(made.response.signature),
  };
};

const signIn = async () => {
  const asked = await send("/sign-in/challenge", {});
  const context = bytesOf(asked.context);
  const challenge = await challengeOf("sign-in", context, asked.challenge);
  const done = await send("/sign-in", await assert(context, challenge, asked.rp_id, []));
  location.assign(done.next);
  return "You are signed in.";
};

const fieldsOf = (form, ...names) => Object.fromEntries(names.map((name) => [name, form.elements.namedItem(name).value]));

const BROUGHT = { join: ["log", "user", "code"], found: ["code", "user", "name"] };

// Makes a passkey with what somebody brings, and shows it.
const register = async (form) => {
  const brought = fieldsOf(form, ...BROUGHT[form.dataset.sign]);
  const path = `/${form.dataset.sign}`;
  const asked = await send(`${path}/challenge`, brought);
  const context = bytesOf(asked.context);
  const challenge = await challengeOf("join", context, asked.challenge);
  const made = await navigator.credentials.create({
    publicKey: {
      challenge,
      rp: { id: asked.rp_id, name: asked.rp_id },
      user: { id: bytesOf(asked.handle), name: asked.user, displayName: asked.name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
      timeout: 300000,
      excludeCredentials: asked.exclude.map((id) => ({ type: "public-key", id: bytesOf(id) })),
    },
  });
  const done = await send(path, {
    ...brought,
    context: asked.context,
    authenticator: textOf(made.response.getAuthenticatorData()),
    client: textOf(made.response.clientDataJSON),
  });
  form.querySelector("button").disabled = true;
  return { brought, done };
};

const found = async (form) => {
  const { done } = await register(form);
  return `The log ${done.origin} has begun. Genesis leaf: ${done.genesis_leaf}. Compare it with the host over another channel.`;
};

const joined = async (form, outcome) => {
  const { brought, done } = await register(form);
  if (!done.next) {
    const approval = done.approval ? ` Approval passkey: ${done.approval}.` : "";
    return `Sign-in passkey: ${done.sign_in}.${approval} Have them compared and confirmed.`;
  }
  const link = document.createElement("a");
  link.id = "next";
  // In the fragment, which no server and no log of one sees.
  link.href = `${done.next}#${new URLSearchParams(brought)}`;
  link.textContent = "Go on to the approval passkey";
  outcome.after(link);
  return "The first passkey is shown.";
};

const act = async (form) => {
  const asked = fieldsOf(form, "context", "challenge", "credential", "rp_id", "body");
  const context = bytesOf(asked.context);
  const challenge = await challengeOf("act", context, asked.challenge);
  // The context must name this body: `content` and 32 bytes in CBOR.
  const content = await sha256(bytesOf(asked.body));
  if (!holds(context, join([0x67], utf8("content"), [0x58, 0x20], content))) {
    throw new Error("The bytes to be signed are for another body than the one shown: nothing was signed.");
  }
  const { authenticator, client, signature } = await assert(context, challenge, asked.rp_id, [asked.credential]);
  // The answer is a page: the one-time code, or where the act was begun.
  for (const name of ["challenge", "rp_id", "body"]) form.elements.namedItem(name).disabled = true;
  for (const [name, value] of Object.entries({ authenticator, client, signature })) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    form.append(field);
  }
  form.querySelector("button").disabled = true;
  form.submit();
  return "Signed. It is put on record.";
};

// One member of a context with text keys: its name, and its value as CBOR.
const member = (name, value) => join([0x60 + name.length], utf8(name), value);

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const review = async (form) => {
  const { ticket, sheet, decision, reason } = fieldsOf(form, "ticket", "sheet", "decision", "reason");
  const others = form.elements.namedItem("for")?.value;
  const fetched = await fetch(`/review/sheet?${new URLSearchParams({ ticket })}`, { credentials: "same-origin" });
  if (!fetched.ok) throw new Error("This sheet cannot be read any more: open it again from the queue.");
  const digest = await sha256(join(utf8("agentsigna/blob/v1\n"), new Uint8Array(await fetched.arrayBuffer())));
  const asked = await send("/review/challenge", { ticket, decision, reason, ...(others ? { for: others } : {}) });
  const context = bytesOf(asked.context);
  const challenge = await challengeOf("review", context, asked.challenge);
  // The context must name the sheet whose bytes are here and whose digest stands on the page, and the word chosen.
  const says = (name, value) => holds(context, member(name, value));
  const right = says("sheet", join([0x58, 0x20], digest)) && says("decision", join([0x60 + decision.length], utf8(decision)));
  if (!right || hex(digest) !== sheet) {
    throw new Error("The bytes to be signed are for another sheet or another word: nothing was signed.");
  }
  const done = await send("/review", await assert(context, challenge, asked.rp_id, [asked.credential]));
  for (const button of document.querySelectorAll("form[data-sign] button")) button.disabled = true;
  return `On record as entry ${done.index}. The case is ${done.state}.`;
};

for (const form of document.querySelectorAll("form[data-sign]")) {
  const outcome = form.querySelector("[data-outcome]");
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of BROUGHT[form.dataset.sign] || []) {
    const field = form.elements.namedItem(name);
    if (given.has(name) && field) field.value = given.get(name);
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    outcome.textContent = "Your device is asked.";
    try {
      const run = { "sign-in": signIn, join: joined, found, act, review }[form.dataset.sign];
      outcome.textContent = await run(form, outcome);
    } catch (error) {
      outcome.textContent = error.message;
    }
  });
}
