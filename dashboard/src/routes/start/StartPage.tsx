import { Button, Collapse, Select, Tabs, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconChevronDown, IconChevronRight, IconHistory, IconPlayerPlay, IconPlus, IconX } from "@tabler/icons-react";
import { type UseQueryResult, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Panel } from "@/components/Panel";
import { BlockSkeleton } from "@/components/skeletons";
import { useShortcut } from "@/hooks/shortcuts";
import { ApiError, type Schemas } from "@/services/api";
import { durationProblem, parseDuration } from "@/services/durations";
import { type Execution, executionQuery } from "@/services/execution";
import { besideFields, fieldError } from "@/services/fields";
import { useSession } from "@/services/session";
import { lastInput, startExecution, versionsQuery, type Workflow, workflowQuery } from "@/services/workflows";
import { FormContext, type FormState, jsonProblem, Members } from "./fields";
import classes from "./Start.module.css";
import { hiddenMembers, initialValue, parseNumber, placesOf, specOf } from "./schema";

export const Route = createLazyRoute("/shell/workflows/$name/start")({ component: StartPage });

function StartPage() {
  const { name } = Route.useParams();
  const { can } = useSession();
  const { from } = Route.useSearch();
  const workflow = useQuery({ ...workflowQuery(name), enabled: can("workflows:read"), refetchInterval: false });
  const model = useQuery({ ...executionQuery(from ?? ""), enabled: from !== undefined && can("executions:read") });
  return (
    <Page title={`Start ${name}`}>
      <PageHeader
        title={`Start ${name}`}
        description={workflow.data?.description}
        breadcrumbs={[
          <Link key="all" to="/workflows">
            Workflows
          </Link>,
          <Link key="one" to="/workflows/$name" params={{ name }}>
            {name}
          </Link>,
        ]}
      />
      {!can("workflows:read") ? (
        <Missing scope="workflows:read" what="see what the workflow needs" />
      ) : workflow.isPending || model.isLoading ? (
        <Panel>
          <BlockSkeleton lines={7} />
        </Panel>
      ) : workflow.isError ? (
        <ErrorPanel
          error={workflow.error}
          title={`The workflow ${name} could not be loaded`}
          onRetry={() => void workflow.refetch()}
        />
      ) : !workflow.data.api_trigger ? (
        <EmptyState title={`${name} is closed`} command={`sojourn workflow update ${name} --api-trigger=true`}>
          Its setting refuses starts through the API; what was started goes on. Whoever may manage workflows can open it
          again, in its settings or so:
        </EmptyState>
      ) : (
        <>
          {from !== undefined && <Filled from={from} model={model} />}
          <StartForm key={`${workflow.data.id} ${from}`} workflow={workflow.data} model={model.data} />
        </>
      )}
    </Page>
  );
}

/** What the form was filled in with, or why it was not. */
function Filled({ from, model }: { from: string; model: UseQueryResult<Execution> }) {
  const link = (
    <Link to="/executions/$id" params={{ id: from }}>
      <code>{from}</code>
    </Link>
  );
  if (model.isError) {
    return <ErrorPanel error={model.error} title={`${from} could not be loaded; the form has its defaults`} compact />;
  }
  if (!model.data) return null;
  return (
    <p className={classes.note} role="status">
      {model.data.input ? <>Filled in as {link} was started.</> : <>The input of {link} was removed.</>}
    </p>
  );
}

interface Pair {
  id: number;
  key: string;
  value: string;
}

interface More {
  metadata: Pair[];
  priority: string;
  delay: string;
  timeout: string;
  idempotency: string;
  callback: string;
  version: string | null;
}

const nothingMore: More = {
  metadata: [],
  priority: "",
  delay: "",
  timeout: "",
  idempotency: "",
  callback: "",
  version: null,
};

/** The settings beside the input as an execution had them: those that a start like it would have too. */
function moreOf(model: Execution | undefined): More {
  const labels = Object.entries(model?.metadata ?? {});
  return {
    ...nothingMore,
    metadata: labels.map(([key, value], id) => ({ id, key, value })),
    priority: model && model.priority !== 0 ? String(model.priority) : "",
  };
}

const moreFields = ["metadata", "priority", "delay_ms", "timeout_ms", "idempotency_key", "callback_url", "version"];

