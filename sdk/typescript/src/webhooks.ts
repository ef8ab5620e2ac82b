import { SojournError } from "./errors.js";
import type { Execution } from "./types.js";

/** What a webhook or a callback carries. */
export interface WebhookEvent {
  /** The same for every attempt to deliver it: use it to recognise repeats. */
  id: string;
  /** For example `execution.completed`. */
  type: string;
  created_at: string;
  /** The execution without its input. `revision` tells which of two messages is newer. */
  data: Execution & {
    /** Where to read the output when it is too large to be sent along. */
    output_url?: string;
  };
}

/** A message that is not from the server, or too old. Answer it with 400 and do nothing else. */
export class WebhookVerificationError extends SojournError {
  override readonly name: string = "WebhookVerificationError";
  /**
   * Why: `missing_header`, `invalid_timestamp`, `too_old`, `too_new`, `signature_mismatch`, `invalid_secret` or
   * `invalid_body`.
   */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The headers of a request, in the form of fetch or of Node. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

/**
 * Checks that a webhook or a callback comes from the server (Standard Webhooks 1.0.0) and gives what it says. The body
 * must be the bytes as they were received, not JSON that was decoded and encoded again.
 *
 * @param secrets One secret (`whsec_…`), or several while they are being rotated: any may fit.
 * @param headers The request's headers.
 * @param body The request's body.
 * @param options `toleranceMs`: how far the message's time may be from this clock; default 5 minutes.
 * @throws {WebhookVerificationError} when it cannot be trusted
 */
export async function verifyWebhook(
  secrets: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array | ArrayBuffer,
  options: { toleranceMs?: number } = {},
): Promise<WebhookEvent> {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  if (!/^\d{1,15}$/.test(timestamp)) {
    throw new WebhookVerificationError("invalid_timestamp", "the header webhook-timestamp is not a number of seconds");
  }
  const age = Date.now() - Number(timestamp) * 1000;
  const tolerance = options.toleranceMs ?? 5 * 60_000;
  if (age > tolerance) throw new WebhookVerificationError("too_old", "the message was signed too long ago");
  if (age < -tolerance) throw new WebhookVerificationError("too_new", "the message was signed in the future");

  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body as ArrayBuffer);
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + bytes.length);
  signed.set(head);
  signed.set(bytes, head.length);

  const keys = typeof secrets === "string" ? [secrets] : secrets;
  if (keys.length === 0) throw new WebhookVerificationError("invalid_secret", "no secret was given");
  for (const secret of keys) {
    const key = await crypto.subtle.importKey("raw", secretBytes(secret), { name: "HMAC", hash: "SHA-256" }, false, [
      "verify",
    ]);
    for (const signature of signatures.split(" ")) {
      if (!signature.startsWith("v1,")) continue;
      const expected = base64(signature.slice(3));
      // The comparison is in constant time.
      if (expected && (await crypto.subtle.verify("HMAC", key, expected, signed))) return parse(bytes);
    }
  }
  throw new WebhookVerificationError("signature_mismatch", "no signature fits the secret");
}

function parse(bytes: Uint8Array): WebhookEvent {
  try {
    const event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof event === "object" && event !== null) return event;
  } catch {
    // said below
  }
  throw new WebhookVerificationError("invalid_body", "the body is signed, but it is not a JSON object");
}

function header(headers: WebhookHeaders, name: string): string {
  let value: string | string[] | null | undefined;
  if (typeof (headers as Headers).get === "function") {
    value = (headers as Headers).get(name);
  } else {
    const members = headers as Record<string, string | string[] | undefined>;
    value = members[name] ?? Object.entries(members).find(([key]) => key.toLowerCase() === name)?.[1];
  }
  if (Array.isArray(value)) value = value.join(" ");
  if (!value) throw new WebhookVerificationError("missing_header", `the header ${name} is missing`);
  return value;
}

function secretBytes(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = base64(secret.trim().replace(/^whsec_/, ""));
  if (!bytes || bytes.length === 0) {
    throw new WebhookVerificationError("invalid_secret", "a secret is whsec_ and base64");
  }
  return bytes;
}

function base64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}
