// Every page, once: its address, its name and key in the navigation, and whose it is. A new page is a file and a line here.
import type { ComponentType } from "preact";
import type { Role } from "../service/standing";
import { Cash } from "./cash";
import { Controls } from "./controls";
import { Coverage } from "./coverage";
import { Exceptions } from "./exceptions";
import { Exposure } from "./exposure";
import { InstructionPage } from "./instruction";
import { Ledger } from "./ledger";
import { Limits } from "./limits";
import { Log } from "./log";
import { Margin } from "./margin";
import { Market } from "./market";
import { Pnl } from "./pnl";
import { Positions } from "./positions";
import { Reports } from "./report";
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
  { path: "coverage", title: "Coverage", key: "v", roles: FIGURES, shows: Coverage },
  { path: "exposure", title: "Exposure", key: "x", roles: FIGURES, shows: Exposure },
  { path: "limits", title: "Limits", key: "i", roles: FIGURES, shows: Limits },
  { path: "cash", title: "Cash", key: "c", roles: FIGURES, shows: Cash },
  { path: "positions", title: "Positions", key: "p", roles: FIGURES, shows: Positions },
  { path: "pnl", title: "P&L", key: "n", roles: FIGURES, shows: Pnl },
  { path: "market", title: "Risk", key: "q", roles: FIGURES, shows: Market },
  { path: "margin", title: "Margin", key: "a", roles: FIGURES, shows: Margin },
  { path: "report", title: "Reports", key: "m", roles: FIGURES, shows: Reports },
  { path: "ledger", title: "Ledger", key: "l", roles: FIGURES, shows: Ledger },
  { path: "controls", title: "Controls", key: "k", shows: Controls },
  { path: "log", title: "Log", key: "r", roles: ["auditor"], shows: Log },
  { path: "service", title: "Service", key: "s", shows: Service },
];
