// @ts-check
// What is shown in place of rows: how to point an application here.

import { send } from "./api.js";
import { copy } from "./copy.js";
import { $, element } from "./element.js";

const TEST = {
  userId: "test-user",
  event: "Test Event",
  properties: { profile_id: "00000000-0000-4000-8000-000000000000", sent_by: "the inspector's page" },
};

export function startEmpty() {
  for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;
  $("copy-snippet").addEventListener("click", (click) => copy($("snippet").textContent, click.currentTarget));
  $("send-test").addEventListener("click", async () => {
    try {
      await send(TEST);
      $("test-fault").textContent = "";
    } catch (fault) {
      $("test-fault").textContent = fault.message;
    }
  });
}

/** Show what fits: nothing ever came, nothing is chosen, or a fault. */
export function showEmpty({ fault, loaded, none, filtered, reset }) {
  $("empty").hidden = !(loaded && none && !filtered && !fault);
  const says = fault || (loaded && none && filtered ? "No event matches." : "");
  $("nothing").hidden = !says;
  $("grid").hidden = !$("empty").hidden || Boolean(says);
  if (!says || $("nothing").dataset.says === says) return;
  $("nothing").dataset.says = says;
  const again = element("button", { type: "button" }, "Reset the filters");
  again.addEventListener("click", reset);
  $("nothing").replaceChildren(says, " ", again);
}
