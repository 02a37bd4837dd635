// Conflicts: copies side by side, and what each strategy would do to them.
import { html, Act, Head, State, Since, NodeLink, ProcessLink, Empty, names, plural, percent, useFetch } from '../ui.js';
import { useStore, useWatch, sample, state } from '../store.js';
import { get } from '../router.js';
import { act } from '../jobs.js';
import { conciliations, copyAt } from '../facts.js';

export function ConflictsPage() {
  useStore('cluster', 'stats');
  useWatch(() => ({ stats: ['*'] }));
  const list = [...state.processes.values()].filter((p) => p.conflict);
  const { value } = useFetch(() => get('previews'), [list.map((p) => `${p.name} ${p.on}`).join()]);
  const preview = (p, s) => value?.previews.find((v) => v.process === p.name && v.strategy === s);
  const others = Object.keys(conciliations).filter((s) => s !== 'USER');
  const { conciliation_strategy: own, state: phase } = state.cluster;
  return html`<${Head} title="Conflicts" acts=${list.length > 0 && html`<span>Solve all by</span>${others.map((s) => html`<${Act} label=${s} danger onClick=${() => act({ action: 'conciliate', strategy: s })} />`)}`}>
      <span>${list.length ? plural(list.length, 'conflict') : 'none'}</span>${own && html`<span>conciliation_strategy is ${own}: ${conciliations[own]}</span>`}<//>
    ${phase === 'CONCILIATION' && html`<p class="note warn">While there are conflicts, Supvisors starts nothing by itself and refuses to start what you ask for.</p>`}
    ${list.length === 0 ? html`<${Empty}>No process of a managed application runs more than once. Were there a conflict, its copies would stand here side by side, with what each strategy would do.<//>`
    : list.map((p) => html`<section class="card conflict" key=${p.name} aria-label=${`Conflict of ${p.name}`}><h2><${ProcessLink} name=${p.name} /></h2>
      <div class="copies">${p.on.map((id) => {
        const c = copyAt(p, id) || {};
        const use = sample(id)?.processes[p.name];
        return html`<div class="copy" key=${id}><b><${NodeLink} id=${id} /></b> <${State} word=${c.state} /><p>pid ${c.pid}, up for <${Since} t=${c.started} /></p>${use && html`<p class="n">CPU ${percent(use[0])}, MEM ${percent(use[1])}</p>`}
          <p><${ProcessLink} name=${p.name} as="Log of this copy" query=${{ node: id, tab: 'log' }} /></p>
          <div class="acts"><${Act} label="Keep" primary onClick=${() => act({ action: 'keep', target: p.name, node: id })} /><${Act} label="Stop" danger onClick=${() => act({ action: 'stop_copy', target: p.name, node: id })} /></div></div>`;
      })}</div>
      <ul class="ways">${others.map((s) => {
        const v = preview(p, s);
        const will = v && [v.stops.length && `stops ${names(v.stops)}`, v.keeps.length && `keeps ${names(v.keeps)}`, v.then].filter(Boolean).join(', ');
        return html`<li key=${s}><${Act} label=${s} onClick=${() => act({ action: 'conciliate', target: p.name, strategy: s })} /><span>${conciliations[s]}.${will && html` <b>Here: ${will}.</b>`}</span></li>`;
      })}</ul></section>`)}`;
}
