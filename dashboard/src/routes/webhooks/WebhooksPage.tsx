import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/webhooks")({ component: WebhooksPage });

function WebhooksPage() {
  return (
    <Page title="Webhooks">
      <PageHeader title="Webhooks" />
    </Page>
  );
}
