// What waits for a person: approvals, trades in repair, breaks, and records that could not be read.
import type { ComponentType } from "preact";
import { count } from "../values/decimal";
import { may, standing, type Role } from "../service/standing";
import { path } from "../ui/route";
import { Approvals } from "./approvals";
import { Breaks } from "./breaks";
import { Quarantine } from "./quarantine";
import { Repairs } from "./repairs";

/** Each kind: its address, its name, how the service counts it, who may see it. */
const KINDS: { path: string; title: string; counted: string; roles: Role[]; shows: ComponentType }[] = [
  { path: "approvals", title: "Approvals", counted: "proposals", roles: ["operator", "approver", "auditor", "administrator"], shows: Approvals },
  { path: "repair", title: "Repair", counted: "in_repair", roles: ["operator", "approver", "auditor"], shows: Repairs },
  { path: "breaks", title: "Breaks", counted: "breaks", roles: ["operator", "approver", "auditor"], shows: Breaks },
  { path: "quarantine", title: "Quarantine", counted: "quarantined", roles: ["operator", "approver", "auditor"], shows: Quarantine },
];

export function Exceptions() {
  const kinds = KINDS.filter((kind) => may(...kind.roles));
  const counted = (name: string) => standing.value?.open.find((each) => each.name === name)?.count ?? 0n;
  // The first that somebody waits in, unless the address says which.
  const here = kinds.find((kind) => kind.path === path.value[1]) ?? kinds.find((kind) => counted(kind.counted) > 0n) ?? kinds[0];
  return (
    <div class="exceptions">
      <h1 class="sr">Exceptions</h1>
      <nav class="tabs" aria-label="Kinds of exception">
        {kinds.map((kind) => (
          <a key={kind.path} href={`#/exceptions/${kind.path}`} aria-current={kind === here ? "page" : undefined}>
            {kind.title} <span class={counted(kind.counted) > 0n ? "count" : "count none"}>{count(counted(kind.counted))}</span>
          </a>
        ))}
      </nav>
      {here && <here.shows />}
    </div>
  );
}
