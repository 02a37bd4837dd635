// The nodes: the cluster map, with what should run and does not and what became of a lost node; then what one node is, its processes without
// the rules, its machine, its log.
import { useLayoutEffect, useState } from '../vendor/standalone.module.js';
import { html, Act, Head, Nothing, State, Icon, Bar, Spark, Since, Table, Tabs, Toggle, NodeLink, AppLink, ProcessLink, Choice, Empty, processPath, names, time, span, plural, percent, useMedia, wide } from '../ui.js';
import { useStore, useWatch, node, now, process, sample, state } from '../store.js';
import { get, path, view } from '../router.js';
import { copyAt, counts, failed, health, isUp, lost, missing, nodeWord, planned, serves, tone } from '../facts.js';
import { AppDeeds, Deeds, act } from '../jobs.js';
import { Chart } from '../chart.js';
import { LogView } from '../log.js';

const most = 30; // chips of an application in one place

function chips(a, n) {
  const list = [];
  for (const p of a.processes) {
    const c = copyAt(p, n.id);
    if (serves(n) && c && (isUp(c.state) || c.state === 'STOPPING')) list.push([p, c.state, p.conflict ? 'conflict' : '']);
    else if (!p.on.length && planned(p) === n.id && (missing(p, a) || failed(p))) list.push([p, p.state, 'hollow']);
  }
  return list;
}

function Chips({ a, n }) {
  const list = chips(a, n);
  return html`<ul class="chips">${list.slice(0, most).map(([p, s, kind]) => {
    const [icon, colour] = kind === 'conflict' ? ['alert', 'warn'] : tone(s);
    return html`<li key=${p.name}><a class="chip ${colour} ${kind}" href=${processPath(p.name, { node: n.nick })}
      title=${`${p.name}: ${kind === 'conflict' ? 'conflict, ' : ''}${s}${p.why ? `. ${p.why}` : ''}`}><${Icon} name=${icon} /><span>${p.process}</span><span class="sr"> ${s}${kind ? ` ${kind === 'hollow' ? 'should run here' : kind}` : ''}</span></a></li>`;
  })}${list.length > most && html`<li><a href=${path(['processes'], { app: a.name, node: n.nick })}>and ${list.length - most} more</a></li>`}</ul>`;
}

// Went is what a lost node held, and where each process is now.
const Went = ({ n }) => html`<div class="went">
  <p><b>Lost ${n.since > 0 && html`at ${time(n.since)}, `}<${Since} t=${n.since} /> ago</b></p>${n.missed && html`<p>${n.missed}</p>`}
  ${n.held.length === 0 ? html`<p>It held nothing.</p>` : html`<p>It held ${plural(n.held.length, 'process', 'processes')}:</p><ul>${n.held.map((name) => {
    const p = process(name);
    return html`<li key=${name}><${ProcessLink} name=${name} /> ${!p ? 'is not configured any more' : p.on.length ? html`is up on ${names(p.on)}`
      : html`<${State} word=${p.state} />, its running_failure_strategy is ${p.running_failure_strategy}`}</li>`;
  })}</ul>`}</div>`;

function NodeHead({ n }) {
  const s = sample(n.id);
  const cpu = (state.samples.get(n.id) || []).map((x) => x.cpu[0] || 0);
  return html`<div class="nodehead"><div class="row">${n.id === state.cluster.master && html`<span title="Master"><${Icon} name="star" /><span class="sr">Master</span></span>`}
    <b class="grow cut" title=${n.nick}><${NodeLink} id=${n.id} /></b><${State} word=${nodeWord(n)} /></div>
    ${n.standing !== 'SERVING' && n.standing && html`<span class="badge">${n.standing}</span>`}
    ${serves(n) && html`<div class="row"><${Bar} value=${n.load} label="Expected load" /><span class="n">${n.load}%</span></div>
    ${s?.cpu.length > 0 && html`<div class="row small"><span class="n">CPU ${percent(s.cpu[0])}</span><span class="n">MEM ${percent(s.memory)}</span><${Spark} values=${cpu} max=${100} label="Processor load of the last minutes" /></div>`}`}</div>`;
}

