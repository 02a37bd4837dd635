// The log viewer: follows, pauses while you read, searches, and goes back to the beginning of the file.
import { useLayoutEffect, useMemo, useReducer, useRef, useState } from './vendor/standalone.module.js';
import { html, Act, Search, Still, Toggle, useFetch } from './ui.js';
import { address, get, view } from './router.js';
import { useWatch, watching } from './store.js';

const most = 4000; // lines that are kept

// Text is what has been read of the channels of one log, as lines in the order of their arrival.
class Text {
  lines = [];
  ends = {}; // by channel: from, to and the last line while it has no end
  number = 0;

  line(text, channel, mark) { return { id: this.number++, text, channel, mark }; }

  append(c) {
    const end = (this.ends[c.channel] ||= { from: c.from });
    if (c.rotated) {
      this.lines.push(this.line('The log has begun anew', c.channel, true));
      end.from = c.from;
      end.open = null;
    } else if (c.from < end.to) return 0; // told twice
    const before = this.number;
    const pieces = c.text.split('\n');
    pieces.forEach((text, i) => {
      const last = i === pieces.length - 1;
      if (end.open) {
        const grown = { ...end.open, text: end.open.text + text };
        const at = this.lines.lastIndexOf(end.open);
        if (at >= 0) this.lines[at] = grown;
        end.open = last ? grown : null;
      } else if (!last || text) {
        const l = this.line(text, c.channel);
        this.lines.push(l);
        end.open = last ? l : null;
      }
    });
    end.to = c.to;
    if (this.lines.length > most * 1.25) this.lines = this.lines.slice(-most);
    return this.number - before;
  }

  prepend(c) {
    const pieces = c.text.split('\n');
    const rest = pieces.pop();
    const at = this.lines.findIndex((l) => l.channel === c.channel && !l.mark);
    if (rest && at >= 0) this.lines[at] = { ...this.lines[at], text: rest + this.lines[at].text };
    this.lines = [...pieces.map((t) => this.line(t, c.channel)), ...this.lines];
    this.ends[c.channel].from = c.from;
  }

  // The ends of two channels were read apart: the times that many programs write first bring their lines into order.
  merge() {
    let last = '';
    const keyed = this.lines.map((l) => [/^\D?(\d{4}-\d\d-\d\d[ T][\d:.,]+)/.exec(l.text)?.[1] || '', l]);
    if (!keyed.some(([k]) => k)) return;
    for (const k of keyed) last = k[0] ||= last;
    this.lines = keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, l]) => l);
  }
}

