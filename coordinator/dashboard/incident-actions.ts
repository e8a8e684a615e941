import { announce } from "./announce.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import type { Field } from "./field.ts";
import { createField } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import { session } from "./session.ts";
import { orComplain } from "./submitting.ts";

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

function openForm(context: PageContext, form: Form): void {
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
  const complaints = createComplaints(fields, (field) => (field in fields ? field : null));

  async function submit(): Promise<boolean> {
    const given = Object.entries(fields).map(([name, { input }]) => [name, input.value.trim()] as const);
    const body = Object.fromEntries(given.filter(([name, value]) => value !== "" || name === "text"));
    return await orComplain(context, { complaints }, async () => {
      await context.api.post(form.path, body);
      session.keepName(by.input.value.trim());
      announce(form.done);
      context.refresh();
    });
  }

  openFormDialog({
    title: form.title,
    action: form.action,
    content: [complaints.element, text.element, by.element],
    submit,
  });
}
