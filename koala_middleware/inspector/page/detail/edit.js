// @ts-check
// An event to edit and to send again: to this inspector alone, which never forwards it.

import { sendEdited } from "../shared/api.js";
import { button, element } from "../shared/element.js";

/**
 * Make the section; ``open(id)`` is called with the event that was sent.
 * @param {{message: Record<string, unknown>}} event
 * @param {(id: number) => void} open
 */
export function editor({ message }, open) {
  const { messageId, ...rest } = message;
  const written = JSON.stringify(rest, null, 2);
  const field = /** @type {HTMLTextAreaElement} */ (element("textarea", {
    class: "edited", "aria-label": "The event as JSON", spellcheck: "false", rows: Math.min(16, written.split("\n").length),
  }));
  field.value = written;
  const fault = element("p", { class: "edit-fault", role: "alert" });
  const send = button("Send", async () => {
    fault.textContent = "";
    try {
      const { id } = await sendEdited(JSON.parse(field.value));
      open(id);
    } catch (error) {
      fault.textContent = error instanceof SyntaxError ? `Not JSON: ${error.message}` : error.message;
    }
  }, { id: "send-edited" });
  return element("details", { class: "edit" },
    element("summary", {}, element("h3", {}, "Edit and send again")),
    element("p", { class: "soft" }, "It goes to this inspector alone, which judges it, lists it as ",
      element("span", { class: "mark-edited" }, "edited"), " and never forwards it."),
    field, fault, element("p", {}, send));
}
