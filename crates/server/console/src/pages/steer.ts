// What an operator may do to an instruction.
import { SteerAction } from "../gen/quittance/record/v1/command_pb";
import { InstructionStatus as Status, type Instruction } from "../gen/quittance/view/v1/status_pb";
import type { Action, Field } from "../service/act";
import { settlement } from "../service/client";
import { isOpen } from "../values/status";

export interface Offer {
  key: string;
  /** On the button. */
  name: string;
  action: Action;
}

/** What makes sense now; the service has the last word. */
export function offers(row: Instruction): Offer[] {
  if (!isOpen(row)) return [];
  const what = `instruction ${row.number}`;
  const steer = (action: SteerAction) => (said: { requestId: string; reason: string; fields: Record<string, string> }) =>
    settlement.steerInstruction({
      instruction: row.number,
      action,
      priority: action === SteerAction.PRIORITISE ? Number(said.fields.priority) : undefined,
      requestId: said.requestId,
      reason: said.reason,
    });
  const list: Offer[] = [];
  if (row.held) {
    list.push({ key: "r", name: "Release", action: { title: `Release ${what}`, verb: "Release", about: "It may settle as soon as its day is open and both sides cover it.", send: steer(SteerAction.RELEASE) } });
  } else {
    list.push({ key: "h", name: "Hold", action: { title: `Hold ${what}`, verb: "Hold", about: "It goes on matching and does not settle until it is released (PREA).", send: steer(SteerAction.HOLD) } });
  }
  const priority: Field = {
    name: "priority",
    label: "Priority",
    value: row.priority.toString(),
    required: true,
    choices: [["1", "1 reserved"], ["2", "2 top"], ["3", "3 high"], ["4", "4 normal"]].map(([value, label]) => ({ value: value!, label: label! })),
  };
  list.push({ key: "p", name: "Prioritise…", action: { title: `Prioritise ${what}`, verb: "Set", about: "The order in which what waits for the same account settles.", fields: [priority], send: steer(SteerAction.PRIORITISE) } });
  if (row.cancelRequested) {
    list.push({ key: "x", name: "Keep after all", action: { title: `Keep ${what} after all`, verb: "Keep", about: "Takes back the request for cancellation.", send: steer(SteerAction.KEEP_AFTER_ALL) } });
  } else {
    const matched = row.status !== Status.UNMATCHED;
    list.push({ key: "x", name: "Cancel…", action: { title: `Cancel ${what}`, verb: matched ? "Ask to cancel" : "Cancel it", danger: true, about: matched ? "It is matched: it is cancelled once both sides have asked." : "It is unmatched: it is cancelled at once.", send: steer(SteerAction.CANCEL) } });
  }
  return list;
}
