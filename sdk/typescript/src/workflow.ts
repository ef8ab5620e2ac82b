import type { StandardSchemaV1 } from "./standard-schema.js";

/** The definition of a workflow that client and worker share, so that inputs and outputs are typed on both sides. */
export interface Workflow<I = unknown, O = unknown> {
  /** Lower-case letters, digits, `.`, `_` and `-`, at most 100. */
  readonly name: string;
  /** Checks inputs in the worker and gives them their type. */
  readonly input?: StandardSchemaV1<any, I> | undefined;
  /** Checks outputs in the worker and gives them their type. */
  readonly output?: StandardSchemaV1<any, O> | undefined;
}

/**
 * Defines a workflow that client and worker share.
 *
 * ```ts
 * const greet = defineWorkflow("greet", { input: z.object({ name: z.string() }), output: z.string() });
 * worker.handle(greet, async (ctx, { name }) => `Hello, ${name}`);
 * const text = await client.run({ workflow: greet, input: { name: "Ada" } }); // string
 * ```
 */
export function defineWorkflow<I = any, O = any>(
  name: string,
  schemas: { input?: StandardSchemaV1<any, I>; output?: StandardSchemaV1<any, O> } = {},
): Workflow<I, O> {
  return { name, input: schemas.input, output: schemas.output };
}
