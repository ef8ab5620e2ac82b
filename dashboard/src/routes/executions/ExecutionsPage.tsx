import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/executions")({ component: ExecutionsPage });

function ExecutionsPage() {
  return (
    <Page title="Executions">
      <PageHeader title="Executions" />
    </Page>
  );
}
