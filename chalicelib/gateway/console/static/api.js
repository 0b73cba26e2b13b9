// Signs and sends requests: ACS3-HMAC-SHA256, as docs/SIGNATURES.md describes it. The key lives in
// this module's memory and nowhere else.

const WIRE = "2020-12-14";
const CONSOLE = "console";
const FORM = "application/x-www-form-urlencoded";
const SIGNED = [
  "content-type",
  "host",
  "x-acs-action",
  "x-acs-content-sha256",
  "x-acs-date",
  "x-acs-signature-nonce",
  "x-acs-version",
];

const encoder = new TextEncoder();
let key = null;
let skew = 0; // milliseconds the server's clock is ahead of ours

export class ApiError extends Error {
  constructor(status, { Code, Message, RequestId }) {
    super(Message || `HTTP ${status}`);
    this.status = status;
    this.code = String(Code || "");
    this.requestId = RequestId || "";
  }
}

export async function signIn(id, secret) {
  // Not extractable: from here on the page itself cannot read the secret back.
  const hmac = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  key = { id, hmac };
}

export function signOut() {
  key = null;
}

export const signedIn = () => key !== null;
export const keyId = () => key?.id ?? "";

// The actions that any client of the service has.
export const call = (action, fields, options) => send(WIRE, action, fields, options);

// The actions that only the console needs.
export const manage = (action, fields, options) => send(CONSOLE, action, fields, options);

async function send(version, action, fields = {}, { signal } = {}) {
  const given = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const body = encoder.encode(new URLSearchParams(given).toString());
  let answer = await attempt(version, action, body, signal);
  if (answer.error && /Time|Timestamp/.test(answer.error.code) && answer.ahead !== null) {
    skew = answer.ahead;
    answer = await attempt(version, action, body, signal);
  }
  if (answer.error) throw answer.error;
  return answer.value;
}

async function attempt(version, action, body, signal) {
  if (!key) throw new ApiError(401, { Code: "SignedOut", Message: "Sign in first." });
  const headers = {
    "content-type": FORM,
    "x-acs-action": action,
    "x-acs-content-sha256": hex(await crypto.subtle.digest("SHA-256", body)),
    "x-acs-date": new Date(Date.now() + skew).toISOString().replace(/\.\d+Z$/, "Z"),
    "x-acs-signature-nonce": hex(crypto.getRandomValues(new Uint8Array(16))),
    "x-acs-version": version,
  };
  headers.authorization = await authorization(headers);
  let response;
  try {
    response = await fetch("/", {
      method: "POST",
      headers,
      body,
      signal,
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, {
      Code: "Unreachable",
      Message: "The service does not answer. Is it still running?",
    });
  }
  const value = await response.json().catch(() => ({}));
  if (response.ok) return { value };
  const date = Date.parse(response.headers.get("date") ?? "");
  return {
    error: new ApiError(response.status, value),
    ahead: Number.isNaN(date) ? null : date - Date.now(),
  };
}

async function authorization(headers) {
  const all = { ...headers, host: location.host };
  const block = SIGNED.map((name) => `${name}:${all[name]}\n`).join("");
  const canonical = [
    "POST",
    "/",
    "",
    block,
    SIGNED.join(";"),
    headers["x-acs-content-sha256"],
  ].join("\n");
  const digest = hex(await crypto.subtle.digest("SHA-256", encoder.encode(canonical)));
  const signature = hex(
    await crypto.subtle.sign("HMAC", key.hmac, encoder.encode(`ACS3-HMAC-SHA256\n${digest}`)),
  );
  const signed = SIGNED.join(";");
  return `ACS3-HMAC-SHA256 Credential=${key.id},SignedHeaders=${signed},Signature=${signature}`;
}

function hex(data) {
  return Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
