// A folder that is chosen or dropped, and what it asks for.

import { button, h } from "./dom.js";

const PICTURE = /\.(png|jpe?g|bmp|gif|webp|tiff?|ppm)$/i;
const META = /(^|\/)increment\.meta$/;
const COPIED = [
  "ProductId",
  "PicName",
  "CategoryId",
  "Region",
  "CustomContent",
  "IntAttr",
  "IntAttr2",
  "IntAttr3",
  "IntAttr4",
  "StrAttr",
  "StrAttr2",
  "StrAttr3",
  "StrAttr4",
];

// Files of a folder, with paths below it, as [{path, file}].
export const listed = (files) =>
  files.map((file) => {
    const path = file.path ?? (file.webkitRelativePath || file.name);
    return { path: path.includes("/") ? path.slice(path.indexOf("/") + 1) : path, file };
  });

// {items: [{entry, operation, fields, file}], errors: [{entry, code, message}],
// meta: whether increment.meta said so}
export async function planned(files) {
  const all = listed(files);
  const meta = all
    .filter(({ path }) => META.test(path))
    .sort((a, b) => a.path.length - b.path.length)[0];
  if (meta) return described(all, meta);
  const items = all
    .filter(({ path }) => PICTURE.test(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, file }) => {
      const parts = path.split("/");
      const product = parts.length > 1 ? parts[0] : parts[0].replace(/\.[^.]+$/, "");
      return { entry: path, operation: "ADD", fields: { ProductId: product, PicName: path }, file };
    });
  return { items, errors: [], meta: false };
}

async function described(all, meta) {
  const base = meta.path.slice(0, meta.path.length - "increment.meta".length);
  const byPath = new Map(all.map(({ path, file }) => [path, file]));
  const items = [];
  const errors = [];
  (await meta.file.text()).split("\n").forEach((line, at) => {
    if (!line.trim()) return;
    const entry = `line ${at + 1}`;
    const refuse = (code, message) => errors.push({ entry, code, message });
    let value;
    try {
      value = JSON.parse(line);
    } catch {
      refuse("InvalidMetaItem", "the line is not JSON");
      return;
    }
    if (!value || typeof value !== "object" || !value.ProductId) {
      refuse("NoSpecifiedProductId", "the line has no ProductId");
      return;
    }
    const operation = String(value.OperationType ?? "").toUpperCase();
    const fields = Object.fromEntries(
      COPIED.filter((key) => value[key] !== undefined).map((key) => [key, String(value[key])]),
    );
    if (operation === "DELETE") {
      items.push({ entry, operation, fields });
      return;
    }
    if (operation !== "ADD") {
      refuse(
        "UnsupportedOperationType",
        `OperationType is ${String(value.OperationType)}; it must be ADD or DELETE`,
      );
      return;
    }
    if (!value.PicName) {
      refuse("NoSpecifiedPicName", "the line has no PicName");
      return;
    }
    const file = byPath.get(base + value.PicName);
    if (!file) {
      refuse("PicNotExist", `no file ${value.PicName} beside increment.meta`);
      return;
    }
    items.push({ entry: `${entry}: ${value.PicName}`, operation, fields, file });
  });
  return { items, errors, meta: true };
}

// A place to drop or choose a folder. `take(files)` gets all files below it.
export function folderZone(take, { title, label, hint }) {
  const input = h("input", {
    type: "file",
    class: "visually-hidden",
    multiple: true,
    webkitdirectory: true,
    tabindex: "-1",
    "aria-label": label,
  });
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  const zone = h(
    "div",
    { class: "drop compact" },
    h("p", { class: "drop-title" }, title),
    h("p", { class: "hint" }, hint),
    h(
      "div",
      { class: "actions" },
      button("Choose a folder", () => input.click(), { class: "button primary" }),
    ),
    input,
  );
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    zone.classList.remove("over");
    take(await walked(event.dataTransfer));
  });
  return zone;
}

// All files below what was dropped, each with its `path`.
async function walked(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [];
  const walk = async (entry, prefix) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      file.path = `${prefix}${entry.name}`;
      files.push(file);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const child of some) await walk(child, `${prefix}${entry.name}/`);
    }
  };
  for (const entry of entries) await walk(entry, "");
  return files;
}
