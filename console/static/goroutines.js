"use strict";

// What the states of goroutines mean in Chinese; in English the service says it.
const meaning = {
  "running": "正在执行；长时间大量出现意味着活锁或过载", "runnable": "等待处理器；大量出现意味着过载", "syscall": "在系统调用或 C 代码中；阻塞时占用一个线程",
  "chan receive": "等待发送或关闭：查找提前返回的发送方", "chan receive (nil chan)": "从 nil 通道接收：永远阻塞", "chan send": "等待接收：查找因超时而放弃的接收方", "chan send (nil chan)": "向 nil 通道发送：永远阻塞",
  "select": "等待某个 case：确认其中有 <-ctx.Done()，以及由谁取消", "select (no cases)": "select {}：永远阻塞，只有 main 中才可能是有意的", "IO wait": "等待网络或管道：空闲连接，或没有截止时间的对端",
  "sleep": "在 time.Sleep 中，context 无法结束它", "semacquire": "等待运行时信号量：锁或 WaitGroup", "sync.Mutex.Lock": "等待互斥锁：查找持有者，是否跨越 I/O 或永不释放", "sync.RWMutex.Lock": "等待写锁：查找未解锁的读者",
  "sync.RWMutex.RLock": "等待读锁：查找持有或等待该锁的写者", "sync.WaitGroup.Wait": "等待 WaitGroup：查找因 panic 或提前返回而跳过的 Done", "sync.Cond.Wait": "等待条件：查找缺失的 Signal 或 Broadcast",
};
const risks = {en: {}, zh: {usual: "正常", watch: "留意", suspect: "可疑", stuck: "永久阻塞"}};
const riskPill = {usual: "holding", watch: "unknown", suspect: "pending", stuck: "violated"};
let groups = null; // the last answer

// choices puts the captures that there are into the two lists, and leaves what is chosen.
function choices(view) {
  const bundles = saved(view).filter(b => (b.files || []).some(f => f.startsWith("goroutine"))).map(b => [b.id, `${b.key} · ${new Date(b.at).toLocaleString(language === "zh" ? "zh-CN" : undefined)}`]);
  const live = view.pprof ? [["now", w("now")]] : [];
  fill($("of"), [...live, ...bundles]);
  fill($("against"), [["", w("nothing")], ...(view.pprof ? [["10s", "10 s"], ["60s", "60 s"]] : []), ...bundles]);
}

function fill(list, options) {
  if (document.activeElement === list || list.dataset.have === JSON.stringify(options)) return;
  const chosen = list.value;
  list.replaceChildren(...options.map(([value, text]) => make("option", {value}, text)));
  if (options.some(([value]) => value === chosen)) list.value = chosen;
  list.dataset.have = JSON.stringify(options);
}

async function showGroups() {
  const of = $("of").value, against = $("against").value;
  if (!of) return $("groups").replaceChildren(make("p", {class: "quiet"}, w("none")));
  const earlier = !against ? "" : /^\d+s$/.test(against) ? "&wait=" + against : "&since=" + encodeURIComponent(against);
  $("groups").replaceChildren(make("p", {class: "quiet"}, "…"));
  try {
    groups = await (await ask(`goroutines.json?of=${encodeURIComponent(of)}${earlier}`)).json();
    drawGroups();
  } catch (e) {
    groups = null;
    $("groups").replaceChildren(make("p", {class: "bad"}, e.refused || e.message));
  }
}

function drawGroups() {
  if (!groups) return;
  const suspects = groups.groups.filter(g => g.suspect), shown = $("usual").checked ? groups.groups : suspects;
  const grown = groups.compared ? ` (${signed(groups.total - (groups.before || 0))})` : "";
  const head = [`${groups.total}${grown} ${w("goroutines")} · ${suspects.length} ${w("suspects")} / ${groups.groups.length + (groups.left || 0)} ${w("grouped")}`];
  if (!groups.ages) head.push(w("noages"));
  if (!groups.compared) head.push(w("growth"));
  $("groups").replaceChildren(make("p", {class: "quiet"}, head.join(" · ")), ...shown.map(groupView));
}

const signed = n => (n > 0 ? "+" : "") + n;

function groupView(g) {
  const grown = groups.compared ? ` (${signed(g.growth || 0)})` : "", zh = language === "zh";
  const risk = make("span", {class: "pill " + riskPill[g.risk]}, risks[language][g.risk] || g.risk);
  const head = make("p", {}, risk, " ", make("strong", {}, `${g.count}${grown} × ${g.state || "–"}`), g.wait ? ` · ${w("oldest")} ${span(g.wait)}` : "", g.leaked ? ` · ${w("leaked")}` : "");
  const box = make("div", {class: "bundle group"}, head, make("p", {}, make("code", {}, g.where)));
  if (g.context) box.append(make("pre", {}, ...g.context.map(l => make("span", {class: l.here ? "here" : ""}, `${String(l.number).padStart(5)}  ${l.text}\n`))));
  const means = zh ? meaning[g.state] || g.means : g.means;
  if (means) box.append(make("p", {class: "quiet"}, means));
  if (g.likely) box.append(make("p", {}, `${w("likely")}: ${zh ? g.likely_zh : g.likely}${g.cause ? " (" + g.cause + ")" : ""}`));
  if (g.created_by) box.append(make("p", {class: "quiet"}, `${w("startedby")} `, make("code", {}, g.created_by)));
  box.append(make("details", {}, make("summary", {}, w("stack")), make("pre", {}, g.stack.join("\n"))));
  return box;
}

// openGroups shows the groups of a bundle.
function openGroups(id) {
  $("of").value = id;
  $("against").value = "";
  $("groups").scrollIntoView();
  showGroups();
}

$("triage").addEventListener("submit", e => {
  e.preventDefault();
  showGroups();
});
$("usual").addEventListener("change", drawGroups);
