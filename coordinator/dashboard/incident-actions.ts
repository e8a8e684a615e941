import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import type { PageContext } from "./context.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import type { Field } from "./field.ts";
import { createField } from "./field.ts";
import { session } from "./session.ts";

/** Asks who acknowledges an incident, and for what they have to say. */
export function openAcknowledge(context: PageContext, id: string): void {
  openForm(context, {
    title: "Acknowledge the incident",
    action: "Acknowledge",
    path: `/v1/incidents/${id}/acknowledge`,
    textName: "note",
    textLabel: "Note",
    textHint: "left out if empty; nobody is reminded any more",
    done: "The incident is acknowledged.",
  });
}

/** The same for what is wrong with an agent, or with a region's agents. */
export function openAcknowledgeTrouble(context: PageContext, id: string): void {
  openForm(context, {
    title: "Acknowledge the trouble",
    action: "Acknowledge",
    path: `/v1/agent-troubles/${id}/acknowledge`,
    textName: "note",
    textLabel: "Note",
    textHint: "left out if empty; nobody is reminded any more",
    done: "The trouble is acknowledged.",
  });
}

/** Asks for a note to an incident. */
export function openNote(context: PageContext, id: string): void {
  openForm(context, {
    title: "Add a note",
    action: "Add note",
    path: `/v1/incidents/${id}/notes`,
    textName: "text",
    textLabel: "Note",
    textHint: "such as what the cause was",
    done: "The note is added.",
  });
}

interface Form {
  readonly title: string;
  readonly action: string;
  readonly path: string;
  /** The field of the request that takes the text. */
  readonly textName: string;
  readonly textLabel: string;
  readonly textHint: string;
  /** What is announced in the end. */
  readonly done: string;
}

function openForm({ api, refresh, isSignedOutBy }: PageContext, form: Form): void {
  const text = createField({
    label: form.textLabel,
    hint: form.textHint,
    input: { name: form.textName, autocomplete: "off" },
  });
  const by = createField({
    label: "Your name",
    hint: "shown beside it; may be left empty",
    input: { name: "by", autocomplete: "name", value: session.name() },
  });
  const fields: Readonly<Record<string, Field>> = { [form.textName]: text, by };
  const formError = h("p", { class: "form-error", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "primary" }, form.action);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const given = Object.entries(fields).map(([name, { input }]) => [name, input.value.trim()] as const);
    button.disabled = true;
    try {
      await api.post(form.path, Object.fromEntries(given.filter(([name, value]) => value !== "" || name === "text")));
      session.keepName(by.input.value.trim());
      dialog.close();
      announce(form.done);
      refresh();
    } catch (thrown) {
      if (!isSignedOutBy(thrown)) complain(thrown as Error);
    } finally {
      button.disabled = false;
    }
  }

  function complain(thrown: Error): void {
    const errors = thrown instanceof ApiProblem ? thrown.errors : [];
    for (const [name, field] of Object.entries(fields)) {
      field.complain(errors.find((error) => error.field === name)?.rule ?? null);
    }
    formError.hidden = errors.length > 0;
    formError.textContent = thrown.message;
  }

  const dialog = openDialog(
    form.title,
    h(
      "form",
      { novalidate: true, onsubmit: (event) => void submit(event) },
      formError,
      text.element,
      by.element,
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        button,
      ),
    ),
  );
  text.input.focus();
}
