// The keys of the adjudicators' console. Everything they do can be done without them.

const OFF = "console-keys-off";
const root = document.querySelector("[data-console]");
const items = [...root.querySelectorAll("[data-item]")];
const dialog = root.querySelector("[data-keys]");
const progress = root.querySelector("[data-progress]");
let leader = 0;

const current = () => items.findIndex((item) => item.contains(document.activeElement));

function move(step) {
  const at = current();
  const to = at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step;
  const item = items[Math.max(0, Math.min(to, items.length - 1))];
  item?.focus();
  item?.scrollIntoView({ block: items.length > 1 ? "nearest" : "start" });
}

function judge(value) {
  const item = items[items.length === 1 ? 0 : current()];
  const choice = item?.querySelector(`input[type="radio"][form="decide"][value="${value}"]`);
  if (!choice) return;
  choice.checked = true;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
}

function count() {
  if (!progress) return;
  const choices = [...document.querySelectorAll('input[type="radio"][form="decide"]')];
  const names = new Set(choices.map((choice) => choice.name));
  const done = choices.filter((choice) => choice.checked).length;
  progress.textContent = progress.dataset.progress
    .replace("{done}", done)
    .replace("{all}", names.size);
}

function showKeys() {
  if (dialog && !dialog.open) dialog.showModal();
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  f: () => judge("no"),
  u: () => judge("yes"),
  r: () => document.querySelector('textarea[name="reasons"]')?.focus(),
  g: () => { leader = Date.now(); },
  q: () => { if (Date.now() - leader < 1500) location.assign(root.dataset.console); },
};

// Radios take letters too; only where one types are they text.
const types = (target) =>
  target.isContentEditable || target.matches("textarea, select, input:not([type=radio], [type=checkbox])");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (dialog?.open || types(event.target)) return;
  if (event.key === "?") {
    event.preventDefault();
    showKeys();
    return;
  }
  const run = keys[event.key];
  if (!run || localStorage.getItem(OFF)) return;
  event.preventDefault();
  run();
});

root.classList.toggle("keys", !localStorage.getItem(OFF));
if (dialog) {
  const on = dialog.querySelector("[data-keys-on]");
  on.checked = !localStorage.getItem(OFF);
  on.addEventListener("change", () => {
    if (on.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
    root.classList.toggle("keys", on.checked);
  });
  const opener = root.querySelector("[data-keys-open]");
  opener.hidden = false;
  opener.addEventListener("click", showKeys);
}
document.addEventListener("change", count);
count();
