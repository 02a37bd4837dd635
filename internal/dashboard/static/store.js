// What the page knows: the snapshot, kept true by one stream per tab. Everything is replaced as whole objects, so that what is
// unchanged stays identical and is not drawn again.
import { useLayoutEffect, useReducer, useEffect } from './vendor/standalone.module.js';
import { address, get, post } from './router.js';

export const state = {
  ready: false, cluster: {}, nodes: [], apps: [], processes: new Map(), jobs: new Map(), moments: [], sequences: new Map(),
  samples: new Map(), // by node, the latest ones
  lamp: 'connecting', // live, connecting, polling or lost
  heard: Date.now(),
  skew: 0, // seconds from the clock of this machine to that of the daemon
};

const keepMoments = 3000;
const keepSamples = 60;
const listeners = new Map();
const dirty = new Set();
let due = 0;
let flushed = 0;

// touch has those drawn again who look at the topics, ten times a second at most.
export function touch(...topics) {
  for (const t of topics) dirty.add(t);
  due ||= setTimeout(flush, Math.max(0, flushed + 100 - performance.now()));
}

function flush() {
  due = 0;
  flushed = performance.now();
  const now = [...dirty];
  dirty.clear();
  for (const [again, topics] of listeners) if (now.some((t) => topics.includes(t))) again();
}

export function listen(topics, f) {
  listeners.set(f, topics);
  return () => listeners.delete(f);
}

export function useStore(...topics) {
  const [, again] = useReducer((n) => n + 1, 0);
  useLayoutEffect(() => listen(topics, again), []);
  return state;
}

setInterval(() => touch('clock'), 1000);
export const now = () => Date.now() / 1000 + state.skew;

// Look-ups. A node is found by its identifier and by its nick.
export const node = (id) => state.nodes.find((n) => n.id === id) || state.nodes.find((n) => n.nick === id);
export const nick = (id) => node(id)?.nick || id;
export const app = (name) => state.apps.find((a) => a.name === name);
export const process = (name) => state.processes.get(name);
export const sample = (id) => state.samples.get(id)?.at(-1);

const key = (j) => j.app + '\n' + j.began;

function index() {
  state.processes = new Map();
  for (const a of state.apps) for (const p of a.processes) state.processes.set(p.name, p);
}

// settle keeps the old objects of what has not changed.
function settle(a) {
  const old = app(a.name);
  if (!old) return a;
  const before = new Map(old.processes.map((p) => [p.name, p]));
  a.processes = a.processes.map((p) => {
    const o = before.get(p.name);
    return o && JSON.stringify(o) === JSON.stringify(p) ? o : p;
  });
  return a;
}

function take(s) {
  state.ready = true;
  state.skew = s.now - Date.now() / 1000;
  state.cluster = s.cluster;
  state.nodes = s.nodes;
  state.apps = s.applications.map(settle);
  state.jobs = new Map(s.jobs.map((j) => [j.id, j]));
  state.moments = [];
  s.moments.forEach(remember);
  index();
  touch('cluster', 'jobs', 'moments');
}

