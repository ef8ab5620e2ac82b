/**
 * Start, watch and run durable executions: the client and the worker of the Sojourn server.
 *
 * @module
 */
export {
  type ClientOptions,
  DEFAULT_BASE_URL,
  type ProjectEvent,
  type ProjectEventsParams,
  type RawRequest,
  type RawResponse,
  Sojourn,
} from "./client.js";
export {
  type ApprovalOptions,
  Context,
  type Log,
  type Recorded,
  type SignalOptions,
  type SleepOptions,
  type StepContext,
  type StepOptions,
} from "./context.js";
export * from "./errors.js";
export * from "./failures.js";
export {
  type FileContent,
  type FileInput,
  type FileReference,
  Files,
  fileReference,
  type StoredFile,
  toFile,
  Upload,
} from "./files.js";
export * from "./interruptions.js";
export type { Logger } from "./logger.js";
export { Page, PagePromise } from "./pagination.js";
export * from "./resources/executions.js";
export * from "./resources/keys.js";
export type { RequestOptions } from "./resources/options.js";
export * from "./resources/webhooks.js";
export * from "./resources/workflows.js";
export type { SchemaIssue, SchemaResult, StandardSchemaV1 } from "./standard-schema.js";
export * from "./types.js";
export { VERSION } from "./version.js";
export { verifyWebhook, type WebhookEvent, type WebhookHeaders, WebhookVerificationError } from "./webhooks.js";
export * from "./worker.js";
export { defineWorkflow, type Workflow } from "./workflow.js";
