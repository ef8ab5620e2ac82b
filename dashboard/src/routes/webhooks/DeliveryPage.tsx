import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/webhooks/deliveries/$id")({ component: DeliveryPage });

function DeliveryPage() {
  return (
    <Page title="Delivery">
      <PageHeader title="Delivery" />
    </Page>
  );
}
