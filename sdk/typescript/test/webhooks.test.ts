// Signatures made by the official library are accepted, and those made here would be by it.
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { verifyWebhook, WebhookVerificationError } from "../src/index.js";
import { failure } from "./kit/kit.js";

const secret = `whsec_${btoa("0123456789abcdef0123456789abcdef")}`;
const old = `whsec_${btoa("fedcba9876543210fedcba9876543210")}`;
const body = JSON.stringify({
  id: "evt_1",
  type: "execution.completed",
  created_at: "2026-11-22T00:00:00.000Z",
  data: { output: "☃" },
});

function signed(with_ = secret, at = new Date(), text = body): Record<string, string> {
  return {
    "webhook-id": "evt_1",
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(with_).sign("evt_1", at, text),
  };
}

test("what the official library signs is accepted, in every form of headers and body", async () => {
  const headers = signed();
  expect((await verifyWebhook(secret, headers, body)).type).toBe("execution.completed");
  expect((await verifyWebhook([old, secret], new Headers(headers), new TextEncoder().encode(body))).data.output).toBe(
    "☃",
  );
  const buffer = new TextEncoder().encode(body);
  const upper = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toUpperCase(), [v]]));
  expect((await verifyWebhook(secret.slice(6), upper, buffer.buffer as ArrayBuffer)).id).toBe("evt_1");
});

test("while a secret is rotated the message has both signatures, and either secret fits", async () => {
  const headers = signed();
  headers["webhook-signature"] = `${signed(old)["webhook-signature"]} v2,AAAA ${headers["webhook-signature"]}`;
  expect((await verifyWebhook(secret, headers, body)).id).toBe("evt_1");
  expect((await verifyWebhook(old, headers, body)).id).toBe("evt_1");
});

test.each([
  ["signature_mismatch", secret, signed(old), body],
  ["signature_mismatch", secret, signed(), `${body} `],
  ["signature_mismatch", secret, { ...signed(), "webhook-id": "evt_2" }, body],
  ["signature_mismatch", secret, { ...signed(), "webhook-signature": "v1,###" }, body],
  ["too_old", secret, signed(secret, new Date(Date.now() - 301_000)), body],
  ["too_new", secret, signed(secret, new Date(Date.now() + 302_000)), body],
  ["invalid_timestamp", secret, { ...signed(), "webhook-timestamp": "now" }, body],
  ["missing_header", secret, { ...signed(), "webhook-id": "" }, body],
  ["invalid_secret", "whsec_###", signed(), body],
  ["invalid_secret", [], signed(), body],
  ["invalid_body", secret, signed(secret, new Date(), "text"), "text"],
])("%s", async (code, secrets, headers, text) => {
  const error = await failure<WebhookVerificationError>(verifyWebhook(secrets, headers, text));
  expect(error).toBeInstanceOf(WebhookVerificationError);
  expect(error.code).toBe(code);
});

test("the tolerance can be chosen", async () => {
  const headers = signed(secret, new Date(Date.now() - 3_600_000));
  expect((await verifyWebhook(secret, headers, body, { toleranceMs: 7_200_000 })).id).toBe("evt_1");
});
