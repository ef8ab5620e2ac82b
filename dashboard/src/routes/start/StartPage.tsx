import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/workflows/$name/start")({ component: StartPage });

function StartPage() {
  return (
    <Page title="Start">
      <PageHeader title="Start" />
    </Page>
  );
}
