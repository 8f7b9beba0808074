import { getJson, postJson } from '../api/client';
import { formatDate } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { icon, message, placeholder, select, stateTag } from '../domain/markup';
import { formatNumber, type MaybeQuantity } from '../domain/quantity';
import { fill, need, on } from './parts/dom';
import { startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Limit { region_name: string; quantity: string; quantity_label: string; limit: MaybeQuantity; modality: string; source: string }
interface LimitSet { id: string; name: string; version: number; is_confirmed: boolean; confirmed_by: string | null; confirmed_at: string | null; author: string; created_at: string; limits: Limit[] }

const QUANTITIES = [['absorbed_dose', 'absorbed dose'], ['bed', 'BED'], ['eqd2', 'EQD2']] as const;
const page = startPage();
let sets: LimitSet[] = [];
let shownId = '';
let isEditing = false;

async function load(): Promise<void> {
  try {
    sets = (await getJson<{ results: LimitSet[] }>(`/api/sites/${page.siteId}/limit-sets`)).results;
    if (!sets.some((set) => set.id === shownId)) shownId = (sets.find((set) => set.is_confirmed) ?? sets[0])?.id ?? '';
    draw();
  } catch (error) { showError(need('content'), error, () => void load()); }
  page.ready();
}

const shown = (): LimitSet | undefined => sets.find((set) => set.id === shownId);

function draw(): void {
  const set = shown();
  const mayEdit = page.isAllowed('edit_limits');
  const edit = mayEdit && !isEditing ? html`<button class="btn push" type="button" data-edit>${icon('pen', 's')}New version</button>` : nothing;
  fill(need('head'), html`<h1 class="h1">Dose limits</h1><span class="t3">A limit is usable once a quality lead has confirmed its set. Each names its source.</span>${edit}`);
  if (isEditing) drawEditor(set);
  else if (set) fill(need('content'), html`${status(set)}${table(set)}`);
  else fill(need('content'), placeholder({ icon: 'limit', title: 'No limit set', text: 'Without limits there is no plan. A physicist or site administrator enters the first set.', action: mayEdit ? html`<button class="btn primary" type="button" data-edit>Enter limits</button>` : nothing }));
  drawList();
}

function status(set: LimitSet): Html {
  if (set.is_confirmed) return html`<div class="sect">${message('ok', `${set.name}, version ${set.version}`, `Confirmed by ${set.confirmed_by ?? ''} on ${formatDate(set.confirmed_at)}.`)}</div>`;
  const confirm = page.isAllowed('confirm_limits') ? html`<button class="btn primary mt-2" type="button" data-confirm>Confirm this set</button>` : html`A quality lead other than the author confirms it.`;
  return html`<div class="sect">${message('ask', `${set.name}, version ${set.version}: not confirmed`, html`Written by ${set.author} on ${formatDate(set.created_at)}. It cannot be used for a prescription yet. <div>${confirm}</div>`)}</div>`;
}

function table(set: LimitSet): Html {
  return html`<table class="table"><thead><tr><th>Region</th><th>Quantity</th><th class="num">Limit (Gy)</th><th>From</th><th>Source</th></tr></thead><tbody>${each(set.limits, (limit) =>
    html`<tr><td class="strong">${limit.region_name}</td><td>${limit.quantity_label}</td><td class="num">${formatNumber(limit.limit?.value)}</td><td class="t2">${limit.modality}</td><td class="text t2">${limit.source}</td></tr>`)}</tbody></table>
    <p class="sect last fs12 t3">A name covers its sides: “Kidney” covers “Kidney left” and “Kidney right”.</p>`;
}

function editRow(limit?: Limit): Html {
  return html`<tr><td><input name="region_name" required maxlength="64" aria-label="Region" value="${limit?.region_name ?? ''}"></td><td>${select({ name: 'quantity', label: 'Quantity' }, QUANTITIES, limit?.quantity ?? 'absorbed_dose')}</td>
    <td><input name="limit_gy" type="number" step="any" min="0.001" required aria-label="Limit in Gy" value="${limit?.limit?.value ?? ''}"></td><td><input name="modality" maxlength="64" aria-label="From" value="${limit?.modality ?? ''}"></td>
    <td><input name="source" required maxlength="255" aria-label="Source" value="${limit?.source ?? ''}"></td><td><button class="tool" type="button" data-remove aria-label="Remove limit">${icon('close', 's')}</button></td></tr>`;
}

function drawEditor(set: LimitSet | undefined): void {
  fill(need('content'), html`<form id="editor" class="limit-edit"><div class="sect row"><label class="row"><span class="label">Name of the set</span><input class="text" name="set_name" required maxlength="64" value="${set?.name ?? ''}"></label><span class="t3 fs12">Saved as a new version. Nothing that was used is changed.</span></div>
    <table class="table dense"><thead><tr><th>Region</th><th>Quantity</th><th class="num">Limit (Gy)</th><th>From</th><th>Source</th><th></th></tr></thead><tbody>${set ? each(set.limits, editRow) : editRow()}</tbody></table>
    <div class="sect last row"><button class="btn" type="button" data-add>${icon('plus', 's')}Add limit</button><span class="push"></span><button class="btn" type="button" data-cancel>Cancel</button><button class="btn primary" type="submit">Save new version</button></div><div id="editor-error"></div></form>`);
}

function drawList(): void {
  fill(need('inspector'), html`<div class="sect last"><div class="sect-head"><h2 class="h2">Versions</h2><span class="count">${sets.length}</span></div><ul>${each(sets, (set) =>
    html`<li class="job row"><button class="${set.id === shownId ? 'strong' : 'link'}" type="button" data-set="${set.id}">${set.name} v${set.version}</button><span class="push">${stateTag(set.is_confirmed ? 'confirmed' : 'open', set.is_confirmed ? 'CONFIRMED' : 'DRAFT')}</span></li>`)}</ul></div>`);
}

async function save(form: HTMLFormElement): Promise<void> {
  const rows = [...form.querySelectorAll('tbody tr')].map((row) => {
    const value = (name: string): string => row.querySelector<HTMLInputElement | HTMLSelectElement>(`[name="${name}"]`)?.value.trim() ?? '';
    return { region_name: value('region_name'), quantity: value('quantity'), limit_gy: Number(value('limit_gy')), modality: value('modality'), source: value('source') };
  });
  const name = form.querySelector<HTMLInputElement>('[name="set_name"]')?.value.trim() ?? '';
  try {
    const saved = await postJson<LimitSet>(`/api/sites/${page.siteId}/limit-sets`, { name, limits: rows });
    isEditing = false;
    shownId = saved.id;
    toast(`${saved.name} version ${saved.version} saved`);
    await load();
  } catch (error) { fill(need('editor-error'), html`<div class="sect">${message('block', 'Not saved', errorText(error))}</div>`); }
}

on(need('page'), 'click', '[data-edit]', () => { isEditing = true; draw(); });
on(need('page'), 'click', '[data-cancel]', () => { isEditing = false; draw(); });
on(need('page'), 'click', '[data-set]', (button) => { shownId = button.dataset.set ?? ''; isEditing = false; draw(); });
on(need('page'), 'click', '[data-remove]', (button) => button.closest('tr')?.remove());
on(need('page'), 'click', '[data-add]', () => need('content').querySelector('tbody')?.insertAdjacentHTML('beforeend', editRow().text));
on(need('page'), 'click', '[data-confirm]', () => {
  postJson(`/api/limit-sets/${shownId}/confirm`).then(() => { toast('Limit set confirmed'); return load(); }, (error: unknown) => toast(errorText(error), 'block'));
});
need('content').addEventListener('submit', (event) => { event.preventDefault(); void save(event.target as HTMLFormElement); });
void load();
