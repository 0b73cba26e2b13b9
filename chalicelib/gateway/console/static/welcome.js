// What stands where results will be, before there is a query.

import { h, said } from "./dom.js";
import { current } from "./state.js";

export function welcome() {
  const collection = current();
  if (!collection)
    return h(
      "div",
      { class: "empty" },
      h("h2", {}, "No collection yet"),
      h("p", {}, "A collection holds the pictures you search in."),
      h("a", { class: "button primary", href: "#/collections" }, "Create one"),
    );
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "What looks like it?"),
    h(
      "p",
      {},
      "Drop, paste, take or choose a picture. It is looked at, compared with ",
      said(collection.Name),
      " and forgotten: only features are ever kept.",
    ),
  );
}
