import {
  Button,
  createTheme,
  Drawer,
  localStorageColorSchemeManager,
  type MantineColorsTuple,
  Modal,
  Tooltip,
} from "@mantine/core";

/** Where the choice of light, dark or as the system is kept. */
export const colorScheme = localStorageColorSchemeManager({ key: "sojourn.scheme" });

const gray: MantineColorsTuple = [
  "#fafafb",
  "#f4f4f6",
  "#ebebef",
  "#dedfe5",
  "#d0d1d9",
  "#9a9ba8",
  "#6a6b79",
  "#4b4c5a",
  "#32333e",
  "#1b1b23",
];
const dark: MantineColorsTuple = [
  "#dfe0e6",
  "#b9bac4",
  "#989aa7",
  "#6c6e7b",
  "#3a3b45",
  "#2a2b33",
  "#1e1f26",
  "#131418",
  "#0e0f12",
  "#08090b",
];
/** The one accent: what can be pressed and what is chosen. States have colours of their own in tokens.css. */
const iris: MantineColorsTuple = [
  "#f2f2ff",
  "#e4e3fd",
  "#c9c8fa",
  "#a9a6f4",
  "#8a86ec",
  "#6e69e2",
  "#5a55d6",
  "#4b47c9",
  "#403cae",
  "#33308a",
];

// The header of a dialog is not the page's: as an element of its own it would be a second banner.
const innerHeader = { header: { role: "presentation" } };

export const theme = createTheme({
  primaryColor: "iris",
  primaryShade: { light: 7, dark: 6 },
  colors: { gray, dark, iris },
  white: "#ffffff",
  black: "#1b1b23",
  defaultRadius: "sm",
  radius: { xs: "3px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  spacing: { xs: "8px", sm: "12px", md: "16px", lg: "24px", xl: "32px" },
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace',
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.5", lg: "1.5", xl: "1.4" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "20px", lineHeight: "28px" },
      h2: { fontSize: "16px", lineHeight: "24px" },
      h3: { fontSize: "14px", lineHeight: "20px" },
    },
  },
  focusRing: "auto",
  cursorType: "pointer",
  components: {
    Button: Button.extend({ defaultProps: { size: "xs" }, styles: { label: { fontWeight: 500 } } }),
    InputWrapper: { defaultProps: { size: "xs" } },
    TextInput: { defaultProps: { size: "xs" } },
    Textarea: { defaultProps: { size: "xs" } },
    PasswordInput: { defaultProps: { size: "xs" } },
    NumberInput: { defaultProps: { size: "xs" } },
    Select: { defaultProps: { size: "xs" } },
    MultiSelect: { defaultProps: { size: "xs" } },
    TagsInput: { defaultProps: { size: "xs" } },
    Checkbox: { defaultProps: { size: "xs" } },
    Switch: { defaultProps: { size: "xs" } },
    SegmentedControl: { defaultProps: { size: "xs" } },
    Table: { defaultProps: { fz: "sm" } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray", size: "md" } },
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.4 },
        transitionProps: { duration: 120 },
        attributes: innerHeader,
      },
    }),
    Drawer: Drawer.extend({ defaultProps: { attributes: innerHeader } }),
    Tooltip: Tooltip.extend({
      defaultProps: {
        openDelay: 300,
        withArrow: false,
        multiline: true,
        maw: 320,
        fz: "xs",
        events: { hover: true, focus: true, touch: true },
      },
    }),
    Menu: { defaultProps: { transitionProps: { duration: 80 }, shadow: "md" } },
  },
});
