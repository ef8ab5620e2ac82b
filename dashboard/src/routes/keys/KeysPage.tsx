import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/keys")({ component: KeysPage });

function KeysPage() {
  return (
    <Page title="API keys">
      <PageHeader title="API keys" />
    </Page>
  );
}
