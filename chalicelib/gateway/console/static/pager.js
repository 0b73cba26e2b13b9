// Pages of an answer, the ends and those around the shown one. `go` gets the first place of a page.

import { button, h } from "./dom.js";

export const PAGE = 12;
export const REACH = 500; // the service answers no further

export function pager(found, start, go) {
  const pages = Math.ceil(Math.min(found, REACH) / PAGE);
  if (pages < 2) return null;
  const at = start / PAGE;
  const turn = (page) => go(page * PAGE);
  const near = [...new Set([0, at - 1, at, at + 1, pages - 1])]
    .filter((page) => page >= 0 && page < pages)
    .sort((a, b) => a - b);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    button("Previous", () => turn(at - 1), { disabled: at === 0 }),
    near.map((page, index) => [
      index && page - near[index - 1] > 1 ? h("span", { class: "faint" }, "…") : null,
      button(String(page + 1), () => turn(page), { "aria-current": page === at ? "page" : null }),
    ]),
    button("Next", () => turn(at + 1), { disabled: at >= pages - 1 }),
  );
}
