/** The drop area: choose or drop a folder or ZIP, follow the upload, resume it after a break, see what was refused. */
import {
  completeUpload, createUpload, fetchUpload, filesOfDrop, filesOfInput, sendFiles,
  type ChosenFile, type Upload, type UploadProgress,
} from '../../api/uploads';
import { stateOf, watchRun } from '../../api/runs';
import { csvLine, formatBytes, worthSending } from '../../domain/files';
import { each, html, nothing, type Html } from '../../domain/html';
import { bar, icon, message } from '../../domain/markup';
import { download, fill } from './dom';
import { errorMessage } from './states';

interface Places {
  drop: HTMLElement;
  progress: HTMLElement;
  refused?: HTMLElement;
}

interface Options {
  siteId: string;
  /** The cycle that the scans are meant for, when the import was started from one. */
  cycleId?: string;
  onImported: (uploadId: string) => void;
}

const RESUME_KEY = 'unfinished-upload';
const MAX_LISTED = 200;

/** The id of an upload that was cut off, as long as this tab lives; an id says nothing about a patient. */
function unfinished(): string | null {
  try { return window.sessionStorage.getItem(RESUME_KEY); } catch { return null; }
}

function remember(id: string | null): void {
  try {
    if (id === null) window.sessionStorage.removeItem(RESUME_KEY);
    else window.sessionStorage.setItem(RESUME_KEY, id);
  } catch { /* without storage an upload resumes only within this page */ }
}

export function startUploadPanel(places: Places, options: Options): void {
  drawDrop(places.drop);
  const start = (chosen: Promise<ChosenFile[]> | ChosenFile[]): void => void upload(places, options, chosen);
  for (const input of places.drop.querySelectorAll<HTMLInputElement>('input[type="file"]')) {
    input.addEventListener('change', () => { if (input.files) start(filesOfInput(input.files)); });
  }
  for (const button of places.drop.querySelectorAll<HTMLButtonElement>('[data-choose]')) {
    button.addEventListener('click', () => places.drop.querySelector<HTMLInputElement>(`#${button.dataset.choose}`)?.click());
  }
  places.drop.addEventListener('dragover', (event) => { event.preventDefault(); places.drop.classList.add('over'); });
  places.drop.addEventListener('dragleave', () => places.drop.classList.remove('over'));
  places.drop.addEventListener('drop', (event) => {
    event.preventDefault();
    places.drop.classList.remove('over');
    if (event.dataTransfer) start(filesOfDrop(event.dataTransfer));
  });
  void offerResume(places.progress);
}

function drawDrop(drop: HTMLElement): void {
  fill(drop, html`<div>${icon('upload')}&ensp;Drop a folder or a ZIP</div>
    <p class="fs12 t3 mt-1 mb-3">DICOM CT, SPECT, PET, SEG, RTSTRUCT. 8&nbsp;GB at most.</p>
    <div class="row wrap"><button class="btn primary" type="button" data-choose="choose-folder">Choose folder</button>
    <button class="btn" type="button" data-choose="choose-files">Choose files</button></div>
    <input id="choose-folder" type="file" webkitdirectory multiple hidden aria-label="Folder with scans">
    <input id="choose-files" type="file" multiple hidden aria-label="Files or ZIP">`);
}

async function offerResume(place: HTMLElement): Promise<void> {
  const id = unfinished();
  if (!id) return;
  try {
    const known = await fetchUpload(id);
    if (known.n_received >= known.n_files) { remember(null); return; }
    fill(place, message('note', 'An upload was interrupted', `${known.n_received} of ${known.n_files} files are on the server. Choose the same folder again: only the missing files are sent.`));
  } catch { remember(null); }
}

async function upload(places: Places, options: Options, chosen: Promise<ChosenFile[]> | ChosenFile[]): Promise<void> {
  const abort = new AbortController();
  try {
    const all = await chosen;
    const files = worthSending(all);
    if (files.length === 0) throw new Error('The choice contains no file that could be a scan.');
    const id = await resumable(files) ?? (await createUpload({ siteId: options.siteId, cycleId: options.cycleId }, files)).id;
    remember(id);
    const progress = await sendFiles({ uploadId: id, files, signal: abort.signal, onProgress: (now) => drawProgress(places.progress, now, abort) });
    await finish(places, options, id, progress);
  } catch (error) {
    const isStopped = error instanceof DOMException && error.name === 'AbortError';
    fill(places.progress, isStopped
      ? message('note', 'Upload stopped', 'Choose the same folder again to go on where it stopped.') : errorMessage(error));
  }
}

