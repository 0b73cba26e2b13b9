// Adding a picture, and the attribute fields that adding and changing share.

import { call } from "./api.js";
import { busy, button, dialog, field, h, said, select, toast } from "./dom.js";
import { base64, dropZone, opened } from "./picture.js";
import { current, state } from "./state.js";
import { ATTRIBUTES, CATEGORIES, categoryName } from "./words.js";

export function attributeFields(row = {}) {
  return [
    field(
      "Content",
      h("textarea", {
        name: "CustomContent",
        rows: "2",
        maxlength: "4096",
        value: row.CustomContent ?? "",
      }),
      "Free text, returned by searches.",
    ),
    h(
      "div",
      { class: "grid" },
      ATTRIBUTES.map(([key, name]) =>
        field(
          name,
          h("input", {
            name: key,
            value: row[key] ?? "",
            autocomplete: "off",
            ...(key.startsWith("Int")
              ? { type: "number", min: "-2147483648", max: "2147483647", step: "1" }
              : { type: "text", maxlength: "128" }),
          }),
        ),
      ),
    ),
  ];
}

export function readAttributes(form) {
  const data = new FormData(form);
  return Object.fromEntries(
    ["CustomContent", ...ATTRIBUTES.map(([key]) => key)]
      .map((key) => [key, data.get(key)])
      .filter(([, value]) => value !== "" && value !== null),
  );
}

// Resolves with true when something was added.
export function addDialog(picture = null, { region = null, whole = false, row = {} } = {}) {
  return dialog("Add a picture", (close) => {
    let chosen = picture;
    const shown = h("div", { class: "add-picture" });
    const name = h("input", {
      name: "PicName",
      type: "text",
      required: true,
      maxlength: "512",
      autocomplete: "off",
      value: row.PicName ?? picture?.blob.name ?? "",
    });
    const show = () =>
      shown.replaceChildren(
        chosen
          ? h("img", { src: chosen.url ?? "", alt: "The picture to add" })
          : dropZone(
              async (file) => {
                chosen = await opened(file);
                if (!name.value) name.value = file.name;
                show();
              },
              { label: "Drop the picture here", compact: true },
            ),
      );
    show();
    const form = h(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          if (!chosen) {
            toast("Choose a picture first.", "bad");
            return;
          }
          const data = new FormData(form);
          const answer = await busy(event.submitter, async () =>
            call("AddImage", {
              InstanceName: state.current,
              ProductId: data.get("ProductId"),
              PicName: data.get("PicName"),
              CategoryId: data.get("CategoryId"),
              PicContent: await base64(chosen.blob),
              Crop: whole ? false : null,
              Region: whole ? null : region?.join(","),
              ...readAttributes(form),
            }),
          );
          if (!answer) return;
          toast(
            current()?.Type === "product"
              ? `Added as ${categoryName(answer.PicInfo?.CategoryId)}.`
              : "Added.",
          );
          close(true);
        },
      },
      shown,
      field(
        "Product",
        h("input", {
          name: "ProductId",
          type: "text",
          required: true,
          maxlength: "512",
          autocomplete: "off",
          value: row.ProductId ?? "",
        }),
      ),
      field(
        "Picture name",
        name,
        "Product and name together are the identity: adding the same again replaces it.",
      ),
      current()?.Type === "product"
        ? field("Category", select([["", "Predict it"], ...CATEGORIES], "", { name: "CategoryId" }))
        : null,
      h("details", {}, h("summary", {}, "Attributes"), attributeFields()),
      h(
        "p",
        { class: "hint" },
        "Goes into ",
        said(state.current),
        ". The picture itself is not kept.",
      ),
      h(
        "div",
        { class: "actions" },
        button("Cancel", () => close(false)),
        h("button", { class: "button primary" }, "Add"),
      ),
    );
    return form;
  });
}
