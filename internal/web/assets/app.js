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

  // Fields that belong to a choice show when it is made.
  const show = (form) => {
    for (const part of form.querySelectorAll("[data-for]")) {
      const [name, values] = part.dataset.for.split("=");
      const chosen = [...form.elements].filter((x) => x.name === name && (x.checked || x.tagName === "SELECT")).map((x) => x.value);
      part.hidden = !values.split("|").some((x) => chosen.includes(x));
    }
  };
  const begin = () => {
    for (const form of document.querySelectorAll("form[data-choices]")) show(form);
    const first = document.querySelector("[data-focus]");
    if (first) first.focus();
  };
  document.addEventListener("change", (e) => { if (e.target.form && e.target.form.matches("[data-choices]")) show(e.target.form); });
  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-add]");
    if (!button) return;
    const field = document.getElementById(button.dataset.add);
    const lines = field.value.split(/\s+/).filter(Boolean);
    if (!lines.includes(button.value)) lines.push(button.value);
    field.value = lines.join("\n");
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  });
  begin();
})();