const AppHead = ({ a }) => html`<b class="cut"><${AppLink} name=${a.name} /></b><br /><${State} word=${a.state} />
  ${(a.major || a.minor) && html`<br /><${State} word="" kind=${health(a)} as=${health(a)[2]} />`}`;

const Matrix = ({ nodes, apps }) => html`<div class="wide" tabindex="0" role="region" aria-label="Applications by nodes"><table class="map" style=${{ minWidth: `${150 + nodes.length * 160}px` }}>
  <thead><tr><th scope="col">Application</th>${nodes.map((n) => html`<th scope="col" key=${n.id}><${NodeHead} n=${n} /></th>`)}</tr></thead>
  <tbody>${apps.map((a, i) => html`<tr key=${a.name}><th scope="row"><${AppHead} a=${a} /></th>${nodes.map((n) => (!lost(n)
    ? html`<td key=${n.id}><${Chips} a=${a} n=${n} /></td>` : i === 0 && html`<td key=${n.id} rowspan=${apps.length} class="hatch"><${Went} n=${n} /></td>`))}</tr>`)}</tbody></table></div>`;

const Cards = ({ nodes, apps }) => html`<div class="cards">${nodes.map((n) => html`<section class="card" key=${n.id} aria-label=${n.nick}><${NodeHead} n=${n} />
  ${lost(n) ? html`<div class="hatch"><${Went} n=${n} /></div>` : html`<dl>${apps.filter((a) => chips(a, n).length).map((a) =>
    html`<dt key=${a.name}><${AppLink} name=${a.name} /></dt><dd><${Chips} a=${a} n=${n} /></dd>`)}</dl>`}</section>`)}</div>`;

function NodeTable({ nodes }) {
  const up = (n, test) => [...state.processes.values()].filter((p) => test(p, copyAt(p, n.id))).length;
  return html`<${Table} label="Nodes" heads=${['Node', 'State', 'Since', 'Address', 'Load', 'CPU', 'MEM', 'Up', 'Failed', 'Notes']}>${nodes.map((n) => html`<tr key=${n.id} data-row><th scope="row"><${NodeLink} id=${n.id} />${n.id === state.cluster.master ? ' (Master)' : ''}</th><td><${State} word=${nodeWord(n)} /></td>
      <td><${Since} t=${n.since} /></td><td>${n.host}:${n.port}</td><td class="n">${n.load}%</td><td class="n">${percent(sample(n.id)?.cpu[0])}</td><td class="n">${percent(sample(n.id)?.memory)}</td>
      <td class="n">${up(n, (p) => p.on.includes(n.id))}</td><td class="n">${up(n, (p) => failed(p) && p.where === n.id)}</td>
      <td>${[n.standing !== 'SERVING' && n.standing, n.missed, n.starting && 'starts in progress', n.stopping && 'stops in progress',
        n.locks.length > 0 && `update locks: ${n.locks.join(', ')}`].filter(Boolean).join('; ')}</td></tr>`)}<//>`;
}

const AppTable = ({ apps }) => html`<${Table} label="Applications" heads=${['Application', 'State', 'Status', 'Up', 'Actions']}>${apps.map((a) => html`<tr key=${a.name} data-row><th scope="row"><${AppLink} name=${a.name} /></th><td><${State} word=${a.state} /></td>
    <td>${health(a)[2] && html`<${State} word="" kind=${health(a)} as=${health(a)[2]} />`} ${a.verdict}</td><td class="n">${a.processes.filter((p) => p.state === 'RUNNING').length} of ${a.processes.length}</td>
    <td class="tools"><${AppDeeds} a=${a} bare /></td></tr>`)}<//>`;

const views = [['', 'Automatic'], ['map', 'Map'], ['cards', 'Nodes as cards'], ['nodes', 'Table of nodes'], ['apps', 'Table of applications']];

