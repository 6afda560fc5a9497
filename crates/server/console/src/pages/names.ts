// Records speak in numbers. What stands in a trade's record by number stands in its row by name: so numbers get their names
// back, for everything an instruction and its other side are about, without another question.
import type { Event, Terms } from "../gen/quittance/record/v1/event_pb";
import type { Record as LogRecord } from "../gen/quittance/record/v1/record_pb";
import type { Instruction } from "../gen/quittance/view/v1/status_pb";

export class Names {
  private known = new Map<string, string>();
  /** Decimals in which each instrument and currency is counted, by name. */
  private scales = new Map<string, number>();

  note(kind: string, index: number | undefined, name: string | undefined) {
    if (index !== undefined && name) this.known.set(`${kind} ${index}`, name);
  }

  name(kind: string, index: number): string {
    return this.known.get(`${kind} ${index}`) ?? `${kind} no. ${index}`;
  }

  scale(asset: string): number | undefined {
    return this.scales.get(asset);
  }

  /** What a row says by name. */
  row(row: Instruction) {
    if (row.quantity) this.scales.set(row.instrument, row.quantity.scale);
    if (row.amount && row.currency) this.scales.set(row.currency, row.amount.scale);
  }

  /** What the terms of its trade say by number. */
  terms(terms: Terms, row: Instruction) {
    this.note("party", terms.party, row.party);
    this.note("party", terms.counterparty, row.counterparty);
    this.note("book", terms.book, row.book);
    this.note("domain", terms.domain, row.domain);
    this.note("instrument", terms.instrument, row.instrument);
    this.note("account", terms.depot, row.depot);
    this.note("account", terms.nostro, row.nostro);
  }
}

/** The facts of a record; none when it was refused. */
export function facts(record: LogRecord | undefined): Event[] {
  const decided = record?.content.case === "decided" ? record.content.value : undefined;
  return decided?.outcome.case === "accepted" ? decided.outcome.value.events : [];
}