// Colours of a terminal, as spans of text and a class; bright ones are like the others. Other escape sequences are left out, what a carriage return has overwritten too.
const escape = /\x1b(?:\[([\d;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;

function spans(text) {
  text = text.replace(/\r+$/, '');
  text = text.slice(text.lastIndexOf('\r') + 1);
  if (!text.includes('\x1b')) return [{ text }];
  const out = [];
  let look = {}, from = 0;
  const put = (to) => { if (to > from) out.push({ text: text.slice(from, to), ...look }); };
  for (const m of text.matchAll(escape)) {
    put(m.index);
    from = m.index + m[0].length;
    if (m[2] === 'm') look = sgr(look, m[1].split(/[;:]/).map(Number));
  }
  put(text.length);
  return out;
}

// rgb is a colour of the table of 256.
function rgb(n) {
  if (n >= 232) return Array(3).fill((n - 232) * 10 + 8);
  return [Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map((v) => (v ? v * 40 + 55 : 0));
}

function sgr(look, codes) {
  const c = new Set(look.kind?.split(' '));
  let { color } = look;
  const paint = (letter, n) => {
    for (const k of c) if (k[0] === letter) c.delete(k);
    if (letter === 'f') color = undefined;
    if (n >= 0) c.add(letter + n);
  };
  for (let i = 0; i < codes.length; i++) {
    const k = codes[i];
    if (k === 0) { c.clear(); color = undefined; }
    else if (k === 1 || k === 3 || k === 4) c.add(`s${k}`);
    else if (k === 22 || k === 23 || k === 24) c.delete(`s${k === 22 ? 1 : k - 20}`);
    else if (k >= 30 && k < 38) paint('f', k - 30);
    else if (k >= 40 && k < 48) paint('g', k - 40);
    else if (k >= 90 && k < 98) paint('f', k - 90);
    else if (k >= 100 && k < 108) paint('g', k - 100);
    else if (k === 39 || k === 49) paint(k === 39 ? 'f' : 'g', -1);
    else if (k === 38 || k === 48) {
      const wide = codes[i + 1] === 5 ? codes.slice(i + 2, i + 3) : codes.slice(i + 2, i + 5);
      i += 1 + wide.length;
      const table = wide.length === 1;
      paint(k === 38 ? 'f' : 'g', table && wide[0] < 16 ? wide[0] % 8 : -1);
      if (k === 38 && !(table && wide[0] < 16)) color = `rgb(${table ? rgb(wide[0]) : wide})`;
    }
  }
  return { kind: [...c].join(' '), color };
}

function pretty(text) {
  if (!/^\s*[{[]/.test(text)) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

// marked cuts spans at the matches.
function marked(list, test) {
  if (!test) return list;
  const whole = list.map((s) => s.text).join('');
  const out = [];
  const hits = [...whole.matchAll(test)].filter((m) => m[0]).map((m) => [m.index, m.index + m[0].length]);
  let at = 0;
  for (const s of list) {
    let from = at;
    const end = at + s.text.length;
    for (const [a, b] of hits) {
      if (b <= from || a >= end) continue;
      const x = Math.max(a, from), y = Math.min(b, end);
      if (x > from) out.push({ ...s, text: whole.slice(from, x) });
      out.push({ ...s, text: whole.slice(x, y), hit: true });
      from = y;
    }
    if (from < end) out.push({ ...s, text: whole.slice(from, end) });
    at = end;
  }
  return out;
}

const Line = ({ line, test, json, now }) => html`<div class=${`l ${line.channel}${now ? ' now' : ''}${line.mark ? ' mark' : ''}`} id=${`l${line.id}`}>${
  marked(spans(json ? pretty(line.text) : line.text), test).map((s) => html`<${s.hit ? 'mark' : 'span'} class=${s.kind} style=${s.color ? { color: `color-mix(in oklab, ${s.color}, var(--text) 60%)` } : null}>${s.text}<//>`)}${'\n'}</div>`;

function pattern(q, regex) {
  if (!q) return null;
  try { return new RegExp(regex ? q : q.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi'); } catch { return undefined; }
}

// LogView shows channels of a process, or the log of the daemon for process "". Its key is what it shows.
export function LogView({ node, process, channels, query, children }) {
  const [, again] = useReducer((n) => n + 1, 0);
  const text = useRef();
  const pane = useRef();
  const stuck = useRef(true);
  const touched = useRef(-1e9);
  const [fresh, setFresh] = useState(0);
  const [error, setError] = useState('');
  const [at, setAt] = useState(-1);
  const [q, setQ] = useState(query.find || '');
  const { regex, only, json, nowrap } = query;
  const flip = (k) => view({ [k]: query[k] ? '' : '1' });

  const load = async () => {
    const t = new Text();
    const got = await Promise.all(channels.map((channel) => get('log', { node, process, channel }).catch((e) => ({ channel, error: e.message }))));
    got.filter((c) => !c.error).forEach((c) => t.append({ ...c, rotated: false }));
    if (channels.length > 1) t.merge();
    setError(got.filter((c) => c.error).map((c) => `${c.channel}: ${c.error}`).join('. '));
    text.current = t;
    again();
    watching();
  };
  useLayoutEffect(() => { load(); }, []);
  useWatch(() => ({ logs: Object.entries(text.current?.ends || {}).map(([channel, e]) => ({ node, process, channel, offset: e.to })) }), {
    log: (c) => {
      if (c.node !== node || c.process !== process || !text.current?.ends[c.channel]) return;
      if (c.error) setError(c.error);
      const n = text.current.append(c);
      if (!stuck.current) setFresh((f) => f + n);
      again();
    },
  });

  const test = useMemo(() => pattern(q, regex), [q, regex]);
  const lines = text.current?.lines || [];
  const hits = test ? lines.filter((l) => l.text.search(test) >= 0) : [];
  const shown = only && test ? hits : lines;
  useLayoutEffect(() => { if (stuck.current && pane.current) pane.current.scrollTop = pane.current.scrollHeight; });

  const follow = (on) => {
    stuck.current = on;
    touched.current = -1e9;
    if (on) setFresh(0);
    again();
  };
  // Only a hand pauses: the height of lines that have not been on the screen is an estimate, so that the end itself moves.
  const hand = () => { touched.current = performance.now(); };
  const scrolled = () => {
    const p = pane.current;
    if (p.scrollHeight - p.scrollTop - p.clientHeight < 8) {
      if (!stuck.current) follow(true);
    } else if (stuck.current) {
      if (performance.now() - touched.current < 1000) follow(false);
      else p.scrollTop = p.scrollHeight;
    }
  };
  const step = (by) => {
    if (!hits.length) return;
    const i = at < 0 ? (by > 0 ? 0 : hits.length - 1) : (at + by + hits.length) % hits.length;
    setAt(i);
    follow(false);
    document.getElementById(`l${hits[i].id}`)?.scrollIntoView({ block: 'center' });
  };
  const older = async () => {
    follow(false);
    const t = text.current;
    const height = pane.current.scrollHeight;
    try {
      for (const channel of channels) if (t.ends[channel]?.from > 0) t.prepend(await get('log', { node, process, channel, before: t.ends[channel].from, limit: 131072 }));
    } catch (e) { setError(e.message); }
    again();
    requestAnimationFrame(() => { pane.current.scrollTop += pane.current.scrollHeight - height; });
  };
  const more = Object.values(text.current?.ends || {}).some((e) => e.from > 0);

  return html`<section class="log" aria-label="Log"><div class="acts">${children}
      <${Search} label="Find in the log" value=${q} main=${!process} onInput=${(v) => { setQ(v); setAt(-1); view({ find: v }); }} />
      <${Toggle} on=${stuck.current} name="follow" onClick=${() => follow(!stuck.current)}>Follow<//><${Toggle} on=${!nowrap} name="wrap" onClick=${() => flip('nowrap')}>Wrap<//>
      <${Toggle} on=${json} onClick=${() => flip('json')}>JSON<//>
      <${Act} label="Copy" onClick=${() => copy(shown.map((l) => spans(l.text).map((s) => s.text).join('')).join('\n'))} />
      ${channels.map((channel) => html`<a class="b" download href=${address('log/file', { node, process, channel })}>Download ${channel}</a>`)}
      <div class="states"><span class="n" role="status">${q && (test === undefined ? 'not a regular expression' : `${at < 0 ? '' : `${at + 1} of `}${hits.length} lines`)}</span>
      ${q && html`<${Act} label="Previous" onClick=${() => step(-1)} /><${Act} label="Next" onClick=${() => step(1)} />
      <${Toggle} on=${regex} onClick=${() => flip('regex')}>Regex<//><${Toggle} on=${only} onClick=${() => flip('only')}>Only matches<//>`}</div></div>
    ${error && html`<p class="note bad">${error}</p>`}
    <div class="pane ${nowrap ? 'nowrap' : ''}" ref=${pane} onScroll=${scrolled} onWheel=${hand} onTouchMove=${hand} onKeyDown=${hand} onPointerDown=${hand} role="log" aria-live="off" aria-label="Lines" tabindex="0">
      ${more && html`<button type="button" class="b" onClick=${older}>Load older lines</button>`}
      ${text.current && !shown.length && html`<p class="empty">${q ? 'No line matches.' : 'Nothing has been written yet.'}</p>`}
      ${shown.map((l) => html`<${Still} key=${l.id} draw=${Line} line=${l} test=${test} json=${json} now=${hits[at] === l} />`)}</div>
    ${fresh > 0 && html`<button type="button" class="b primary fresh" onClick=${() => follow(true)}>${fresh} new lines</button>`}</section>`;
}

// LastLines is the end of what a process wrote, on the first of its channels that has anything.
export function LastLines({ channels, count, ...where }) {
  const { value } = useFetch(async () => {
    for (const channel of channels) {
      const c = await get('log', { ...where, channel, limit: 4096 });
      if (c.text.trim()) return c;
    }
  }, []);
  return value ? html`<p class="muted">Last lines of ${value.channel}</p><pre class="tail" tabindex="0">${value.text.trimEnd().split('\n').slice(-count).map((l) => spans(l).map((s) => s.text).join('')).join('\n')}</pre>` : null;
}

// copy also works where the page came over plain HTTP, where there is no clipboard.
function copy(text) {
  if (navigator.clipboard) { navigator.clipboard.writeText(text); return; }
  const t = document.body.appendChild(document.createElement('textarea'));
  t.value = text;
  t.select();
  document.execCommand('copy');
  t.remove();
}
