import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/workflows/$name")({ component: WorkflowPage });

function WorkflowPage() {
  return (
    <Page title="Workflow">
      <PageHeader title="Workflow" />
    </Page>
  );
}
