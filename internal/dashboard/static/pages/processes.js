// The list of processes: filtered as you type, sorted, grouped, with many at once.
import { useLayoutEffect, useRef, useState, useReducer } from '../vendor/standalone.module.js';
import { html, any, Act, Head, State, Since, NodeLink, AppLink, ProcessLink, Choice, Search, Toggle, Spark, Still, Empty, Icon, processPath, names, percent, plural, time, useMedia, wide } from '../ui.js';
import { useStore, useWatch, node, nick, state } from '../store.js';
import { view } from '../router.js';
import { failed, isUp, mainCopy, copyAt, processStates, whyNot } from '../facts.js';
import { Deeds, act, signal } from '../jobs.js';

const virtual = 60; // of more rows only those are drawn that are on the screen

const at = (p) => copyAt(p, p.on[0] || p.where) || mainCopy(p);
export const began = (p) => (isUp(p.state) && at(p)?.pid ? at(p).started : 0);
const cell = (p, i) => state.samples.get(p.on[0])?.at(-1)?.processes[p.name]?.[i];

// description is what is worth a sentence beside the state.
export function description(p) {
  const c = mainCopy(p);
  if (p.why) return p.why;
  if (isUp(p.state) || !c) return '';
  return c.stopped ? `${p.state === 'EXITED' ? 'Ended' : 'Stopped'} at ${time(c.stopped)}` : 'Not started yet';
}

const sorts = {
  name: (p) => p.name, state: (p) => processStates.indexOf(p.state), node: (p) => nick(p.where), uptime: (p) => -began(p) || 0,
  starts: (p) => -p.starts, cpu: (p) => -(cell(p, 0) || 0), mem: (p) => -(cell(p, 1) || 0),
};

const text = (p) => `${p.name} ${p.on.map(nick).join(' ') || nick(p.where)} ${p.state} ${p.why}`.toLowerCase();
const special = { failed, conflict: (p) => p.conflict, starting: (p) => p.state === 'STARTING' || p.state === 'BACKOFF' };

function select(all, query) {
  const words = (query.q || '').toLowerCase().split(/\s+/).filter(Boolean);
  const states = (query.state || '').split(',').filter(Boolean);
  const id = query.node && node(query.node)?.id;
  let list = all.filter((p) => (!query.node || p.on.includes(id) || p.where === id) && (!query.app || p.name.split(':')[0] === query.app)
    && (!states.length || states.some((s) => (special[s] ? special[s](p) : p.state === s))));
  if (words.length) list = list.filter((p) => { const t = text(p); return words.every((w) => t.includes(w)); });
  const [, down, by] = /^(-?)(.*)$/.exec(query.sort || 'name');
  const value = sorts[by] || sorts.name;
  const keys = new Map(list.map((p) => [p, value(p)]));
  const sign = down ? -1 : 1;
  list.sort((a, b) => { const x = keys.get(a), y = keys.get(b); return (x < y ? -1 : x > y ? 1 : 0) * sign || (a.name < b.name ? -1 : 1); });
  return list;
}

