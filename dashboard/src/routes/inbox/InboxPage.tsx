import { createLazyRoute } from "@tanstack/react-router";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";

export const Route = createLazyRoute("/shell/inbox")({ component: InboxPage });

function InboxPage() {
  return (
    <Page title="Inbox">
      <PageHeader title="Inbox" />
    </Page>
  );
}
