import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/executions/$id")({ component: ExecutionPage });

function ExecutionPage() {
  return (
    <Page title="Execution">
      <PageHeader title="Execution" />
    </Page>
  );
}
