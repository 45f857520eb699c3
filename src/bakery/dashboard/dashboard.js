// The dashboard: polls report.json and draws it. All text goes in as text, never as HTML.
"use strict";

const POLL_MS = 2000, FIRST_POLL_MS = 300, ANSWER_MS = 8000;
const MANY = 24; // nodes of a role from which on they are drawn small
const SOON = 0.2; // share of a certificate's life, as bakery status warns of
const DAY = 86400;
const SERVES = { // kinds of nodes that are servers, of which products
  "consul-server": ["consul"], "nomad-server": ["nomad"], server: ["consul", "nomad"], "all-in-one": ["consul", "nomad"],
};
const CLIENTS = ["nomad-client", "all-in-one"];
const TITLES = {
  "consul-server": "Consul servers", "nomad-server": "Nomad servers", "nomad-client": "Nomad clients",
  server: "Servers", "all-in-one": "All in one", ingress: "Ingress", other: "Not in the plan",
};
const NAMES = { consul: "Consul", nomad: "Nomad" };
const SVG = "http://www.w3.org/2000/svg";

let report = null; // what was read last
let readAt = 0; // when, in milliseconds of this page
let failed = ""; // why nothing is read at the moment
let hues = new Map(); // number of a colour by job

// Elements ---------------------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);

function build(space, kind, attributes, children) {
  const made = space ? document.createElementNS(space, kind) : document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}
const h = (kind, attributes = {}, ...children) => build(null, kind, attributes, children);
const s = (kind, attributes = {}, ...children) => build(SVG, kind, attributes, children);

const drawn = new WeakMap();
function draw(place, data, make) { // draw again only what has changed: animations go on
  const key = JSON.stringify(data);
  if (drawn.get(place) === key) return;
  drawn.set(place, key);
  place.replaceChildren(...[make(data)].flat());
}

// Words ------------------------------------------------------------------------------------------------------

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}
const short = (name, state) => (name.startsWith(state.cluster + "-") ? name.slice(state.cluster.length + 1) : name);
const money = (usd) => (usd === null ? "–" : `$${usd.toLocaleString("en-US", { minimumFractionDigits: 0, maximumFractionDigits: 2 })}`);

// What is looked at ------------------------------------------------------------------------------------------

const soon = (node) => node.certificate !== null && node.certificate.share_left < SOON;
const isGone = (node) => node.droplet.id === null;
const leads = (node) => ["consul", "nomad"].filter((product) => node[product].leader);
const classes = (...names) => names.filter(Boolean).join(" ");

function facts(node, products) {
  const versions = products.map((p) => node[p].version && `${NAMES[p]} ${node[p].version}`).filter(Boolean);
  const { age_seconds: age, size, status } = node.droplet;
  const parts = versions.map((text) => h("span", {}, text));
  if (status !== "active" && !isGone(node)) parts.push(h("span", { class: "bad" }, `droplet is ${status}`));
  if (age !== null) parts.push(h("span", { title: "age of the droplet" }, `${span(age)} old`));
  if (node.certificate !== null) {
    const { days_left: days, source, not_after: end } = node.certificate;
    const text = days < 0 ? "certificate expired" : `certificate ${source === "estimated" ? "~" : ""}${days} d`;
    parts.push(h("span", { class: soon(node) ? "warn" : null, title: `first certificate ends ${end} (${source})` }, text));
  }
  if (node.private_ipv4) parts.push(h("span", { title: `${size || ""} public ${node.public_ipv4 || "none"}` }, node.private_ipv4));
  return h("div", { class: "facts" }, parts);
}

function tags(node, products) {
  const made = [];
  const led = leads(node);
  if (led.length && products.length === 1) made.push(h("span", { class: "tag fill" }, "leader"));
  else made.push(led.map((p) => h("span", { class: `tag fill ${p}` }, `leads ${NAMES[p]}`)));
  if (isGone(node)) made.push(h("span", { class: "tag bad" }, "no droplet"));
  else if (!node.healthy) made.push(h("span", { class: "tag bad" }, "not healthy"));
  for (const product of products) {
    if (node[product].voter === false && !isGone(node)) made.push(h("span", { class: "tag warn" }, `no vote in ${NAMES[product]}`));
  }
  if (node.differs.length) made.push(h("span", { class: "tag warn", title: "bakery roll would replace it" }, `differs: ${node.differs.join(", ")}`));
  return made.flat();
}

function named(node, state) {
  const status = { class: classes("row", !node.healthy && "bad"), "data-node": node.name, "data-healthy": String(node.healthy) };
  const products = SERVES[kindOf(node, state)] || ["consul", "nomad"];
  const title = h("div", { class: "title" }, h("span", {}, short(node.name, state)), tags(node, products));
  const clients = CLIENTS.includes(kindOf(node, state));
  return h("div", status, title, clients ? blocks(node) : null, facts(node, products));
}
const kindOf = (node, state) => (state.roles.find((role) => role.name === node.role) || { kind: "other" }).kind;

