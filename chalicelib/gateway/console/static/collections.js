// All collections, and making one.

import { manage } from "./api.js";
import { busy, button, dialog, field, fill, h, said, when } from "./dom.js";
import { choose, refresh, state } from "./state.js";
import { TYPES, typeName } from "./words.js";

export function collectionsView() {
  const list = h("ul", { class: "rows" });
  const draw = () =>
    fill(
      list,
      state.collections.map((collection) =>
        h(
          "li",
          {},
          h(
            "a",
            { class: "row-link", href: `#/collections/${encodeURIComponent(collection.Name)}` },
            said(collection.Name, { class: "said strong" }),
            collection.Type ? h("span", { class: "tag" }, typeName(collection.Type)) : null,
            collection.Type
              ? h("span", { class: "faint" }, `since ${when(collection.Created).slice(0, 10)}`)
              : null,
          ),
        ),
      ),
      state.collections.length ? null : h("li", { class: "empty" }, "None yet."),
    );
  draw();
  const create = button(
    "Create a collection",
    async () => {
      const name = await createDialog();
      if (name) {
        await refresh();
        choose(name);
        location.hash = `#/collections/${encodeURIComponent(name)}`;
      }
    },
    { class: "button primary" },
  );
  return {
    node: h(
      "div",
      { class: "page" },
      h("div", { class: "head" }, h("h1", {}, "Collections"), create),
      list,
    ),
    stop() {},
  };
}

function createDialog() {
  return dialog("Create a collection", (close) => {
    const form = h(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          const data = new FormData(form);
          const name = data.get("InstanceName");
          if (
            await busy(event.submitter, () =>
              manage("CreateCollection", { InstanceName: name, Type: data.get("Type") }),
            )
          )
            close(name);
        },
      },
      field(
        "Name",
        h("input", {
          name: "InstanceName",
          type: "text",
          required: true,
          maxlength: "20",
          pattern: "[A-Za-z0-9][A-Za-z0-9_.\\-]*",
          autocomplete: "off",
          spellcheck: "false",
        }),
        "1 to 20 letters, digits, _ . -",
      ),
      h(
        "fieldset",
        {},
        h("legend", {}, "Kind of search"),
        TYPES.map(([key, label, hint], at) =>
          h(
            "label",
            { class: "choice" },
            h("input", { type: "radio", name: "Type", value: key, checked: at === 0 }),
            h("span", {}, h("strong", {}, label), h("small", {}, hint)),
          ),
        ),
      ),
      h(
        "div",
        { class: "actions" },
        button("Cancel", () => close()),
        h("button", { class: "button primary" }, "Create"),
      ),
    );
    return form;
  });
}
