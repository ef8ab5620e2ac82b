import "./services/fragment";
import "./services/policy";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./tokens.css";
import { start } from "./start";

start();
