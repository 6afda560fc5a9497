// Cash from one account to another, or from and to the outside: asked for here, carried out when its second person agrees.
import { asked, type Said } from "../service/act";
import { operator } from "../service/client";
import { may } from "../service/standing";
import type { CashLadder } from "../gen/quittance/view/v1/cash_pb";
import { parse } from "../values/decimal";

export function TransferButton({ ladder }: { ladder: CashLadder | undefined }) {
  if (!may("operator")) return null;
  const ask = () =>
    (asked.value = {
      title: "Transfer cash",
      verb: "Transfer",
      about: "Leave one account empty for the outside: funding comes from it, a withdrawal goes to it.",
      fields: [
        { name: "from", label: "From account", hint: "empty: from outside" },
        { name: "to", label: "To account", value: ladder?.account, hint: "empty: to the outside" },
        { name: "book", label: "Book whose cash it is", required: true },
        { name: "currency", label: "Currency", value: ladder?.currency, required: true },
        { name: "amount", label: "Amount", required: true, hint: "such as 250000.00" },
      ],
      send,
    });
  return <button type="button" onClick={ask}>Transfer…</button>;
}

async function send({ fields, requestId, reason }: Said) {
  const quantity = parse(fields.amount ?? "");
  if (!quantity || quantity.unscaled <= 0n) throw new Error(`${fields.amount}: an amount above zero, such as 250000.00`);
  const { from = "", to = "", book = "", currency = "" } = fields;
  return operator.submitCommand({
    command: { kind: { case: "transfer", value: { from, to, book, quantity, what: { case: "currency", value: currency } } } },
    requestId,
    reason,
  });
}