/** The interrupted upload, if these files are the same: equal number, names and sizes of what is there. */
async function resumable(files: readonly ChosenFile[]): Promise<string | null> {
  const id = unfinished();
  if (!id) return null;
  const known = await fetchUpload(id).catch(() => null);
  if (!known || known.n_files !== files.length || known.state.toLowerCase() !== 'receiving') return null;
  const isSame = known.files.filter((file) => !file.member).every((file) => {
    const chosen = files[file.number - 1];
    return chosen !== undefined && chosen.file.size === file.n_bytes && chosen.path === file.name;
  });
  return isSame ? id : null;
}

function drawProgress(place: HTMLElement, now: UploadProgress, abort: AbortController): void {
  const percent = now.nBytes > 0 ? (100 * now.bytesDone) / now.nBytes : 100;
  fill(place, html`<div class="job" data-upload-progress>
    <div class="row between"><span>Sending scans</span><span class="num fs12 t2">${Math.floor(percent)} %</span></div>${bar(percent, 'Upload')}
    <div class="row between fs12 t3"><span class="ell">${now.nDone} of ${now.nFiles} files, ${formatBytes(now.bytesDone)} of ${formatBytes(now.nBytes)}; resumes if interrupted</span><button type="button" class="plain-link">Stop</button></div></div>`);
  place.querySelector('button')?.addEventListener('click', () => abort.abort());
}

async function finish(places: Places, options: Options, id: string, progress: UploadProgress): Promise<void> {
  if (progress.failed.length > 0) {
    fill(places.progress, message('block', `${progress.failed.length} of ${progress.nFiles} files were not taken`, html`<ul>${each(
      progress.failed.slice(0, 12), (file) => html`<li>${file.path}: ${file.reason}</li>`)}</ul>`));
  }
  if (progress.failed.length >= progress.nFiles) return;
  const { run_id: runId } = await completeUpload(id);
  remember(null);
  const run = await watchRun(runId, (now) => {
    const percent = (now.progress ?? 0) * 100;
    fill(places.progress, html`<div class="job"><div class="row between"><span>Reading scans</span><span class="num fs12 t2">${Math.round(percent)} %</span></div>${bar(percent, 'Reading')}<p class="fs12 t3">${now.message || 'Every file passes the guard first.'}</p></div>`);
  });
  const known = await fetchUpload(id);
  fill(places.progress, stateOf(run) === 'succeeded'
    ? message('ok', 'In quarantine', html`${known.n_received} files read. <a class="link" href="/import/${id}/">Confirm patient, cycle and time points</a>`)
    : message('block', 'The scans could not be read', `${run.error_message ?? ''} ${run.error_code ? `Reference ${run.error_code}.` : ''}`));
  if (places.refused) drawRefused(places.refused, known);
  if (stateOf(run) === 'succeeded') options.onImported(id);
}

/** The files that the guard refused, with reasons, and as CSV. */
export function drawRefused(place: HTMLElement, known: Upload): void {
  const refused = known.files.filter((file) => file.state === 'refused');
  if (refused.length === 0) { fill(place, nothing); return; }
  fill(place, html`<div class="sect-head"><h2 class="h2">Refused files</h2><span class="count">${refused.length}</span><button class="btn push" type="button">${icon('download', 's')}List as CSV</button></div>
    <table class="table dense"><thead><tr><th>File</th><th>Reason</th><th>Code</th></tr></thead><tbody>${each(refused.slice(0, MAX_LISTED), refusedRow)}</tbody></table>
    ${refused.length > MAX_LISTED ? html`<p class="fs12 t3 mt-2">The CSV holds all ${refused.length}.</p>` : nothing}`);
  const lines = [csvLine(['file', 'code', 'reason']), ...refused.map((file) => csvLine([file.name, file.verdict_code ?? '', file.verdict_message ?? '']))];
  place.querySelector('button')?.addEventListener('click', () => download('refused-files.csv', 'text/csv', `${lines.join('\r\n')}\r\n`));
}

function refusedRow(file: Upload['files'][number]): Html {
  return html`<tr><td class="ell series-cell" title="${file.name}">${file.name}</td><td class="text">${file.verdict_message ?? ''}</td><td class="mono t2">${file.verdict_code ?? ''}</td></tr>`;
}
