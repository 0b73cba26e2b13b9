// The console: signing in, the way between the views, and nothing else.

import { ApiError, keyId, signIn, signOut, signedIn } from "./api.js";
import { button, field, fill, h, problem, toast } from "./dom.js";
import { searchView } from "./search.js";
import { changed, choose, forget, refresh, state } from "./state.js";

const NAV = [
  ["search", "Search"],
  ["compare", "Compare"],
  ["collections", "Collections"],
  ["imports", "Imports"],
  ["keys", "Keys"],
  ["quality", "Quality"],
];

// Only the search view is loaded with the page; the others when they are first asked for.
const VIEWS = {
  search: async () => searchView(),
  compare: async () => (await import("./compare.js")).compareView(),
  collections: async (name) => {
    if (name) return (await import("./collection.js")).collectionView(name);
    return (await import("./collections.js")).collectionsView();
  },
  imports: async () => (await import("./imports.js")).importsView(),
  keys: async () => (await import("./keys.js")).keysView(),
  quality: async () => (await import("./quality.js")).qualityView(),
};

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const session = document.getElementById("session");
const links = NAV.map(([at, label]) => h("a", { href: `#/${at}` }, label));
const picker = h("select", {
  "aria-label": "Collection",
  onchange: () => choose(picker.value).catch((error) => toast(error.message, "bad")),
});
const out = button("Sign out", leave, { class: "button quiet" });
fill(nav, links);
fill(session, picker, out);
let view = null;
let turn = 0;

async function route() {
  const mine = ++turn;
  view?.stop();
  view = null;
  if (!signedIn()) {
    drawSession();
    fill(main, signInView());
    return;
  }
  const [place = "search", name] = location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter(Boolean)
    .map(decode);
  const key = VIEWS[place] ? place : "search";
  drawSession(key);
  document.title = `${NAV.find(([at]) => at === key)[1]} · Lookalike`;
  try {
    const next = await VIEWS[key](name);
    if (mine !== turn) {
      next.stop();
      return;
    }
    view = next;
    fill(main, view.node);
  } catch (error) {
    fill(main, problem(error));
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function drawSession(key) {
  nav.hidden = session.hidden = !signedIn();
  if (!signedIn()) return;
  NAV.forEach(([at], index) =>
    at === key
      ? links[index].setAttribute("aria-current", "page")
      : links[index].removeAttribute("aria-current"),
  );
  picker.hidden = !state.collections.length;
  picker.replaceChildren(
    ...state.collections.map(({ Name }) =>
      h("option", { value: Name, selected: Name === state.current }, Name),
    ),
  );
  out.title = `Signed in as ${keyId()}`;
}

function leave() {
  view?.stop();
  view = null;
  signOut();
  forget();
  location.hash = "#/search";
  route();
}

function signInView() {
  const trouble = h("div", {});
  const id = h("input", {
    type: "text",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "none",
  });
  const secret = h("input", { type: "password", required: true, autocomplete: "off" });
  // "ID SECRET" pasted in one go fills both fields.
  id.addEventListener("paste", (event) => {
    const words = event.clipboardData
      .getData("text")
      .trim()
      .split(/[\s:,]+/);
    if (words.length === 2) {
      event.preventDefault();
      [id.value, secret.value] = words;
    }
  });
  const form = h(
    "form",
    {
      class: "signin",
      onsubmit: async (event) => {
        event.preventDefault();
        event.submitter.disabled = true;
        try {
          if (!globalThis.crypto?.subtle)
            throw new ApiError(0, {
              Code: "InsecureOrigin",
              Message:
                "The browser signs requests only on https:// or on this machine (127.0.0.1, " +
                "localhost).",
            });
          await signIn(id.value.trim(), secret.value.trim());
          await refresh();
          secret.value = "";
          await route();
          main.focus({ preventScroll: true });
        } catch (error) {
          signOut();
          fill(trouble, problem(error));
          event.submitter.disabled = false;
        }
      },
    },
    h("img", { src: "mark.svg", alt: "", width: "48", height: "48" }),
    h("h1", {}, "Find what looks like it"),
    h(
      "p",
      { class: "faint" },
      "Sign in with an access key. It stays in this page's memory and is gone when the page is.",
    ),
    field("Access key", id),
    field("Secret", secret),
    trouble,
    h("button", { class: "button primary wide" }, "Sign in"),
    h(
      "p",
      { class: "hint" },
      "Started with ",
      h("code", {}, "make run"),
      "? The key is in the terminal. Otherwise: ",
      h("code", {}, "lookalike keys create"),
      ".",
    ),
  );
  return form;
}

addEventListener("hashchange", route);
changed(() =>
  drawSession(NAV.find(([at]) => location.hash.startsWith(`#/${at}`))?.[0] ?? "search"),
);
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => event.preventDefault());
route();
