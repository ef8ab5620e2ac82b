import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/workflows")({ component: WorkflowsPage });

function WorkflowsPage() {
  return (
    <Page title="Workflows">
      <PageHeader title="Workflows" />
    </Page>
  );
}
