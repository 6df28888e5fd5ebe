"use strict";

const words = {
  en: {contracts: "Contracts", timeline: "What happened", evidence: "Evidence", trouble: "only what is in trouble", token: "These pages show the inside of the service. Enter the token (STABILITY_TOKEN).",
    open: "Open", filter: "Filter: contract, check, expression", proven: "proven", unproven: "not proven", strike: "strike", none: "nothing yet", stale: "the monitor has stopped: nothing here is up to date",
    warming: "learning its baselines", lost: "connection lost, trying again", since: "since", value: "value", threshold: "threshold", cause: "cause", enforce: "may act", observe: "observes", started: "up", tick: "last sample", ago: "ago",
    holding: "holding", pending: "pending", violated: "violated", unknown: "unknown", other: "中文", violations: "violated so far", flame: "a click on a function makes it the whole", deed: "action",
    goroutines: "Goroutines", of: "of", compared: "since", usual: "all groups", show: "Group", now: "now", nothing: "–", suspects: "suspect", grouped: "groups", noages: "ages are told up to 1,000 goroutines, or 300 in evidence",
    growth: "a leak shows by its growth: choose an earlier capture", oldest: "oldest", leaked: "proven by the garbage collector", likely: "likely", startedby: "started by", stack: "stack", why: "Why", older: "older ones"},
  zh: {contracts: "契约", timeline: "事件", evidence: "证据", trouble: "只看有问题的", token: "这些页面展示服务内部信息，请输入令牌（STABILITY_TOKEN）。",
    open: "打开", filter: "筛选：契约、检查项、表达式", proven: "已证伪验证", unproven: "未验证", strike: "连续", none: "暂无", stale: "监视器已停止：此处数据不再更新",
    warming: "正在学习基线", lost: "连接中断，正在重试", since: "自", value: "当前值", threshold: "阈值", cause: "根因", enforce: "可执行动作", observe: "只观察", started: "已运行", tick: "上次采样", ago: "前",
    holding: "正常", pending: "待定", violated: "违反", unknown: "未知", other: "English", violations: "累计违反", flame: "点击函数可放大", deed: "动作",
    goroutines: "Goroutine", of: "对象", compared: "对比", usual: "全部分组", show: "分组", now: "当前", nothing: "–", suspects: "可疑", grouped: "组", noages: "goroutine 不超过 1,000（证据中 300）时才有等待时长",
    growth: "泄漏体现在增长上：请选择更早的一次采集", oldest: "最久", leaked: "已由垃圾回收器证实", likely: "可能原因", startedby: "创建于", stack: "调用栈", why: "原因", older: "更早的证据"},
};
let language = localStorage.getItem("stability.language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let token = sessionStorage.getItem("stability.token") || "";
let last = null;
let whys = {}; // of each root cause, what it is, in each language
const closed = new Set(), opened = new Set(); // contracts, and texts on causes
const $ = id => document.getElementById(id);
const w = key => words[language][key] || key;

// make returns an element; text is never read as markup.
function make(tag, attributes, ...children) {
  const svg = ["svg", "g", "text", "rect", "title"].includes(tag);
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

const seconds = ns => ns / 1e9;
function span(ns) {
  const s = Math.max(0, seconds(ns));
  if (s < 60) return s.toFixed(s < 10 ? 1 : 0) + " s";
  if (s < 3600) return Math.round(s / 60) + " min";
  return (s / 3600).toFixed(1) + " h";
}
function number(v) {
  if (v === undefined || v === null) return "–";
  const a = Math.abs(v);
  if (a >= 1 << 20 && a < 1e15) return v >= 2 ** 30 ? (v / 2 ** 30).toFixed(2) + " Gi" : (v / 2 ** 20).toFixed(1) + " Mi";
  return a === Math.trunc(a) && a < 1 << 20 ? String(v) : v.toPrecision(3);
}

// courseView shows what the server drew of a check: its value against its threshold, one point per judgment. It has numbers and units in it, and nothing that a service named.
function courseView(c) {
  const svg = document.adoptNode(new DOMParser().parseFromString(c.svg, "text/html").body.firstChild);
  svg.prepend(make("title", {}, `${w("value")} ${c.last || "–"}, ${w("threshold")} ${c.limit || "–"}`));
  return make("div", {class: "course"}, svg, make("p", {}, c.last ? `${c.last} / ${c.limit}` : ""));
}

const pill = state => make("span", {class: "pill " + state}, w(state));

function checkView(contract, check, view) {
  const trial = [check.tier, (check.proven_at || "").slice(0, 10)].filter(s => s).join(", "); // how and when, where the proof says so
  const notes = [check.proven ? w("proven") + (trial ? ` (${trial})` : "") : w("unproven")];
  if (check.violations) notes.push(`${w("violations")}: ${check.violations}`);
  if (check.cause) notes.push(`${w("cause")}: ${check.cause}${view.causes[check.cause] ? " (" + view.causes[check.cause] + ")" : ""}`);
  if (check.reason) notes.push(check.reason === "warming up" ? w("warming") : check.reason);
  const table = make("table");
  const course = view.courses[contract.name + "/" + check.name];
  for (const [n, i] of (check.instances || []).entries()) {
    if ((check.instances.length > 1 || i.labels) && (i.state !== "holding" || check.instances.length < 6)) {
      table.append(make("tr", {}, make("td", {}, pill(i.state)), make("td", {}, i.labels || ""), make("td", {class: "amount"}, course.instances[n]),
        make("td", {}, i.strike ? `${w("strike")} ${i.strike}` : "")));
    }
  }
  const left = make("div", {}, pill(check.state), " ", make("strong", {}, check.name));
  return make("div", {class: "check"}, left, courseView(course), make("code", {}, check.expr),
    make("div", {}, make("p", {class: "quiet"}, notes.join(" · ")), whyView(contract.name + "/" + check.name, check.cause), table));
}

// whyView says what the check's cause is, by the catalogue.
function whyView(id, cause) {
  const text = (whys[cause] || {})[language];
  if (!text) return "";
  const box = make("details", {class: "why"}, make("summary", {}, w("why")), make("p", {}, text));
  box.open = opened.has(id);
  box.addEventListener("toggle", () => box.open ? opened.add(id) : opened.delete(id));
  return box;
}

function contractsView(view) {
  const text = $("filter").value.toLowerCase(), trouble = $("trouble").checked;
  const list = [];
  for (const c of view.contracts) {
    const checks = c.checks.filter(k => (!trouble || k.state === "violated" || k.state === "pending") &&
      (c.name + "/" + k.name + " " + k.expr).toLowerCase().includes(text));
    if (!checks.length) continue;
    const box = make("details", {class: "contract"}, make("summary", {}, pill(c.state), make("h3", {}, c.name), make("span", {class: "quiet"}, w(c.mode))),
      ...checks.map(k => checkView(c, k, view)));
    box.open = !closed.has(c.name);
    box.addEventListener("toggle", () => box.open ? closed.delete(c.name) : closed.add(c.name));
    list.push(box);
  }
  return list.length ? list : [make("p", {class: "quiet"}, w("none"))];
}

const when = at => make("time", {datetime: at}, new Date(at).toLocaleString(language === "zh" ? "zh-CN" : undefined));

const flames = new Map(); // those that are open, by bundle and file: they outlive the redrawing each second

async function toggleFlame(id, file) {
  const key = id + "/" + file;
  if (flames.delete(key)) return draw(true);
  const box = make("div", {class: "quiet"}, "…");
  flames.set(key, box);
  draw(true);
  try {
    const flame = await (await ask(`evidence/${encodeURIComponent(id)}/${encodeURIComponent(file)}/flame.json`)).json();
    box.className = "";
    box.replaceChildren(make("p", {class: "quiet"}, `${file}: ${flame.value} · ${w("flame")}`), flameView(flame, Math.max(300, $("evidence").clientWidth - 30)));
  } catch (e) {
    box.textContent = e.refused || e.message;
  }
}

async function save(id, file) {
  const answer = await ask(`evidence/${encodeURIComponent(id)}/${encodeURIComponent(file)}`);
  const a = make("a", {download: `${id}-${file}`, href: URL.createObjectURL(await answer.blob())});
  a.click();
  URL.revokeObjectURL(a.href);
}

let older = null; // all bundles that there were when somebody last asked for those that are not among the newest

async function askForOlder() {
  try {
    older = (await (await ask("evidence/")).json()).map(m => ({...m, files: (m.files || []).map(f => f.name)}));
  } catch (e) {
    $("monitor").textContent = e.refused || e.message; // until the next look
    return;
  }
  draw(true);
}

// saved returns the bundles that are shown, newest first.
function saved(view) {
  const newest = view.evidence || [], ids = new Set(newest.map(b => b.id));
  return [...newest, ...(older || []).filter(b => !ids.has(b.id))];
}

function evidenceView(view) {
  const list = saved(view).map(b => {
    const box = make("div", {class: "bundle"}, make("p", {}, when(b.at), " ", make("strong", {}, b.key)));
    if (b.signature) box.append(make("p", {}, b.signature));
    for (const f of b.files || []) {
      const button = make("button", {type: "button"}, f);
      button.addEventListener("click", () => save(b.id, f));
      box.append(button);
    }
    for (const f of (b.files || []).filter(f => f.endsWith(".pb.gz"))) {
      const button = make("button", {type: "button", class: "show", "aria-expanded": flames.has(b.id + "/" + f)}, "▾ " + f.slice(0, -6));
      button.addEventListener("click", () => toggleFlame(b.id, f));
      box.append(button);
    }
    if ((b.files || []).some(f => f.startsWith("goroutine"))) {
      const button = make("button", {type: "button", class: "show"}, "▾ " + w("goroutines"));
      button.addEventListener("click", () => openGroups(b.id));
      box.append(button);
    }
    for (const f of b.files || []) {
      if (flames.has(b.id + "/" + f)) box.append(flames.get(b.id + "/" + f));
    }
    return box;
  });
  const missing = (view.evidence || []).length + (view.older || 0) - list.length;
  if (missing > 0) {
    const button = make("button", {type: "button", class: "show", id: "older"}, `${w("older")}: ${missing}`);
    button.addEventListener("click", askForOlder);
    list.push(button);
  }
  return list.length ? list : [make("p", {class: "quiet"}, w("none"))];
}

// draw shows the latest look. What somebody is at with the keyboard is left as it is, unless all is to be drawn.
function draw(all) {
  document.documentElement.lang = language;
  for (const e of document.querySelectorAll("[data-word]")) e.textContent = w(e.dataset.word);
  $("filter").placeholder = $("filter").ariaLabel = w("filter");
  $("language").textContent = w("other");
  if (!last) return;
  const order = ["holding", "unknown", "pending", "violated"];
  const worst = last.contracts.reduce((s, c) => order.indexOf(c.state) > order.indexOf(s) ? c.state : s, "holding");
  $("service").textContent = last.service || "stability";
  document.title = (worst === "violated" ? "● " : "") + (last.service || "stability");
  $("overall").className = "pill " + (last.stale ? "violated" : worst);
  $("overall").textContent = w(last.stale ? "unknown" : worst);
  $("monitor").textContent = last.stale ? w("stale") : `${w("started")} ${span(last.age)} · ${w("tick")} ${span(last.last_tick_age)} ${w("ago")}` + (last.warming_up ? " · " + w("warming") : "");
  const focus = document.activeElement;
  if (all !== true && ($("contracts").contains(focus) || $("evidence").contains(focus))) return;
  $("contracts").replaceChildren(...contractsView(last));
  $("timeline").replaceChildren(...timelineView(last));
  $("evidence").replaceChildren(...evidenceView(last));
  choices(last);
}

async function ask(path) {
  const answer = await fetch(path, {headers: token ? {Authorization: "Bearer " + token} : {}, cache: "no-store"});
  if (answer.status === 403) throw {refused: await answer.text()};
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

// openLinked opens what the address links to: #BUNDLE/FILE, or #BUNDLE/goroutines for the groups of its goroutines.
async function openLinked() {
  if (!last) return; // it is called when there is a first look
  const [id, file] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (file && !older && !saved(last).some(b => b.id === id)) await askForOlder();
  if (file === "goroutines") return openGroups(id);
  if (file && !flames.has(id + "/" + file)) toggleFlame(id, file);
}

// watch reads the events by fetch, for an EventSource cannot send the token.
async function watch() {
  for (;;) {
    try {
      whys = await (await ask("causes.json")).json();
      const reader = (await ask("events")).body.pipeThrough(new TextDecoderStream()).getReader();
      $("login").hidden = true;
      $("main").hidden = false;
      for (let rest = ""; ;) {
        const {value, done} = await reader.read();
        if (done) break;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        if (parts.length) {
          const first = !last;
          last = JSON.parse(parts[parts.length - 1].slice("data: ".length));
          draw();
          if (first) openLinked();
        }
      }
    } catch (e) {
      if (e.refused) {
        $("main").hidden = true;
        $("login").hidden = false;
        $("refused").textContent = token ? e.refused : "";
        return;
      }
    }
    $("monitor").textContent = w("lost");
    await new Promise(r => setTimeout(r, 2000));
  }
}

$("language").addEventListener("click", () => {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("stability.language", language);
  draw(true);
  drawGroups();
});
addEventListener("hashchange", openLinked);
$("filter").addEventListener("input", draw);
$("trouble").addEventListener("change", draw);
$("login").addEventListener("submit", e => {
  e.preventDefault();
  token = $("token").value;
  sessionStorage.setItem("stability.token", token);
  watch();
});
draw();
watch();
