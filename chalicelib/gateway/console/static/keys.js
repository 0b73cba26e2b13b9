// Access keys: made, listed, revoked. A secret is shown once.

import { keyId, manage } from "./api.js";
import {
  busy,
  button,
  confirmed,
  dialog,
  field,
  fill,
  h,
  problem,
  said,
  select,
  table,
  toast,
  when,
} from "./dom.js";

export function keysView() {
  const body = h("div", {});
  const load = async () => {
    try {
      const { Keys } = await manage("ListKeys");
      fill(
        body,
        table(
          "Access keys",
          [
            "Key",
            "For",
            "May",
            "Collections",
            "Created",
            h("span", { class: "visually-hidden" }, "Actions"),
          ],
          Keys.map((key) => [
            h(
              "span",
              { class: "tagged" },
              h("code", {}, said(key.AccessKeyId)),
              key.AccessKeyId === keyId() ? h("span", { class: "tag" }, "yours") : null,
            ),
            said(key.Name),
            key.Access === "read" ? "search" : "search and change",
            key.Collections.length
              ? key.Collections.map((name) => [said(name), " "])
              : "all collections",
            when(key.Created).slice(0, 10),
            button("Revoke", () => revoke(key), {
              class: "button danger small",
              "aria-label": `Revoke ${key.AccessKeyId}`,
            }),
          ]),
          { class: "stack" },
        ).node,
      );
    } catch (error) {
      fill(body, problem(error));
    }
  };
  const revoke = async ({ AccessKeyId }) => {
    const own = AccessKeyId === keyId() ? " It is the key you are signed in with." : "";
    if (
      !(await confirmed(
        "Revoke the key",
        ["Requests signed with ", said(AccessKeyId), ` are refused from then on.${own}`],
        "Revoke it",
      ))
    )
      return;
    try {
      await manage("RevokeKey", { AccessKeyId });
      toast("Revoked.");
      load();
    } catch (error) {
      toast(`${error.code}: ${error.message}`, "bad");
    }
  };
  const create = button(
    "Create a key",
    async () => {
      const made = await createDialog();
      if (made) {
        await shown(made);
        load();
      }
    },
    { class: "button primary" },
  );
  load();
  return {
    node: h(
      "div",
      { class: "page" },
      h("div", { class: "head" }, h("h1", {}, "Access keys"), create),
      body,
    ),
    stop() {},
  };
}

function createDialog() {
  return dialog("Create a key", (close) => {
    const form = h(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          const data = new FormData(form);
          const made = await busy(event.submitter, () =>
            manage("CreateKey", {
              Name: data.get("Name").trim(),
              Access: data.get("Access"),
              Collections: data.get("Collections").trim(),
            }),
          );
          if (made) close(made);
        },
      },
      field(
        "For",
        h("input", { name: "Name", type: "text", maxlength: "64", autocomplete: "off" }),
        "Who or what will use it.",
      ),
      field(
        "It may",
        select(
          [
            ["write", "search and change"],
            ["read", "only search"],
          ],
          "write",
          { name: "Access" },
        ),
      ),
      field(
        "Collections",
        h("input", { name: "Collections", type: "text", autocomplete: "off", spellcheck: "false" }),
        "Names with commas between. Empty: all.",
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

function shown({ AccessKeyId, AccessKeySecret }) {
  return dialog("The new key", (close) => [
    h("p", {}, "Note the secret now: it is not shown again."),
    h(
      "dl",
      { class: "inline" },
      h("dt", {}, "Key"),
      h("dd", {}, h("code", { class: "copy" }, AccessKeyId)),
      h("dt", {}, "Secret"),
      h("dd", {}, h("code", { class: "copy" }, AccessKeySecret)),
    ),
    h(
      "div",
      { class: "actions" },
      button("Copy both", async () => {
        await navigator.clipboard.writeText(`${AccessKeyId} ${AccessKeySecret}`);
        toast("Copied.");
      }),
      button("Done", () => close(), { class: "button primary" }),
    ),
  ]);
}
