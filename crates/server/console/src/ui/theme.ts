// Light, dark, or as the machine has it.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEPT = "quittance.theme";

export const theme = signal<Theme>((localStorage.getItem(KEPT) as Theme | null) ?? "system");

export function applyTheme() {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

/** To the other one than is seen. */
export function turn() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const seen = theme.value === "system" ? system : theme.value;
  theme.value = seen === "dark" ? "light" : "dark";
  localStorage.setItem(KEPT, theme.value);
  applyTheme();
}

/** A colour of the style sheet, for what is drawn on a canvas. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
