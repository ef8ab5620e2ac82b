import { notifications } from "@mantine/notifications";
import { copyText } from "./clipboard";

/** Copies the address of the page as it is seen: the address has the filters, the tab and what is chosen. */
export function copyPageLink(): void {
  copyText(window.location.href).then(
    () => notifications.show({ message: "The link to what you see is copied.", color: "iris" }),
    () =>
      notifications.show({
        message: "The browser does not allow copying. The address bar has the link.",
        color: "red",
      }),
  );
}
