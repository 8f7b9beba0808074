import { getJson, postJson } from '../api/client';
import { formatDateTime } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { icon, message, placeholder, stateTag } from '../domain/markup';
import { fill, need, on } from './parts/dom';
import { resultContent, type ResultContent } from './parts/result_content';
import { showRun } from './parts/run_progress';
import { startPage } from './parts/shell';
import { signatureList, type Signature } from './parts/signatures';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Report { id: string; number: number; version: number; state: string; is_draft: boolean; at: string; author: string; digest: string; pdf_url: string; json_url: string }
interface ReportDocument { version: number; state: string; is_draft: boolean; digest: string; site: string; content: ResultContent | null; signatures: Signature[] }

const page = startPage();
let reports: Report[] = [];
let shownId = '';

async function load(): Promise<void> {
  try {
    reports = (await getJson<{ results: Report[] }>(`/api/cycles/${page.cycleId}/reports`)).results;
    if (!reports.some((report) => report.id === shownId)) shownId = reports[0]?.id ?? '';
    drawList();
    await drawPreview();
  } catch (error) { showError(need('content'), error, () => void load()); }
  page.ready();
}

function drawList(): void {
  const item = (report: Report): Html => html`<li class="job"><div class="row"><button type="button" class="link" data-report="${report.id}" aria-current="${String(report.id === shownId)}">Version ${report.version}, report ${report.number}</button><span class="push">${stateTag(report.is_draft ? 'open' : 'approved', report.is_draft ? 'DRAFT' : 'FINAL')}</span></div>
    <p class="fs12 t2">${formatDateTime(report.at)}, ${report.author}</p><div class="row mt-1"><a class="btn" href="${report.pdf_url}" download>${icon('download', 's')}PDF</a><a class="btn" href="${report.json_url}" download>${icon('download', 's')}JSON</a></div></li>`;
  fill(need('inspector'), html`<div class="sect last"><div class="sect-head"><h2 class="h2">Reports</h2><span class="count">${reports.length}</span></div>
    ${reports.length ? html`<ul>${each(reports, item)}</ul>` : html`<p class="fs12 t3">No report is written yet.</p>`}</div>`);
  fill(need('action'), page.isAllowed('export')
    ? html`<div id="run"></div><button class="btn primary wide" type="button" data-write>Write report</button><p class="fs12 t3 mt-2">Before approval the report carries the mark DRAFT on every page.</p>`
    : html`<p class="fs12 t3">A physicist or physician of this site writes reports.</p>`);
}

async function drawPreview(): Promise<void> {
  const report = reports.find((item) => item.id === shownId);
  if (!report) {
    fill(need('content'), placeholder({ icon: 'document', title: 'No report yet', text: 'A report needs a calculated dose. It is final once the result is approved.' }));
    return;
  }
  const shown = await getJson<ReportDocument>(report.json_url);
  fill(need('content'), html`<div class="page-head"><h1 class="h1">Report ${report.number}</h1><span class="t3">Version ${shown.version}, ${formatDateTime(report.at)}</span>${stateTag(shown.state)}${shown.is_draft ? stateTag('open', 'DRAFT') : nothing}</div>
    ${shown.is_draft ? html`<div class="sect">${message('ask', 'Draft: not approved', 'Do not use these numbers for a decision.')}</div>` : nothing}
    ${shown.content ? resultContent(shown.content) : nothing}
    <div class="sect"><h2 class="h2">Signatures</h2>${shown.signatures.length ? signatureList(shown.signatures, null) : html`<p class="fs12 t3">No signature.</p>`}</div>
    <div class="sect last"><h2 class="h2">Digest</h2><p class="digest">${shown.digest}</p></div>`);
}

on(need('inspector'), 'click', '[data-report]', (button) => {
  shownId = button.dataset.report ?? '';
  drawList();
  drawPreview().catch((error: unknown) => showError(need('content'), error));
});
on(need('action'), 'click', '[data-write]', (button) => {
  button.setAttribute('disabled', '');
  postJson<{ run_id: string }>(`/api/cycles/${page.cycleId}/reports`).then(async ({ run_id: runId }) => {
    if (await showRun(need('run'), runId)) { toast('Report written'); shownId = ''; await load(); } else button.removeAttribute('disabled');
  }).catch((error: unknown) => { button.removeAttribute('disabled'); fill(need('run'), message('block', 'The report could not start', errorText(error))); });
});
void load();
