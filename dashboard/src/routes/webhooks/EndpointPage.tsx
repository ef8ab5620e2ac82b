import { notifications } from "@mantine/notifications";
import { IconPencil, IconPlayerPause, IconPlayerPlay, IconRotate, IconSend, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar } from "@/components/FilterBar";
import { Identifier } from "@/components/Identifier";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Facts, Panel } from "@/components/Panel";
import { SecretDialog } from "@/components/SecretDialog";
import { BlockSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { useShortcut } from "@/hooks/shortcuts";
import { useSession } from "@/services/session";
import {
  disabledBecause,
  type Endpoint,
  endpointQuery,
  useEndpointActions,
  useUpdateEndpoint,
} from "@/services/webhooks";
import { StateFilter } from "./DeliveryFilters";
import { DeliveryTable } from "./DeliveryTable";
import { EndpointForm } from "./EndpointForm";
import { RotateDialog } from "./RotateDialog";
import { VerifyHowTo } from "./VerifyHowTo";
import classes from "./webhooks.module.css";

export const Route = createLazyRoute("/shell/webhooks/endpoints/$id")({ component: EndpointPage });

const crumbs = [
  <Link key="webhooks" to="/webhooks">
    Webhooks
  </Link>,
];

function EndpointPage() {
  const { can } = useSession();
  const { id } = Route.useParams();
  const allowed = can("webhooks:manage");
  const endpoint = useQuery({ ...endpointQuery(id), enabled: allowed });
  return (
    <Page title={endpoint.data?.url ?? "Endpoint"}>
      {!allowed ? (
        <>
          <PageHeader title="Endpoint" breadcrumbs={crumbs} />
          <Missing scope="webhooks:manage" what="see webhooks" />
        </>
      ) : endpoint.isPending ? (
        <>
          <PageHeader title="Endpoint" breadcrumbs={crumbs} />
          <BlockSkeleton lines={5} />
        </>
      ) : endpoint.isError ? (
        <>
          <PageHeader title="Endpoint" breadcrumbs={crumbs} />
          <ErrorPanel
            error={endpoint.error}
            title="The endpoint could not be loaded"
            onRetry={() => void endpoint.refetch()}
          />
          <p>
            <Link to="/webhooks" search={{ part: "deliveries", endpoint: id }}>
              Deliveries to it may still be kept.
            </Link>
          </p>
        </>
      ) : (
        <Loaded endpoint={endpoint.data} />
      )}
    </Page>
  );
}

type Dialog = "edit" | "disable" | "rotate" | "delete";

function Loaded({ endpoint }: { endpoint: Endpoint }) {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const [dialog, setDialog] = useState<Dialog>();
  const [secret, setSecret] = useState<string>();
  const close = () => setDialog(undefined);
  const actions = useEndpointActions(endpoint.id);
  const update = useUpdateEndpoint(endpoint.id);
  const test = useMutation({
    mutationFn: actions.test,
    onSuccess: (delivery) => {
      notifications.show({ message: "The test message is on its way." });
      void navigate({ to: "/webhooks/deliveries/$id", params: { id: delivery.id } });
    },
  });
  useShortcut("e", "Change the endpoint", () => setDialog("edit"));
  const why = disabledBecause(endpoint);
  const failed = test.error ?? (dialog === "disable" ? null : update.error);

  return (
    <>
      <PageHeader
        breadcrumbs={crumbs}
        title={endpoint.url}
        description={endpoint.description || undefined}
        actions={
          <>
            <ActionButton
              scope="webhooks:manage"
              leftSection={<IconSend size={14} />}
              loading={test.isPending}
              onClick={() => test.mutate()}
            >
              Send a test
            </ActionButton>
            <ActionButton
              scope="webhooks:manage"
              leftSection={<IconRotate size={14} />}
              onClick={() => setDialog("rotate")}
            >
              New secret
            </ActionButton>
            <ActionButton
              scope="webhooks:manage"
              leftSection={endpoint.enabled ? <IconPlayerPause size={14} /> : <IconPlayerPlay size={14} />}
              loading={update.isPending && dialog === undefined}
              onClick={() => (endpoint.enabled ? setDialog("disable") : update.mutate({ enabled: true }))}
            >
              {endpoint.enabled ? "Disable" : "Enable"}
            </ActionButton>
            <ActionButton
              scope="webhooks:manage"
              leftSection={<IconTrash size={14} />}
              onClick={() => setDialog("delete")}
            >
              Delete
            </ActionButton>
            <ActionButton
              variant="filled"
              scope="webhooks:manage"
              leftSection={<IconPencil size={14} />}
              onClick={() => setDialog("edit")}
            >
              Edit
            </ActionButton>
          </>
        }
      />
      {failed && <ErrorPanel error={failed} compact />}
      {why && (
        <div className={classes.note} role="status">
          <strong>Nothing is sent to this endpoint.</strong> {why}
        </div>
      )}
      <Panel>
        <Facts
          items={[
            ["State", endpoint.enabled ? "enabled" : "disabled"],
            ["Hears of", endpoint.events.join(", ")],
            ["Workflows", endpoint.workflows?.join(", ") ?? "all"],
            ["Signing secrets", endpoint.secret_hints.map((hint) => `…${hint}`).join(" and ")],
            ["Created", <TimeText key="created" value={endpoint.created_at} />],
            ["Changed", <TimeText key="updated" value={endpoint.updated_at} />],
            ["Id", <Identifier key="id" value={endpoint.id} what="endpoint id" />],
          ]}
        />
      </Panel>
      <section className={classes.section}>
        <h2 className={classes.sectionTitle}>Deliveries</h2>
        <FilterBar onClear={search.state ? () => void navigate({ search: {} }) : undefined}>
          <StateFilter
            chosen={search.state ?? []}
            onChange={(state) => void navigate({ search: { state }, replace: true })}
          />
        </FilterBar>
        <DeliveryTable
          filter={{ endpoint: endpoint.id, states: search.state }}
          filtered={search.state !== undefined}
          oneUrl
        >
          <EmptyState
            icon={<IconSend size={28} stroke={1.4} />}
            title="Nothing was sent there yet"
            command={`sojourn webhook endpoint test ${endpoint.id}`}
          >
            Send a test message, above or on the command line, to see whether the receiver accepts it.
          </EmptyState>
        </DeliveryTable>
      </section>

      {dialog === "edit" && <EndpointForm endpoint={endpoint} onClose={close} />}
      <ConfirmDialog
        opened={dialog === "disable"}
        onClose={close}
        title="Disable the endpoint?"
        confirm="Disable the endpoint"
        onConfirm={() => update.mutateAsync({ enabled: false })}
      >
        Messages that wait for delivery to it are called off, and no new ones are made. When it is enabled again, it
        begins with the next message.
      </ConfirmDialog>
      <ConfirmDialog
        opened={dialog === "delete"}
        onClose={close}
        title="Delete the endpoint?"
        confirm="Delete the endpoint"
        danger
        onConfirm={async () => {
          await actions.remove();
          void navigate({ to: "/webhooks" });
        }}
      >
        Messages that wait for delivery to <strong>{endpoint.url}</strong> are called off, and its secret is gone for
        good. Its deliveries stay in the log for 30 days.
      </ConfirmDialog>
      <RotateDialog
        opened={dialog === "rotate"}
        onClose={close}
        of="the endpoint"
        onRotate={async (grace) => setSecret((await actions.rotate(grace)).secret)}
      />
      <SecretDialog
        secret={secret}
        title="The new secret of the endpoint"
        what="secret"
        onClose={() => setSecret(undefined)}
      >
        <VerifyHowTo />
      </SecretDialog>
    </>
  );
}
