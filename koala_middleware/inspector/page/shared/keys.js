// @ts-check
// The keyboard. Letters are left to the fields they are typed into.

const FIELDS = "input[type=search], input[type=text], textarea, select";
const PRESSABLE = "button, a, summary, input";

/** Call the action of the key that is pressed; ``actions`` has them by the key's name. */
export function startKeys(actions) {
  document.addEventListener("keydown", (press) => {
    if (press.ctrlKey || press.metaKey || press.altKey || press.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const target = /** @type {HTMLInputElement} */ (press.target);
    if (press.key === "Escape" && target.matches(FIELDS) && target.value) return; // empties the field
    if (target.matches(FIELDS) && press.key !== "Escape") return;
    const action = actions[press.key];
    if (!action) return;
    // Where a key has a meaning of its own, it keeps that.
    const elsewhere = target !== document.body && !target.closest("[role=grid]");
    const isLetter = press.key.length === 1;
    if (elsewhere && !isLetter && press.key !== "Escape") return;
    if (press.key === "Enter" && target.closest(PRESSABLE)) return;
    press.preventDefault();
    action();
  });
}
