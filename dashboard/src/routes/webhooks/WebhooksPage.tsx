import { Tabs } from "@mantine/core";
import { IconPlus, IconSend, IconWebhook } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute } from "@tanstack/react-router";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { Dash } from "@/components/Dash";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar, SearchField } from "@/components/FilterBar";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { SecretDialog } from "@/components/SecretDialog";
import { TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { useShortcut } from "@/hooks/shortcuts";
import { useSession } from "@/services/session";
import { disabledBecause, type Endpoint, endpointsQuery, type NewEndpoint } from "@/services/webhooks";
import { CallbackSecret } from "./CallbackSecret";
import { StateFilter } from "./DeliveryFilters";
import { DeliveryTable } from "./DeliveryTable";
import { EndpointForm } from "./EndpointForm";
import { parts } from "./route";
import { VerifyHowTo } from "./VerifyHowTo";
import classes from "./webhooks.module.css";

export const Route = createLazyRoute("/shell/webhooks")({ component: WebhooksPage });

function WebhooksPage() {
  const { can } = useSession();
  return (
    <Page title="Webhooks">
      {can("webhooks:manage") ? (
        <Webhooks />
      ) : (
        <>
          <PageHeader title="Webhooks" />
          <Missing scope="webhooks:manage" what="see webhooks" />
        </>
      )}
    </Page>
  );
}

function Webhooks() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const part = search.part ?? "endpoints";
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<NewEndpoint>();
  useShortcut("c", "Create an endpoint", () => setCreating(true));
  return (
    <>
      <PageHeader
        title="Webhooks"
        description="Signed messages about executions, sent to your URLs, and tried for about 75 hours until they are accepted."
        actions={
          <ActionButton
            variant="filled"
            scope="webhooks:manage"
            leftSection={<IconPlus size={14} />}
            onClick={() => setCreating(true)}
          >
            Create an endpoint
          </ActionButton>
        }
      />
      <Tabs
        value={part}
        keepMounted={false}
        onChange={(next) => {
          const to = parts.find((each) => each === next);
          void navigate({ search: to === "endpoints" ? {} : { part: to } });
        }}
      >
        <Tabs.List className={classes.tabs ?? ""}>
          <Tabs.Tab value="endpoints">Endpoints</Tabs.Tab>
          <Tabs.Tab value="deliveries">Deliveries</Tabs.Tab>
          <Tabs.Tab value="callbacks">Callback secret</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="endpoints">
          <Endpoints />
        </Tabs.Panel>
        <Tabs.Panel value="deliveries">
          <Deliveries />
        </Tabs.Panel>
        <Tabs.Panel value="callbacks">
          <CallbackSecret />
        </Tabs.Panel>
      </Tabs>
      {creating && (
        <EndpointForm
          onClose={() => setCreating(false)}
          onCreated={(endpoint) => {
            setCreating(false);
            setMade(endpoint);
          }}
        />
      )}
      <SecretDialog
        secret={made?.secret}
        title="The secret of the endpoint"
        what="secret"
        onClose={() => {
          const id = made?.id;
          setMade(undefined);
          if (id) void navigate({ to: "/webhooks/endpoints/$id", params: { id } });
        }}
      >
        <VerifyHowTo />
      </SecretDialog>
    </>
  );
}

const columns: readonly Column<Endpoint>[] = [
  {
    key: "url",
    header: "URL",
    width: "minmax(200px, 2fr)",
    main: true,
    cell: (endpoint) => (
      <span className={classes.url} data-off={!endpoint.enabled || undefined}>
        {endpoint.url}
      </span>
    ),
  },
  {
    key: "description",
    header: "Description",
    width: "minmax(120px, 1.4fr)",
    cell: (endpoint) => endpoint.description || <Dash />,
  },
  {
    key: "events",
    header: "Hears of",
    width: "minmax(130px, 1fr)",
    narrow: "second",
    cell: (endpoint) => endpoint.events.join(", "),
  },
  {
    key: "workflows",
    header: "Workflows",
    width: "minmax(100px, 1fr)",
    cell: (endpoint) => endpoint.workflows?.join(", ") ?? "all",
  },
  {
    key: "state",
    header: "State",
    width: "90px",
    narrow: "first",
    cell: (endpoint) => (
      <span className={endpoint.enabled ? undefined : classes.off} title={disabledBecause(endpoint)}>
        {endpoint.enabled ? "enabled" : "disabled"}
      </span>
    ),
  },
  {
    key: "created",
    header: "Created",
    width: "100px",
    align: "end",
    narrow: "second",
    cell: (endpoint) => <TimeText value={endpoint.created_at} />,
  },
];

function Endpoints() {
  const endpoints = useQuery(endpointsQuery);
  if (endpoints.isPending) return <TableSkeleton rows={4} columns={5} />;
  if (endpoints.isError) {
    return (
      <ErrorPanel
        error={endpoints.error}
        title="The endpoints could not be loaded"
        onRetry={() => void endpoints.refetch()}
      />
    );
  }
  if (endpoints.data.length === 0) {
    return (
      <EmptyState
        icon={<IconWebhook size={28} stroke={1.4} />}
        title="No endpoint hears of executions yet"
        command="sojourn webhook endpoint create https://example.com/hooks --events created,terminal"
      >
        An endpoint is a URL of yours that gets a message whenever an execution of the project starts, changes or ends.
        Create one here or on the command line. Without a public address,{" "}
        <code>sojourn listen --forward-to http://localhost:3000/hooks</code> passes messages on to your desk.
      </EmptyState>
    );
  }
  return (
    <DataTable
      label="Webhook endpoints"
      columns={columns}
      rows={endpoints.data}
      rowKey={(endpoint) => endpoint.id}
      rowLink={(endpoint) => ({ to: "/webhooks/endpoints/$id", params: { id: endpoint.id } })}
    />
  );
}

function Deliveries() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const filtered = search.state !== undefined || search.endpoint !== undefined || search.execution !== undefined;
  return (
    <>
      <FilterBar onClear={filtered ? () => void navigate({ search: { part: "deliveries" } }) : undefined}>
        <StateFilter
          chosen={search.state ?? []}
          onChange={(state) => void navigate({ search: (before) => ({ ...before, state }), replace: true })}
        />
        <SearchField
          label="Id of an execution or an endpoint"
          placeholder="exec_… or wh_…"
          width={260}
          value={search.execution ?? search.endpoint ?? ""}
          onChange={(id) =>
            void navigate({
              search: (before) => ({
                ...before,
                execution: id.startsWith("wh_") ? undefined : id || undefined,
                endpoint: id.startsWith("wh_") ? id : undefined,
              }),
              replace: true,
            })
          }
        />
      </FilterBar>
      <DeliveryTable
        filter={{ states: search.state, endpoint: search.endpoint, execution: search.execution }}
        filtered={filtered}
      >
        <EmptyState
          icon={<IconSend size={28} stroke={1.4} />}
          title="Nothing was sent yet"
          command="sojourn execution start echo -f name=Ada --callback-url https://example.com/done"
        >
          Every message to an endpoint, and every callback that a start names, appears here with its attempts. Send a
          test message from an endpoint's page, or start an execution with a callback:
        </EmptyState>
      </DeliveryTable>
    </>
  );
}
