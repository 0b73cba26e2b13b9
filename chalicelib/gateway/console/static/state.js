// What the views share: the collections this key may see and the one that is chosen. Nothing of it
// outlives the page.

import { manage } from "./api.js";

export const state = { collections: [], current: "", pending: null };
const listeners = new Set();

export const current = () => state.collections.find(({ Name }) => Name === state.current);

export function changed(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function choose(name) {
  state.current = name;
  // Of a long list only the beginning comes with all there is to know.
  if (current() && !current().Type)
    Object.assign(
      current(),
      (await manage("ListCollections", { InstanceName: name })).Collections[0],
    );
  listeners.forEach((listener) => listener());
}

export async function refresh() {
  state.collections = (await manage("ListCollections")).Collections;
  await choose(current() ? state.current : (state.collections[0]?.Name ?? ""));
}

export function forget() {
  Object.assign(state, { collections: [], current: "", pending: null });
}

// Where a row's picture is shown from, or null: pictures are not stored, so only a template can
// say.
export function pictureUrl(row, collection = current()) {
  const template = collection?.PictureUrl;
  if (!template) return null;
  const path = (text) => String(text).split("/").map(encodeURIComponent).join("/");
  const url = template
    .replaceAll("{PicName}", path(row.PicName))
    .replaceAll("{ProductId}", path(row.ProductId));
  try {
    const { protocol } = new URL(url, location.href);
    return protocol === "https:" || protocol === location.protocol ? url : null;
  } catch {
    return null;
  }
}
