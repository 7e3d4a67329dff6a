// What pages do where scripts run. Without this file each of them works too.
(function () {
  "use strict";
  const root = document.documentElement;
  root.classList.add("script");

  // A choice is sent as soon as it is made.
  document.addEventListener("change", (e) => {
    if (e.target.matches("[data-submit]")) e.target.form.requestSubmit();
  });

  // Copying: the button says what to copy by the id of what shows it.
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    const text = "value" in from ? from.value : from.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(from);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (!document.execCommand("copy")) return;
    }
    const said = button.textContent;
    button.textContent = button.dataset.copied;
    document.getElementById("notes").textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = said; document.getElementById("notes").textContent = ""; }, 2500);
  });

  // Work that may take a while says so, and is not begun twice.
  const busy = (form, on) => {
    for (const button of form.querySelectorAll("button")) button.disabled = on;
    form.setAttribute("aria-busy", String(on));
    const notes = document.getElementById("notes");
    notes.textContent = "";
    if (!on) return;
    const said = document.createElement("p");
    said.className = "note busy";
    said.textContent = form.dataset.busy;
    notes.append(said);
    notes.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("submit", (e) => {
    if (e.target.dataset.busy) setTimeout(() => busy(e.target, true));
  });
  addEventListener("pageshow", (e) => {
    if (e.persisted) document.querySelectorAll("form[aria-busy]").forEach((form) => busy(form, false));
  });

  const first = document.querySelector("[data-focus]");
  if (first) first.focus();
})();
