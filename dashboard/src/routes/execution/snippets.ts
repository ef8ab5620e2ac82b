// How to do from a terminal or a program what the page does. The key is never in it: all of these read it from
// SOJOURN_API_KEY.

import { ExactNumber } from "@/services/exact";

export const languages = ["curl", "cli", "go", "typescript", "python"] as const;
export type Language = (typeof languages)[number];
export const languageLabel: Record<Language, string> = {
  curl: "curl",
  cli: "CLI",
  go: "Go",
  typescript: "TypeScript",
  python: "Python",
};

export const tasks = ["get", "wait", "start"] as const;
export type Task = (typeof tasks)[number];
export const taskLabel: Record<Task, string> = { get: "Get it", wait: "Wait for its end", start: "Start it again" };

/** What snippets are made of. */
export interface SnippetOf {
  /** Without a slash at its end. */
  baseURL: string;
  id: string;
  /** Its name, or its id when the workflow has none any more. */
  workflow: string;
  input: unknown;
  metadata?: Readonly<Record<string, string>> | undefined;
  priority?: number | undefined;
}

/** Inputs longer than this come from a file: nobody wants them in a program or on a command line. */
export const longInput = 2000;

export const inputFile = "input.json";

/** Whether the snippet of a start reads the input from inputFile. */
export const inputFromFile = (of: SnippetOf): boolean => JSON.stringify(of.input).length > longInput;

const shell = (text: string): string =>
  /^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

const indent = (text: string, by: string): string => text.replaceAll("\n", `\n${by}`);

export function snippet(language: Language, task: Task, of: SnippetOf): string {
  return writers[language][task](of);
}

type Writer = Record<Task, (of: SnippetOf) => string>;

/** The body of a start, without its input when that comes from a file. */
function options(of: SnippetOf): { metadata?: Readonly<Record<string, string>>; priority?: number } {
  return {
    ...(of.metadata && Object.keys(of.metadata).length > 0 ? { metadata: of.metadata } : {}),
    ...(of.priority ? { priority: of.priority } : {}),
  };
}

const bearer = `-H "Authorization: Bearer $SOJOURN_API_KEY"`;

