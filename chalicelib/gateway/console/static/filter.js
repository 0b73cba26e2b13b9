// The filter field: completes attribute names, operators, joining words, and values seen in the
// answers.

import { h, visible } from "./dom.js";
import { ATTRIBUTES } from "./words.js";

const NAMES = ATTRIBUTES.map(([, name]) => name);
const SIGNS = {
  int: ["=", ">", ">=", "<", "<=", "in (", "not in ("],
  str: ["=", "!=", "in (", "not in ("],
};
let count = 0;

export function filterField(onapply) {
  const id = `filter-${++count}`;
  const input = h("input", {
    type: "text",
    id,
    maxlength: "4096",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: 'str_attr = "red"',
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": `${id}-list`,
  });
  const list = h("ul", {
    id: `${id}-list`,
    role: "listbox",
    class: "options",
    "aria-label": "Completions",
    hidden: true,
  });
  const node = h(
    "div",
    { class: "field" },
    h("label", { for: id }, "Filter"),
    h("div", { class: "filter" }, input, list),
    h("small", { class: "hint" }, "Attributes joined by AND and OR. Enter applies."),
  );
  let seen = {};
  let active = -1;
  let applied = "";

  const items = () => [...list.children];
  const hide = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (at) => {
    active = at;
    items().forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    if (items()[at]) {
      input.setAttribute("aria-activedescendant", items()[at].id);
      items()[at].scrollIntoView({ block: "nearest" });
    }
  };
  const insert = (word) => {
    const { start, tail } = completions(input.value.slice(0, input.selectionStart), seen);
    const rest = input.value.slice(input.selectionStart);
    const text = `${input.value.slice(0, start)}${word}${tail(word)}`;
    input.value = text + rest;
    input.setSelectionRange(text.length, text.length);
    input.focus();
    offer();
  };
  const offer = () => {
    const { words } = completions(input.value.slice(0, input.selectionStart), seen);
    list.replaceChildren(
      ...words.slice(0, 12).map((word, at) =>
        h(
          "li",
          {
            role: "option",
            id: `${id}-o${at}`,
            "aria-selected": "false",
            onpointerdown: (event) => {
              event.preventDefault();
              insert(word);
            },
          },
          visible(word),
        ),
      ),
    );
    list.hidden = words.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    active = -1;
  };
  const apply = () => {
    hide();
    if (input.value.trim() !== applied) {
      applied = input.value.trim();
      onapply(applied);
    }
  };

  input.addEventListener("input", offer);
  input.addEventListener("focus", offer);
  // only Enter applies: a filter left half-written is not yet meant
  input.addEventListener("blur", hide);
  input.addEventListener("keydown", (event) => {
    const size = items().length;
    if (event.key === "ArrowDown" && size) {
      event.preventDefault();
      if (list.hidden) offer();
      else mark((active + 1) % size);
    } else if (event.key === "ArrowUp" && size && !list.hidden) {
      event.preventDefault();
      mark((active + size - 1) % size);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      hide();
    } else if (event.key === "Tab" && active >= 0 && !list.hidden) {
      event.preventDefault();
      insert(items()[active].textContent);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (active >= 0 && !list.hidden) insert(items()[active].textContent);
      else apply();
    }
  });

  return {
    node,
    input,
    get text() {
      return input.value.trim();
    },
    learn(rows) {
      for (const row of rows)
        for (const [key, name] of ATTRIBUTES) {
          // the filter has no way to write a quote
          if (row[key] === undefined || String(row[key]).includes('"')) continue;
          const value = name.startsWith("str") ? `"${row[key]}"` : String(row[key]);
          (seen[name] ??= new Set()).add(value);
        }
    },
    clear() {
      input.value = "";
      applied = "";
      seen = {};
    },
  };
}

// What may follow `text`: {words, start: where the half-written word begins, tail(word): what is
// put after it}.
export function completions(text, seen = {}) {
  const half = /("[^"]*|[\w<>=!]+)?$/.exec(text)[0];
  const before = text.slice(0, text.length - half.length).trimEnd();
  const start = text.length - half.length;
  const from = (words) => ({
    words: words.filter(
      (word) => word.toLowerCase().startsWith(half.toLowerCase()) && word !== half,
    ),
    start,
    tail: (word) => (word.endsWith("(") ? "" : " "),
  });
  const sign = /(\w+)\s*(=|!=|>=|<=|>|<|\bin\s*\([^)]*|\bnot\s+in\s*\([^)]*)$/i.exec(before);
  if (sign && NAMES.includes(sign[1])) return from([...(seen[sign[1]] ?? [])]);
  const name = /(\w+)$/.exec(before);
  if (name && NAMES.includes(name[1])) return from(SIGNS[name[1].slice(0, 3)]);
  if (before === "" || /(\bAND|\bOR|\()$/i.test(before)) return from(NAMES);
  return from(["AND", "OR"]);
}
