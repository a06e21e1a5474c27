// @ts-check
// Copy a text, and say so on the button.

const SAID = 1600; // ms

export async function copy(text, button) {
  const label = button.querySelector("span") ?? button;
  label.dataset.label ??= label.textContent;
  const before = label.dataset.label;
  label.textContent = (await written(text)) ? "Copied" : "Not allowed";
  clearTimeout(Number(label.dataset.timer));
  label.dataset.timer = setTimeout(() => { label.textContent = before; }, SAID);
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return writtenTheOldWay(text);
  }
}

// There is no navigator.clipboard over plain http, but on this machine itself.
function writtenTheOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  const focused = /** @type {HTMLElement} */ (document.activeElement);
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}
