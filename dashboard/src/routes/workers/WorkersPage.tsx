import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/workers")({ component: WorkersPage });

function WorkersPage() {
  return (
    <Page title="Workers">
      <PageHeader title="Workers" />
    </Page>
  );
}