export function MapPage({ query }) {
  useStore('cluster', 'stats');
  useWatch(() => ({ stats: ['*'] }));
  const roomy = useMedia(wide);
  const { nodes, apps, cluster } = state;
  const v = query.view || (nodes.length > 7 || !roomy ? 'cards' : 'map');
  const c = counts();
  return html`<${Head} title=${cluster.clustered ? 'Cluster map' : 'Overview'}>
      <span>${plural(nodes.filter(serves).length, 'node')} of ${nodes.length} up, ${c.up} of ${plural(c.all, 'process', 'processes')} running</span>
      <${Choice} label="Show" value=${query.view || ''} options=${views} onChange=${(x) => view({ view: x })} /><//>
    ${apps.length === 0 ? html`<${Empty}>No program is configured. Add a [program:x] section to the configuration of a node, then choose Update on the page of the node.<//>`
    : v === 'nodes' ? html`<${NodeTable} nodes=${nodes} />` : v === 'apps' ? html`<${AppTable} apps=${apps} />`
    : v === 'cards' ? html`<${Cards} nodes=${nodes} apps=${apps} />` : html`<${Matrix} nodes=${nodes} apps=${apps} />`}
    ${(v === 'map' || v === 'cards') && html`<p class="legend">A dashed chip should run and does not; it stands where it was last, or where it would be first.</p>`}`;
}

export function NodePage({ args: [id, tab = ''], query }) {
  useStore('cluster');
  const n = node(id);
  if (!n) return html`<${Nothing} what="node" name=${id} />`;
  const away = serves(n) ? '' : `${n.nick} is not there`;
  const deed = (action, label, danger) => html`<${Act} does label=${label} danger=${danger} why=${away} onClick=${() => act({ action, node: n.id })} />`;
  const tabs = [['Processes', ''], ['Host', 'host'], ['Log', 'log']];
  return html`<${Head} title=${n.nick} acts=${html`${deed('update', 'Update')}${deed('start_all', 'Start all')}${deed('stop_all', 'Stop all', true)}${deed('restart_node', 'Restart', true)}${deed('shutdown_node', 'Shut down', true)}`}>
      <${State} word=${nodeWord(n)} /><span>for <${Since} t=${n.since} /></span>${n.id === state.cluster.master && html`<span>Master</span>`}${n.standing !== 'SERVING' && html`<span class="badge">${n.standing}</span>`}
      <span>${n.host}:${n.port}</span>${n.id !== n.nick && n.id !== `${n.host}:${n.port}` && html`<span>${n.id}</span>`}<span>load ${n.load}%</span>
      ${n.core && html`<span>core</span>`}${n.stereotypes.length > 0 && html`<span>stereotypes: ${n.stereotypes.join(', ')}</span>`}
      ${serves(n) && n.tick > 0 && html`<span>clock ${time(n.tick)}</span>`}
      ${n.locks.length > 0 && html`<span class="st warn"><${Icon} name="alert" />update locks: ${n.locks.join(', ')}</span>`}${n.failure && html`<span class="st warn"><${Icon} name="alert" />a process has crashed here</span>`}<//>
    <${Tabs} label="Views of the node" tabs=${tabs.map(([name, t]) => [name, path(['nodes', n.nick, ...(t ? [t] : [])]), t === tab])} />
    ${lost(n) && html`<div class="hatch note"><${Went} n=${n} /></div>`}
    ${tab === 'host' ? html`<${Host} key=${n.id} id=${n.id} query=${query} />`
    : tab === 'log' ? html`<${LogView} key=${n.id} node=${n.id} process="" channels=${['main']} query=${query} />` : html`<${Here} n=${n} away=${away} />`}`;
}

function Here({ n, away }) {
  const apps = state.apps.map((a) => [a, a.processes.filter((p) => copyAt(p, n.id))]).filter(([, list]) => list.length);
  if (!apps.length) return html`<${Empty}>No program is configured here. Add one to its configuration, then choose Update.<//>`;
  const group = (a, k, label, icon) => html`<${Act} does bare icon=${icon} label=${`${label} group ${a.name} on ${n.nick}`} why=${away} onClick=${() => act({ action: `${k}_group`, target: a.name, node: n.id })} />`;
  return html`${state.cluster.clustered && html`<p class="note">The Supvisors rules do not apply here: what you start or stop on this page is done on ${n.nick}, whatever the rules say.</p>`}
    <${Table} label=${`Processes of ${n.nick}`} heads=${['Process', 'State', 'PID', 'Uptime', 'Remark', 'Actions']}>${apps.flatMap(([a, list]) => [
      html`<tr class="group" key=${a.name}><th scope="rowgroup" colspan="5"><${AppLink} name=${a.name} /> <span class="muted">${list.filter((p) => isUp(copyAt(p, n.id).state)).length} of ${list.length} up</span></th>
        <td class="tools">${group(a, 'start', 'Start', 'start')}${group(a, 'stop', 'Stop', 'stop')}${group(a, 'restart', 'Restart', 'redo')}</td></tr>`,
      ...list.map((p) => {
        const c = copyAt(p, n.id);
        return html`<tr key=${p.name} data-row><th scope="row"><${ProcessLink} name=${p.name} as=${p.process} query=${{ node: n.nick }} /></th><td><${State} word=${c.state} /></td><td class="n">${c.pid || ''}</td>
          <td><${Since} t=${isUp(c.state) ? c.started : 0} /></td><td>${[c.error, c.disabled && 'disabled', p.conflict && isUp(c.state) && 'conflict'].filter(Boolean).join(', ')}</td>
          <td class="tools"><${Deeds} p=${p} id=${n.id} bare /></td></tr>`;
      })])}<//>`;
}

