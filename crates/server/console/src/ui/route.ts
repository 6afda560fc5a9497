// Where the person is: the part of the address after #, so that every page can be linked and gone back to.
import { computed, signal } from "@preact/signals";

const place = signal(location.hash.slice(1) || "/");
addEventListener("hashchange", () => (place.value = location.hash.slice(1) || "/"));

/** ["instruction", "42"] */
export const path = computed(() => (place.value.split("?")[0] ?? "").split("/").filter(Boolean).map(decodeURIComponent));

export const parameters = computed(() => new URLSearchParams(place.value.split("?")[1] ?? ""));

export function go(to: string) {
  location.hash = to;
}

/** A link that carries names as they are. */
export function to(...parts: (string | bigint | number)[]): string {
  return "#/" + parts.map((part) => encodeURIComponent(part.toString())).join("/");
}
