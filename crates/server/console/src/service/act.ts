// What a person does: sent again under the same id while nobody knows what became of it, an answer or a refusal in words,
// and the screens asked again.
import { signal } from "@preact/signals";
import type { Receipt } from "../gen/quittance/service/v1/receipt_pb";
import { Code, codeOf, explain } from "./client";
import { ask, head } from "./standing";

export interface Action {
  /** `Release instruction 42` */
  title: string;
  /** What will happen, in a sentence. */
  about?: string;
  /** On the button. */
  verb: string;
  danger?: boolean;
  /** More to be filled in; each is a text. */
  fields?: Field[];
  /** Sends it. */
  send: (said: Said) => Promise<{ receipt?: Receipt }>;
}

export interface Field {
  name: string;
  label: string;
  hint?: string;
  value?: string;
  choices?: { value: string; label: string }[];
  required?: boolean;
  long?: boolean;
}

export interface Said {
  requestId: string;
  reason: string;
  fields: Record<string, string>;
}

/** The action a person is asked about. */
export const asked = signal<Action | undefined>(undefined);

export interface Told {
  id: number;
  text: string;
  bad: boolean;
}
export const told = signal<Told[]>([]);
let last = 0;

export function tell(text: string, bad = false) {
  const id = ++last;
  told.value = [...told.value, { id, text, bad }];
  setTimeout(() => (told.value = told.value.filter((each) => each.id !== id)), bad ? 12_000 : 6_000);
}

export interface Failure {
  why: string;
  /** It may have been done all the same: the same again must go under the same id. */
  uncertain: boolean;
}

/** Failures of the way, not of the matter. */
const UNCERTAIN = [Code.Unavailable, Code.DeadlineExceeded, Code.Unknown, Code.Canceled, Code.Internal];

/** Does it; why not when it failed. */
export async function perform(action: Action, said: Said): Promise<Failure | undefined> {
  try {
    const { receipt } = await action.send(said);
    const what = receipt?.proposal ? `proposal ${receipt.proposal} waits for a second person` : "done";
    tell(`${action.title}: ${what}, record ${receipt?.sequence}`);
    if (receipt && receipt.sequence > head.peek()) head.value = receipt.sequence;
    void ask();
    return undefined;
  } catch (error) {
    return { why: explain(error), uncertain: UNCERTAIN.includes(codeOf(error)) };
  }
}
