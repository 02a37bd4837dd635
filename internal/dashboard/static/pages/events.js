// The timeline: what happened, to whom, and who wanted it.
import { useEffect, useState } from '../vendor/standalone.module.js';
import { html, Act, Choice, Head, Search, State, Still, Toggle, NodeLink, AppLink, ProcessLink, Empty, plural, time } from '../ui.js';
import { useStore, node, state } from '../store.js';
import { address, get, view } from '../router.js';

const kinds = ['cluster', 'node', 'application', 'process', 'job', 'conflict', 'configuration'];
const rank = { bad: 3, warn: 2, good: 1, info: 0 };

function matches(m, f) {
  const text = () => `${m.text} ${m.user} ${m.process}`.toLowerCase();
  return (!f.kind || m.kind === f.kind) && (!f.node || m.node === node(f.node)?.id || m.node === f.node) && (!f.app || m.app === f.app) && (!f.process || m.process === f.process)
    && (!f.level || rank[m.level] >= rank[f.level]) && (!f.q || f.q.toLowerCase().split(/\s+/).every((w) => text().includes(w)));
}

const Row = ({ m }) => html`<li class="moment"><span class="n when">${time(m.time)}</span><${State} word=${m.level} as=${m.kind} /><span class="grow">${m.text}
  ${m.user && !m.text.includes(m.user) && html` <span class="muted">by ${m.user}</span>`}</span><span class="links">${m.process ? html`<${ProcessLink} name=${m.process} query=${{ tab: 'log', node: m.node }} />` : m.app && html`<${AppLink} name=${m.app} />`} ${m.node && html`<${NodeLink} id=${m.node} />`}</span></li>`;

const none = { list: [] };

// Moments lists what passes the filter, the latest first.
export function Moments({ filter, density, paused }) {
  useStore('moments', 'cluster');
  const [older, setOlder] = useState(none);
  const [end, setEnd] = useState(false);
  const [frozen, freeze] = useState(null);
  useEffect(() => { setOlder(none); setEnd(false); }, [JSON.stringify(filter)]);
  useEffect(() => freeze(paused ? [...state.moments] : null), [paused]);
  const latest = frozen || state.moments;
  const before = older.to === latest[0]?.id ? older.list : []; // else there is a gap between them
  const all = [...before, ...latest];
  const list = all.filter((m) => matches(m, filter)).reverse();
  const load = async () => {
    const { process, ...f } = filter;
    const first = all[0]?.id;
    const got = await get('moments', { before: first, limit: 300, ...f, q: f.q || process, node: node(f.node)?.id }).catch(() => ({ moments: [] }));
    setOlder({ to: latest[0]?.id, list: [...got.moments.filter((m) => !(m.id >= first)), ...before] });
    setEnd(got.moments.length < 300);
  };
  useEffect(() => { if (!list.length) load(); }, [JSON.stringify(filter)]); // what is wanted may be older than the page
  return html`${density && list.length > 1 && html`<${Density} list=${list} />`}${list.length ? html`<ol class="moments">${list.map((m) => html`<${Still} key=${m.id} draw=${Row} m=${m} />`)}</ol>` : html`<${Empty}>Nothing has happened that passes the filter.<//>`}
    ${end ? html`<p class="muted">That is all that is kept.</p>` : html`<${Act} label="Load older ones" onClick=${load} />`}`;
}

// Density is how much happened when, the worst on top.
function Density({ list }) {
  const from = list.at(-1).time, width = Math.max(1, list[0].time - from);
  const bins = Array.from({ length: 80 }, () => [0, 0, 0, 0]);
  for (const m of list) bins[Math.min(79, Math.floor(((m.time - from) / width) * 80))][rank[m.level] ?? 0]++;
  const top = Math.max(...bins.map((b) => b[0] + b[1] + b[2] + b[3]));
  const bar = (b, i) => {
    let y = 30;
    return b.map((n, r) => {
      const h = (n / top) * 30;
      y -= h;
      return n > 0 && html`<rect class=${`r${r}`} x=${i * 10} y=${y} width="8" height=${h} />`;
    });
  };
  return html`<div class="density"><svg viewBox="0 0 800 30" preserveAspectRatio="none" role="img" aria-label=${`${plural(list.length, 'event')} from ${time(from)} to ${time(list[0].time)}`}>${bins.map(bar)}</svg>
    <div class="row small muted"><span class="grow n">${time(from)}</span><span class="n">${time(list[0].time)}</span></div></div>`;
}

export function EventsPage({ query }) {
  useStore('cluster');
  const { kind, node: n, app, q, level, paused } = query;
  const filter = { kind, node: n, app, q, level };
  const link = (format) => address('moments', { limit: 10000, kind, node: node(n)?.id, app, q, format });
  const pick = (label, k, options) => html`<${Choice} label=${label} value=${query[k] || ''} options=${[['', 'all'], ...options]} onChange=${(v) => view({ [k]: v })} />`;
  return html`<${Head} title="Events" acts=${html`<${Search} label="Filter" value=${q || ''} main onInput=${(v) => view({ q: v })} />${pick('Kind', 'kind', kinds.map((k) => [k]))}
      ${pick('Level', 'level', [['warn', 'warnings and failures'], ['bad', 'failures']])}${pick('Node', 'node', state.nodes.map((x) => [x.nick]))}${pick('Application', 'app', state.apps.map((a) => [a.name]))}
      <${Toggle} on=${!paused} name="follow" onClick=${() => view({ paused: paused ? '' : '1' })}>Follow<//>
      <a class="b" download="events.json" href=${link('')}>JSON</a><a class="b" download="events.csv" href=${link('csv')}>CSV</a>`} />
    <${Moments} filter=${filter} density paused=${paused} />`;
}
