import type { Api } from "./api.ts";
import { ApiProblem } from "./api.ts";
import { h } from "./dom.ts";
import { createField } from "./field.ts";

/** Asks for the admin token, and tries it before it is taken. */
export function showSignIn({
  root,
  reason,
  connect,
  onSignedIn,
}: {
  readonly root: HTMLElement;
  /** Why it is asked for again; null when it is the first time. */
  readonly reason: string | null;
  readonly connect: (token: string) => Api;
  readonly onSignedIn: (token: string) => void;
}): void {
  const field = createField({
    label: "Admin token",
    input: { name: "token", type: "password", autocomplete: "current-password", spellcheck: "false", required: true },
  });
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h(
    "form",
    { class: "sign-in", onsubmit: (event) => void submit(event) },
    h("h1", {}, "Watchpost"),
    reason === null ? null : h("p", { class: "form-error", role: "alert" }, reason),
    field.element,
    button,
    h(
      "p",
      { class: "hint" },
      h("code", {}, "npm start"),
      " shows the token at its first start and keeps it in ",
      h("code", {}, ".watchpost/admin-token"),
      "; elsewhere it is the coordinator’s ",
      h("code", {}, "WATCHPOST_ADMIN_TOKEN"),
      ".",
    ),
  );

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const token = field.input.value.trim();
    field.complain(null);
    button.disabled = true;
    try {
      await connect(token).get("/v1/regions");
      onSignedIn(token);
    } catch (thrown) {
      field.complain(complaintOf(thrown));
      field.input.select();
    } finally {
      button.disabled = false;
    }
  }

  document.title = "Sign in · Watchpost";
  root.replaceChildren(h("main", { class: "narrow" }, form));
  field.input.focus();
}

function complaintOf(thrown: unknown): string {
  if (thrown instanceof ApiProblem && thrown.status === 401) return "This token is not accepted.";
  return `The coordinator does not answer: ${(thrown as Error).message}.`;
}
