// Questions: a <dialog> with what an action would do, and what it needs to know.
import { html, useLayoutEffect, useRef, useState } from './vendor/standalone.module.js';
import { useStore, touch } from './store.js';

let question = null;

// ask resolves to the values of the fields, or to null when the answer is no. With typed, that word has to be typed first.
export function ask(q) {
  return new Promise((resolve) => {
    question?.resolve(null);
    question = { ...q, resolve };
    touch('dialog');
  });
}

function answer(value) {
  question?.resolve(value);
  question = null;
  touch('dialog');
}

export function Dialogs() {
  useStore('dialog');
  return question && html`<${Question} key=${question} q=${question} />`;
}

const field = (f) => html`<label class="field"><span>${f.label}</span>${f.options
  ? html`<select name=${f.name}>${f.options.map(([v, text = v]) => html`<option value=${v} selected=${v === f.value}>${text}</option>`)}</select>`
  : html`<input name=${f.name} value=${f.value || ''} autocomplete="off" spellcheck=${false} />`}${f.hint && html`<small>${f.hint}</small>`}</label>`;

function Question({ q }) {
  const ref = useRef();
  const [word, setWord] = useState('');
  useLayoutEffect(() => { ref.current.showModal(); }, []);
  const yes = (e) => {
    e.preventDefault();
    if (q.typed && word !== q.typed) return;
    const values = Object.fromEntries(new FormData(e.target));
    ref.current.close();
    answer(values);
  };
  return html`<dialog ref=${ref} aria-labelledby="question" onClose=${() => question === q && answer(null)}>
    <form onSubmit=${yes}>
      <h2 id="question">${q.title}</h2>
      ${(q.say || []).map((s) => html`<p>${s}</p>`)}
      ${q.list?.length > 0 && html`<ul class="scroll" tabindex="0" aria-label="What it is about">${q.list.map((s) => html`<li>${s}</li>`)}</ul>`}
      ${(q.fields || []).map(field)}
      ${q.typed && html`<label class="field"><span>Type <b>${q.typed}</b> to go on</span>
        <input value=${word} autocomplete="off" spellcheck=${false} onInput=${(e) => setWord(e.target.value)} /></label>`}
      <p class="answers"><button type="button" class="b" onClick=${() => ref.current.close()}>Cancel</button>
        <button class="b ${q.danger ? 'danger solid' : 'primary'}" aria-disabled=${q.typed && word !== q.typed ? 'true' : null}>${q.verb}</button></p>
    </form></dialog>`;
}
