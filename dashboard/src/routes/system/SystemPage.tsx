import { Button } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Facts, Panel } from "@/components/Panel";
import { TimeText } from "@/components/TimeText";
import { useSession } from "@/services/session";
import { bytesText } from "@/services/system";
import { Servers } from "./Servers";
import classes from "./SystemPage.module.css";

export const Route = createLazyRoute("/shell/system")({ component: SystemPage });

const links = [
  { href: "/docs", label: "API reference" },
  { href: "/openapi.json", label: "OpenAPI document" },
  { href: "/metrics", label: "Metrics" },
] as const;

function SystemPage() {
  const { info, can } = useSession();
  return (
    <Page title="System">
      <PageHeader
        title="System"
        badges={<span className={classes.version}>{info.version}</span>}
        description="The servers, where the data lies, and how quickly it gets there."
        actions={links.map((link) => (
          <Button
            key={link.href}
            variant="default"
            component="a"
            href={link.href}
            target="_blank"
            rel="noreferrer"
            rightSection={<IconExternalLink size={13} stroke={1.7} />}
          >
            {link.label}
          </Button>
        ))}
      />
      {can("admin") ? (
        <Servers />
      ) : (
        <p className={classes.note}>
          Servers, databases and the queues of all projects are shown to keys with the scope <code>admin</code>. This is
          what the server tells every key:
        </p>
      )}
      <Here />
    </Page>
  );
}

/** What /v1/info tells every key. */
function Here() {
  const { info } = useSession();
  const { limits } = info;
  return (
    <>
      <div className={classes.section}>
        <Panel title="You">
          <Facts
            items={[
              ["Key", info.key.name || info.key.id],
              ["Project", info.project.name],
              ["Scopes", info.key.scopes.join(", ")],
              ["Session ends unless used", <TimeText key="ends" value={info.expires_at} />],
            ]}
          />
        </Panel>
      </div>
      <Panel title="Limits">
        <Facts
          items={[
            ["Input, output or payload", bytesText(limits.max_payload_bytes)],
            ["Body of a request", bytesText(limits.max_body_bytes)],
            ["Body of a batch", bytesText(limits.max_batch_bytes)],
            ["Starts in a batch", limits.max_batch.toLocaleString()],
            ["Depth of JSON", limits.max_depth.toLocaleString()],
            ["Longest hold of an answer", `${limits.max_wait_seconds} s`],
            ["Items on a page", limits.max_page.toLocaleString()],
            ["Worker protocol", `version ${info.protocol}`],
          ]}
        />
      </Panel>
    </>
  );
}
