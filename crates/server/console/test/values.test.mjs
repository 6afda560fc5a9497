// Figures, dates and JSON as they stand on the screen: exact, whatever their size.
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "esbuild";

async function load(path) {
  const built = await build({ entryPoints: [new URL(`../src/values/${path}`, import.meta.url).pathname], bundle: true, format: "esm", write: false });
  return import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString("base64")}`);
}

const decimal = (unscaled, scale) => ({ $typeName: "quittance.type.v1.Decimal", unscaled, scale });

test("decimals are shown and read exactly", async () => {
  const { compare, parse, text, whole } = await load("decimal.ts");
  for (const [value, shown] of [
    [decimal(0n, 2), "0.00"],
    [decimal(5n, 2), "0.05"],
    [decimal(-5n, 3), "−0.005"],
    [decimal(123456789n, 2), "1,234,567.89"],
    [decimal(-100n, 0), "−100"],
    [decimal(9007199254740993n, 2), "90,071,992,547,409.93"],
    [decimal(-9223372036854775808n, 18), "−9.223372036854775808"],
    [undefined, "–"],
  ]) assert.equal(text(value), shown);
  for (const [typed, unscaled, scale] of [["1,234.50", 123450n, 2], ["0.000000001", 1n, 9], ["-7", -7n, 0], [" 90071992547409.93 ", 9007199254740993n, 2]]) {
    assert.deepEqual(parse(typed), decimal(unscaled, scale));
  }
  for (const typed of ["", "1.", ".5", "1e3", "12,5x", "--1", "1.2.3"]) assert.equal(parse(typed), undefined, typed);
  assert.equal(compare(decimal(10n, 1), decimal(100n, 2)), 0);
  assert.equal(compare(decimal(-1n, 0), decimal(1n, 18)), -1);
  assert.deepEqual(whole(decimal(50_000000n, 6)), decimal(50n, 0));
  assert.deepEqual(whole(decimal(0n, 2)), decimal(0n, 0));
});

test("dates are calendar dates, wherever the browser is", async () => {
  const { date, longDate, shortDate } = await load("time.ts");
  assert.deepEqual([date(20261123), longDate(20261123), shortDate(20260301), date(0)], ["2026-11-23", "Mon 23 Nov 2026", "1 Mar", "–"]);
});

test("what is proposed is read, and a trade is written, with decimals as texts", async () => {
  const { readable, written } = await load("json.ts");
  assert.equal(readable({ quantity: { unscaled: "-25000050", scale: 2 }, to: "A", zero: { scale: 2 } }), '{\n  "quantity": "-250000.50",\n  "to": "A",\n  "zero": "0.00"\n}');
  assert.deepEqual(written('{"quantity": "0.10", "id": "7"}'), { quantity: { unscaled: "10", scale: 2 }, id: "7" });
  assert.throws(() => written('{"net": "a lot"}'), /net: a lot is no number/);
});
