// WCAG 2.2 AA: text has at least 4.5 : 1 on everything it stands on, in light and in dark.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const style = readFileSync(new URL("../src/style.css", import.meta.url), "utf8");

/** The colours that a block declares. */
function colours(selector) {
  const at = style.indexOf(selector + " {");
  assert.ok(at >= 0, selector);
  return Object.fromEntries([...style.slice(at, style.indexOf("}", at)).matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map((found) => [found[1], found[2]]));
}

function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [a, b] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

const GROUNDS = ["ground", "surface", "raised", "accent-ground"];
const PAIRS = [
  ...["ink", "muted", "accent"].flatMap((ink) => GROUNDS.map((ground) => [ink, ground])),
  ...["good", "waiting", "bad", "open", "ended"].flatMap((tone) => [[tone, `${tone}-ground`], [tone, "surface"], [tone, "raised"], [tone, "accent-ground"]]),
  ["on-accent", "accent"],
  ["surface", "bad"],
  ["surface", "ink"],
];

for (const [name, selector] of [["light", ":root"], ["dark", ':root[data-theme="dark"]']]) {
  test(`every text can be read in ${name}`, () => {
    const known = colours(selector);
    for (const [ink, ground] of PAIRS) {
      const found = contrast(known[ink], known[ground]);
      assert.ok(found >= 4.5, `${ink} on ${ground}: ${found.toFixed(2)}`);
    }
  });
}

test("dark by the machine's wish and by the person's are the same colours", () => {
  assert.deepEqual(colours(":root:not([data-theme])"), colours(':root[data-theme="dark"]'));
});