// The picture of a quorum ------------------------------------------------------------------------------------

function ring(nodes, products, state) {
  const size = 250, middle = size / 2, radius = nodes.length === 1 ? 0 : 84, core = nodes.length > 7 ? 18 : 27, edge = core + 14;
  const at = nodes.map((_, i) => {
    const angle = (i / nodes.length) * 2 * Math.PI - Math.PI / 2;
    return [middle + radius * Math.cos(angle), middle + radius * Math.sin(angle)];
  });
  const links = products.flatMap((product, number) => {
    const from = nodes.findIndex((node) => node[product].leader);
    if (from < 0) return [];
    return nodes.map((node, i) => (i === from || node[product].voter !== true || !node.healthy ? null
      : link(at[from], at[i], products.length > 1 ? product : "", number * 9))).filter(Boolean);
  });
  const dots = nodes.map((node, i) => dot(node, at[i], core, number(node, i)));
  const leaderless = products.filter((p) => !nodes.some((node) => node[p].leader));
  const said = leaderless.map((p) => (products.length > 1 ? `${NAMES[p]}: no leader` : "no leader"));
  const voters = nodes.filter((node) => products.every((p) => node[p].voter)).length;
  const words = nodes.length === 1 ? [] : said.length ? said : [count(voters, "voter")];
  const lines = words.map((text, i) => s("text", { class: classes("middle", said.length && "bad"), x: middle, y: middle + (i - (words.length - 1) / 2) * 18 }, text));
  const label = `${nodes.length} servers of ${products.map((p) => NAMES[p]).join(" and ")}`;
  const top = Math.min(...at.map(([, y]) => y)) - edge, bottom = Math.max(...at.map(([, y]) => y)) + edge;
  return s("svg", { viewBox: `0 ${top} ${size} ${bottom - top}`, role: "img", "aria-label": label }, links, dots, said.length || links.length > 1 ? lines : []);
}

const number = (node, i) => { const found = /-(\d+)(-[0-9a-f]{4})?$/.exec(node.name); return found ? found[1] : String(i + 1); };

function link([x1, y1], [x2, y2], product, bend) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [nx, ny] = [-(y2 - y1) / length, (x2 - x1) / length];
  const [mx, my] = [(x1 + x2) / 2 + nx * bend, (y1 + y2) / 2 + ny * bend];
  return s("path", { class: classes("link", product), fill: "none", d: `M${x1} ${y1}Q${mx} ${my} ${x2} ${y2}` });
}

function dot(node, [x, y], core, text) {
  const life = core + 6, round = 2 * Math.PI * life;
  const share = node.certificate === null ? 0 : Math.max(0, Math.min(1, node.certificate.share_left));
  const state = classes("dot", leads(node).length && "leader", !node.healthy && "bad", isGone(node) && "gone", soon(node) && "soon");
  return s("g", { class: state, transform: `translate(${x} ${y})` },
    s("title", {}, `${node.name}${leads(node).map((p) => `, leads ${NAMES[p]}`).join("")}${node.healthy ? "" : ", not healthy"}`),
    node.healthy ? null : s("circle", { class: "halo", r: life + 2 }),
    s("circle", { class: "core", r: life + 2 }),
    s("circle", { class: "tint", r: core }),
    s("circle", { class: "track", r: life }),
    isGone(node) ? null : s("circle", { class: "life", r: life, "stroke-dasharray": `${share * round} ${round}`, transform: "rotate(-90)" }),
    s("text", {}, text));
}

// The parts of the page --------------------------------------------------------------------------------------

function blocks(node) {
  const made = node.allocations.map((each) => h("i", {
    class: classes("block", hueOf(each), each.healthy === false ? "bad" : !each.running && "waits"),
    title: `${each.job}${each.namespace === "default" ? "" : ` (${each.namespace})`}: ${each.healthy === false ? "not healthy" : each.running ? "running" : "pending"}`,
  }));
  return h("div", { class: "blocks" }, made.length ? made : h("span", { class: "none" }, "nothing runs here"));
}

function tile(node, state, kind, many) {
  const products = kind === "ingress" ? ["consul"] : ["consul", "nomad"];
  const name = many ? number(node, 0) : short(node.name, state);
  const attributes = {
    class: classes("tile", !node.healthy && "bad", isGone(node) && "gone"), "data-node": node.name, "data-healthy": String(node.healthy),
    title: many ? `${node.name}, ${node.healthy ? "healthy" : "not healthy"}, ${count(node.allocations.length, "allocation")}` : null,
  };
  return h("div", attributes, h("div", { class: "title" }, h("span", {}, name), many ? [] : tags(node, [])),
    CLIENTS.includes(kind) ? blocks(node) : null, facts(node, products));
}

