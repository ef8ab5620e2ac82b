import { Button, Collapse, Tabs, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconChevronDown, IconChevronRight, IconHistory, IconPlayerPlay } from "@tabler/icons-react";
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
import { ApiError } from "@/services/api";
import { type Execution, executionQuery } from "@/services/execution";
import { fieldError, sentence } from "@/services/fields";
import { kindOf } from "@/services/json";
import { readJSON } from "@/services/jsonField";
import { useSession } from "@/services/session";
import { lastInput, startExecution, versionsQuery, type Workflow, workflowQuery } from "@/services/workflows";
import { FormContext, type FormState, Members } from "./fields";
import { MoreFields } from "./MoreFields";
import { isMore, type More, moreOf, problemsOf, startOf } from "./more";
import classes from "./Start.module.css";
import { hiddenMembers, initialValue, placesOf, specOf } from "./schema";

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

const isInput = (value: unknown): value is Record<string, unknown> => kindOf(value) === "object";

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
    mutationFn: () => startExecution(startOf(workflow.name, input, more)),
    onSuccess: (execution) => {
      void client.invalidateQueries({ queryKey: ["workflows"] });
      void navigate({ to: "/executions/$id", params: { id: execution.id } });
    },
    onError: (error) => {
      if (error instanceof ApiError && error.errors.some((each) => isMore(each.field))) {
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
  const typed = tab === "json" ? readJSON(text) : undefined;
  const textProblem =
    typed?.problem ??
    (typed?.value !== undefined && !isInput(typed.value) ? "The input must be an object: { … }" : undefined);
  const places = new Set(tab === "form" ? placesOf(spec, input, "input") : []);
  const unplaced = errors.filter((each) => each.field !== "input" && !places.has(each.field) && !isMore(each.field));
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
                const { value = {}, problem } = readJSON(next);
                if (problem !== undefined) return;
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

      {start.isError &&
        (unplaced.length > 0 || errors.length === 0 ? (
          <ErrorPanel error={start.error} compact />
        ) : (
          <p className={classes.problem} role="alert">
            The server did not accept this input: look at the marked fields.
          </p>
        ))}
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
