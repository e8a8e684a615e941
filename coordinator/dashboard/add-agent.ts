import { enrollmentLine, ownAddressRemedy } from "../agents/enrollment-line.ts";
import type { NewEnrollmentToken } from "../http/api-types.ts";
import { announce } from "./announce.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import { createField } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import { formatTime } from "./format.ts";
import { orComplain } from "./submitting.ts";
import { toCopy } from "./to-copy.ts";

/** Asks where a server is that is to be an agent, and shows how it becomes one. */
export function openAddAgent(context: PageContext): void {
  const plain = { autocomplete: "off", spellcheck: "false", autocapitalize: "none" };
  const region = createField({
    label: "Region",
    hint: "where the server is, such as eu-west",
    input: { name: "region", ...plain },
  });
  const name = createField({
    label: "Name",
    hint: "what to call it; may be left empty",
    input: { name: "name", ...plain },
  });
  const complaints = createComplaints({ region, name }, (field) =>
    field === "region" || field === "name" ? field : null,
  );

  async function submit(): Promise<boolean> {
    const called = name.input.value.trim();
    const body = { region: region.input.value.trim(), ...(called !== "" && { name: called }) };
    return await orComplain(context, { complaints }, async () => {
      const made = await context.api.post<NewEnrollmentToken>("/v1/enrollment-tokens", body);
      dialog.close();
      announce("A token is made.");
      openInstructions(made);
    });
  }

  const dialog = openFormDialog({
    title: "Add an agent",
    action: "Make a token",
    content: [complaints.element, region.element, name.element],
    submit,
  });
}

function openInstructions({ region, token, line, key, expiresAt, release }: NewEnrollmentToken): void {
  const { origin, hostname } = location;
  // Unless the coordinator knows what it is called from elsewhere, it is called there as it is here.
  const isHere = line === null && /^(localhost|127\..*|\[::1\])$/.test(hostname);
  const wrongs = [
    ...(isHere ? [ownAddressRemedy(origin)] : []),
    ...(release === null
      ? ["The coordinator has no release of the agent to give yet: run npm run build:agent there."]
      : []),
  ];
  const done = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Done");
  const dialog = openDialog(
    `A server that becomes an agent in ${region}`,
    h("p", {}, "Run this on the server, a Debian or Ubuntu, as somebody who may use sudo:"),
    toCopy(line ?? enrollmentLine({ coordinatorUrl: origin, key })),
    h("p", {}, `It asks for this token, which works once, until ${formatTime(expiresAt)}, and is not shown again:`),
    toCopy(token),
    ...wrongs.map((wrong) => h("p", { class: "form-error" }, wrong)),
    h("div", { class: "dialog-actions" }, done),
  );
  done.focus();
}