function role({ name, kind }, state) {
  const nodes = state.nodes.filter((node) => node.role === name);
  if (!nodes.length) return [];
  const products = SERVES[kind], many = nodes.length > MANY;
  const look = products && products.length === 2 ? "both" : kind.split("-")[0];
  const healthy = nodes.filter((node) => node.healthy).length;
  const title = name === kind || kind === "other" ? TITLES[kind] : `${name} (${TITLES[kind].toLowerCase().replace(/consul|nomad/, (p) => NAMES[p])})`;
  const body = products && !many
    ? h("div", { class: "ring" }, ring(nodes, products, state), h("div", { class: "rows" }, nodes.map((node) => named(node, state))))
    : h("div", { class: "tiles" }, nodes.map((node) => tile(node, state, kind, many)));
  const head = h("div", { class: "head" }, h("h2", {}, title), h("span", { class: "quiet" }, cost(nodes, healthy)));
  return h("article", { class: classes("role", look, products && !many && "quorum", many && "many"), "data-role": name }, head, body);
}

function cost(nodes, healthy) {
  const prices = nodes.map((node) => node.droplet.monthly_usd);
  const known = prices.filter((price) => price !== null);
  const all = healthy === nodes.length ? `${nodes.length} healthy` : `${healthy} of ${nodes.length} healthy`;
  return known.length ? `${all} · ${money(known.reduce((sum, price) => sum + price, 0))} a month` : all;
}

const STATES = {
  healthy: ["", "healthy"], starting: ["warn", "starting"], degraded: ["bad", "degraded"], failed: ["bad", "failed"],
  complete: ["over", "complete"], idle: ["over", "waits for its next run"], stopped: ["over", "stopped"],
};
const ORDER = ["degraded", "failed", "starting", "healthy", "idle", "complete", "stopped"];

function job(each) {
  const [look, word] = STATES[each.state];
  const numbers = each.wanted === null ? `${each.running} running` : `${each.running} of ${each.wanted}`;
  const over = look === "over" || each.state === "failed";
  const share = each.wanted === null ? (each.running ? 1 : 0) : Math.min(1, each.running / Math.max(1, each.wanted));
  const space = each.namespace === "default" ? "" : ` in ${each.namespace}`;
  return h("div", { class: classes("job", look, hueOf({ job: each.name, namespace: each.namespace })), "data-job": each.name, "data-state": each.state },
    h("span", { class: "swatch" }),
    h("span", { class: "name" }, each.name, " ", h("span", { class: "quiet" }, `${each.type}${space}`)),
    h("span", { class: "state" }, over ? word : `${word} · ${numbers}`),
    over ? null : h("span", { class: "bar" }, h("i", { "data-share": share })));
}

function jobs({ error, jobs: listed }) {
  const title = h("div", { class: "head" }, h("h2", {}, "Jobs"), h("span", { class: "quiet" }, error ? "" : listed.length ? count(listed.length, "job") : "no job was submitted"));
  if (error) return [title, h("p", { class: "warn" }, `They are not known: ${error}`)];
  const sorted = [...listed].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  return [title, h("div", { class: "joblist" }, sorted.map(job))];
}

function figures(state) {
  const good = state.nodes.filter((node) => node.healthy).length, all = state.nodes.length;
  const running = state.jobs.jobs.filter((each) => !["stopped", "complete", "idle"].includes(each.state));
  const fine = running.filter((each) => each.state === "healthy").length;
  const ends = state.nodes.map((node) => node.certificate).filter(Boolean).sort((a, b) => a.days_left - b.days_left)[0];
  const of = (product) => [...new Set(state.nodes.map((node) => node[product].version).filter(Boolean))].sort();
  const made = [[good === all ? "" : "bad", good === all ? `${all}` : `${good} of ${all}`, good < all ? "nodes healthy" : all === 1 ? "node, healthy" : "nodes, all healthy"]];
  for (const product of ["consul", "nomad"]) {
    const found = of(product);
    if (found.length) made.push([found.length > 1 ? "warn" : "", found.length > 1 ? `${count(found.length, "version")}` : found[0], found.length > 1 ? `of ${NAMES[product]}: ${found.join(", ")}` : NAMES[product]]);
  }
  const sick = running.some((each) => ["degraded", "failed"].includes(each.state));
  if (!state.jobs.error) made.push([sick ? "bad" : fine < running.length ? "warn" : "", fine < running.length ? `${fine} of ${running.length}` : `${fine}`, fine < running.length ? "jobs healthy" : fine === 1 ? "job, healthy" : fine ? "jobs, all healthy" : "jobs run"]);
  if (ends) made.push([ends.share_left < SOON ? "warn" : "", ends.days_left < 0 ? "expired" : `${ends.days_left} d`, "until the first certificate ends"]);
  made.push(["", money(state.monthly_usd), "a month"]);
  return made.map(([look, value, text]) => h("div", { class: classes("figure", look) }, h("b", {}, value), h("span", { class: "quiet" }, text)));
}

