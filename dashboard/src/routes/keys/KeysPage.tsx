import { ActionIcon, Switch, Tooltip } from "@mantine/core";
import { IconKey, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute } from "@tanstack/react-router";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { CodeBlock } from "@/components/CodeBlock";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar } from "@/components/FilterBar";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { SecretDialog } from "@/components/SecretDialog";
import { TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { useShortcut } from "@/hooks/shortcuts";
import { useNow } from "@/hooks/useNow";
import {
  type Key,
  keyState,
  keysQuery,
  type NewKey,
  presets,
  rateText,
  scopeMeaning,
  scopesInWords,
  useRevokeKey,
} from "@/services/keys";
import { useSession } from "@/services/session";
import { KeyForm } from "./KeyForm";
import classes from "./KeysPage.module.css";

export const Route = createLazyRoute("/shell/keys")({ component: KeysPage });

function KeysPage() {
  const { can } = useSession();
  return (
    <Page title="API keys">
      {can("keys:manage") ? (
        <Keys />
      ) : (
        <>
          <PageHeader title="API keys" />
          <Missing scope="keys:manage" what="see or make keys" />
        </>
      )}
    </Page>
  );
}

function Keys() {
  const { info, signOut } = useSession();
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const keys = useQuery(keysQuery);
  const now = useNow(60_000);
  const [made, setMade] = useState<NewKey>();
  const [revoked, setRevoked] = useState<Key>();
  const revoke = useRevokeKey();

  const all = keys.data ?? [];
  const ended = (key: Key) => ["revoked", "expired"].includes(keyState(key, now));
  const shown = search.all ? all : all.filter((key) => !ended(key));
  const hidden = all.length - all.filter((key) => !ended(key)).length;
  const create = (preset: string | undefined, workflows?: string[]) =>
    void navigate({ search: (before) => ({ ...before, create: preset, workflows }) });
  useShortcut("c", "Create a key", () => create("start"));

  const columns: readonly Column<Key>[] = [
    {
      key: "name",
      header: "Key",
      width: "minmax(180px, 1.6fr)",
      main: true,
      cell: (key) => <Name key={key.id} of={key} mine={key.id === info.key.id} />,
    },
    {
      key: "scopes",
      header: "May",
      width: "minmax(120px, 1.2fr)",
      narrow: "second",
      cell: (key) => <Scopes of={key} />,
    },
    {
      key: "workflows",
      header: "Workflows",
      width: "minmax(90px, 1fr)",
      cell: (key) => key.workflows?.join(", ") ?? "all",
    },
    { key: "rate", header: "Rate limit", width: "80px", cell: (key) => rateText(key.rate_limit) },
    { key: "created", header: "Created", width: "100px", cell: (key) => <TimeText value={key.created_at} /> },
    {
      key: "used",
      header: "Last used",
      caption: "used",
      width: "100px",
      narrow: "second",
      cell: (key) => (key.last_used_at ? <TimeText value={key.last_used_at} /> : "never"),
    },
    { key: "ends", header: "Ends", width: "110px", cell: (key) => <Ends of={key} now={now} /> },
    {
      key: "revoke",
      header: <span className={classes.unseen}>Actions</span>,
      width: "32px",
      align: "end",
      narrow: "first",
      cell: (key) =>
        ended(key) ? null : (
          <Tooltip label="Revoke">
            <ActionIcon size={24} aria-label={`Revoke ${key.name || key.id}`} onClick={() => setRevoked(key)}>
              <IconTrash size={15} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        ),
    },
  ];

  return (
    <>
      <PageHeader
        title="API keys"
        description={
          <>
            What programs and people of the project <strong>{info.project.name}</strong> sign in with. A key can do what
            its scopes say and nothing else.
          </>
        }
        actions={
          <ActionButton variant="filled" leftSection={<IconPlus size={14} />} onClick={() => create("start")}>
            Create a key
          </ActionButton>
        }
      />
      {(hidden > 0 || search.all) && (
        <FilterBar
          end={
            <Switch
              label={hidden > 0 ? `Show ended keys (${hidden.toLocaleString()})` : "Show ended keys"}
              checked={search.all === "true"}
              onChange={(event) => {
                const on = event.currentTarget.checked;
                void navigate({ search: (before) => ({ ...before, all: on ? "true" : undefined }), replace: true });
              }}
            />
          }
        >
          <span className={classes.summary}>
            {shown.length === 1 ? "1 key" : `${shown.length.toLocaleString()} keys`}
          </span>
        </FilterBar>
      )}
      {keys.isPending ? (
        <TableSkeleton rows={4} columns={7} />
      ) : keys.isError && all.length === 0 ? (
        <ErrorPanel error={keys.error} title="The keys could not be loaded" onRetry={() => void keys.refetch()} />
      ) : shown.length === 0 ? (
        <EmptyState
          icon={<IconKey size={28} stroke={1.4} />}
          title={all.length === 0 ? "No keys are stored" : "No key is active"}
          command="sojourn key create --name web --scopes executions:start,executions:read"
        >
          Make one for each program, with no more scopes than it needs: here, or on the command line.
        </EmptyState>
      ) : (
        <DataTable label="API keys" columns={columns} rows={shown} rowKey={(key) => key.id} rowHeight={48} />
      )}

      {search.create !== undefined && (
        <KeyForm
          preset={presets.find((preset) => preset.id === search.create) ?? presets[0]}
          workflows={search.workflows ?? []}
          onClose={() => create(undefined)}
          onCreated={(key) => {
            create(undefined);
            setMade(key);
          }}
        />
      )}
      <SecretDialog
        secret={made?.key}
        title={made?.name ? `The key ${made.name}` : "The new key"}
        what="key"
        onClose={() => setMade(undefined)}
      >
        {made && (
          <div>
            <p className={classes.next}>Programs and the command line read it from the environment:</p>
            <CodeBlock
              code={`export SOJOURN_BASE_URL=${window.location.origin}\nexport SOJOURN_API_KEY=${made.key}`}
              what="commands"
              wrap
            />
          </div>
        )}
      </SecretDialog>
      <ConfirmDialog
        opened={revoked !== undefined}
        onClose={() => setRevoked(undefined)}
        title={`Revoke the key ${revoked?.name || revoked?.id || ""}?`}
        confirm="Revoke the key"
        danger
        onConfirm={async () => {
          if (!revoked) return;
          await revoke(revoked.id);
          if (revoked.id === info.key.id) await signOut();
        }}
      >
        {revoked && <RevokeEffect of={revoked} mine={revoked.id === info.key.id} />}
      </ConfirmDialog>
    </>
  );
}

function Name({ of: key, mine }: { of: Key; mine: boolean }) {
  return (
    <span className={classes.name}>
      <span className={classes.title}>
        {key.name || "unnamed"}
        {mine && <span className={classes.mine}>in use here</span>}
      </span>
      <code className={classes.tail} title={key.id}>
        …{key.last4}
      </code>
    </span>
  );
}

function Scopes({ of: key }: { of: Key }) {
  return (
    <Tooltip
      maw={420}
      label={
        <ul className={classes.meanings}>
          {key.scopes.map((scope) => (
            <li key={scope}>
              <code>{scope}</code> {scopeMeaning[scope] ?? ""}
            </li>
          ))}
        </ul>
      }
    >
      <span>{scopesInWords(key.scopes)}</span>
    </Tooltip>
  );
}

function Ends({ of: key, now }: { of: Key; now: number }) {
  const state = keyState(key, now);
  if (state === "revoked") {
    return (
      <span className={classes.over}>
        revoked <TimeText value={key.revoked_at} />
      </span>
    );
  }
  if (!key.expires_at) return <>never</>;
  return (
    <span className={state === "active" ? undefined : classes.warned}>
      <TimeText value={key.expires_at} />
    </span>
  );
}

function RevokeEffect({ of: key, mine }: { of: Key; mine: boolean }) {
  return (
    <>
      <p className={classes.effect}>
        Within five seconds every request with the key that ends in <code>{key.last4}</code> is refused with 401. This
        cannot be undone.
      </p>
      {key.scopes.some((scope) => scope === "workers:run" || scope === "admin") && (
        <p className={classes.effect}>
          Workers that use it lose their sessions; what they run is given to other workers.
        </p>
      )}
      <p className={classes.effect}>
        {key.last_used_at ? (
          <>
            It was last used <TimeText value={key.last_used_at} format="relative" />.
          </>
        ) : (
          "It was never used."
        )}
      </p>
      {mine && (
        <p className={classes.effect}>
          <strong>You are signed in with this key:</strong> your session here ends at once.
        </p>
      )}
    </>
  );
}
