// Builds elements. Text only ever enters the page as text nodes, so nothing a picture's name or
// attribute says can become markup.

const PROPERTIES = new Set([
  "value",
  "checked",
  "disabled",
  "hidden",
  "selected",
  "multiple",
  "open",
  "indeterminate",
]);

export function h(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

export function svg(tag, given = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(given)) node.setAttribute(name, value);
  node.append(...children.flat());
  return node;
}

// Replaces what `parent` holds. Whoever came here by keyboard stays on the control of the same
// name.
export function fill(parent, ...children) {
  const held = parent.contains(document.activeElement) ? document.activeElement : null;
  parent.replaceChildren(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (held && !held.isConnected)
    [...parent.querySelectorAll("a, button, input, select")]
      .find((node) => called(node) === called(held))
      ?.focus({ preventScroll: true });
  return parent;
}
const called = (node) => node.getAttribute("aria-label") ?? node.textContent;

// Characters that steer rather than show: controls, bidirectional marks and lone surrogates.
// Joiners stay, emoji need them.
const STEERING = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e" +
    "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]|[\\ud800-\\udbff](?![\\udc00-\\udfff])" +
    "|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]",
  "g",
);

export function visible(text) {
  return String(text).replace(STEERING, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
}

// Somebody else's words: shown as they are, cut off from the direction of what stands around them.
export function said(text, given = {}) {
  return h("bdi", { dir: "auto", class: "said", ...given }, visible(text));
}

export function button(label, onclick, given = {}) {
  return h("button", { type: "button", class: "button", onclick, ...given }, label);
}

export function field(label, control, hint) {
  const id = control.id || `f${++counter}`;
  control.id = id;
  const note = hint ? h("small", { id: `${id}-hint`, class: "hint" }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, note);
}
let counter = 0;

export function select(options, value, given = {}) {
  return h(
    "select",
    given,
    options.map(([key, label]) =>
      h("option", { value: key, selected: String(key) === String(value) }, label),
    ),
  );
}

export function toast(text, kind = "") {
  const holder = document.getElementById("toasts");
  const node = h("div", { class: `toast ${kind}` }, said(text));
  holder.append(node);
  if (holder.matches(":popover-open")) holder.hidePopover();
  holder.showPopover(); // once more, to stand above a dialog opened meanwhile
  setTimeout(() => node.remove(), kind === "bad" ? 9000 : 4000);
}

export function problem(error) {
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("strong", {}, visible(error.code || "Something went wrong")),
    " ",
    said(error.message),
    error.requestId ? h("small", {}, `Request ${visible(error.requestId)}`) : null,
  );
}

// A modal dialog. `build(close)` yields its content; resolves with what `close` was given,
// undefined when dismissed.
export function dialog(title, build, given = {}) {
  return new Promise((resolve) => {
    let answer;
    const node = h("dialog", { "aria-labelledby": "dialog-title", ...given });
    const close = (value) => {
      answer = value;
      node.close();
    };
    node.append(
      h(
        "header",
        {},
        h("h2", { id: "dialog-title" }, title),
        button("×", () => close(), { class: "button icon", "aria-label": "Close" }),
      ),
      h("div", { class: "dialog-body" }, build(close)),
    );
    node.addEventListener("close", () => {
      node.remove();
      resolve(answer);
    });
    node.addEventListener("click", (event) => {
      if (event.target === node) close();
    });
    document.body.append(node);
    node.showModal();
  });
}

export async function confirmed(title, question, verb) {
  return Boolean(
    await dialog(
      title,
      (close) => [
        h("p", {}, question),
        h(
          "div",
          { class: "actions" },
          button("Cancel", () => close(false), { autofocus: true }),
          button(verb, () => close(true), { class: "button danger" }),
        ),
      ],
      { class: "small" },
    ),
  );
}

// Runs `work` while `control` is disabled; failures become a toast. Resolves with work's value,
// undefined when it failed.
export async function busy(control, work) {
  control.disabled = true;
  try {
    return await work();
  } catch (error) {
    if (error.name !== "AbortError")
      toast(`${error.code ? `${error.code}: ` : ""}${error.message}`, "bad");
    return undefined;
  } finally {
    control.disabled = false;
  }
}

export const number = (value) => Number(value).toLocaleString("en");
export const counted = (value, noun) => `${number(value)} ${noun}${Number(value) === 1 ? "" : "s"}`;

export function sized(bytes) {
  return bytes < 2 ** 20
    ? `${(bytes / 2 ** 10).toFixed(1)} KiB`
    : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

export function when(milliseconds) {
  const date = new Date(Number(milliseconds));
  return Number.isNaN(date.getTime()) ? "–" : date.toISOString().replace("T", " ").slice(0, 16);
}

export function lasting(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 90
    ? `${whole} s`
    : whole < 5400
      ? `${Math.round(whole / 60)} min`
      : `${(whole / 3600).toFixed(1)} h`;
}

// A table in a frame of its own that scrolls. `rows`: lists of cells; of class "stack", cells stand
// below one another where there is little room.
export function table(label, heads, rows, given = {}) {
  const body = h("tbody", {}, rows.map(line));
  const head = h(
    "thead",
    {},
    h(
      "tr",
      {},
      heads.map((text) => h("th", { scope: "col" }, text)),
    ),
  );
  const node = h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", given, head, body),
  );
  return { node, add: (cells) => body.append(line(cells)) };
}
const line = (cells) =>
  h(
    "tr",
    {},
    cells.map((cell) => h("td", {}, cell)),
  );

export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// A link to a download, if it is one: http and https, nothing that runs.
export function link(url, label, name) {
  const { protocol } = new URL(url, location.href);
  return protocol === "https:" || protocol === "http:"
    ? h("a", { class: "button", href: url, download: name, rel: "noreferrer" }, label)
    : null;
}
