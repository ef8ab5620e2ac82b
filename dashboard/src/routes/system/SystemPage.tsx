import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/system")({ component: SystemPage });

function SystemPage() {
  return (
    <Page title="System">
      <PageHeader title="System" />
    </Page>
  );
}
