// Compiled, never run: what the types must accept, give, and refuse.
import {
  type Context,
  defineWorkflow,
  type FileReference,
  Sojourn,
  type StandardSchemaV1,
  toFile,
  Worker,
} from "sojourn";
import { EigenpalClient } from "sojourn/eigenpal";
import { HumanClient } from "sojourn/human";

declare const numbers: StandardSchemaV1<unknown, { n: number }>;
declare const text: StandardSchemaV1<unknown, string>;

const client = new Sojourn({ apiKey: "key", logger: console });
const double = defineWorkflow("double", { input: numbers, output: text });

export async function main(ctx: Context) {
  const output: string = await client.run({ workflow: double, input: { n: 1 } });
  // @ts-expect-error the input has another type
  await client.run({ workflow: double, input: { n: "one" } });
  // @ts-expect-error there is no such option
  await client.executions.start({ workflow: "x", timeout: 1 });

  const recorded = await ctx.step("s", () => ({
    at: new Date(),
    list: [1, undefined],
    file: toFile("x", "x.txt"),
    skip: () => 1,
  }));
  const at: string = recorded.at;
  const list: (number | null)[] = recorded.list;
  const file: FileReference = recorded.file;
  // @ts-expect-error functions are not recorded
  recorded.skip;
  const nothing: null = await ctx.step("n", async () => {});
  const decoded: string = await ctx.step("d", () => 1, { output: text });
  const payload: { n: number } = await ctx.waitForSignal("go", { payload: numbers });

  for await (const execution of client.executions.list({ status: ["failed", "a-newer-status"] })) {
    const id: string = execution.id;
    if (execution.status === "completed") void id;
  }
  const page = await client.executions.list({ counts: true });
  const failed: number | undefined = page.counts?.failed;

  new Worker(client)
    .handle(double, (_, { n }) => n.toFixed())
    .handle("plain", { input: numbers, retry: 3 }, async (_ctx, { n }) => n + 1)
    // @ts-expect-error the output has another type
    .handle(double, (_, { n }) => n);

  const human = new HumanClient({ apiKey: "key" });
  const { status } = await human.workflows.start({ workflow_id: "wf", input: {} });
  const closed: "pending" | "running" | "completed" | "failed" | "cancelled" = status;
  // @ts-expect-error the input is required
  await human.workflows.start({ workflow_id: "wf" });

  const eigenpal = new EigenpalClient({ apiKey: "key" });
  const detail = await eigenpal.workflows.executions.get("id", { includeSteps: true });
  const steps: number = detail.steps.length;
  return { output, at, list, file, nothing, decoded, payload, failed, closed, steps };
}
