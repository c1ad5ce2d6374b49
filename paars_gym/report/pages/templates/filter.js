"use strict";
for (const form of document.querySelectorAll("form.filter[data-sessions]")) {
  const list = document.getElementById(form.dataset.sessions);
  const sessions = [...list.querySelectorAll(":scope > .session")];
  const told = form.querySelector("output");
  const apply = () => {
    const words = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcome = form.outcome.value;
    let shown = 0;
    for (const one of sessions) {
      const text = one.querySelector("summary").textContent.toLowerCase();
      const fits =
        words.every((word) => text.includes(word)) &&
        (!outcome || one.dataset.outcomes.split("|").includes(outcome)) &&
        (!form.refused.checked || Number(one.dataset.refused) > 0) &&
        (!form.parted || !form.parted.checked || one.dataset.parted === "yes") &&
        Number(one.dataset.steps) >= Number(form.least.value || 0);
      one.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    told.textContent = `${shown} of ${sessions.length} shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.hidden = false;
  apply();
}
const open = () => {
  const wanted = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted && wanted.tagName === "DETAILS") wanted.open = true;
};
addEventListener("hashchange", open);
open();