const curl: Writer = {
  get: ({ baseURL, id }) => `curl -sS "${baseURL}/v1/executions/${id}?include=steps" \\\n  ${bearer}`,
  wait: ({ baseURL, id }) =>
    [
      "# Each request is answered when it has ended, or after 60 seconds.",
      `until curl -fsS -o execution.json "${baseURL}/v1/executions/${id}?wait=60" ${bearer} &&`,
      "  jq -e .completed_at execution.json > /dev/null; do sleep 1; done",
      "jq . execution.json",
    ].join("\n"),
  start: (of) => {
    const head = `curl -sS "${of.baseURL}/v1/executions" \\\n  ${bearer} \\\n  -H "Content-Type: application/json" \\\n`;
    if (inputFromFile(of)) {
      const body = JSON.stringify({ workflow_id: of.workflow, ...options(of) });
      return `jq '${body.replaceAll("'", `'\\''`)} + {input: .}' ${inputFile} |\n${head}  --data-binary @-`;
    }
    const body = JSON.stringify({ workflow_id: of.workflow, input: of.input, ...options(of) }, null, 2);
    return `${head}  --data-binary @- <<'JSON'\n${body}\nJSON`;
  },
};

const cli: Writer = {
  get: ({ baseURL, id }) => `sojourn execution get ${id} --url ${shell(baseURL)}`,
  wait: ({ baseURL, id }) => `sojourn execution watch ${id} --url ${shell(baseURL)}`,
  start: (of) => {
    const parts = [`sojourn run ${shell(of.workflow)} --url ${shell(of.baseURL)}`];
    const { metadata, priority } = options(of);
    for (const [key, value] of Object.entries(metadata ?? {})) parts.push(`--metadata ${shell(`${key}=${value}`)}`);
    if (priority !== undefined) parts.push(`--priority ${priority}`);
    parts.push(`--input ${inputFromFile(of) ? `@${inputFile}` : shell(JSON.stringify(of.input))}`);
    return parts.join(" \\\n  ");
  },
};

// JSON may hold a backtick only within its texts, where it can be written as an escape.
const goRaw = (json: string): string => `\`${json.replaceAll("`", "\\u0060")}\``;

function goProgram(of: SnippetOf, imports: readonly string[], body: readonly string[]): string {
  const standard = [...imports].sort().map((name) => `\t"${name}"`);
  return [
    "package main",
    "",
    "import (",
    ...standard,
    "",
    '\t"github.com/sojournhq/sojourn/sdk/go"',
    ")",
    "",
    "func main() {",
    "\tctx := context.Background()",
    "\t// The key is read from SOJOURN_API_KEY.",
    `\tclient, err := sojourn.NewClient(sojourn.Config{BaseURL: ${JSON.stringify(of.baseURL)}})`,
    "\tif err != nil {",
    "\t\tlog.Fatal(err)",
    "\t}",
    ...body.map((line) => (line === "" ? "" : `\t${line}`)),
    "}",
  ].join("\n");
}

const goFatal = ["if err != nil {", "\tlog.Fatal(err)", "}"];
const goString = (text: string) => JSON.stringify(text);

const goOutcome = [
  ...goFatal,
  "if err := x.Err(); err != nil { // it did not complete",
  "\tlog.Fatal(err)",
  "}",
  "fmt.Println(string(x.Output))",
];

const go: Writer = {
  get: (of) =>
    goProgram(
      of,
      ["context", "fmt", "log"],
      [
        `x, err := client.Executions.Get(ctx, ${goString(of.id)})`,
        ...goFatal,
        "fmt.Println(x.Status, string(x.Output))",
      ],
    ),
  wait: (of) =>
    goProgram(
      of,
      ["context", "fmt", "log"],
      [`x, err := client.Executions.Wait(ctx, ${goString(of.id)})`, ...goOutcome],
    ),
  start: (of) => {
    const { metadata, priority } = options(of);
    const file = inputFromFile(of);
    const lines = [
      ...(file ? [`input, err := os.ReadFile(${goString(inputFile)})`, ...goFatal] : []),
      "x, err := client.Executions.Start(ctx, sojourn.StartParams{",
      `\tWorkflow: ${goString(of.workflow)},`,
      `\tInput: ${file ? "json.RawMessage(input)" : `json.RawMessage(${goRaw(JSON.stringify(of.input, null, 2))})`},`,
    ];
    if (metadata) {
      lines.push("\tMetadata: map[string]string{");
      for (const [key, value] of Object.entries(metadata)) lines.push(`\t\t${goString(key)}: ${goString(value)},`);
      lines.push("\t},");
    }
    if (priority !== undefined) lines.push(`\tPriority: ${priority},`);
    lines.push("})", ...goFatal, "x, err = client.Executions.Wait(ctx, x.ID)", ...goOutcome);
    return goProgram(of, ["context", "encoding/json", "fmt", "log", ...(file ? ["os"] : [])], lines);
  },
};

/** JSON as an expression of JavaScript. As a plain member __proto__ would set the prototype. */
export function jsLiteral(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/^(\s*)"__proto__":/gm, '$1["__proto__"]:');
}

const tsClient = ({ baseURL }: SnippetOf) =>
  `import { Sojourn } from "sojourn";\n\n// The key is read from SOJOURN_API_KEY.\nconst client = new Sojourn({ baseUrl: ${JSON.stringify(baseURL)} });`;

const typescript: Writer = {
  get: (of) =>
    `${tsClient(of)}\nconst execution = await client.executions.get(${JSON.stringify(of.id)});\nconsole.log(execution.status, execution.output);`,
  wait: (of) =>
    `${tsClient(of)}\n// Throws when it does not complete.\nconsole.log(await client.executions.result(${JSON.stringify(of.id)}));`,
  start: (of) => {
    const file = inputFromFile(of);
    const { metadata, priority } = options(of);
    const lines = [
      `  workflow: ${JSON.stringify(of.workflow)},`,
      `  input: ${file ? `JSON.parse(await readFile(${JSON.stringify(inputFile)}, "utf8"))` : indent(jsLiteral(of.input), "  ")},`,
      ...(metadata ? [`  metadata: ${indent(jsLiteral(metadata), "  ")},`] : []),
      ...(priority === undefined ? [] : [`  priority: ${priority},`]),
    ];
    const head = file ? 'import { readFile } from "node:fs/promises";\n' : "";
    return `${head}${tsClient(of)}\nconst output = await client.run({\n${lines.join("\n")}\n});\nconsole.log(output);`;
  },
};

/** JSON as an expression of Python. */
export function pyLiteral(value: unknown, by = ""): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object" || value instanceof ExactNumber) return JSON.stringify(value);
  const deeper = `${by}    `;
  const entries = Array.isArray(value)
    ? value.map((member) => pyLiteral(member, deeper))
    : Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${pyLiteral(member, deeper)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return `${open}${close}`;
  return `${open}\n${entries.map((entry) => `${deeper}${entry},\n`).join("")}${by}${close}`;
}

const pyHead = "from sojourn import Sojourn\n\n# The key is read from SOJOURN_API_KEY.";
const pyClient = ({ baseURL }: SnippetOf) => `with Sojourn(base_url=${JSON.stringify(baseURL)}) as client:`;

const python: Writer = {
  get: (of) =>
    `${pyHead}\n${pyClient(of)}\n    execution = client.executions.get(${JSON.stringify(of.id)})\n    print(execution.status, execution.output)`,
  wait: (of) =>
    `${pyHead}\n${pyClient(of)}\n    # Raises when it does not complete.\n    print(client.executions.result(${JSON.stringify(of.id)}, progress=True))`,
  start: (of) => {
    const file = inputFromFile(of);
    const { metadata, priority } = options(of);
    const lines = [
      `        ${JSON.stringify(of.workflow)},`,
      `        ${file ? "input" : pyLiteral(of.input, "        ")},`,
      ...(metadata ? [`        metadata=${pyLiteral(metadata, "        ")},`] : []),
      ...(priority === undefined ? [] : [`        priority=${priority},`]),
    ];
    const read = file
      ? `with open(${JSON.stringify(inputFile)}, encoding="utf-8") as file:\n    input = json.load(file)\n`
      : "";
    const head = file ? `import json\n\n${pyHead}` : pyHead;
    return `${head}\n${read}${pyClient(of)}\n    output = client.executions.run(\n${lines.join("\n")}\n    )\n    print(output)`;
  },
};

const writers: Record<Language, Writer> = { curl, cli, go, typescript, python };

/** A whole worker for a workflow, to be pasted into a terminal. It answers with its input, as a beginning. */
export function workerSnippet(language: "python" | "typescript", workflow: string, baseURL: string): string {
  const key = `export SOJOURN_BASE_URL=${shell(baseURL)}\nexport SOJOURN_API_KEY=…  # a key with the scope workers:run`;
  if (language === "python") {
    return [
      key,
      "pip install sojourn",
      "python3 - <<'WORKER'",
      "from sojourn import Context, Sojourn, Worker",
      "",
      "worker = Worker(Sojourn())",
      "",
      `@worker.handler(${JSON.stringify(workflow)})`,
      "def handle(ctx: Context, input: dict) -> dict:",
      '    return ctx.step("answer", lambda: input)',
      "",
      "worker.run()",
      "WORKER",
    ].join("\n");
  }
  return [
    key,
    "npm install sojourn",
    "node --input-type=module - <<'WORKER'",
    'import { Sojourn, Worker } from "sojourn";',
    "",
    "const worker = new Worker(new Sojourn());",
    `worker.handle(${JSON.stringify(workflow)}, (ctx, input) => ctx.step("answer", () => input));`,
    "await worker.run();",
    "WORKER",
  ].join("\n");
}