/** What is wrong with the settings beside the input, by the names of their fields. */
function problemsOf(more: More): Record<string, string | undefined> {
  const priority = parseNumber(more.priority, true);
  return {
    priority:
      priority.problem ??
      (priority.value !== undefined && Math.abs(priority.value) > 100 ? "From -100 to 100." : undefined),
    delay_ms: durationProblem(more.delay),
    timeout_ms: durationProblem(more.timeout, 1),
    metadata: more.metadata.some((pair) => pair.key.trim() === "" && pair.value !== "")
      ? "Each label needs a name."
      : undefined,
  };
}

function startOf(workflow: Workflow, input: Record<string, unknown>, more: More): Schemas["Start"] {
  const pairs = more.metadata.filter((pair) => pair.key.trim() !== "");
  const priority = parseNumber(more.priority, true).value;
  const delay = parseDuration(more.delay);
  const timeout = parseDuration(more.timeout);
  return {
    workflow_id: workflow.name,
    input,
    trigger: "manual",
    ...(pairs.length > 0 ? { metadata: Object.fromEntries(pairs.map((pair) => [pair.key.trim(), pair.value])) } : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(delay === undefined ? {} : { delay_ms: delay }),
    ...(timeout === undefined ? {} : { timeout_ms: timeout }),
    ...(more.idempotency.trim() === "" ? {} : { idempotency_key: more.idempotency.trim() }),
    ...(more.callback.trim() === "" ? {} : { callback_url: more.callback.trim() }),
    ...(more.version === null ? {} : { version: Number(more.version) }),
  };
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
const isInput = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function StartForm({ workflow, model }: { workflow: Workflow; model: Execution | undefined }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const { can } = useSession();
  const versions = useQuery(versionsQuery(workflow.name));
  const [more, setMore] = useState<More>(() => moreOf(model));
  const chosen = versions.data?.find((version) => String(version.version) === more.version);
  const schema = chosen ? chosen.input_schema : workflow.input_schema;
  const spec = useMemo(() => specOf(schema), [schema]);
  const drawable = spec.kind === "object" && spec.members.length > 0;

  const [input, setInput] = useState<Record<string, unknown>>(() => {
    const value = model?.input ?? initialValue(spec, true);
    return isInput(value) ? value : {};
  });
  const [tab, setTab] = useState<"form" | "json">(drawable ? "form" : "json");
  // The text of the JSON tab is a draft: it becomes the input when it is an object.
  const [text, setText] = useState(() => JSON.stringify(input, null, 2));
  const [broken, setBrokenPaths] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState(more.metadata.length > 0 || more.priority !== "");
  // Fields keep what is typed; a new input makes them anew.
  const [generation, setGeneration] = useState(0);

  const replace = (next: Record<string, unknown>) => {
    setInput(next);
    setText(JSON.stringify(next, null, 2));
    setGeneration((before) => before + 1);
  };
  const change = useCallback((next: Record<string, unknown>) => {
    setInput(next);
    setText(JSON.stringify(next, null, 2));
  }, []);

  const start = useMutation({
    mutationFn: () => startExecution(startOf(workflow, input, more)),
    onSuccess: (execution) => {
      void client.invalidateQueries({ queryKey: ["workflows"] });
      void navigate({ to: "/executions/$id", params: { id: execution.id } });
    },
    onError: (error) => {
      if (
        error instanceof ApiError &&
        error.errors.some((each) => moreFields.includes(each.field.split(/[.[]/)[0] ?? ""))
      ) {
        setOpened(true);
      }
    },
  });
  const last = useMutation({
    mutationFn: () => lastInput(workflow.name),
    onSuccess: (found) => {
      if (found) replace(found);
      notifications.show({
        message: found
          ? "This is what it was started with last."
          : "It was never started, or what it was started with is gone.",
      });
    },
  });

  const errors = start.error instanceof ApiError ? start.error.errors : [];
  const state: FormState = useMemo(
    () => ({
      errorAt: (path) => {
        const found = errors.find((each) => each.field === path);
        // The place stands in the message too, for those who see nothing but the message.
        const message = found?.message.startsWith(`${path}: `) ? found.message.slice(path.length + 2) : found?.message;
        return message && sentence(message);
      },
      setBroken: (path, is) =>
        setBrokenPaths((before) => {
          if (before.has(path) === is) return before;
          const next = new Set(before);
          if (is) next.add(path);
          else next.delete(path);
          return next;
        }),
    }),
    [errors],
  );

  const problems = problemsOf(more);
  const textProblem =
    tab === "json"
      ? (jsonProblem(text) ??
        (text.trim() !== "" && !isInput(JSON.parse(text)) ? "The input must be an object: { … }" : undefined))
      : undefined;
  const places = new Set(tab === "form" ? placesOf(spec, input, "input") : []);
  const unplaced = errors.filter(
    (each) =>
      each.field !== "input" &&
      !places.has(each.field) &&
      !moreFields.some((field) => each.field.split(/[.[]/)[0] === field),
  );
  const wrong =
    textProblem ??
    (broken.size > 0 && tab === "form" ? "Some fields hold what they cannot." : undefined) ??
    Object.values(problems).find((problem) => problem !== undefined);
  const hidden = tab === "form" ? hiddenMembers(spec, input) : [];
  const submit = () => {
    if (!start.isPending && wrong === undefined && can("executions:start")) start.mutate();
  };
  useShortcut("mod+Enter", "Start it", submit);

  return (
    <form
      className={classes.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Panel
        title="Input"
        actions={
          <ActionButton
            scope="executions:read"
            leftSection={<IconHistory size={14} />}
            loading={last.isPending}
            onClick={() => last.mutate()}
          >
            Use the last input
          </ActionButton>
        }
      >
        <Tabs
          value={tab}
          keepMounted={false}
          onChange={(next) => {
            if (next !== "form" || textProblem === undefined) setTab(next === "form" ? "form" : "json");
          }}
        >
          <Tabs.List mb="md">
            <Tabs.Tab value="form" disabled={!drawable || textProblem !== undefined}>
              Form
            </Tabs.Tab>
            <Tabs.Tab value="json" disabled={broken.size > 0}>
              JSON
            </Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="form">
            <FormContext.Provider value={state}>
              <div className={classes.fields} key={generation}>
                {spec.kind === "object" && <Members spec={spec} value={input} onChange={change} path="input" />}
              </div>
            </FormContext.Provider>
            {hidden.length > 0 && (
              <p className={classes.note}>
                Also sent, and seen in the JSON tab: {hidden.map((name) => `“${name}”`).join(", ")}.
              </p>
            )}
          </Tabs.Panel>
          <Tabs.Panel value="json">
            <Textarea
              aria-label="Input as JSON"
              className={classes.code ?? ""}
              autosize
              minRows={6}
              maxRows={30}
              spellCheck={false}
              description={
                schema === undefined
                  ? "The workflow has no input schema: any object is an input."
                  : drawable
                    ? undefined
                    : "The workflow's input schema has no properties to make fields of."
              }
              error={textProblem}
              value={text}
              onChange={(event) => {
                const next = event.currentTarget.value;
                setText(next);
                if (jsonProblem(next) !== undefined) return;
                const value: unknown = next.trim() === "" ? {} : JSON.parse(next);
                if (isInput(value)) {
                  setInput(value);
                  setGeneration((before) => before + 1);
                }
              }}
            />
          </Tabs.Panel>
        </Tabs>
        {state.errorAt("input") && <p className={classes.problem}>{state.errorAt("input")}</p>}
      </Panel>

      <div>
        <Button
          variant="subtle"
          color="gray"
          aria-expanded={opened}
          leftSection={opened ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />}
          onClick={() => setOpened(!opened)}
        >
          More: labels, priority, delay, deadline, key, callback
        </Button>
        <Collapse expanded={opened} mt="xs">
          <Panel>
            <MoreFields
              more={more}
              setMore={setMore}
              error={(field) => problems[field] ?? fieldError(start.error, field)}
              versions={(versions.data ?? []).map((version) => ({
                value: String(version.version),
                label: `${version.version}${version.label ? ` · ${version.label}` : ""}${version.is_current ? " (current)" : ""}`,
              }))}
            />
          </Panel>
        </Collapse>
      </div>

      {unplaced.length > 0 || (start.isError && errors.length === 0) ? (
        <ErrorPanel error={start.error} compact />
      ) : null}
      {start.isError &&
        unplaced.length === 0 &&
        errors.length > 0 &&
        !besideFields(start.error, ["input", ...moreFields]) && (
          <p className={classes.problem} role="alert">
            The server did not accept this input: look at the marked fields.
          </p>
        )}
      <div className={classes.bar}>
        <ActionButton
          scope="executions:start"
          type="submit"
          variant="filled"
          size="sm"
          leftSection={<IconPlayerPlay size={15} />}
          loading={start.isPending}
          unavailable={wrong}
        >
          Start
        </ActionButton>
        {workflow.workers === 0 && (
          <span className={classes.note}>No worker serves {workflow.name} now: it will wait until one starts.</span>
        )}
      </div>
    </form>
  );
}

function MoreFields({
  more,
  setMore,
  error,
  versions,
}: {
  more: More;
  setMore: (more: More) => void;
  error: (field: string) => string | undefined;
  versions: { value: string; label: string }[];
}) {
  const set = (change: Partial<More>) => setMore({ ...more, ...change });
  const pair = (id: number, change: Partial<Pair>) =>
    set({ metadata: more.metadata.map((each) => (each.id === id ? { ...each, ...change } : each)) });
  return (
    <div className={classes.fields}>
      <div className={classes.pairs}>
        {more.metadata.map((each, i) => (
          <div key={each.id} className={classes.pair}>
            <TextInput
              aria-label={`Name of label ${i + 1}`}
              placeholder="customer"
              maxLength={64}
              value={each.key}
              onChange={(event) => pair(each.id, { key: event.currentTarget.value })}
            />
            <TextInput
              aria-label={`Value of label ${i + 1}`}
              placeholder="1138"
              maxLength={256}
              value={each.value}
              onChange={(event) => pair(each.id, { value: event.currentTarget.value })}
            />
            <Button
              variant="subtle"
              color="gray"
              px={6}
              aria-label={`Remove label ${i + 1}`}
              onClick={() => set({ metadata: more.metadata.filter((other) => other.id !== each.id) })}
            >
              <IconX size={14} />
            </Button>
          </div>
        ))}
        <div>
          <Button
            variant="default"
            leftSection={<IconPlus size={14} />}
            disabled={more.metadata.length >= 32}
            onClick={() =>
              set({
                metadata: [
                  ...more.metadata,
                  { id: Math.max(0, ...more.metadata.map((each) => each.id)) + 1, key: "", value: "" },
                ],
              })
            }
          >
            Add a label
          </Button>
        </div>
        {error("metadata") && <p className={classes.problem}>{error("metadata")}</p>}
      </div>
      <div className={classes.two}>
        <TextInput
          label="Priority"
          description="-100 to 100; higher ones go first."
          placeholder="0"
          inputMode="numeric"
          value={more.priority}
          error={error("priority")}
          onChange={(event) => set({ priority: event.currentTarget.value })}
        />
        {versions.length > 0 && (
          <Select
            label="Version"
            description="Whose schema the input must match."
            placeholder="The current one"
            data={versions}
            value={more.version}
            clearable
            error={error("version")}
            onChange={(version) => set({ version })}
            clearButtonProps={{ "aria-label": "The current version" }}
          />
        )}
        <TextInput
          label="Delay"
          description="How long until it may begin."
          placeholder="none, or 90s, 5m, 2d"
          value={more.delay}
          error={error("delay_ms")}
          onChange={(event) => set({ delay: event.currentTarget.value })}
        />
        <TextInput
          label="Deadline"
          description="It is cancelled when it takes longer."
          placeholder="the workflow's, or 1h 30m"
          value={more.timeout}
          error={error("timeout_ms")}
          onChange={(event) => set({ timeout: event.currentTarget.value })}
        />
        <TextInput
          label="Idempotency key"
          description="The same key starts one execution only."
          placeholder="order-1138"
          maxLength={255}
          value={more.idempotency}
          error={error("idempotency_key")}
          onChange={(event) => set({ idempotency: event.currentTarget.value })}
        />
        <TextInput
          label="Callback URL"
          description="Gets a signed message at the end."
          placeholder="https://example.com/done"
          type="url"
          maxLength={2048}
          value={more.callback}
          error={error("callback_url")}
          onChange={(event) => set({ callback: event.currentTarget.value })}
        />
      </div>
    </div>
  );
}