// useHistory is what the node has kept, and what comes after it.
export function useHistory(id, process = '') {
  const [got, set] = useState({ samples: [] });
  useLayoutEffect(() => {
    let mine = true;
    get('stats', { node: id, process }).then((h) => mine && set(h), (e) => mine && set({ samples: [], error: e.message }));
    return () => { mine = false; };
  }, [id, process]);
  useWatch(() => ({ stats: [id] }), {
    stats: (s) => s.node === id && set((h) => (h.error ? h : { ...h, samples: [...h.samples.filter((o) => o.time < s.time).slice(-1499), s] })),
  }, [id]);
  return got;
}

const keys = (samples, field) => [...new Set(samples.slice(-5).flatMap((s) => Object.keys(s[field] || {})))].sort();

function Host({ id, query }) {
  const { samples, error, period } = useHistory(id);
  if (error) return html`<${Empty}>${error}. Statistics come with stats_enabled in [rpcinterface:supvisors].<//>`;
  if (!samples.length) return html`<${Empty}>Waiting for the first sample…<//>`;
  const times = samples.map((s) => s.time);
  const latest = samples.at(-1);
  const pair = (field, k) => [times, ...[0, 1].map((i) => samples.map((s) => s[field]?.[k]?.[i] ?? null))];
  const minor = (k) => /^(loop|ram|lo$|zram)/.test(k);
  const some = (list) => list.filter((k) => query.all || !minor(k));
  const nets = keys(samples, 'network'), disks = keys(samples, 'disk');
  const hidden = [...nets, ...disks].filter(minor).length;
  return html`<div class="acts">${hidden > 0 && html`<${Toggle} on=${query.all} onClick=${() => view({ all: query.all ? '' : '1' })}>Show ${hidden} loop devices<//>`}
      <span class="muted">${samples.length} samples${period ? `, one each ${span(period)}` : ''}, the latest ${span(now() - latest.time)} ago</span></div>
    <div class="charts"><${Chart} title="Processor" unit="%" max=${100} names=${['average', ...latest.cpu.slice(1).map((_, i) => `core ${i}`)]} data=${[times, ...latest.cpu.map((_, i) => samples.map((s) => s.cpu[i] ?? null))]} />
      <${Chart} title="Memory" unit="%" max=${100} names=${['used']} data=${[times, samples.map((s) => s.memory)]} />
      ${some(nets).map((k) => html`<${Chart} key=${`n${k}`} title=${`Network ${k}`} unit="Kibit/s" names=${['received', 'sent']} data=${pair('network', k)} />`)}
      ${some(disks).map((k) => html`<${Chart} key=${`d${k}`} title=${`Disk ${k}`} unit="Kibit/s" names=${['read', 'written']} data=${pair('disk', k)} />`)}</div>
    ${keys(samples, 'usage').length > 0 && html`<h2>File systems</h2><ul class="usage">${Object.entries(latest.usage).sort().map(([k, v]) => html`<li><span class="cut">${k}</span><${Bar} value=${v} label=${k} kind=${v > 90 ? 'bad' : ''} /><span class="n">${Math.round(v)}%</span></li>`)}</ul>`}`;
}
