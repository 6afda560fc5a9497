// The small parts every page is made of.
import type { ComponentChildren } from "preact";
import type { Decimal } from "../gen/quittance/type/v1/decimal_pb";
import type { Asked } from "../service/query";
import { parts } from "../values/decimal";
import { meaning } from "../values/codes";
import { statusOf, type Tone } from "../values/status";
import type { InstructionStatus } from "../gen/quittance/view/v1/status_pb";

/** An exact number whose point stands under the points above it. */
export function Amount({ of, places = 2 }: { of: Decimal | undefined; places?: number }) {
  const split = parts(of);
  if (!split) return <span class="amount absent">–</span>;
  // Decimals that are not there leave their room, which is no text: it is neither copied nor read out.
  const room = places > 0 ? ".".padEnd(places + 1, "0").slice(split.fraction.length) : "";
  return (
    <span class={split.negative ? "amount negative" : "amount"}>
      {split.whole}
      {split.fraction}
      {room && <span class="room" data-room={room} />}
    </span>
  );
}

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function StatusBadge({ status }: { status: InstructionStatus }) {
  const { name, tone } = statusOf(status);
  return <Badge tone={tone}>{name}</Badge>;
}

/** A code with what it means. */
export function Reason({ code, long }: { code: string; long?: boolean }) {
  const words = meaning(code);
  if (!code) return <span class="absent">–</span>;
  return (
    <span class="reason" title={words}>
      <b>{code}</b>
      {long && words && <span> {words}</span>}
    </span>
  );
}

export function Panel(props: {
  title: string;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={`panel ${props.class ?? ""}`} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.note !== undefined && <span class="note">{props.note}</span>}
        <span class="actions">{props.actions}</span>
      </header>
      {props.children}
    </section>
  );
}

/** What to show instead of an answer that is not there; nothing when it is. */
export function Missing({ of, nothing }: { of: Pick<Asked<unknown>, "value" | "error">; nothing?: string | false }) {
  if (of.error) return <p class="missing bad" role="alert">{of.error}</p>;
  if (of.value === undefined) return <p class="missing">Asking…</p>;
  return nothing ? <p class="missing">{nothing}</p> : null;
}

/** A name and what stands for it. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