function grouped(list, by) {
  if (!by) return list.map((p) => ({ p }));
  const groups = new Map();
  for (const p of list) {
    const k = by === 'app' ? p.name.split(':')[0] : p.on[0] || p.where || '';
    groups.set(k, [...(groups.get(k) || []), p]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([k, ps]) => [{ group: k, ps }, ...ps.map((p) => ({ p }))]);
}

export const crashed = 'came back after a crash';

const Row = ({ p, on, cpu, mem, history, toggle }) => html`<tr data-row class=${failed(p) ? 'isbad' : p.conflict ? 'iswarn' : ''}>
  <td class="c-sel"><label class="tick"><input type="checkbox" checked=${on} aria-label=${`Select ${p.name}`} data-do="select" onChange=${() => toggle(p.name)} /></label></td>
  <td class="c-state"><${State} word=${p.state} /></td>
  <th scope="row" class="c-name"><${ProcessLink} name=${p.name} /></th>
  <td class="c-node">${p.conflict ? html`<a href="ui/conflicts" class="st warn" title=${names(p.on)}><${Icon} name="alert" />${names(p.on)}</a>` : p.where ? html`<${NodeLink} id=${p.where} />` : ''}</td>
  <td class="c-text"><span title=${description(p)}>${description(p)}</span></td>
  <td class="c-pid n">${began(p) ? at(p).pid : ''}</td>
  <td class="c-up"><${Since} t=${began(p)} /></td>
  <td class="c-starts n">${p.starts}${p.crashed && p.state === 'RUNNING' && html` <span class="st warn" title=${crashed}><${Icon} name="alert" /><span class="sr">${crashed}</span></span>`}</td>
  <td class="c-cpu n">${percent(cpu)}${history && html`<${Spark} values=${history} label=${`Processor load of ${p.name}`} />`}</td>
  <td class="c-mem n">${percent(mem)}</td>
  <td class="c-acts tools"><${Deeds} p=${p} bare /><a class="b bare" data-do="log" href=${processPath(p.name, { tab: 'log' })} title=${`Log of ${p.name}`} aria-label=${`Log of ${p.name}`}><${Icon} name="log" /></a></td>
</tr>`;

// useWindow is the part of the rows that is on the screen.
function useWindow(count, height, ref) {
  const [, again] = useReducer((n) => n + 1, 0);
  const on = count > virtual;
  useLayoutEffect(() => {
    if (!on) return undefined;
    const f = () => requestAnimationFrame(again);
    addEventListener('scroll', f, { passive: true });
    addEventListener('resize', f);
    again();
    return () => { removeEventListener('scroll', f); removeEventListener('resize', f); };
  }, [on]);
  if (!on) return [0, count];
  const above = -(ref.current?.getBoundingClientRect().top ?? 0);
  const from = Math.max(0, Math.min(count - 1, Math.floor(above / height) - 4));
  return [from, Math.min(count, from + Math.ceil(innerHeight / height) + 7)];
}

const columns = [['state', 'State'], ['name', 'Name'], ['node', 'Node'], ['', 'Description', 'c-text'], ['', 'PID', 'c-pid'], ['uptime', 'Uptime', 'c-up'], ['starts', 'Starts', 'c-starts'],
  ['cpu', 'CPU', 'c-cpu'], ['mem', 'MEM', 'c-mem']];

function Column({ by, name, kind, sort }) {
  const now = sort.replace('-', '') === by;
  const order = now ? (sort[0] === '-' ? 'descending' : 'ascending') : null;
  return html`<th scope="col" class=${kind} aria-sort=${by ? order || 'none' : null}>${by
    ? html`<button type="button" class="sort" onClick=${() => view({ sort: sort === by ? `-${by}` : by === 'name' ? '' : by })}>${name}${now && html`<span aria-hidden="true">${order === 'ascending' ? ' ▲' : ' ▼'}</span>`}</button>` : name}</th>`;
}

export function ProcessesPage({ query }) {
  useStore('cluster', 'stats');
  useWatch(() => ({ stats: ['*'] }));
  const [q, setQ] = useState(query.q || '');
  useLayoutEffect(() => { if ((query.q || '') !== q) setQ(query.q || ''); }, [query.q]);
  const body = useRef();
  const roomy = useMedia(wide);
  const all = [...state.processes.values()];
  const list = select(all, query);
  const rows = grouped(list, query.group);
  const height = roomy ? 37 : 109; // as in the style sheet
  const [from, to] = useWindow(rows.length, height, body);
  const chosen = new Set((query.sel || '').split(',').filter((s) => state.processes.has(s)));
  const pick = (set) => view({ sel: [...set].join(',') });
  const toggle = (name) => {
    const set = new Set(toggle.chosen);
    if (!set.delete(name)) set.add(name);
    pick(set);
  };
  const stable = useRef();
  stable.current ||= (name) => stable.current.now(name);
  stable.current.now = toggle;
  toggle.chosen = chosen;

  const tally = new Map();
  for (const p of all) tally.set(p.state, (tally.get(p.state) || 0) + 1);
  const states = (query.state || '').split(',').filter(Boolean);
  const flip = (s) => view({ state: (states.includes(s) ? states.filter((x) => x !== s) : [...states, s]).join(',') });
  const draw = (x) => (x.p ? html`<${Still} key=${x.p.name} draw=${Row} p=${x.p} on=${chosen.has(x.p.name)} cpu=${cell(x.p, 0)} mem=${cell(x.p, 1)} toggle=${stable.current}
      phase=${state.cluster.state} history=${x.p.on.length && cell(x.p, 0) != null ? history(x.p) : null} />`
    : html`<tr class="group" key=${`group ${x.group}`}><th colspan="5" scope="rowgroup">${query.group === 'app' ? html`<${AppLink} name=${x.group} />` : x.group ? html`<${NodeLink} id=${x.group} />` : 'nowhere yet'}
      <span class="muted"> ${x.ps.filter((p) => p.state === 'RUNNING').length} of ${x.ps.length} running</span></th>${columns.slice(4).map(([, , kind]) => html`<td class=${kind} />`)}<td /></tr>`);
  const gap = (key, n) => n > 0 && html`<tr key=${key} aria-hidden="true" class="gap"><td colspan="5" style=${{ height: `${n * height}px` }} /></tr>`;
  const filters = ['q', 'state', 'node', 'app'].some((k) => query[k]);

  return html`<${Head} title="Processes" acts=${html`<${Search} label="Filter: name, node, state, reason" value=${q} main onInput=${(v) => { setQ(v); view({ q: v }); }} />
      <${Choice} label="Node" value=${query.node || ''} options=${any(state.nodes.map((n) => n.nick))} onChange=${(v) => view({ node: v })} />
      <${Choice} label="Application" value=${query.app || ''} options=${any(state.apps.map((a) => a.name))} onChange=${(v) => view({ app: v })} />
      <${Choice} label="Group by" value=${query.group || ''} options=${[['', 'nothing'], ['app', 'application'], ['node', 'node']]} onChange=${(v) => view({ group: v })} />`}>
      <span class="n" role="status">${list.length === all.length ? plural(all.length, 'process', 'processes') : `${list.length} of ${all.length}`}</span>
      <div class="states" role="group" aria-label="States">${['failed', 'starting', 'conflict'].filter((s) => states.includes(s)).concat(processStates.filter((s) => tally.has(s) || states.includes(s))).map((s) =>
        html`<${Toggle} key=${s} on=${states.includes(s)} onClick=${() => flip(s)}><${State} word=${s === 'conflict' ? 'warn' : s === 'starting' ? 'STARTING' : s} as=${s} /> ${tally.get(s) ?? ''}<//>`)}</div><//>
    ${list.length === 0 ? html`<${Empty}>${all.length ? html`Nothing matches. ${filters && html`<button type="button" class="b" onClick=${() => view({ q: '', state: '', node: '', app: '' })}>Show all</button>`}` : 'No program is configured.'}<//>` : html`
    <table class="list procs"><thead><tr><th scope="col" class="c-sel"><label class="tick"><input type="checkbox" aria-label="Select all that are shown" checked=${list.every((p) => chosen.has(p.name))}
      onChange=${(e) => pick(e.target.checked ? new Set(list.map((p) => p.name)) : new Set())} /></label></th>
      ${columns.map(([by, name, kind]) => html`<${Column} by=${by} name=${name} kind=${kind || `c-${by}`} sort=${query.sort || 'name'} />`)}<th scope="col">Actions</th></tr></thead>
    <tbody ref=${body}>${gap('above', from)}
      ${rows.slice(from, to).map(draw)}
      ${gap('below', rows.length - to)}</tbody></table>`}
    ${chosen.size > 0 && html`<${Bulk} list=${[...chosen].map((s) => state.processes.get(s))} clear=${() => pick(new Set())} />`}`;
}

// history changes with each sample only.
const histories = new WeakMap();
function history(p) {
  const samples = state.samples.get(p.on[0]);
  let of = histories.get(samples);
  if (!of) histories.set(samples, of = new Map());
  if (!of.has(p.name)) of.set(p.name, samples.slice(-30).map((s) => s.processes[p.name]?.[0] || 0));
  return of.get(p.name);
}

function Bulk({ list, clear }) {
  const deed = (action, label, icon) => {
    const able = list.filter((p) => !whyNot(action, p));
    const run = () => (action === 'signal' ? signal(able.map((p) => p.name)) : act(...able.map((p) => ({ action, target: p.name }))));
    return html`<${Act} does icon=${icon} label=${`${label} ${able.length}`} why=${able.length ? '' : whyNot(action, list[0]) || 'None of them can'} onClick=${run} />`;
  };
  return html`<section class="bulk" aria-label="What is selected"><b>${list.length} selected</b>${deed('start', 'Start', 'start')}${deed('stop', 'Stop', 'stop')}${deed('restart', 'Restart', 'redo')}
    ${deed('clear', 'Clear logs', 'square')}${deed('signal', 'Signal', 'right')}<button type="button" class="b" onClick=${clear}>Select none</button></section>`;
}