function change(c) {
  state.skew = c.now - Date.now() / 1000;
  if (c.cluster) state.cluster = c.cluster;
  if (c.nodes) {
    const fresh = new Map(c.nodes.map((n) => [n.id, n]));
    state.nodes = state.nodes.map((n) => fresh.get(n.id) || n);
    state.nodes.push(...c.nodes.filter((n) => !state.nodes.includes(n)));
  }
  if (c.applications || c.gone) {
    const fresh = new Map((c.applications || []).map((a) => [a.name, settle(a)]));
    state.apps = [...state.apps.filter((a) => !fresh.has(a.name) && !c.gone?.includes(a.name)), ...fresh.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    index();
  }
  touch('cluster');
}

// remember adds a moment; what a replay brings twice counts once.
function remember(m) {
  if (m.id <= (state.moments.at(-1)?.id ?? -1)) return;
  state.moments.push(m);
  if (state.moments.length > keepMoments) state.moments.splice(0, keepMoments / 10);
  touch('moments');
}

export function enlist(j) { state.jobs.set(j.id, j); touch('jobs'); }

export function sequence(q) {
  const list = (state.sequences.get(q.app) || []).filter((o) => key(o) !== key(q));
  list.push(q);
  state.sequences.set(q.app, list.sort((a, b) => a.began - b.began).slice(-10));
  touch('sequences');
}

// Each process has its own times, so that a message has only some of them: the latest of each is kept.
function measure(s) {
  for (const f of onStats) f(s);
  const list = state.samples.get(s.node) || [];
  state.samples.set(s.node, [...list.slice(1 - keepSamples), { ...s, processes: { ...list.at(-1)?.processes, ...s.processes } }]);
  touch('stats');
}

const onStats = new Set();
const onLog = new Set();

// Watching. Each user says what it wants with a function, as the offsets of logs move on while the stream may be made anew.
const wishes = new Set();
let conn = '';
const nothing = '{"stats":[],"logs":[]}';
let told = nothing; // to this stream
let telling = 0;

export function watching() { telling ||= setTimeout(tell, 30); }

async function tell() {
  telling = 0;
  const all = [...wishes].map((w) => w());
  const nodes = new Set(all.flatMap((w) => w.stats || []));
  const body = { stats: nodes.has('*') ? ['*'] : [...nodes], logs: all.flatMap((w) => w.logs || []) };
  const text = JSON.stringify(body);
  if (!conn || text === told) return;
  told = text;
  await post('stream/' + conn, body).catch((e) => { if (e.status === 404) reconnect(); });
}

export function useWatch(wish, { stats, log } = {}, deps = []) {
  useEffect(() => {
    wishes.add(wish);
    if (stats) onStats.add(stats);
    if (log) onLog.add(log);
    watching();
    return () => { wishes.delete(wish); onStats.delete(stats); onLog.delete(log); watching(); };
  }, deps);
}

// The stream. With HTTP/1.1, browsers have six connections for each server: of five tabs with a stream, the one that took it first
// gives it back and asks every five seconds, until it has the focus again.
let stream = null;
let hidden = 0;
let last = ''; // id of the last event: a new stream begins behind it
const tabs = new BroadcastChannel('streams');
const me = Math.random();
const newer = new Set();
tabs.onmessage = (e) => { if (newer.add(e.data).size > 3 && performance.getEntriesByType('navigation')[0]?.nextHopProtocol === 'http/1.1') close(); };

function lamp(l) {
  if (l === 'live') state.heard = Date.now();
  if (state.lamp === l) return;
  state.lamp = l;
  touch('lamp');
}

function hear(kind, f) {
  stream.addEventListener(kind, (e) => {
    last = e.lastEventId;
    lamp('live');
    f(JSON.parse(e.data));
  });
}

function connect() {
  close();
  newer.clear();
  tabs.postMessage(me);
  stream = new EventSource(address('stream', { last }));
  hear('hello', (h) => {
    conn = h.conn;
    told = nothing;
    if (h.snapshot) take(h.snapshot);
    watching();
  });
  hear('change', change);
  hear('moment', remember);
  hear('job', enlist);
  hear('sequence', sequence);
  hear('stats', measure);
  hear('log', (c) => { for (const f of onLog) f(c); });
  hear('resync', () => { last = ''; reconnect(); });
  stream.onerror = () => { conn = ''; if (state.lamp === 'live') lamp('connecting'); };
}

function close() { stream?.close(); stream = null; conn = ''; }
function reconnect() { lamp('connecting'); connect(); }
const resume = () => stream || reconnect();

// Every five seconds: a stream that is broken is replaced by the snapshot, one that is silent is checked with it, because the
// comments that keep it open are not seen here. A tab in the background asks every minute, for the sake of its title.
async function check() {
  const silent = Date.now() - state.heard;
  if (stream ? state.lamp === 'live' && silent < 30000 : document.hidden && silent < 60000) return;
  const broken = stream?.readyState !== EventSource.OPEN;
  try {
    const s = await get('snapshot');
    if (broken || state.lamp !== 'live') take(s);
    state.heard = Date.now();
    if (broken) lamp('polling');
    if (stream?.readyState === EventSource.CLOSED) connect();
  } catch {
    lamp('lost');
    if (stream && stream.readyState !== EventSource.CONNECTING) connect();
  }
}

export function start() {
  connect();
  setInterval(check, 5000);
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hidden);
    // A tab in the background gives its connection back: browsers have six for each server.
    if (document.hidden) hidden = setTimeout(close, 30000);
    else resume();
  });
  addEventListener('focus', resume);
}
