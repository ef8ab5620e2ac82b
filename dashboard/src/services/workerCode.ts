// The least program that serves a workflow, in each language that has a library.
export const languages = ["Go", "TypeScript", "Python"] as const;
export type Language = (typeof languages)[number];

/** How the library gets on the machine. */
export const installs: Record<Language, string> = {
  Go: "go get github.com/sojournhq/sojourn",
  TypeScript: "npm install sojourn",
  Python: "pip install sojourn",
};

/** How the program is started. */
export function startsWith(language: Language, origin: string): string {
  const run = { Go: "go run .", TypeScript: "npx tsx worker.ts", Python: "python worker.py" }[language];
  return [`export SOJOURN_BASE_URL=${origin}`, "export SOJOURN_API_KEY=…  # with the scope workers:run", run].join(
    "\n",
  );
}

/** Any text as a literal: the escapes of JSON are also those of the three languages. */
const literal = (text: string): string => JSON.stringify(text);

/** Names of workflows have lower-case letters, digits, dots and dashes; functions have fewer. */
export function functionName(workflow: string): string {
  const name = workflow.replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  return /^[a-z]/.test(name) ? name : `run_${name}`.replace(/_+$/, "");
}

/** A worker for the workflow that returns its input. */
export function workerCode(language: Language, workflow: string): string {
  const name = literal(workflow);
  switch (language) {
    case "Go":
      return `package main

import (
	"context"
	"log"
	"os/signal"
	"syscall"

	"github.com/sojournhq/sojourn/sdk/go"
)

type Input map[string]any

func main() {
	client, err := sojourn.NewClient(sojourn.Config{})
	if err != nil {
		log.Fatal(err)
	}
	w := sojourn.NewWorker(client, sojourn.WorkerConfig{})
	sojourn.Handle(w, ${name}, func(ctx *sojourn.Context, in Input) (Input, error) {
		return in, nil // your work
	})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}`;
    case "TypeScript":
      return `import { Sojourn, Worker } from "sojourn";

const worker = new Worker(new Sojourn());
worker.handle(${name}, async (ctx, input: Record<string, unknown>) => {
  return input; // your work
});
await worker.run(); // until SIGTERM`;
    case "Python":
      return `from sojourn import Context, Sojourn, Worker

worker = Worker(Sojourn())


@worker.handler(${name})
def ${functionName(workflow)}(ctx: Context, input: dict) -> dict:
    return input  # your work


worker.run()  # until SIGTERM or Ctrl-C`;
  }
}
