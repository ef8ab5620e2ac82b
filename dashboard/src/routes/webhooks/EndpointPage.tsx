import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/webhooks/endpoints/$id")({ component: EndpointPage });

function EndpointPage() {
  return (
    <Page title="Endpoint">
      <PageHeader title="Endpoint" />
    </Page>
  );
}
