// A record in small: its picture where a template says where to find it, and how near it is.

import { h, visible } from "./dom.js";
import { pictureUrl } from "./state.js";

export function thumb(row, given = {}) {
  const url = pictureUrl(row);
  const stand = () =>
    h(
      "div",
      { class: "stand-in", "aria-hidden": "true" },
      visible([...String(row.ProductId)].slice(0, 2).join("")).slice(0, 8),
    );
  if (!url) return stand();
  const image = h("img", {
    src: url,
    alt: "",
    loading: "lazy",
    decoding: "async",
    referrerpolicy: "no-referrer",
    ...given,
  });
  image.addEventListener("error", () => image.replaceWith(stand()), { once: true });
  return image;
}

// A score of 0 to 1 as a bar.
export function meter(score, given) {
  const bar = h("span", { class: "meter-fill" });
  // the policy allows this, a style attribute it does not
  bar.style.width = `${Math.round(100 * score)}%`;
  return h("span", { class: "meter", ...given }, bar);
}
