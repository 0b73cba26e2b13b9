// A search by name.

import { field, h } from "./dom.js";

// The way to search by a picture that is indexed already: `like` gets its product and name.
export function byName(like) {
  const product = h("input", {
    type: "text",
    required: true,
    maxlength: "512",
    autocomplete: "off",
  });
  const name = h("input", { type: "text", required: true, maxlength: "512", autocomplete: "off" });
  return h(
    "details",
    { class: "byname" },
    h("summary", {}, "Search by an indexed picture"),
    h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          like({ ProductId: product.value, PicName: name.value });
        },
      },
      field("Product", product),
      field("Picture name", name),
      h("button", { class: "button" }, "Search"),
    ),
  );
}