function wrong({ causes, next, warnings }) {
  const made = causes.map((each) => h("li", {}, h("b", {}, each.conditions), each.message));
  made.push(...warnings.map((text) => h("li", { class: "warn" }, text)));
  made.push(...next.map((text) => h("li", { class: "next" }, text)));
  return h("ul", {}, made);
}

function hueOf({ job: name, namespace }) {
  const key = `${namespace}/${name}`;
  return hues.has(key) ? `h${hues.get(key) % 10}` : "h6";
}

// The page ---------------------------------------------------------------------------------------------------

function show(state) {
  hues = new Map(state.jobs.jobs.map((each, i) => [`${each.namespace}/${each.name}`, i]));
  byId("name").textContent = state.cluster;
  byId("place").textContent = `${state.region} · ${state.cloud}`;
  byId("foot").textContent = state.ways_in.join(" · ");
  const { causes, next, warnings } = state;
  byId("wrong").hidden = !(causes.length || next.length || warnings.length);
  draw(byId("wrong"), { causes, next, warnings }, wrong);
  draw(byId("figures"), coarse(state), () => figures(state));
  draw(byId("roles"), coarse(state), () => state.roles.flatMap((each) => role(each, state)));
  draw(byId("jobs"), state.jobs, jobs);
  for (const bar of document.querySelectorAll("[data-share]")) bar.style.setProperty("--share", bar.dataset.share);
  byId("shown").hidden = false;
}

function verdict(state, old) { // also in the tab's title and icon
  const headline = state.headline.replace(`${state.cluster} is `, "");
  byId("headline").textContent = old ? `last seen ${headline}` : headline;
  byId("verdict").className = classes("verdict", old ? "old" : state.healthy ? "good" : "bad");
  document.title = `${state.cluster}: ${old ? "not known" : state.healthy ? "healthy" : "not healthy"}`;
  mark(old ? "#d08a3c" : state.healthy ? "#2c8a58" : "#c03a33");
}

function coarse(state) { // ages as they are written: they change every minute, not with every look
  const nodes = state.nodes.map((node) => ({ ...node, droplet: { ...node.droplet, age_seconds: node.droplet.age_seconds === null ? null : span(node.droplet.age_seconds) } }));
  return { ...state, nodes };
}

function mark(colour) {
  const picture = `<svg xmlns="${SVG}" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${colour}"/></svg>`;
  byId("icon").href = `data:image/svg+xml,${encodeURIComponent(picture)}`;
}

function tick() { // once a second: how old is what is shown, and why
  const fresh = byId("fresh"), notice = byId("notice"), main = byId("shown");
  const since = (performance.now() - readAt) / 1000;
  const age = report && report.age_seconds !== null ? report.age_seconds + since : null;
  const error = report ? report.error : null;
  const old = age !== null && (failed || error || age > 4 * report.every_seconds + 10);
  fresh.textContent = age === null ? "" : age < 2 ? "seen just now" : `${old ? "state of" : "seen"} ${span(age)} ago`;
  fresh.className = classes("fresh", old && "old", report && report.looking && "looking");
  main.classList.toggle("old", Boolean(old));
  if (age !== null) verdict(report.state, old);
  const [title, ...lines] = trouble(age, error);
  notice.hidden = !title;
  notice.className = "notice bad";
  draw(notice, { title, lines }, () => [h("b", {}, title || ""), lines.filter(Boolean).map((line) => h("span", {}, line))].flat());
  if (title && age === null) byId("headline").textContent = "The cluster could not be looked at.";
}

function trouble(age, error) {
  const shown = age === null ? null : `What is shown is ${span(age)} old.`;
  if (failed) return ["bakery dashboard does not answer. It may have been ended.", shown];
  if (error) return [`The last look failed: ${error.message}.`, error.details, error.hint && `help: ${error.hint}`, shown];
  if (age !== null && age > 4 * report.every_seconds + 10) return ["The cluster is slow to answer.", shown];
  return [];
}

async function poll() {
  try {
    const answer = await fetch("report.json", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) throw new Error(String(answer.status));
    report = await answer.json();
    readAt = performance.now();
    failed = "";
    if (report.state !== null) show(report.state);
  } catch (error) {
    failed = String(error);
  }
  tick();
  if (!document.hidden) setTimeout(poll, report && report.age_seconds === null && !report.error ? FIRST_POLL_MS : POLL_MS);
  else paused = true;
}

let paused = false; // nobody looks at the page, so that the cluster is left alone
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && paused) { paused = false; poll(); }
});
setInterval(tick, 1000);
poll();
