"use strict";

// What defenses did, by the signal in which it shows, with the words for its values where those are states.
const onOff = {en: {0: "no", 1: "yes"}, zh: {0: "否", 1: "是"}};
const breaker = {en: {0: "closed", 1: "half-open", 2: "open"}, zh: {0: "关闭", 1: "半开", 2: "断开"}};
const deeds = {
  en: {
    "breaker.state": "circuit breaker", "gcpacer.percent": "GC pacer: GOGC", "gcpacer.shedding": "GC pacer asks for less load", "gcpacer.reverts": "GC pacer took a step back",
    "memlimit.lifted": "memory limit lifted to end a spiral of the collector", "go.memory.limit": "memory limit", "db.client.connection.max": "size of the connection pool",
    "config.generation": "configuration loaded anew", "config.failing": "configuration in the file is not in force", "config.rejected.count": "configuration refused", "config.reverted.count": "back to the last good configuration",
    "admission.shed": "sheds load", "bulkhead.rejected": "bulkhead turns callers away", "retry.refused": "retry budget refuses retries", "health.request.shed.count": "ramp after the start sheds load",
    times: "times", began: "begins", ended: "has ended",
  },
  zh: {
    "breaker.state": "熔断器", "gcpacer.percent": "GC 调节：GOGC", "gcpacer.shedding": "GC 调节要求降低负载", "gcpacer.reverts": "GC 调节回退",
    "memlimit.lifted": "为结束 GC 恶性循环而放开内存上限", "go.memory.limit": "内存上限", "db.client.connection.max": "连接池大小",
    "config.generation": "重新加载配置", "config.failing": "文件中的配置未生效", "config.rejected.count": "拒绝配置", "config.reverted.count": "回到上一个正常配置",
    "admission.shed": "丢弃负载", "bulkhead.rejected": "舱壁拒绝调用", "retry.refused": "重试预算拒绝重试", "health.request.shed.count": "启动爬坡期丢弃负载",
    times: "次", began: "开始", ended: "结束",
  },
};
const states = {"breaker.state": breaker, "gcpacer.shedding": onOff, "memlimit.lifted": onOff, "config.failing": onOff};

// deed says in words what an action was.
function deed(a) {
  const own = deeds[language], named = v => (states[a.signal] || {[language]: {}})[language][v] || number(v);
  switch (a.kind) {
  case "counted": return `${a.to - a.from} ${own.times}`;
  case "began": return own.began;
  case "ended": return `${own.ended}, ${a.to - a.from} ${own.times}`;
  }
  return `${named(a.from)} → ${named(a.to)}`;
}

const rowsShown = 60;

// timelineView shows what happened, the latest first: changes of a check's state, and what defenses did.
function timelineView(view) {
  const rows = [...view.transitions.map(t => ({at: Date.parse(t.at), t})), ...(view.actions || []).map(a => ({at: Date.parse(a.at), a}))];
  rows.reverse().sort((x, y) => y.at - x.at); // of those at one time the one that was told of last comes first
  const list = rows.slice(0, rowsShown).map(({t, a}) => t ? transitionRow(t) : actionRow(a));
  return list.length ? list : [make("li", {class: "quiet"}, w("none"))];
}

const transitionRow = t => make("li", {}, when(t.at), pill(t.to), make("span", {}, `${t.contract}/${t.check}${t.labels || ""}`),
  make("span", {class: "quiet"}, t.reason || t.text));

const actionRow = a => make("li", {class: "deed"}, when(a.at), make("span", {class: "pill deed"}, w("deed")),
  make("span", {title: a.signal}, `${deeds[language][a.signal] || a.signal} ${a.labels || ""}`), make("span", {class: "quiet"}, deed(a)));
