"use strict";
// Looks at the console from inside its page, as a person would: what it says of the service and when, whether it moves, what the filters
// leave. The test lays it into the page.
const report = (kind, detail) => fetch("report/" + kind, {method: "POST", body: JSON.stringify(detail)});
let shift = 0, state = "", filtered = false;

new PerformanceObserver(list => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) shift += e.value;
}).observe({type: "layout-shift", buffered: true});
addEventListener("error", e => report("error", e.message));
addEventListener("unhandledrejection", e => report("error", String(e.reason)));
addEventListener("securitypolicyviolation", e => report("error", "against the policy: " + e.violatedDirective));

const contracts = () => document.querySelectorAll("details.contract").length;

// filters types into the filter, and asks for what is in trouble.
function filters() {
  const text = document.getElementById("filter"), trouble = document.getElementById("trouble");
  const type = value => { text.value = value; text.dispatchEvent(new Event("input")); return contracts(); };
  const found = {all: contracts(), none: type("nosuch"), one: type("calm/"), again: type("")};
  trouble.click();
  found.trouble = contracts();
  trouble.click();
  report("filters", found);
}

new MutationObserver(() => {
  const now = document.getElementById("overall").textContent;
  if (now === state) return;
  state = now;
  report("state", {state, at: Date.now(), shift});
  if (state === "violated" && !filtered) {
    filtered = true;
    filters();
  }
}).observe(document.getElementById("overall"), {childList: true, characterData: true, subtree: true});
