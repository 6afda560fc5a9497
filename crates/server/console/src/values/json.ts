// Messages as people read and write them: JSON with decimals as "12.50", as Quittance's own files have them.
import type { JsonValue } from "@bufbuild/protobuf";
import { parse } from "./decimal";

/** Protobuf's JSON for people: two spaces, decimals as texts. */
export function readable(json: JsonValue): string {
  return JSON.stringify(json, (_, value: unknown) => decimal(value) ?? value, 2);
}

/** The text of { unscaled: "1250", scale: 2 }; nothing for anything else. */
function decimal(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { unscaled = "0", scale = 0, ...rest } = value as { unscaled?: unknown; scale?: unknown };
  const known = "unscaled" in value || "scale" in value;
  if (!known || Object.keys(rest).length > 0 || typeof unscaled !== "string" || typeof scale !== "number") return undefined;
  const digits = unscaled.replace("-", "").padStart(scale + 1, "0");
  const point = digits.length - scale;
  return (unscaled.startsWith("-") ? "-" : "") + digits.slice(0, point) + (scale ? "." + digits.slice(point) : "");
}

/** Names of fields that are decimals in a trade. */
const DECIMALS = ["quantity", "price", "gross", "net", "accrued", "amount"];

/** What a person wrote, for protobuf: "12.50" under the name of a decimal becomes its whole number and scale. */
export function written(text: string): JsonValue {
  return JSON.parse(text, (key, value: unknown) => {
    if (!DECIMALS.includes(key) || typeof value !== "string") return value;
    const found = parse(value);
    if (!found) throw new Error(`${key}: ${value} is no number`);
    return { unscaled: found.unscaled.toString(), scale: found.scale };
  }) as JsonValue;
}
