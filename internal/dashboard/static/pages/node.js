// A node: what it is, its processes without the rules, its machine, its log.
import { useLayoutEffect, useState } from '../vendor/standalone.module.js';
import { html, Act, Head, Nothing, State, Since, Table, Tabs, AppLink, ProcessLink, Bar, Empty, Toggle, time, span } from '../ui.js';
import { useStore, useWatch, node, state, now } from '../store.js';
import { get, path, view } from '../router.js';
import { Deeds, act } from '../jobs.js';
import { copyAt, isUp, nodeWord, lost, serves } from '../facts.js';
import { Chart } from '../chart.js';
import { LogView } from '../log.js';
import { Went } from './map.js';

export function NodePage({ args: [id, tab = ''], query }) {
  useStore('cluster');
  const n = node(id);
  if (!n) return html`<${Nothing} what="node" name=${id} />`;
  const away = serves(n) ? '' : `${n.nick} is not there`;
  const deed = (action, label, danger) => html`<${Act} label=${label} danger=${danger} why=${away} onClick=${() => act({ action, node: n.id })} />`;
  const tabs = [['Processes', ''], ['Host', 'host'], ['Log', 'log']];
  return html`<${Head} title=${n.nick} acts=${html`${deed('update', 'Update')}${deed('start_all', 'Start all')}${deed('stop_all', 'Stop all', true)}${deed('restart_node', 'Restart', true)}${deed('shutdown_node', 'Shut down', true)}`}>
      <${State} word=${nodeWord(n)} /><span>for <${Since} t=${n.since} /></span>${n.id === state.cluster.master && html`<span>Master</span>`}${n.standing !== 'SERVING' && html`<span class="badge">${n.standing}</span>`}
      <span>${n.host}:${n.port}</span>${n.id !== n.nick && n.id !== `${n.host}:${n.port}` && html`<span>${n.id}</span>`}<span>load ${n.load}%</span>
      ${n.core && html`<span>core</span>`}${n.stereotypes.length > 0 && html`<span>stereotypes: ${n.stereotypes.join(', ')}</span>`}
      ${serves(n) && n.tick > 0 && html`<span>clock ${time(n.tick)}</span>`}
      ${n.locks.length > 0 && html`<span class="st warn">update locks: ${n.locks.join(', ')}</span>`}${n.failure && html`<span class="st warn">a process has crashed here</span>`}<//>
    <${Tabs} label="Views of the node" tabs=${tabs.map(([name, t]) => [name, path(['nodes', n.nick, ...(t ? [t] : [])]), t === tab])} />
    ${lost(n) && html`<div class="hatch note"><${Went} n=${n} /></div>`}
    ${tab === 'host' ? html`<${Host} key=${n.id} id=${n.id} query=${query} />`
    : tab === 'log' ? html`<${LogView} key=${n.id} node=${n.id} process="" channels=${['main']} query=${query} />` : html`<${Here} n=${n} away=${away} />`}`;
}

function Here({ n, away }) {
  const apps = state.apps.map((a) => [a, a.processes.filter((p) => copyAt(p, n.id))]).filter(([, list]) => list.length);
  if (!apps.length) return html`<${Empty}>No program is configured here. Add one to its configuration, then choose Update.<//>`;
  const group = (a, k, label, icon) => html`<${Act} bare icon=${icon} label=${`${label} group ${a.name} on ${n.nick}`} why=${away} onClick=${() => act({ action: `${k}_group`, target: a.name, node: n.id })} />`;
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
