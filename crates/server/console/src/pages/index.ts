// Every page, once: its address, its name and key in the navigation, and whose it is. A new page is a file and a line here.
import type { ComponentType } from "preact";
import type { Role } from "../service/standing";
import { Cash } from "./cash";
import { Controls } from "./controls";
import { Exceptions } from "./exceptions";
import { InstructionPage } from "./instruction";
import { Ledger } from "./ledger";
import { Log } from "./log";
import { Service } from "./service";
import { Today } from "./today";

export interface Page {
  /** The first part of the address. */
  path: string;
  /** In the navigation; absent: reached from other pages only. */
  title?: string;
  /** After `g`. */
  key?: string;
  /** Roles that may ask what it shows; none: everybody. */
  roles?: Role[];
  shows: ComponentType;
}

const FIGURES: Role[] = ["operator", "approver", "risk-viewer", "auditor"];

export const PAGES: Page[] = [
  { path: "", title: "Today", key: "t", shows: Today },
  { path: "instruction", shows: InstructionPage },
  { path: "exceptions", title: "Exceptions", key: "e", roles: ["operator", "approver", "auditor", "administrator"], shows: Exceptions },
  { path: "cash", title: "Cash", key: "c", roles: FIGURES, shows: Cash },
  { path: "ledger", title: "Ledger", key: "l", roles: FIGURES, shows: Ledger },
  { path: "controls", title: "Controls", key: "k", shows: Controls },
  { path: "log", title: "Log", key: "r", roles: ["auditor"], shows: Log },
  { path: "service", title: "Service", key: "s", shows: Service },
];
